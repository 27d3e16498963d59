import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import type { TapeDrive } from '../../../src/devices/drive/drive.ts';
import { labelTape } from '../../../src/tape/label-tape.ts';
import { SharedProgress } from '../../../src/worker/progress.ts';
import { encodePayloadEnd } from '../../../src/worker/payload-end.ts';
import { createRingMemory, ringBlockBytes, RingProducer } from '../../../src/worker/ring.ts';
import { describeFailure, failureOf } from '../../../src/worker/thread-failure.ts';
import { TapeWriter } from '../../../src/worker/tape-writer.ts';
import { makeLibrary, type LibraryBench } from '../devices/library-bench.ts';
import { begin, blockOf, headerOf, now, writeGroup } from '../tape/group-bench.ts';

const MiB = 2 ** 20;
const labelId = 'ab'.repeat(16);
const barcode = 'TW0001L9';
let bench: LibraryBench;
let drive: TapeDrive;
let ring = createRingMemory(4);
let progress = new SharedProgress();

const openBench = async (tapeSizeBytes?: number, earlyWarningBytes?: number): Promise<void> => {
  bench = makeLibrary(tapeSizeBytes, earlyWarningBytes);
  await bench.library.changer.move(1024, 256);
  drive = bench.library.openDrive(0);
  labelTape(drive, { barcode, labelId, now });
  drive.spaceToEndOfData();
  ring = createRingMemory(4);
  progress = new SharedProgress();
};

/** Puts blocks into the ring, at most three, and the closing words. */
const fill = (blocks: number): void => {
  const producer = new RingProducer(ring);
  for (let n = 0; n < blocks; n += 1) {
    producer.acquire()?.fill(0x61);
    producer.publish('block', ringBlockBytes);
  }
  const into = producer.acquire() ?? Buffer.alloc(0);
  const end = { kind: 'complete', paxBytes: blocks * ringBlockBytes, indexOffset: 0, entries: 1, files: 1 } as const;
  producer.publish('end', encodePayloadEnd(end).copy(into));
};

const groupOf = (weightBytes: number) => {
  const { group: _group, latestRetainUntil: _latest, ...header } = headerOf(0);
  return { kind: 'group', header, weightBytes, hashed: 'writer' } as const;
};

beforeEach(() => openBench());
afterEach(() => {
  drive.close();
  bench[Symbol.dispose]();
});

const writerOf = (recorded?: number): TapeWriter => {
  const meant = { barcode, labelId, ...(recorded !== undefined && { groups: recorded }) };
  const address = { driver: 'virtual', folder: bench.folder, elementAddress: 256 } as const;
  return new TapeWriter(drive, { kind: 'open', address, meant, ring, progress: progress.memory });
};

describe('TapeWriter.prepare', () => {
  it('refuses a tape with fewer groups than are recorded, and writes nothing on it', () => {
    writeGroup(drive, 0, 'a');
    begin(drive, headerOf(1)).writeBlock(blockOf('b'));
    const before = drive.spaceToEndOfData();
    expect(() => writerOf(2).prepare(now)).toThrow(
      expect.objectContaining({ reason: 'TapeInconsistent', fault: 'tape' }),
    );
    expect(drive.spaceToEndOfData()).toEqual(before);
    expect(writerOf(1).prepare(now)).toMatchObject({ groups: 2, completed: 1 });
  });
});

describe('TapeWriter.prepare on a tape that ends while a torn group is completed', () => {
  it('says that the tape is full, with the exit code for that, over to the other thread', async () => {
    drive.close();
    bench[Symbol.dispose]();
    await openBench(2 * MiB, 0);
    const room = 2 * MiB - (drive.status().usedBytes ?? 0) - 128 * 1024;
    const torn = begin(drive, headerOf(0));
    while ((drive.status().usedBytes ?? 0) + ringBlockBytes < room + 128 * 1024)
      if (torn.writeBlock(blockOf('a')).kind === 'endOfMedium') break;
    while (drive.writeFilemarks(1, { immediate: true }).kind === 'written' && (drive.position().file ?? 0) < 2);
    const filler = new Uint8Array(4096);
    while (drive.write(filler).kind !== 'endOfMedium');
    let failure: unknown;
    try {
      writerOf().prepare(now);
    } catch (error) {
      failure = failureOf(describeFailure(error));
    }
    expect(failure).toMatchObject({ reason: 'TapeFull', fault: 'tape', exitCode: 22 });
  });
});

describe('TapeWriter.writeGroup', () => {
  /** So near its end that the labels of the next group meet the warning; `left` bytes to the end. */
  const nearTheEnd = async (left: number): Promise<TapeWriter> => {
    drive.close();
    bench[Symbol.dispose]();
    const sizeBytes = 16 * MiB;
    await openBench(sizeBytes, 8 * MiB);
    const used = drive.status().usedBytes ?? 0;
    writeGroup(drive, 0, 'a'.repeat(Math.floor((sizeBytes - used - left) / ringBlockBytes)));
    const writer = writerOf();
    writer.prepare(now);
    return writer;
  };

  it('abandons a segment for which there is no room, also where its labels met the warning', async () => {
    const writer = await nearTheEnd(6 * MiB);
    fill(3);
    expect(writer.writeGroup(groupOf(64 * MiB))).toEqual({ kind: 'full', group: 1, groups: 2 });
  });

  it('finishes one for which there is room, and tells of the warning', async () => {
    const writer = await nearTheEnd(6 * MiB);
    fill(3);
    expect(writer.writeGroup(groupOf(3 * ringBlockBytes))).toMatchObject({
      ...{ kind: 'whole', group: 1, groups: 2 },
      earlyWarning: true,
    });
  });

  it('writes what has the tape for itself on to the end, whatever it was planned with: no other tape has more room', async () => {
    drive.close();
    bench[Symbol.dispose]();
    await openBench(16 * MiB, 15.5 * MiB);
    const writer = writerOf();
    writer.prepare(now);
    fill(3);
    expect(writer.writeGroup(groupOf(64 * MiB))).toMatchObject({ kind: 'whole', group: 0, earlyWarning: true });
  });
});

describe('TapeWriter.discard', () => {
  it('is a wait for the source, whose end of the payload it takes', () => {
    const writer = writerOf();
    writer.prepare(now);
    fill(2);
    const told = vi.spyOn(SharedProgress.prototype, 'setActivity');
    onTestFinished(() => told.mockRestore());
    writer.discard();
    expect(told.mock.calls.flat()).toEqual(['WaitingForSource', 'WaitingForWork']);
  });
});
