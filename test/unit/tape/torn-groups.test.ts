import { copyFileSync, readFileSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TapeDrive } from '../../../src/devices/drive/drive.ts';
import { mapRecordBytes, parseMap } from '../../../src/devices/drive/virtual-tape-map.ts';
import { completeTornGroup, findEndOfData } from '../../../src/tape/end-of-data.ts';
import { openGroup } from '../../../src/tape/group-reader.ts';
import { labelTape } from '../../../src/tape/label-tape.ts';
import { surveyGroups } from '../../../src/tape/survey.ts';
import { makeLibrary, type LibraryBench } from '../devices/library-bench.ts';
import { now, writeGroup } from './group-bench.ts';
import { abandonedTrailers, groupLabels, volumeLabels, walkTape, wholeTrailers } from './tape-walk.ts';

/** Sizes of a tape's two files: as both only grow, that is all a killed process can leave different. */
interface Cut {
  readonly mapBytes: number;
  readonly dataBytes: number;
}

let bench: LibraryBench;
let tape: string;
const order = { barcode: 'TW0001L9', now, reason: 'Crashed' };

beforeAll(async () => {
  bench = makeLibrary();
  await bench.library.changer.move(1024, 256);
  tape = join(bench.folder, 'tapes/TW0001L9');
});
afterAll(() => bench[Symbol.dispose]());

const sizes = (): Cut => ({ mapBytes: statSync(join(tape, 'map')).size, dataBytes: statSync(join(tape, 'data')).size });

/** Without the torn remains, which the first write cuts off. */
const goodSizes = (): Cut => {
  const parsed = parseMap(readFileSync(join(tape, 'map')), sizes().dataBytes);
  if (parsed.kind !== 'tape') throw new Error(parsed.message);
  return { mapBytes: parsed.layout.records * mapRecordBytes, dataBytes: parsed.layout.dataEnd };
};

const save = (name: string): void => {
  for (const file of ['map', 'data']) copyFileSync(join(tape, file), join(bench.folder, `${file}.${name}`));
};

const restore = (name: string, cut?: Cut): void => {
  for (const file of ['map', 'data']) copyFileSync(join(bench.folder, `${file}.${name}`), join(tape, file));
  if (cut === undefined) return;
  truncateSync(join(tape, 'map'), cut.mapBytes);
  truncateSync(join(tape, 'data'), cut.dataBytes);
};

const withDrive = <T>(act: (drive: TapeDrive) => T): T => {
  const drive = bench.library.openDrive(0);
  try {
    return act(drive);
  } finally {
    drive.close();
  }
};

/** Every place where a crash can cut `act`: after each operation, within each map record and within each block. */
function cutsOf(act: (drive: TapeDrive) => void): readonly Cut[] {
  const cuts: Cut[] = [];
  const note = (): void => {
    const before = cuts.at(-1) ?? { mapBytes: 0, dataBytes: 0 };
    const { mapBytes, dataBytes } = sizes();
    for (let map = before.mapBytes; map < mapBytes; map += mapRecordBytes) {
      cuts.push({ mapBytes: map + 13, dataBytes: before.dataBytes });
      cuts.push({ mapBytes: map + mapRecordBytes, dataBytes: before.dataBytes });
    }
    const blockBegin = Math.max(before.dataBytes, dataBytes - 262_144);
    if (dataBytes > before.dataBytes) {
      cuts.push(
        { mapBytes, dataBytes: blockBegin + 1 },
        { mapBytes, dataBytes: dataBytes - 1 },
        { mapBytes, dataBytes },
      );
    }
  };
  withDrive((drive) => {
    cuts.push(goodSizes());
    act(noting(drive, note));
  });
  return cuts;
}

/** The drive, and a note after every write. */
function noting(drive: TapeDrive, note: () => void): TapeDrive {
  return new Proxy(drive, {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== 'function') return value;
      return (...args: readonly unknown[]): unknown => {
        const result: unknown = Reflect.apply(value, target, args);
        if (name === 'write' || name === 'writeFilemarks') note();
        return result;
      };
    },
  });
}

/** The format's table: what completion appends to what a crash left in the last group. */
function completed(before: readonly string[]): readonly string[] {
  const last = before.at(-1) ?? '';
  const open = last.endsWith(' open');
  const closed = open ? before.slice(0, -1) : before;
  const content = open ? last.replace(/ open$/, '') : '';
  switch ((closed.length - 1) % 3) {
    case 0:
      return open ? [...closed, content, 'Z', abandonedTrailers] : before;
    case 1:
      return [...closed, open ? content : 'Z', abandonedTrailers];
    default:
      return [...closed, open ? `${content} ${abandonedTrailers}` : abandonedTrailers];
  }
}

function complete(drive: TapeDrive): void {
  const end = findEndOfData(drive);
  if (end.kind === 'torn') expect(completeTornGroup(drive, end, order).kind).toBe('written');
}

