import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type Layout, layoutOf, libraryFolder } from '../../../dev/local/layout.ts';
import { countTapes, prepareLibraries } from '../../../dev/local/libraries.ts';
import { defaultOptions } from '../../../dev/local/options.ts';
import { openVirtualLibrary } from '../../../src/devices/changer/virtual-library.ts';
import { readTapeLabel } from '../../../src/tape/read-label.ts';

const options = { ...defaultOptions, libraries: 2, slots: 2, tapeSizeBytes: 2 ** 24 };
const now = (): Date => new Date('2026-01-02T03:04:05Z');
let layout: Layout;
let lines: string[];

beforeEach(() => {
  layout = layoutOf(mkdtempSync(path.join(tmpdir(), 'twinreel-libraries-')));
  lines = [];
});
afterEach(() => rmSync(layout.folder, { recursive: true, force: true }));

const prepare = (): Promise<void> => prepareLibraries(layout, options, (line) => lines.push(line), now);

async function labelOf(library: number, barcode: string): Promise<unknown> {
  const opened = openVirtualLibrary(libraryFolder(layout, library));
  const slot = (await opened.changer.inventory()).slots.find((one) => one.barcode === barcode);
  const [drive] = opened.drives;
  if (slot === undefined || drive === undefined) throw new Error(`${barcode} lies in no slot`);
  await opened.changer.move(slot.address, drive.address);
  const tape = opened.openDrive(drive.drive);
  try {
    return readTapeLabel(tape);
  } finally {
    tape.close();
    await opened.changer.move(drive.address, slot.address);
  }
}

it('fills every slot with a labelled tape', async () => {
  await prepare();
  expect(countTapes(layout, options)).toBe(4);
  expect(await labelOf(0, 'A00000L9')).toMatchObject({ kind: 'ours', barcode: 'A00000L9' });
  expect(await labelOf(1, 'B00001L9')).toMatchObject({ kind: 'ours', barcode: 'B00001L9' });
});

it('leaves libraries alone that it has made before', async () => {
  await prepare();
  const before = await labelOf(0, 'A00001L9');
  lines = [];
  await prepare();
  expect(lines).toEqual([]);
  expect(await labelOf(0, 'A00001L9')).toEqual(before);
});

it('goes on where an earlier labelling was cut short with a tape in the drive', async () => {
  await prepare();
  const before = await labelOf(0, 'A00000L9');
  const library = openVirtualLibrary(libraryFolder(layout, 0));
  const [slot] = (await library.changer.inventory()).slots;
  const [drive] = library.drives;
  if (slot === undefined || drive === undefined) throw new Error('the library has no slot or no drive');
  await library.changer.move(slot.address, drive.address);
  rmSync(path.join(layout.libraries, 'library-0.labelled'));
  await prepare();
  const { drives, slots } = await library.changer.inventory();
  expect(drives.map((one) => one.barcode)).toEqual([undefined, undefined]);
  expect(slots.map((one) => one.barcode)).toEqual(['A00000L9', 'A00001L9']);
  expect(await labelOf(0, 'A00000L9')).toEqual(before);
});
