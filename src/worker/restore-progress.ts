import type { RestoreExample, RestoreFailure, RestoreTotals } from '../archive/restore-report.ts';
import type { BackupSaveRecordStatus } from '../api/generated/backup-save-record.ts';
import { bounded, boundedPath, boundedReason } from '../api/status-text.ts';

type RestoreStatus = NonNullable<BackupSaveRecordStatus['restore']>;
type Range = NonNullable<RestoreStatus['done']>[number];
type Failure = NonNullable<RestoreStatus['failures']>[number];
type Example = NonNullable<RestoreStatus['examples']>[number];
type BadRange = NonNullable<RestoreStatus['badRanges']>[number];

const mostFailures = 100;
/** All of them have to fit into one object, whose schema would take longer ones. */
const failurePathLength = 4096;
const examplePathLength = 1024;
const mostExamplesEach = 5;
/** What is told first. */
const reasons: readonly Example['reason'][] = ['Damaged', 'AttributeFailed', 'LinkNotJoined', 'Kept'];
const mostBadSegments = 256;
const mostBadRanges = 1024;
/** As many paths as a restore may name. */
const mostFound = 512;

/** What became of one segment, not yet on the head. */
export type SegmentNews =
  | { readonly kind: 'done'; readonly segment: number; readonly totals: readonly RestoreTotals[] }
  /** Read back and good, with nothing made of it. */
  | { readonly kind: 'read'; readonly segment: number; readonly barcode: string; readonly labelId: string }
  | {
      readonly kind: 'bad';
      readonly segment: number;
      readonly barcode: string;
      readonly group: number;
      readonly reason: string;
      readonly message: string;
    };

/**
 * Adds the news to what stands on the head. A segment that is done there already adds nothing, so that a write whose
 * answer was lost may be made again. Pure.
 */
export const addNews = (status: RestoreStatus | undefined, news: readonly SegmentNews[]): RestoreStatus => {
  const next: RestoreStatus = { ...status };
  for (const one of news) {
    if (one.kind === 'bad') addBad(next, one);
    else if (one.kind === 'read') addRead(next, one);
    else if (!isDone(next.done ?? [], one.segment)) addDone(next, one);
  }
  return next;
};

export const isDone = (done: readonly Range[], segment: number): boolean =>
  done.some(({ first, last }) => first <= segment && segment <= last);

const addBad = (next: RestoreStatus, { segment, barcode, group, reason, message }: SegmentNews & { kind: 'bad' }) => {
  next.badRanges = withBad(next.badRanges ?? [], segment, barcode);
  const known = next.badSegments ?? [];
  if (known.some((bad) => bad.segment === segment && bad.barcode === barcode && bad.group === group)) return;
  const entry = { segment, barcode, group, reason, message: message.slice(0, 1024) };
  next.badSegments = [...known, entry].slice(0, mostBadSegments);
};

/** Nothing that is bad is forgotten, or it would be read again and again. */
const withBad = (known: readonly BadRange[], segment: number, barcode: string): BadRange[] => {
  const isOfTape = (one: BadRange): boolean => one.barcode === barcode;
  const ofTape = withSegment(known.filter(isOfTape), segment).map((range) => ({ barcode, ...range }));
  return [...known.filter((one) => !isOfTape(one)), ...ofTape].slice(0, mostBadRanges);
};

const addRead = (next: RestoreStatus, { segment, barcode, labelId }: SegmentNews & { kind: 'read' }): void => {
  const known = next.readBack ?? [];
  const isOfTape = (one: (typeof known)[number]): boolean => one.barcode === barcode && one.labelId === labelId;
  const ofTape = known.filter(isOfTape);
  if (isDone(ofTape, segment)) return;
  next.segmentsRead = (next.segmentsRead ?? 0) + 1;
  const ranges = withSegment(ofTape, segment).map(({ first, last }) => ({ barcode, labelId, first, last }));
  next.readBack = [...known.filter((one) => !isOfTape(one)), ...ranges];
};

const addDone = (next: RestoreStatus, { segment, totals }: SegmentNews & { kind: 'done' }): void => {
  next.segmentsRead = (next.segmentsRead ?? 0) + 1;
  next.done = withSegment(next.done ?? [], segment);
  for (const total of totals) addTotals(next, total);
};

export const addTotals = (next: RestoreStatus, totals: RestoreTotals): void => {
  const { files, folders, others, hardLinks, bytes, failed, failures, found, examples } = totals;
  if (found.length > 0) next.found = [...new Set([...(next.found ?? []), ...found])].slice(0, mostFound);
  next.filesRestored = (next.filesRestored ?? 0) + files;
  next.bytesRestored = (next.bytesRestored ?? 0) + bytes;
  next.entries = (next.entries ?? 0) + files + folders + others + hardLinks;
  next.failureCount = (next.failureCount ?? 0) + failed;
  next.failures = [...(next.failures ?? []), ...failures.map(fittingFailure)].slice(0, mostFailures);
  next.damaged = (next.damaged ?? 0) + totals.flagged;
  next.attributesFailed = (next.attributesFailed ?? 0) + totals.attributesFailed;
  next.linksNotJoined = (next.linksNotJoined ?? 0) + totals.notJoined;
  next.kept = (next.kept ?? 0) + totals.kept;
  if (examples.length > 0) next.examples = firstOfEach([...(next.examples ?? []), ...examples.map(fittingExample)]);
};

const fittingFailure = ({ path, code }: RestoreFailure): Failure => {
  const fitting = boundedPath(path, failurePathLength);
  const reason = boundedReason(code);
  const notes = [...(reason === code ? [] : [code]), ...(fitting === path ? [] : ['the path goes on'])];
  return { path: fitting, reason, ...(notes.length > 0 && { message: bounded(notes.join('; '), 'detail') }) };
};

const fittingExample = ({ path, reason, message }: RestoreExample): Example => ({
  path: boundedPath(path, examplePathLength),
  reason,
  ...(message !== undefined && { message: bounded(message, 'example') }),
});

const firstOfEach = (all: readonly Example[]): Example[] =>
  reasons.flatMap((reason) => all.filter((one) => one.reason === reason).slice(0, mostExamplesEach));

/** Ranges in order, joined where they touch. */
export const withSegment = (done: readonly Range[], segment: number): Range[] => {
  const all = [...done.map(({ first, last }) => ({ first, last })), { first: segment, last: segment }].sort(
    (a, b) => a.first - b.first,
  );
  const joined: Range[] = [];
  for (const { first, last } of all) {
    const before = joined.at(-1);
    if (before !== undefined && first <= before.last + 1) before.last = Math.max(before.last, last);
    else joined.push({ first, last });
  }
  return joined;
};