describe('a group that a crash cuts at any place', { timeout: 60_000 }, () => {
  const wholeGroup0 = [volumeLabels, groupLabels, 'Pa', wholeTrailers];
  let cuts: readonly Cut[];

  beforeAll(() => {
    withDrive((drive) => {
      labelTape(drive, { barcode: 'TW0001L9', now });
      drive.spaceToEndOfData();
      writeGroup(drive, 0, 'a', 'forever');
    });
    cuts = cutsOf((drive) => {
      drive.spaceToEndOfData();
      writeGroup(drive, 1, 'cd', 'forever');
    });
    save('whole');
  });

  it('is completed exactly as the table of the format says, and the tape can be written on', () => {
    const places = new Map<string, number>();
    for (const cut of cuts) {
      restore('whole', cut);
      withDrive((drive) => {
        const before = walkTape(drive);
        expect(before.slice(0, 4)).toEqual(wholeGroup0);
        const end = findEndOfData(drive);
        places.set(end.kind === 'torn' ? end.place : end.kind, (places.get(end.kind) ?? 0) + 1);
        expect(end).toMatchObject({ latestRetainUntil: 'forever' });

        complete(drive);
        const after = walkTape(drive);
        expect(after).toEqual(completed(before));

        const clean = findEndOfData(drive);
        if (clean.kind !== 'clean') throw new Error(`${clean.kind} after completion`);
        expect(clean.groups).toBe((after.length - 1) / 3);
        writeGroup(drive, clean.groups, 'x');
        expect(walkTape(drive)).toEqual([...after, groupLabels, 'Px', wholeTrailers]);
      });
    }
    expect([...places.keys()].toSorted()).toEqual(['clean', 'labels', 'payload', 'trailers']);
  });

  it('counts only when three filemarks close it', () => {
    for (const cut of cuts) {
      restore('whole', cut);
      withDrive((drive) => {
        const closed = walkTape(drive).filter((file) => !file.endsWith(' open')).length === 7;
        complete(drive);
        const kinds = [...surveyGroups(drive)].map((group) => group.kind);
        if (kinds.length === 1) expect(kinds).toEqual(['whole']);
        else expect(kinds).toEqual(['whole', closed ? 'whole' : 'abandoned']);
        const first = openGroup(drive, 0);
        expect(first.kind === 'group' && first.reader.end().kind).toBe('whole');
        const second = openGroup(drive, 1);
        if (second.kind === 'group') expect(second.reader.end().kind).toBe(closed ? 'whole' : 'abandoned');
      });
    }
  });

  it('is completed also when the completion itself is cut at any place', () => {
    const torn = cuts.filter((cut, index) => cut.mapBytes % mapRecordBytes === 0 && index % 10 === 0);
    let tried = 0;
    for (const cut of torn) {
      restore('whole', cut);
      const cutsAgain = cutsOf(complete);
      save('completed');
      for (const again of cutsAgain) {
        restore('completed', again);
        withDrive((drive) => {
          const before = walkTape(drive);
          complete(drive);
          const after = walkTape(drive);
          expect(after).toEqual(completed(before));
          expect([...surveyGroups(drive)].map((group) => group.kind)).not.toContain('torn');
        });
        tried += 1;
      }
    }
    expect(tried).toBeGreaterThan(50);
  });

  it('says in its trailers how many blocks stand there, and nothing else', () => {
    const cut = cuts.find(({ dataBytes }) => dataBytes % 4096 === 0 && dataBytes > (cuts[0]?.dataBytes ?? 0) + 200_000);
    restore('whole', cut);
    withDrive((drive) => {
      complete(drive);
      drive.locateFile(6);
      const blocks = Array.from({ length: 5 }, () => {
        const into = Buffer.alloc(80);
        drive.read(into);
        return into.toString('latin1');
      });
      expect(blocks).toEqual([
        'EOF11A2B3C4D.D000001 TW000100010002000100026327999365 000001TWINREEL 1          ',
        'EOF2F0000000000                                   00                            ',
        'UTL1000000000001' + '0'.repeat(64),
        'UTL2SHA-256 ' + '0'.repeat(64) + '    ',
        'UTL3ABANDONEDCrashed                         202611231505090000000001           ',
      ]);
    });
  });
});

describe('parseMap', () => {
  it('gives at every byte where a map may be cut what the whole records before it give', () => {
    restore('whole');
    const map = readFileSync(join(tape, 'map'));
    const dataBytes = statSync(join(tape, 'data')).size;
    for (let bytes = mapRecordBytes; bytes <= map.length; bytes++) {
      const records = Math.floor(bytes / mapRecordBytes);
      expect(parseMap(map.subarray(0, bytes), dataBytes)).toEqual(
        parseMap(map.subarray(0, records * mapRecordBytes), dataBytes),
      );
    }
  });

  it('ends the tape at zeros, which a loss of power leaves, unless something follows them', () => {
    restore('whole');
    const map = readFileSync(join(tape, 'map'));
    const dataBytes = statSync(join(tape, 'data')).size;
    const cut = parseMap(map.subarray(0, 9 * mapRecordBytes), dataBytes);
    const zeros = Buffer.from(map).fill(0, 9 * mapRecordBytes);
    expect(parseMap(Buffer.concat([zeros, Buffer.alloc(7)]), dataBytes)).toEqual(cut);
    const hole = Buffer.from(map).fill(0, 9 * mapRecordBytes, 10 * mapRecordBytes);
    expect(parseMap(hole, dataBytes)).toMatchObject({ layout: { records: 9, damaged: true } });
    const flipped = Buffer.from(map);
    flipped.writeUInt8(99, map.length - 20);
    expect(parseMap(flipped, dataBytes)).toMatchObject({ layout: { damaged: true } });
  });

  it('ends the tape where the data file lacks what the map claims', () => {
    restore('whole', { ...sizes(), mapBytes: statSync(join(bench.folder, 'map.whole')).size, dataBytes: 280_000 });
    expect(withDrive(walkTape)).toEqual([volumeLabels, groupLabels, 'Pa', wholeTrailers, groupLabels]);
  });

  it('takes what is no map for no tape', () => {
    expect(parseMap(Buffer.from('#!/bin/sh\n'), 0).kind).toBe('notATape');
  });
});
