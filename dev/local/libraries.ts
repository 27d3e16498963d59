import { existsSync } from 'node:fs';
import path from 'node:path';
import {
  createVirtualLibrary,
  openVirtualLibrary,
  type VirtualLibrary,
} from '../../src/devices/changer/virtual-library.ts';
import { labelTape } from '../../src/tape/label-tape.ts';
import { replaceJson } from './json-file.ts';
import { type Layout, libraryFolder, libraryName } from './layout.ts';
import type { LocalOptions } from './options.ts';

/** Barcodes of a library's first tapes: a letter per library, five digits, the code of LTO-9 media. */
export function barcodesOf(library: number, count: number): readonly string[] {
  const letter = String.fromCharCode('A'.charCodeAt(0) + library);
  return Array.from({ length: count }, (_, number) => `${letter}${String(number).padStart(5, '0')}L9`);
}

/** Makes the virtual libraries that are not there yet, every slot with a labelled tape. Those that are stay as they are. */
export async function prepareLibraries(
  layout: Layout,
  options: LocalOptions,
  log: (line: string) => void,
  now: () => Date,
): Promise<void> {
  for (let number = 0; number < options.libraries; number++) {
    const folder = libraryFolder(layout, number);
    // Beside the library, not in it: labelling is ours, and it may have been cut short after the library was whole.
    const labelled = path.join(layout.libraries, `${libraryName(number)}.labelled`);
    if (existsSync(labelled)) continue;
    log(`labelling ${options.slots} tapes of ${libraryName(number)}`);
    await labelAll(openOrCreate(folder, number, options), now);
    replaceJson(labelled, { tapes: options.slots });
  }
}

/** How many tapes lie in the libraries now; exported ones do not count. */
export function countTapes(layout: Layout, options: LocalOptions): number {
  let count = 0;
  for (let number = 0; number < options.libraries; number++) {
    const tapes = openVirtualLibrary(libraryFolder(layout, number)).listTapes();
    count += tapes.filter((tape) => tape.address !== undefined).length;
  }
  return count;
}

function openOrCreate(folder: string, number: number, options: LocalOptions): VirtualLibrary {
  if (existsSync(path.join(folder, 'library.json'))) return openVirtualLibrary(folder);
  return createVirtualLibrary({
    folder,
    drives: options.drives,
    slots: options.slots,
    tapeSizeBytes: options.tapeSizeBytes,
    barcodes: barcodesOf(number, options.slots),
  });
}

async function labelAll(library: VirtualLibrary, now: () => Date): Promise<void> {
  const [first] = library.drives;
  if (first === undefined) throw new Error(`${library.folder} has no drive`);
  const { drives, slots } = await library.changer.inventory();
  const left = drives.find((drive) => drive.address === first.address);
  // An earlier labelling was cut short with a tape in the drive.
  if (left?.barcode !== undefined) {
    const home = left.sourceSlot ?? slots.find((slot) => slot.barcode === undefined && !slot.importExport)?.address;
    if (home !== undefined) await library.changer.move(first.address, home);
  }
  for (const slot of (await library.changer.inventory()).slots) {
    if (slot.barcode === undefined) continue;
    await library.changer.move(slot.address, first.address);
    labelLoaded(library, first.drive, slot.barcode, now());
    await library.changer.move(first.address, slot.address);
  }
  await library.changer.close();
}

function labelLoaded(library: VirtualLibrary, drive: number, barcode: string, now: Date): void {
  const opened = library.openDrive(drive);
  try {
    const result = labelTape(opened, { barcode, now });
    if (result.kind === 'foreign') throw new Error(`${barcode} in ${library.folder}: ${result.message}`);
  } finally {
    opened.close();
  }
}
