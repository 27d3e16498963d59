import { closeSync, writeSync } from 'node:fs';
import { openVirtualLibrary, type VirtualTapeFacts } from '../devices/changer/virtual-library.ts';
import type { TapeElement } from '../devices/drive/virtual-tape-map.ts';
import { VirtualTape } from '../devices/drive/virtual-tape.ts';
import { ExportError, ExportFolder } from './export-folder.ts';
import { decodeLabel } from './labels.ts';

export interface ExportOrder {
  /** Folder of the virtual library. */
  readonly libraryFolder: string;
  /** In any case. */
  readonly barcode: string;
  /** Made where it does not exist; empty, or with nothing in the way but an earlier export. */
  readonly out: string;
}

export interface Exported {
  readonly barcode: string;
  /** Tape files written, `00000` being the label. */
  readonly files: number;
  readonly bytes: number;
}

const copyBytes = 1_048_576;

/**
 * Writes every tape file of a virtual tape into a file of its own (`OUT/00000`, `00001`, …), as `dd` would read them.
 * What an earlier export made there is replaced, and nothing else. The cartridge may lie in a slot or in a drive: nothing
 * but its files is read and no lock is taken, so a tape that is being written is exported as it was at one moment.
 *
 * @throws ExportError, NotAVirtualLibrary
 */
export function exportTape({ libraryFolder, barcode, out }: ExportOrder): Exported {
  const facts = findTape(libraryFolder, barcode);
  const tape = VirtualTape.open(facts.folder, 'read');
  try {
    const files = splitIntoFiles(tape.layout.elements);
    return { barcode: facts.barcode, files: files.length, bytes: writeTapeFiles(tape, files, out) };
  } finally {
    tape.close();
  }
}

function findTape(libraryFolder: string, barcode: string): VirtualTapeFacts {
  const tapes = openVirtualLibrary(libraryFolder).listTapes();
  const found = tapes.find((tape) => tape.barcode.toUpperCase() === barcode.toUpperCase());
  if (found !== undefined) return found;
  const there = tapes.map((tape) => tape.barcode).join(', ');
  throw new ExportError('NoSuchTape', `${libraryFolder} holds no tape ${barcode}; there are ${there}`);
}

const nameOf = (number: number): string => String(number).padStart(5, '0');

type Run = Extract<TapeElement, { readonly kind: 'run' }>;

/** The runs of each tape file; the last file need not be closed, and is none where nothing stands in it. Pure. */
function splitIntoFiles(elements: readonly TapeElement[]): readonly (readonly Run[])[] {
  const files: Run[][] = [[]];
  for (const element of elements) {
    if (element.kind === 'filemark') files.push([]);
    else if (element.blocks > 0) files.at(-1)?.push(element);
  }
  return files.at(-1)?.length === 0 ? files.slice(0, -1) : files;
}

function writeTapeFiles(tape: VirtualTape, files: readonly (readonly Run[])[], out: string): number {
  const folder = new ExportFolder(out);
  try {
    folder.clear(new Set(files.keys().map(nameOf)));
    let bytes = 0;
    for (const [number, runs] of files.entries()) bytes += writeTapeFile(tape, runs, folder.create(nameOf(number)));
    return bytes;
  } finally {
    folder.close();
  }
}

/** Closes the descriptor. */
function writeTapeFile(tape: VirtualTape, runs: readonly Run[], fd: number): number {
  let bytes = 0;
  try {
    for (const run of runs) bytes += writeRun(tape, run, fd);
  } finally {
    closeSync(fd);
  }
  return bytes;
}

function writeRun(tape: VirtualTape, run: Run, fd: number): number {
  const together = Math.max(1, Math.floor(copyBytes / run.blockBytes));
  const buffer = new Uint8Array(together * run.blockBytes);
  for (let block = 0; block < run.blocks;) {
    const count = Math.min(together, run.blocks - block);
    for (let n = 0; n < count; n++) tape.readBlock(run, block + n, buffer.subarray(n * run.blockBytes));
    writeFully(fd, buffer.subarray(0, count * run.blockBytes));
    block += count;
  }
  return run.blocks * run.blockBytes;
}

function writeFully(fd: number, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length;) done += writeSync(fd, bytes, done);
}

export interface ListedTape extends VirtualTapeFacts {
  readonly usedBytes: number;
  /** Tape files that a filemark closes. */
  readonly tapeFiles: number;
  readonly label: 'blank' | 'twinreel' | 'other';
  readonly labelId?: string;
  readonly labelledAt?: Date;
}

/**
 * Every cartridge of a virtual library, by barcode; reads only, as `exportTape` does.
 *
 * @throws NotAVirtualLibrary
 */
export const listTapes = ({ libraryFolder }: { readonly libraryFolder: string }): readonly ListedTape[] =>
  openVirtualLibrary(libraryFolder).listTapes().map(describeTape);

function describeTape(facts: VirtualTapeFacts): ListedTape {
  const tape = VirtualTape.open(facts.folder, 'read');
  try {
    return {
      ...facts,
      usedBytes: tape.usedBytes,
      tapeFiles: tape.layout.filemarks.length,
      ...readVolumeLabel(tape),
    };
  } finally {
    tape.close();
  }
}

function readVolumeLabel(tape: VirtualTape): Pick<ListedTape, 'label' | 'labelId' | 'labelledAt'> {
  const first = tape.layout.elements[0];
  if (first === undefined) return { label: 'blank' };
  if (first.kind !== 'run' || first.blocks < 2) return { label: 'other' };
  const block = new Uint8Array(first.blockBytes);
  tape.readBlock(first, 1, block);
  const uvl1 = decodeLabel(block);
  if (uvl1?.label !== 'UVL1') return { label: 'other' };
  return { label: 'twinreel', labelId: uvl1.labelId, labelledAt: uvl1.labelledAt };
}
