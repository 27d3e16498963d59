import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { TapeDrive } from '../../../src/devices/drive/drive.ts';
import { encodeLabel } from '../../../src/tape/labels.ts';
import { labelTape } from '../../../src/tape/label-tape.ts';
import { checkTapeLabel, readTapeLabel } from '../../../src/tape/read-label.ts';
import { makeLibrary, type LibraryBench } from '../devices/library-bench.ts';
import { now, writeGroup } from './group-bench.ts';
import { volumeLabels, walkTape } from './tape-walk.ts';

const barcode = 'TW0001L9';
const later = new Date('2027-06-01T00:00:00Z');

describe('labelling a tape', () => {
  let bench: LibraryBench;
  let drive: TapeDrive;

  beforeEach(async () => {
    bench = makeLibrary();
    await bench.library.changer.move(1024, 256);
    drive = bench.library.openDrive(0);
  });
  afterEach(() => {
    drive.close();
    bench[Symbol.dispose]();
  });

  const labelled = (): string => {
    const result = labelTape(drive, { barcode, now });
    if (result.kind !== 'labelled') throw new Error(result.kind);
    return result.label.labelId;
  };
  const writeForeign = (...blocks: readonly string[]): void => {
    drive.rewind();
    for (const block of blocks) drive.write(Buffer.from(block));
    drive.writeFilemarks(1, { immediate: true });
  };

  it('puts three labels and a filemark on a blank tape', () => {
    expect(readTapeLabel(drive)).toEqual({ kind: 'blank' });
    expect(labelled()).toMatch(/^[0-9a-f]{32}$/);
    expect(walkTape(drive)).toEqual([volumeLabels]);
    expect(readTapeLabel(drive)).toMatchObject({ kind: 'ours', barcode, volumeId: 'TW0001' });
  });

  it('uses the label id that it is given', () => {
    const labelId = 'ab'.repeat(16);
    expect(labelTape(drive, { barcode, labelId, now })).toMatchObject({ kind: 'labelled', label: { labelId } });
  });

  it('leaves a labelled tape as it is', () => {
    const labelId = labelled();
    writeGroup(drive, 0, 'a');
    expect(labelTape(drive, { barcode, now })).toMatchObject({ kind: 'alreadyLabelled', label: { labelId } });
    expect(walkTape(drive)).toHaveLength(4);
  });

  it('relabels a tape of which everything has expired, with another label id', () => {
    const before = labelled();
    writeGroup(drive, 0, 'a', new Date('2027-01-01T00:00:00Z'));
    const result = labelTape(drive, { barcode, now: later, over: 'expired' });
    expect(result.kind === 'labelled' && result.label.labelId !== before).toBe(true);
    expect(walkTape(drive)).toEqual([volumeLabels]);
  });

  it.each<readonly [string, Date | 'forever']>([
    ['until later', new Date('2028-01-01T00:00:00Z')],
    ['for ever', 'forever'],
  ])('does not relabel a tape whose own labels say that it is kept %s', (_name, until) => {
    labelled();
    writeGroup(drive, 0, 'a', until);
    expect(labelTape(drive, { barcode, now: later, over: 'expired' })).toMatchObject({ kind: 'notExpired', until });
    expect(walkTape(drive)).toHaveLength(4);
  });

  it.each([
    ['data without labels', ['something else']],
    ['labels of somebody else', ['VOL1OTHER1'.padEnd(79) + '3']],
    ['a volume label of ours alone, closed', [encodeLabel({ label: 'VOL1', volumeId: 'TW0001' }).toString()]],
  ])('never writes over %s', (_name, blocks) => {
    writeForeign(...blocks);
    expect(labelTape(drive, { barcode, now, over: 'expired' }).kind).toBe('foreign');
    expect(drive.spaceToEndOfData().block).toBe(blocks.length + 1);
  });

  it.each([1, 2, 3])('finishes a labelling that was torn after %i labels', (labels) => {
    const written = [
      encodeLabel({ label: 'VOL1', volumeId: 'TW0001' }),
      encodeLabel({ label: 'UVL1', barcode, labelId: 'ab'.repeat(16), labelledAt: now }),
      encodeLabel({
        label: 'HDR1',
        fileId: 'PRELABEL',
        volumeId: 'TW0001',
        sequence: 1,
        created: now,
        expires: 'none',
        blocks: 0,
      }),
    ];
    for (const label of written.slice(0, labels)) drive.write(label);
    expect(readTapeLabel(drive)).toEqual({ kind: 'unfinished' });
    expect(labelTape(drive, { barcode, now }).kind).toBe('labelled');
    expect(walkTape(drive)).toEqual([volumeLabels]);
  });

  it('is found again only by barcode and label id together', () => {
    const labelId = labelled();
    expect(checkTapeLabel(drive, { barcode, labelId }).kind).toBe('match');
    expect(checkTapeLabel(drive, { barcode, labelId: '0'.repeat(32) }).kind).toBe('mismatch');
    expect(checkTapeLabel(drive, { barcode: 'TW0009L9', labelId }).kind).toBe('mismatch');
  });
});
