import type { RestoreTotals } from '../archive/restore-report.ts';
import type { BackupSaveRecordStatus } from '../api/generated/backup-save-record.ts';

type RestoreStatus = NonNullable<BackupSaveRecordStatus['restore']>;
type Range = NonNullable<RestoreStatus['done']>[number];
type BadRange = NonNullable<RestoreStatus['badRanges']>[number];

const mostFailures = 100;
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
  const { files, folders, others, hardLinks, bytes, failed, failures, found } = totals;
  if (found.length > 0) next.found = [...new Set([...(next.found ?? []), ...found])].slice(0, mostFound);
  next.filesRestored = (next.filesRestored ?? 0) + files;
  next.bytesRestored = (next.bytesRestored ?? 0) + bytes;
  next.entries = (next.entries ?? 0) + files + folders + others + hardLinks;
  next.failureCount = (next.failureCount ?? 0) + failed;
  const told = failures.map(({ path, code }) => ({ path, reason: code }));
  next.failures = [...(next.failures ?? []), ...told].slice(0, mostFailures);
};

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
