import { linkSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { TapeDrive } from '../../../src/devices/drive/drive.ts';
import { exportTape, listTapes } from '../../../src/tape/export.ts';
import { labelTape } from '../../../src/tape/label-tape.ts';
import { makeLibrary, type LibraryBench } from '../devices/library-bench.ts';
import { begin, blockOf, headerOf, now, writeGroup } from './group-bench.ts';

const describeFolder = (folder: string): readonly string[] =>
  readdirSync(folder, { withFileTypes: true })
    .map((one) => `${one.name} ${one.isFile() ? readFileSync(join(folder, one.name)).toString('base64') : 'no file'}`)
    .toSorted();

describe('exporting a tape', () => {
  let bench: LibraryBench;
  let drive: TapeDrive;
  let out: string;

  beforeEach(async () => {
    bench = makeLibrary();
    out = join(bench.folder, 'out');
    await bench.library.changer.move(1024, 256);
    drive = bench.library.openDrive(0);
    labelTape(drive, { barcode: 'TW0001L9', labelId: 'ab'.repeat(16), now });
    writeGroup(drive, 0, 'abcdef');
  });
  afterEach(() => {
    drive.close();
    bench[Symbol.dispose]();
  });

  const doExport = (barcode = 'TW0001L9') => exportTape({ libraryFolder: bench.folder, barcode, out });

  it('writes each tape file into a file of its own, block after block', () => {
    expect(doExport()).toEqual({ barcode: 'TW0001L9', files: 4, bytes: 240 + 480 + 6 * 262_144 + 400 });
    expect(readdirSync(out).toSorted()).toEqual(['00000', '00001', '00002', '00003']);
    const payload = Buffer.concat([...'abcdef'].map((letter) => blockOf(letter)));
    expect(readFileSync(join(out, '00002')).equals(payload)).toBe(true);
    expect(readFileSync(join(out, '00000'), 'latin1')).toMatch(/^VOL1TW0001.{70}UVL1TW0001L9/);
  });

  it('takes the barcode in any case, from a slot as from a drive', async () => {
    drive.close();
    await bench.library.changer.move(256, 1024);
    expect(doExport('tw0001l9').files).toBe(4);
  });

  it('exports a tape that is being written as it is at this moment', () => {
    const writer = begin(drive, headerOf(1));
    writer.writeBlock(blockOf('x'));
    expect(doExport().files).toBe(6);
    expect(readFileSync(join(out, '00005')).equals(blockOf('x'))).toBe(true);
    expect(writer.writeBlock(blockOf('y')).kind).toBe('written');
  });

  /** @returns the barcode of another tape, with nothing on it but its label */
  const labelSpare = async (): Promise<string> => {
    await bench.library.changer.move(1025, 257);
    const spare = bench.library.openDrive(1);
    labelTape(spare, { barcode: 'TW0002L9', labelId: 'cd'.repeat(16), now });
    spare.close();
    return 'TW0002L9';
  };

  it('replaces an earlier export, also one of more tape files, and leaves everything else alone', async () => {
    doExport();
    writeFileSync(join(out, '00009'), 'mine');
    writeFileSync(join(out, 'notes'), 'mine');
    linkSync(join(out, '00002'), join(bench.folder, 'kept'));
    writeGroup(drive, 1, 'gh');
    expect(doExport().files).toBe(7);
    const other = await labelSpare();
    expect(exportTape({ libraryFolder: bench.folder, barcode: other, out }).files).toBe(1);
    expect(readdirSync(out).toSorted()).toEqual(['00000', '00009', 'notes']);
    expect(readFileSync(join(out, '00009'), 'utf8')).toBe('mine');
    expect(statSync(join(bench.folder, 'kept')).size).toBe(6 * 262_144);
  });

  const inTheWay: readonly { name: string; make: () => void; says: string }[] = [
    { name: 'any file of another', make: () => writeFileSync(join(out, 'notes'), 'mine'), says: 'holds notes, not' },
    { name: 'one named like a tape file', make: () => writeFileSync(join(out, '00009'), 'mine'), says: 'holds 00009' },
    { name: 'one named as is about to be made', make: () => foreignAmongOurs('00001'), says: 'holds 00001' },
    { name: 'a folder', make: () => mkdirSync(join(out, '00000')), says: 'holds 00000' },
    { name: 'a link', make: () => symlinkSync(join(bench.folder, 'victim'), join(out, '00000')), says: 'holds 00000' },
  ];
  const foreignAmongOurs = (name: string): void => {
    doExport();
    rmSync(join(out, name));
    writeFileSync(join(out, name), 'mine');
  };

  it.each(inTheWay)('refuses a folder with $name in the way, and changes nothing', ({ make, says }) => {
    mkdirSync(out);
    writeFileSync(join(bench.folder, 'victim'), 'precious');
    make();
    const before = describeFolder(out);
    expect(() => doExport()).toThrow(expect.objectContaining({ code: 'OutNotEmpty' }));
    expect(() => doExport()).toThrow(says);
    expect(describeFolder(out)).toEqual(before);
    expect(readFileSync(join(bench.folder, 'victim'), 'utf8')).toBe('precious');
  });

  it('names the tapes that there are when there is none of that barcode', () => {
    expect(() => doExport('NOPE')).toThrow('TW0001L9, TW0002L9, TW0003L9');
    expect(() => exportTape({ libraryFolder: out, barcode: 'x', out })).toThrow(
      expect.objectContaining({ code: 'NotAVirtualLibrary' }),
    );
  });

  it('lists every tape with where it lies and what it holds', () => {
    expect(listTapes({ libraryFolder: bench.folder })).toMatchObject([
      { barcode: 'TW0001L9', drive: 0, address: 256, label: 'twinreel', labelId: 'ab'.repeat(16), tapeFiles: 4 },
      { barcode: 'TW0002L9', address: 1025, label: 'blank', tapeFiles: 0, usedBytes: 0 },
      { barcode: 'TW0003L9', address: 1026, label: 'blank' },
    ]);
  });
});
