import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  createVirtualLibrary,
  defaultEarlyWarningBytes,
  openVirtualLibrary,
  VirtualLibraryError,
  type VirtualLibrarySpec,
} from '../../../src/devices/changer/virtual-library.ts';
import { codeOf } from '../../contract/tape-drive.ts';
import { makeLibrary, type LibraryBench } from './library-bench.ts';

describe('a virtual library', () => {
  let bench: LibraryBench;

  beforeEach(() => {
    bench = makeLibrary();
  });
  afterEach(() => bench[Symbol.dispose]());

  const specOf = (more: Partial<VirtualLibrarySpec> = {}): VirtualLibrarySpec => ({
    folder: join(bench.folder, 'another'),
    drives: 1,
    slots: 2,
    tapeSizeBytes: 2 ** 20,
    barcodes: ['A1', 'B2'],
    ...more,
  });

  it('is the same when it is opened again, by whatever process', async () => {
    await bench.library.changer.move(1025, 257);
    const again = openVirtualLibrary(bench.folder);
    expect(again.drives).toEqual([
      { drive: 0, address: 256 },
      { drive: 1, address: 257 },
    ]);
    expect((await again.changer.inventory()).drives[1]).toEqual({
      address: 257,
      barcode: 'TW0002L9',
      sourceSlot: 1025,
    });
    expect(again.listTapes()).toMatchObject([{ address: 1024 }, { address: 257, drive: 1 }, { address: 1026 }]);
  });

  it('opens an empty drive, which is not ready', () => {
    const drive = bench.library.openDrive(0);
    expect(drive.status()).toMatchObject({ ready: false, reason: 'NoMedium' });
    expect(codeOf(() => drive.rewind())).toBe('NotReady');
    drive.close();
  });

  it('has no more drives than it was made with', () => {
    expect(codeOf(() => bench.library.openDrive(2))).toBe('NoSuchDrive');
  });

  it('is not made over another one', () => {
    expect(() => createVirtualLibrary(specOf({ folder: bench.folder }))).toThrow(VirtualLibraryError);
  });

  it('is made whole when the first attempt was cut off', () => {
    const spec = specOf();
    mkdirSync(join(spec.folder, 'tapes/A1'), { recursive: true });
    writeFileSync(join(spec.folder, 'tapes/A1/data'), '');
    expect(createVirtualLibrary(spec).listTapes()).toMatchObject([{ barcode: 'A1' }, { barcode: 'B2' }]);
  });

  it.each([
    ['more cartridges than slots', { slots: 1 }, 'TooManyTapes'],
    ['a barcode twice', { barcodes: ['A1', 'A1'] }, 'BadBarcode'],
    ['a barcode that is a path', { barcodes: ['../A1'] }, 'BadBarcode'],
  ])('is not made with %s', (_name, more, code) => {
    expect(() => createVirtualLibrary(specOf(more))).toThrow(expect.objectContaining({ code }));
  });

  it('refuses to write on a write-protected cartridge, which can be read', async () => {
    const tape = join(bench.folder, 'tapes/TW0001L9/tape.json');
    const facts = { barcode: 'TW0001L9', capacityBytes: 2 ** 24, earlyWarningBytes: 2 ** 20, worm: false };
    writeFileSync(tape, JSON.stringify({ ...facts, writeProtected: true }));
    await bench.library.changer.move(1024, 256);
    const drive = bench.library.openDrive(0);
    expect(drive.status()).toMatchObject({ ready: true, writeProtected: true });
    expect(codeOf(() => drive.write(Buffer.from('x')))).toBe('WriteProtected');
    expect(drive.read(new Uint8Array(1))).toEqual({ kind: 'endOfData' });
    drive.close();
  });

  it('never lets data on a WORM cartridge be overwritten', async () => {
    const tape = join(bench.folder, 'tapes/TW0001L9/tape.json');
    const facts = { barcode: 'TW0001L9', capacityBytes: 2 ** 24, earlyWarningBytes: 2 ** 20, writeProtected: false };
    writeFileSync(tape, JSON.stringify({ ...facts, worm: true }));
    await bench.library.changer.move(1024, 256);
    const drive = bench.library.openDrive(0);
    drive.allowOverwrite();
    drive.write(Buffer.from('x'));
    drive.rewind();
    expect(codeOf(() => drive.allowOverwrite())).toBe('WriteProtected');
    drive.close();
  });

  it('says that a folder holds none', () => {
    rmSync(join(bench.folder, 'library.json'));
    expect(() => openVirtualLibrary(bench.folder)).toThrow(expect.objectContaining({ code: 'NotAVirtualLibrary' }));
  });
});

describe('defaultEarlyWarningBytes', () => {
  it.each([
    ['a fiftieth of the tape', 20 * 2 ** 30, Math.floor((20 * 2 ** 30) / 50)],
    ['at least 1 MiB', 2 ** 25, 2 ** 20],
    ['never more than a quarter', 2 ** 20, 2 ** 18],
    ['at most 1 GiB', 18e12, 2 ** 30],
  ])('is %s', (_name, tapeSizeBytes, expected) => {
    expect(defaultEarlyWarningBytes(tapeSizeBytes)).toBe(expected);
  });
});
