import { createHash } from 'node:crypto';
import { copyFileSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DriveError, type TapeDrive } from '../../../src/devices/drive/drive.ts';
import { mapRecordBytes } from '../../../src/devices/drive/virtual-tape-map.ts';
import { openGroup } from '../../../src/tape/group-reader.ts';
import { labelTape } from '../../../src/tape/label-tape.ts';
import { readTapeLabel } from '../../../src/tape/read-label.ts';
import { now, writeGroup } from '../tape/group-bench.ts';
import { makeLibrary, type LibraryBench } from './library-bench.ts';

const groups = 20;
let bench: LibraryBench;
let tape: string;

const withDrive = <T>(act: (drive: TapeDrive) => T): T => {
  const drive = bench.library.openDrive(0);
  try {
    return act(drive);
  } finally {
    drive.close();
  }
};

const failureOf = (act: () => unknown): unknown => {
  try {
    act();
  } catch (error) {
    if (error instanceof DriveError) return { code: error.code, fault: error.fault };
    throw error;
  }
  return undefined;
};

const digests = (): readonly string[] =>
  ['map', 'data'].map((file) =>
    createHash('sha256')
      .update(readFileSync(join(tape, file)))
      .digest('hex'),
  );

const flip = (record: number): void => {
  const map = readFileSync(join(tape, 'map'));
  map.writeUInt8((map[record * mapRecordBytes + 9] ?? 0) ^ 1, record * mapRecordBytes + 9);
  writeFileSync(join(tape, 'map'), map);
};

beforeEach(async () => {
  bench = makeLibrary();
  await bench.library.changer.move(1024, 256);
  tape = join(bench.folder, 'tapes/TW0001L9');
  withDrive((drive) => {
    labelTape(drive, { barcode: 'TW0001L9', now });
    drive.spaceToEndOfData();
    for (let group = 0; group < groups; group += 1) writeGroup(drive, group, 'a');
  });
});
afterEach(() => bench[Symbol.dispose]());

const readable = (drive: TapeDrive, group: number): boolean => {
  const opened = openGroup(drive, group);
  if (opened.kind !== 'group') return false;
  while (opened.reader.next() !== undefined);
  return opened.reader.end().kind === 'whole';
};

describe('a tape with one flipped bit in its map', () => {
  it('is not changed by being opened, read and spaced over', () => {
    flip(16);
    const before = digests();
    withDrive((drive) => {
      expect(readable(drive, 0)).toBe(true);
      expect(failureOf(() => drive.spaceToEndOfData())).toEqual({ code: 'ReadError', fault: 'tape' });
      drive.rewind();
      expect(failureOf(() => drive.locateFile(40))).toEqual({ code: 'ReadError', fault: 'tape' });
      drive.rewind();
      expect(failureOf(() => drive.spaceFilemarks(60))).toEqual({ code: 'ReadError', fault: 'tape' });
    });
    expect(digests()).toEqual(before);
  });

  it('takes no write, wherever the drive stands', () => {
    flip(16);
    const before = digests();
    withDrive((drive) => {
      drive.rewind();
      const into = new Uint8Array(262_144);
      const readOn = (): void => {
        while (drive.read(into).kind !== 'endOfData');
      };
      expect(failureOf(readOn)).toEqual({ code: 'ReadError', fault: 'tape' });
      expect(failureOf(() => drive.write(into))).toEqual({ code: 'PositionLost', fault: 'caller' });
      drive.locateFile(3);
      drive.spaceFilemarks(1);
      expect(failureOf(() => drive.write(into))).toEqual({ code: 'Overwrite', fault: 'caller' });
    });
    expect(digests()).toEqual(before);
  });

  it('is not taken for a blank one where its very first record is the one', () => {
    flip(1);
    const before = digests();
    withDrive((drive) => {
      expect(failureOf(() => readTapeLabel(drive))).toEqual({ code: 'ReadError', fault: 'tape' });
      drive.rewind();
      expect(failureOf(() => drive.write(new Uint8Array(80)))).toEqual({ code: 'Overwrite', fault: 'caller' });
    });
    expect(digests()).toEqual(before);
  });

  it('is whole again when the bit is what it was', () => {
    flip(16);
    withDrive((drive) => readable(drive, 0));
    flip(16);
    withDrive((drive) => expect(drive.spaceToEndOfData().file).toBe(1 + 3 * groups));
  });

  it('is a fault of the tape where nothing of the map can be read', () => {
    writeFileSync(join(tape, 'map'), 'no map\n');
    expect(failureOf(() => bench.library.openDrive(0))).toEqual({ code: 'ReadError', fault: 'tape' });
  });
});

describe('a tape whose data file is too short', () => {
  it('loses nothing to a drive that only reads, and is whole again when the data are back', () => {
    const kept = join(bench.folder, 'data.kept');
    copyFileSync(join(tape, 'data'), kept);
    truncateSync(join(tape, 'data'), 1_000_000);
    const before = digests();
    withDrive((drive) => {
      expect(readable(drive, 0)).toBe(true);
      drive.spaceToEndOfData();
    });
    expect(digests()).toEqual(before);
    copyFileSync(kept, join(tape, 'data'));
    withDrive((drive) => expect(readable(drive, groups - 1)).toBe(true));
  });

  it('is cut to what it holds by the first write', () => {
    truncateSync(join(tape, 'data'), 1_000_000);
    const end = withDrive((drive) => {
      drive.spaceToEndOfData();
      expect(drive.write(Buffer.from('goes on')).kind).toBe('written');
      return drive.position().block;
    });
    withDrive((drive) => {
      expect(readable(drive, 0)).toBe(true);
      expect(drive.spaceToEndOfData().block).toBe(end);
    });
  });
});
