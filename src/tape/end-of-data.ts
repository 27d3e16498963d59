import type { TapeDrive } from '../devices/drive/drive.ts';
import { appendBlock, appendFile, type Appended } from './append.ts';
import {
  abandonedTotals,
  decodeGroupHeader,
  encodeTrailers,
  findLabel,
  labelsFile,
  payloadFile,
  trailersFile,
  volumeIdOf,
  type GroupHeader,
} from './group-labels.ts';
import type { RetainUntil } from './label-time.ts';
import { payloadBlockBytes, type Hdr1, type Label } from './labels.ts';
import { readLabelFile } from './label-file.ts';
import { readGroupEnds, type SurveyedGroup } from './survey.ts';

/** Where a labelled tape ends, as read from the tape itself. */
export type EndOfData =
  | {
      readonly kind: 'clean';
      /** Groups on the tape: the number of the next one. */
      readonly groups: number;
      /** Absent on a tape without groups. */
      readonly lastGroup?: SurveyedGroup;
      readonly latestRetainUntil: RetainUntil;
    }
  | TornEnd
  /** Not even tape file 0 is whole. */
  | { readonly kind: 'notLabelled' }
  /** What stands there was not written by these rules: never written on. */
  | { readonly kind: 'inconsistent'; readonly message: string };

/** The last group was torn by a crash: it must be completed before the tape is written on. */
export interface TornEnd {
  readonly kind: 'torn';
  readonly group: number;
  /** The tape file of the group in which the data end. */
  readonly place: 'labels' | 'payload' | 'trailers';
  /** Blocks in that file. */
  readonly objects: number;
  /** Payload blocks of the group. */
  readonly payloadBlocks: number;
  /** Where enough of the labels stands there. */
  readonly header?: GroupHeader;
  readonly hdr1?: Hdr1;
  readonly latestRetainUntil: RetainUntil;
}

/** Groups that three filemarks close; absent where the tape does not tell. A crash takes none of them back. */
export function closedGroups(end: EndOfData): number | undefined {
  switch (end.kind) {
    case 'clean':
      return end.groups;
    case 'torn':
      return end.group;
    case 'notLabelled':
    case 'inconsistent':
      return undefined;
  }
}

const places = ['labels', 'payload', 'trailers'] as const;

/** Spaces to the end of data and classifies what stands before it; the drive then stands there. @throws DriveError */
export function findEndOfData(drive: TapeDrive): EndOfData {
  const { file } = drive.spaceToEndOfData();
  if (file === 0) return { kind: 'notLabelled' };
  const group = Math.floor((file - 1) / 3);
  const place = places[(file - 1) % 3] ?? 'labels';
  const objects = countBlocks(drive, file);
  const end =
    place === 'labels' && objects === 0 ? readCleanEnd(drive, group) : readTornEnd(drive, group, place, objects);
  drive.spaceToEndOfData();
  return end;
}

function readCleanEnd(drive: TapeDrive, groups: number): EndOfData {
  if (groups === 0) return { kind: 'clean', groups, latestRetainUntil: 'none' };
  const lastGroup = readGroupEnds(drive, groups - 1);
  if (lastGroup === undefined)
    return { kind: 'inconsistent', message: `group ${groups - 1} is not where it should be` };
  if (lastGroup.kind === 'misplaced') return { kind: 'inconsistent', message: lastGroup.message };
  return { kind: 'clean', groups, lastGroup, latestRetainUntil: readLatestRetention(drive, groups) };
}

function readTornEnd(drive: TapeDrive, group: number, place: TornEnd['place'], objects: number): EndOfData {
  drive.locateFile(labelsFile(group));
  const { labels } = readLabelFile(drive);
  const uhl1 = findLabel(labels, 'UHL1');
  if (uhl1 !== undefined && uhl1.group !== group)
    return { kind: 'inconsistent', message: `group ${group} calls itself group ${uhl1.group}` };
  const header = decodeGroupHeader(labels);
  const hdr1 = findHdr1(labels);
  const payloadBlocks =
    place === 'trailers' ? countBlocks(drive, payloadFile(group)) : place === 'payload' ? objects : 0;
  const latestRetainUntil = header?.latestRetainUntil ?? readLatestRetention(drive, group);
  return {
    ...{ kind: 'torn', group, place, objects, payloadBlocks, latestRetainUntil },
    ...(header !== undefined && { header }),
    ...(hdr1 !== undefined && { hdr1 }),
  };
}

