import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { createVirtualLibrary, openVirtualLibrary, type VirtualLibrary } from '../devices/changer/virtual-library.ts';
import { labelTape } from '../tape/label-tape.ts';
import { CliError } from './cli-error.ts';

export interface NewLibrary {
  readonly folder: string;
  readonly drives: number;
  readonly slots: number;
  readonly tapeSizeBytes: number;
  /** First letters of the barcodes: one to three of A to Z. */
  readonly prefix: string;
}

/** Barcodes of a library's first tapes: six characters and the code of LTO-9 media. */
export const barcodesOf = (prefix: string, count: number): readonly string[] =>
  Array.from({ length: count }, (_, number) => `${prefix}${String(number).padStart(6 - prefix.length, '0')}L9`);

/**
 * Makes a virtual library with a labelled tape in every slot. One that is there stays as it is but for tapes without a
 * label: so a making that was cut short is finished.
 *
 * @throws CliError WrongArgument where it is there with other drives or slots, or a tape holds something foreign
 */
export const makeLibrary = async (wanted: NewLibrary, now: () => Date): Promise<void> => {
  const library = openOrCreate(wanted);
  try {
    await labelAll(library, now);
  } finally {
    await library.changer.close();
  }
};

const openOrCreate = ({ folder, drives, slots, tapeSizeBytes, prefix }: NewLibrary): VirtualLibrary => {
  if (existsSync(join(folder, 'library.json'))) return openVirtualLibrary(folder);
  return createVirtualLibrary({ folder, drives, slots, tapeSizeBytes, barcodes: barcodesOf(prefix, slots) });
};

const labelAll = async (library: VirtualLibrary, now: () => Date): Promise<void> => {
  const [first] = library.drives;
  if (first === undefined) throw new CliError('WrongArgument', `${library.folder} has no drive`);
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
};

const labelLoaded = (library: VirtualLibrary, drive: number, barcode: string, now: Date): void => {
  const opened = library.openDrive(drive);
  try {
    const result = labelTape(opened, { barcode, now });
    if (result.kind === 'foreign')
      throw new CliError('WrongArgument', `${barcode} in ${library.folder} holds something else: ${result.message}`);
  } finally {
    opened.close();
  }
};
