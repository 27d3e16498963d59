import type { TapeDrive } from '../devices/drive/drive.ts';
import { findLabel } from './group-labels.ts';
import { readLabelFile } from './label-file.ts';

/** What stands at the beginning of a tape. */
export type TapeLabel =
  | { readonly kind: 'blank' }
  | OurLabel
  /** A labelling of ours that was torn, with nothing behind it. */
  | { readonly kind: 'unfinished' }
  | { readonly kind: 'foreign'; readonly message: string };

export interface OurLabel {
  readonly kind: 'ours';
  readonly barcode: string;
  readonly volumeId: string;
  readonly labelId: string;
  readonly labelledAt: Date;
}

/** Rewinds and reads tape file 0; the drive then stands behind it. @throws DriveError */
export function readTapeLabel(drive: TapeDrive): TapeLabel {
  drive.rewind();
  const file = readLabelFile(drive);
  if (file.blocks === 0 && !file.closed) return { kind: 'blank' };
  const vol1 = findLabel(file.labels, 'VOL1');
  const uvl1 = findLabel(file.labels, 'UVL1');
  const prelabel = file.labels.some((label) => label.label === 'HDR1' && label.fileId === 'PRELABEL');
  if (!file.pure || file.labels[0]?.label !== 'VOL1' || vol1 === undefined)
    return { kind: 'foreign', message: 'it does not begin with a volume label of Twinreel' };
  if (!file.closed && file.blocks <= 3) return { kind: 'unfinished' };
  if (uvl1 === undefined || !prelabel || file.blocks !== 3)
    return { kind: 'foreign', message: 'its volume label is none that Twinreel writes' };
  const { barcode, labelId, labelledAt } = uvl1;
  return { kind: 'ours', barcode, volumeId: vol1.volumeId, labelId, labelledAt };
}

export type LabelCheck =
  | { readonly kind: 'match'; readonly label: OurLabel }
  /** Another tape than the one meant: never written. */
  | { readonly kind: 'mismatch'; readonly found: OurLabel; readonly message: string }
  | Exclude<TapeLabel, OurLabel>;

/** A tape is the one meant only if barcode and label id agree. @throws DriveError */
export function checkTapeLabel(
  drive: TapeDrive,
  meant: { readonly barcode: string; readonly labelId: string },
): LabelCheck {
  const found = readTapeLabel(drive);
  if (found.kind !== 'ours') return found;
  if (found.barcode === meant.barcode && found.labelId === meant.labelId) return { kind: 'match', label: found };
  const message = `the tape is ${found.barcode} with label ${found.labelId}, meant is ${meant.barcode} with ${meant.labelId}`;
  return { kind: 'mismatch', found, message };
}
