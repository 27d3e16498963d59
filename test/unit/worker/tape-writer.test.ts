import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { TapeDrive } from '../../../src/devices/drive/drive.ts';
import { labelTape } from '../../../src/tape/label-tape.ts';
import { SharedProgress } from '../../../src/worker/progress.ts';
import { createRingMemory } from '../../../src/worker/ring.ts';
import { TapeWriter } from '../../../src/worker/tape-writer.ts';
import { makeLibrary, type LibraryBench } from '../devices/library-bench.ts';
import { begin, blockOf, headerOf, now, writeGroup } from '../tape/group-bench.ts';

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
