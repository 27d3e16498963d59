import { randomBytes } from 'node:crypto';
import type { TapeDrive } from '../devices/drive/drive.ts';
import { findEndOfData } from './end-of-data.ts';
import { volumeIdOf } from './group-labels.ts';
import { encodeLabel } from './labels.ts';
import { isExpired, type RetainUntil } from './label-time.ts';
import { readTapeLabel, type OurLabel } from './read-label.ts';

export interface LabelOrder {
  /** As on the cartridge. */
  readonly barcode: string;
  /** 32 hexadecimal digits, new at each labelling; default random. */
  readonly labelId?: string;
  readonly now: Date;
  /**
   * `blankOnly` (default): a tape of ours is left as it is. `expired`: all records of the tape have expired, says the
   * caller; it is labelled anew only if its own last group agrees.
   */
  readonly over?: 'blankOnly' | 'expired';
}

export type Labelled =
  | { readonly kind: 'labelled'; readonly label: OurLabel }
  | { readonly kind: 'alreadyLabelled'; readonly label: OurLabel }
  | { readonly kind: 'notExpired'; readonly label: OurLabel; readonly until: RetainUntil }
  | { readonly kind: 'foreign'; readonly message: string };

/**
 * Writes tape file 0 (VOL1, UVL1, HDR1 PRELABEL) and reads it back. What was on the tape is gone afterwards, so it is
 * written only over a blank tape, a torn labelling, or a tape of ours of which everything has expired.
 *
 * @throws DriveError, also when what is read back is not what was written
 */
export function labelTape(drive: TapeDrive, order: LabelOrder): Labelled {
  const found = readTapeLabel(drive);
  if (found.kind === 'foreign') return found;
  if (found.kind === 'ours') {
    if (order.over !== 'expired') return { kind: 'alreadyLabelled', label: found };
    const until = latestRetention(drive);
    if (!isExpired(until, order.now)) return { kind: 'notExpired', label: found, until };
  }
  writeTapeLabel(drive, order, found.kind !== 'blank');
  const written = readTapeLabel(drive);
  if (written.kind !== 'ours')
    throw new LabelNotReadBack(`${drive.name}: the label just written reads as ${written.kind}`);
  return { kind: 'labelled', label: written };
}

export class LabelNotReadBack extends Error {
  readonly code = 'LabelNotReadBack';
}

/** For ever where the tape itself can't say. */
function latestRetention(drive: TapeDrive): RetainUntil {
  const end = findEndOfData(drive);
  return end.kind === 'clean' || end.kind === 'torn' ? end.latestRetainUntil : 'forever';
}

function writeTapeLabel(drive: TapeDrive, order: LabelOrder, overwrite: boolean): void {
  const { barcode, labelId = randomBytes(16).toString('hex'), now } = order;
  const volumeId = volumeIdOf(barcode);
  drive.rewind();
  if (overwrite) drive.allowOverwrite();
  const labels = [
    encodeLabel({ label: 'VOL1', volumeId }),
    encodeLabel({ label: 'UVL1', barcode, labelId, labelledAt: now }),
    encodeLabel({
      label: 'HDR1',
      fileId: 'PRELABEL',
      volumeId,
      sequence: 1,
      created: now,
      expires: 'none',
      blocks: 0,
    }),
  ];
  for (const label of labels) {
    const result = drive.write(label);
    if (result.kind !== 'written') throw new LabelNotReadBack(`${drive.name}: the tape ends before its label`);
  }
  drive.writeFilemarks(1, { immediate: false });
}