const findHdr1 = (labels: readonly Label[]): Hdr1 | undefined =>
  labels.find((label): label is Hdr1 => label.label === 'HDR1');

/** What the last readable UHL4 of the groups below `groups` says: abandoned groups may lack theirs. */
function readLatestRetention(drive: TapeDrive, groups: number): RetainUntil {
  for (let group = groups - 1; group >= 0; group--) {
    drive.locateFile(labelsFile(group));
    const uhl4 = findLabel(readLabelFile(drive).labels, 'UHL4');
    if (uhl4 !== undefined) return uhl4.latestRetainUntil;
  }
  return 'none';
}

/** Blocks in a tape file up to its filemark or the end of data; by counting objects where the drive can. */
function countBlocks(drive: TapeDrive, file: number): number {
  drive.locateFile(file);
  const begin = drive.position().block;
  if (begin === undefined) return countByReading(drive);
  const { filemarks } = drive.spaceFilemarks(1);
  const end = drive.position().block;
  return end === undefined ? countByReading(drive, file) : end - filemarks - begin;
}

function countByReading(drive: TapeDrive, file?: number): number {
  if (file !== undefined) drive.locateFile(file);
  const into = new Uint8Array(payloadBlockBytes);
  let blocks = 0;
  while (drive.read(into).kind === 'block') blocks += 1;
  return blocks;
}

/**
 * Ends a torn group by appending only, with trailers that say ABANDONED. The drive stands at the end of data, as
 * `findEndOfData` leaves it, and does so again afterwards. A crash in here leaves a torn group again.
 *
 * @param reason  its first 32 characters are kept
 * @throws DriveError
 */
export function completeTornGroup(
  drive: TapeDrive,
  torn: TornEnd,
  order: { readonly barcode: string; readonly now: Date; readonly reason: string },
): Appended {
  const steps = [
    ...(torn.place === 'labels' ? [() => appendFile(drive, [], true)] : []),
    ...(torn.place !== 'trailers' ? [() => completePayload(drive, torn.payloadBlocks)] : []),
    () => appendTrailers(drive, torn, order),
  ];
  let earlyWarning = false;
  for (const step of steps) {
    const result = step();
    if (result.kind === 'endOfMedium') return result;
    earlyWarning ||= result.earlyWarning;
  }
  return { kind: 'written', earlyWarning };
}

function completePayload(drive: TapeDrive, blocks: number): Appended {
  const zeros = blocks > 0 ? { kind: 'written' as const } : appendBlock(drive, new Uint8Array(payloadBlockBytes));
  return zeros.kind === 'endOfMedium' ? zeros : appendFile(drive, [], true);
}

function appendTrailers(
  drive: TapeDrive,
  torn: TornEnd,
  { barcode, now, reason }: { readonly barcode: string; readonly now: Date; readonly reason: string },
): Appended {
  const { group } = torn;
  const hdr1 = torn.hdr1 ?? standInHdr1(group, barcode, now);
  const blocks = torn.place === 'trailers' ? torn.payloadBlocks : Math.max(1, torn.payloadBlocks);
  const outcome = { outcome: 'ABANDONED', reason, endedAt: now } as const;
  if (drive.position().file !== trailersFile(group))
    throw new EndOfDataMoved(`${drive.name} is not behind the payload`);
  return appendFile(drive, encodeTrailers(hdr1, group, abandonedTotals(blocks), outcome), false);
}

export class EndOfDataMoved extends Error {
  readonly code = 'EndOfDataMoved';
}

const standInHdr1 = (group: number, barcode: string, now: Date): Hdr1 => ({
  label: 'HDR1',
  fileId: 'ABANDONED',
  volumeId: volumeIdOf(barcode),
  sequence: (group + 1) % 10_000,
  created: now,
  expires: 'none',
  blocks: 0,
});
