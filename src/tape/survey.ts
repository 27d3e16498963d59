import { DriveError, type TapeDrive } from '../devices/drive/drive.ts';
import {
  decodeGroupHeader,
  decodeTrailers,
  findLabel,
  labelsFile,
  trailersFile,
  type DecodedTrailers,
  type GroupHeader,
} from './group-labels.ts';
import { readLabelFile, type LabelFile } from './label-file.ts';

/** A group as its labels and trailers tell it; the payload is not read. */
export type SurveyedGroup =
  | { readonly kind: 'whole'; readonly group: number; readonly header: GroupHeader; readonly trailers: DecodedTrailers }
  /** Closed, but nothing that may be read as a segment. */
  | { readonly kind: 'abandoned'; readonly group: number; readonly header?: GroupHeader; readonly reason: string }
  /** Not closed by its third filemark: the end of the tape. */
  | { readonly kind: 'torn'; readonly group: number; readonly header?: GroupHeader }
  /** Its labels speak of another group. */
  | { readonly kind: 'misplaced'; readonly group: number; readonly message: string }
  | { readonly kind: 'unreadable'; readonly group: number; readonly message: string };

/**
 * Reads labels and trailers of one group; nothing where the tape ends before it.
 *
 * @throws DriveError
 */
export function readGroupEnds(drive: TapeDrive, group: number): SurveyedGroup | undefined {
  if (!drive.locateFile(labelsFile(group)).found) return undefined;
  const labels = readLabelFile(drive);
  if (labels.blocks === 0 && !labels.closed) return undefined;
  const trailers = drive.locateFile(trailersFile(group)).found ? readLabelFile(drive) : undefined;
  return judgeGroup(group, labels, trailers);
}

/** Pure. */
function judgeGroup(group: number, labels: LabelFile, trailers: LabelFile | undefined): SurveyedGroup {
  const header = decodeGroupHeader(labels.labels);
  const known = header === undefined ? {} : { header };
  const named = findLabel(labels.labels, 'UHL1')?.group ?? group;
  if (named !== group) return { kind: 'misplaced', group, message: `group ${group} calls itself group ${named}` };
  if (trailers?.closed !== true) return { kind: 'torn', group, ...known };
  const decoded = decodeTrailers(trailers.labels);
  if (decoded === undefined) return { kind: 'abandoned', group, ...known, reason: 'its trailers are not whole' };
  if (decoded.group !== group)
    return { kind: 'misplaced', group, message: `the trailers of group ${group} are those of ${decoded.group}` };
  if (decoded.outcome === 'ABANDONED') return { kind: 'abandoned', group, ...known, reason: decoded.reason };
  if (header === undefined) return { kind: 'abandoned', group, reason: 'its labels are not whole' };
  return { kind: 'whole', group, header, trailers: decoded };
}

/**
 * The groups of a tape in order, one at a time, from `first` to the end of data. A group that can't be read is told as
 * such and passed.
 *
 * @throws DriveError where the drive itself fails
 */
export function* surveyGroups(drive: TapeDrive, first = 0): Generator<SurveyedGroup, void> {
  for (let group = first; ; group++) {
    const surveyed = readGroupEndsOrWhyNot(drive, group);
    if (surveyed === undefined) return;
    yield surveyed;
  }
}

function readGroupEndsOrWhyNot(drive: TapeDrive, group: number): SurveyedGroup | undefined {
  try {
    return readGroupEnds(drive, group);
  } catch (error) {
    if (error instanceof DriveError && error.code === 'ReadError')
      return { kind: 'unreadable', group, message: error.message };
    throw error;
  }
}
