import { createHash } from 'node:crypto';
import { closeSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { TapeDrive } from '../../../src/devices/drive/drive.ts';
import { completeTornGroup, findEndOfData } from '../../../src/tape/end-of-data.ts';
import { encodeGroupLabels } from '../../../src/tape/group-labels.ts';
import { openGroup, type GroupEnd } from '../../../src/tape/group-reader.ts';
import { GroupWriter } from '../../../src/tape/group-writer.ts';
import { labelTape } from '../../../src/tape/label-tape.ts';
import { surveyGroups } from '../../../src/tape/survey.ts';
import { makeLibrary, type LibraryBench } from '../devices/library-bench.ts';
import { begin, blockOf, headerOf, now, totals, writeGroup } from './group-bench.ts';
import { abandonedTrailers, groupLabels, volumeLabels, walkTape, wholeTrailers } from './tape-walk.ts';

describe('groups on a tape', () => {
  let bench: LibraryBench;
  let drive: TapeDrive;

  beforeEach(async () => {
    bench = makeLibrary(6 * 2 ** 20, 2 ** 20);
    await bench.library.changer.move(1024, 256);
    drive = bench.library.openDrive(0);
    labelTape(drive, { barcode: 'TW0001L9', now });
  });
  afterEach(() => {
    drive.close();
    bench[Symbol.dispose]();
  });

  const endOf = (group: number): GroupEnd | string => {
    const opened = openGroup(drive, group);
    return opened.kind === 'group' ? opened.reader.end() : opened.kind;
  };
  /** Changes one byte of a tape's data file behind the drive's back. */
  const damage = (offset: number): void => {
    drive.close();
    const fd = openSync(join(bench.folder, 'tapes/TW0001L9/data'), 'r+');
    writeSync(fd, 'X', offset);
    closeSync(fd);
    drive = bench.library.openDrive(0);
  };

  it('are labels, payload and trailers in three tape files each', () => {
    writeGroup(drive, 0, 'ab');
    writeGroup(drive, 1, 'c');
    expect(walkTape(drive)).toEqual([
      volumeLabels,
      ...[groupLabels, 'Pa Pb', wholeTrailers],
      ...[groupLabels, 'Pc', wholeTrailers],
    ]);
  });

  it('come back with their labels, their blocks and their totals', () => {
    const header = headerOf(0, {
      kind: 'links',
      number: 99,
      encoding: { zstd: true, encrypted: false },
      retainUntil: 'forever',
    });
    const writer = begin(drive, header);
    for (const letter of 'abc') writer.writeBlock(blockOf(letter));
    const finished = writer.finish(totals);
    const sha256 = createHash('sha256').update(blockOf('a')).update(blockOf('b')).update(blockOf('c')).digest('hex');
    expect(finished).toMatchObject({ kind: 'whole', bytes: 786_432, totals: { blocks: 3, sha256 } });

    const opened = openGroup(drive, 0);
    if (opened.kind !== 'group') throw new Error(opened.kind);
    expect(opened.header).toEqual(header);
    const letters: string[] = [];
    for (let block = opened.reader.next(); block !== undefined; block = opened.reader.next())
      letters.push(String.fromCharCode(block[0] ?? 0));
    expect(letters).toEqual(['a', 'b', 'c']);
    expect(opened.reader.end()).toMatchObject({ kind: 'whole', trailers: { ...totals, blocks: 3, sha256, group: 0 } });
  });

  it('carry the data key when they are encrypted', () => {
    const dataKey = { wrappedKey: 'QUJD'.repeat(14), keyId: 'key-1' };
    const header = headerOf(0, { encoding: { zstd: false, encrypted: true }, dataKey });
    begin(drive, header).abandon('', now);
    const opened = openGroup(drive, 0);
    expect(opened).toMatchObject({ kind: 'group', header: { dataKey } });
  });

  it('take the digest of a caller who hashes, and only then', () => {
    const begun = GroupWriter.begin(drive, headerOf(0), { hash: 'callers' });
    if (begun.kind !== 'begun') throw new Error(begun.kind);
    begun.writer.writeBlock(blockOf('a'));
    expect(() => begun.writer.finish(totals)).toThrow(expect.objectContaining({ code: 'WrongDigest' }));
    const sha256 = createHash('sha256').update(blockOf('a')).digest('hex');
    expect(begun.writer.finish({ ...totals, sha256 }).kind).toBe('whole');
    expect(endOf(0)).toMatchObject({ kind: 'whole' });
  });

  it('are begun only where the group before them ends', () => {
    writeGroup(drive, 0, 'a');
    expect(() => begin(drive, headerOf(2))).toThrow(expect.objectContaining({ code: 'NotAtEndOfData' }));
    drive.rewind();
    expect(() => begin(drive, headerOf(0))).toThrow(expect.objectContaining({ code: 'NotAtEndOfData' }));
  });

  it('consist of blocks of one size', () => {
    const writer = begin(drive, headerOf(0));
    expect(() => writer.writeBlock(new Uint8Array(80))).toThrow(expect.objectContaining({ code: 'WrongBlockSize' }));
  });

  it('take nothing more when they have been ended', () => {
    const writer = begin(drive, headerOf(0));
    writer.abandon('enough', now);
    for (const act of [
      () => writer.writeBlock(blockOf('a')),
      () => writer.finish(totals),
      () => writer.abandon('', now),
    ])
      expect(act).toThrow(expect.objectContaining({ code: 'GroupEnded' }));
  });

  it('are closed when they are abandoned, with or without payload', () => {
    begin(drive, headerOf(0)).abandon('no source', now);
    const writer = begin(drive, headerOf(1));
    writer.writeBlock(blockOf('a'));
    writer.abandon('a reason that is much longer than thirty-two characters – and not ASCII', now);
    expect(walkTape(drive)).toEqual([
      volumeLabels,
      ...[groupLabels, 'Z', abandonedTrailers],
      ...[groupLabels, 'Pa', abandonedTrailers],
    ]);
    expect(endOf(1)).toEqual({ kind: 'abandoned', reason: 'a reason that is much longer tha' });
    expect(findEndOfData(drive)).toMatchObject({ kind: 'clean', groups: 2 });
  });

  it('are not whole when one byte of their payload is another', () => {
    writeGroup(drive, 0, 'ab');
    damage(8192 + 262_144 + 5);
    expect(endOf(0)).toMatchObject({ kind: 'mismatch', message: expect.stringContaining('SHA-256') as string });
  });

  it('are not read when their labels are damaged', () => {
    writeGroup(drive, 0, 'a');
    damage(4096 + 2 * 80 + 20);
    expect(openGroup(drive, 0).kind).toBe('damaged');
    expect([...surveyGroups(drive)]).toEqual([{ kind: 'abandoned', group: 0, reason: 'its labels are not whole' }]);
  });

  it('are told one by one with whom they belong to, so that they can be adopted', () => {
    writeGroup(drive, 0, 'a');
    begin(drive, headerOf(1)).abandon('stopped', now);
    writeGroup(drive, 2, 'b');
    begin(drive, headerOf(3));
    expect([...surveyGroups(drive)]).toMatchObject([
      { kind: 'whole', group: 0, header: { number: 0, stream: 1, epoch: 2, job: { processNumber: 7 } } },
      { kind: 'abandoned', group: 1, reason: 'stopped' },
      { kind: 'whole', group: 2, trailers: { blocks: 1 } },
      { kind: 'torn', group: 3 },
    ]);
    expect([...surveyGroups(drive, 2)].map(({ group }) => group)).toEqual([2, 3]);
  });

  it('do not exist beyond the end of data', () => {
    expect(openGroup(drive, 0).kind).toBe('noSuchGroup');
    writeGroup(drive, 0, 'a');
    expect(openGroup(drive, 1).kind).toBe('noSuchGroup');
    expect(openGroup(drive, 7).kind).toBe('noSuchGroup');
  });

  it('tell how long the tape must be kept, also when the last of them was torn before it could say so', () => {
    writeGroup(drive, 0, 'a', new Date('2027-01-01T00:00:00Z'));
    drive.write(Buffer.from('HDR1'.padEnd(80)));
    const end = findEndOfData(drive);
    expect(end).toMatchObject({ kind: 'torn', place: 'labels', latestRetainUntil: new Date('2027-01-01T00:00:00Z') });
    if (end.kind === 'torn') completeTornGroup(drive, end, { barcode: 'TW0001L9', now, reason: 'Crashed' });
    expect(findEndOfData(drive)).toMatchObject({
      kind: 'clean',
      groups: 2,
      latestRetainUntil: new Date('2027-01-01T00:00:00Z'),
    });
  });

  it.each([
    ['torn', 0],
    ['closed', 3],
  ])('are not appended to a tape whose last group, %s, calls itself another', (_name, filemarks) => {
    writeGroup(drive, 0, 'a');
    for (const label of encodeGroupLabels(headerOf(5))) drive.write(label);
    drive.writeFilemarks(filemarks, { immediate: true });
    expect(findEndOfData(drive)).toEqual({ kind: 'inconsistent', message: 'group 1 calls itself group 5' });
  });

  it('can be finished or abandoned after the early warning', () => {
    const writer = begin(drive, headerOf(0));
    let warned = false;
    while (!warned) {
      const result = writer.writeBlock(blockOf('a'));
      warned = result.kind === 'written' && result.earlyWarning;
    }
    expect(writer.finish(totals)).toMatchObject({ kind: 'whole', earlyWarning: true });
    expect(begin(drive, headerOf(1)).abandon('early warning', now).kind).toBe('written');
    expect([...surveyGroups(drive)].map(({ kind }) => kind)).toEqual(['whole', 'abandoned']);
  });

  it('stay torn at the end of the medium, and what was whole before stays so', () => {
    writeGroup(drive, 0, 'a');
    const writer = begin(drive, headerOf(1));
    while (writer.writeBlock(blockOf('b')).kind === 'written');
    expect(endOf(0)).toMatchObject({ kind: 'whole' });
    const end = findEndOfData(drive);
    expect(end).toMatchObject({ kind: 'torn', group: 1, place: 'payload' });
  });

  it('are lost from the block on that could not be written, and the tape can be ended cleanly', () => {
    const writer = begin(drive, headerOf(0));
    writer.writeBlock(blockOf('a'));
    drive.close();
    expect(() => writer.writeBlock(blockOf('b'))).toThrow(expect.objectContaining({ code: 'Closed' }));
    drive = bench.library.openDrive(0);
    const end = findEndOfData(drive);
    if (end.kind !== 'torn') throw new Error(end.kind);
    expect(end).toMatchObject({ header: headerOf(0), payloadBlocks: 1 });
    completeTornGroup(drive, end, { barcode: 'TW0001L9', now, reason: 'WriteError' });
    expect(endOf(0)).toEqual({ kind: 'abandoned', reason: 'WriteError' });
  });
});
