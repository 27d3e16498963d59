/** What a restore that discards reads: every copy of every segment, one tape after the other. Pure. */
import type { Area, SegmentCopy } from './restore-areas.ts';
import { copyKey } from './restore-areas.ts';
import type { Choice, RestoreEnding, RestoreStatus, SeenRestore } from './restore-view.ts';
import type { Outlook } from './restore-tapes.ts';
import { contains, fromNumbers, normalise } from '../spans.ts';
import type { Span } from '../spans.ts';

/** So often nothing comes of a tape before it counts as one that can not be read. */
const patienceWithTape = 3;
/** As many as a status holds: there is no use in reading further. */
const mostBad = 256;

export type NextToVerify =
  { readonly kind: 'read'; readonly area: Area } | { readonly kind: 'end'; readonly ending: RestoreEnding };

/** @param granted  the tape in hand */
export const nextToVerify = (
  seen: SeenRestore,
  status: RestoreStatus,
  choice: Choice,
  granted?: string,
): NextToVerify => {
  const tapes = tapesOf(seen, choice).map((copies) => lookAt(seen, status, choice, copies));
  const open = tapes.filter(({ left, why }) => left.length > 0 && why === undefined);
  const current = granted ?? status.streams?.[0]?.tape;
  const [next] = open.toSorted(
    (a, b) =>
      Number(b.tape === current) - Number(a.tape === current) ||
      waits[a.outlook] - waits[b.outlook] ||
      a.failures - b.failures,
  );
  if (next === undefined || (status.badSegments ?? []).length >= mostBad)
    return { kind: 'end', ending: endingOf(status, choice, tapes) };
  return { kind: 'read', area: areaOf(next.left) };
};

/** What is still to be read of the segments that stand on a tape. */
export const leftOn = (seen: SeenRestore, status: RestoreStatus, choice: Choice, tape: string): readonly Span[] =>
  spansOf(
    left(
      seen,
      status,
      copiesIn(seen, choice).filter((copy) => copy.tape === tape),
    ),
  );

/** What was read of a tape, good or bad. */
export const readOn = (seen: SeenRestore, status: RestoreStatus, tape: string): readonly Span[] =>
  normalise([
    ...(seen.report.readBack ?? []).filter((one) => one.tape === tape),
    ...fromNumbers((status.badSegments ?? []).filter((one) => one.tape === tape).map(({ segment }) => segment)),
  ]);

/** Copies to verify; one for each segment of each tape. */
export const copiesIn = ({ discards }: Pick<SeenRestore, 'discards'>, { copies }: Pick<Choice, 'copies'>) => {
  const streams = discards?.streams ?? [];
  const known = new Map<string, SegmentCopy>();
  for (const copy of copies) {
    if (streams.length > 0 && !streams.includes(copy.stream)) continue;
    known.set(copyKey(copy.segment, copy.tape), copy);
  }
  return [...known.values()];
};

const waits = { now: 0, later: 1, mended: 2, never: 3 } as const;

interface Look {
  readonly tape: string;
  readonly barcode: string;
  readonly left: readonly SegmentCopy[];
  readonly outlook: Outlook['kind'];
  readonly failures: number;
  /** Why what is left can not be read. */
  readonly why?: { readonly reason: string; readonly message: string };
}

/** By stream, then by name. */
const tapesOf = (seen: SeenRestore, choice: Choice): readonly (readonly SegmentCopy[])[] =>
  [...Map.groupBy(copiesIn(seen, choice), ({ tape }) => tape).values()].toSorted((a, b) => {
    const [one, other] = [a[0], b[0]];
    return (one?.stream ?? 0) - (other?.stream ?? 0) || ((one?.tape ?? '') < (other?.tape ?? '') ? -1 : 1);
  });

const lookAt = (seen: SeenRestore, status: RestoreStatus, choice: Choice, copies: readonly SegmentCopy[]): Look => {
  const { tape = '', barcode = '' } = copies[0] ?? {};
  const outlook = choice.outlook(tape);
  const failures = (status.areas ?? []).filter((area) => area.tape === tape && area.state === 'Failed').length;
  const look = { tape, barcode, left: left(seen, status, copies), outlook: outlook.kind, failures };
  if (outlook.kind === 'never') return { ...look, why: outlook.shortage };
  if (failures < patienceWithTape) return look;
  return { ...look, why: { reason: 'NothingRead', message: `${failures} workers have read nothing from it` } };
};

const left = (seen: SeenRestore, status: RestoreStatus, copies: readonly SegmentCopy[]): readonly SegmentCopy[] => {
  const [first] = copies;
  if (first === undefined) return [];
  const read = readOn(seen, status, first.tape);
  return copies.filter(({ segment }) => !contains(read, segment)).toSorted((a, b) => a.segment - b.segment);
};

const spansOf = (copies: readonly SegmentCopy[]): readonly Span[] => fromNumbers(copies.map(({ segment }) => segment));

const areaOf = (copies: readonly SegmentCopy[]): Area => {
  const [first] = copies;
  if (first === undefined) throw new RangeError('an area without segments');
  const { library, tape, barcode, labelId, stream, segment } = first;
  // A tape that was labelled anew holds others.
  const same = copies.filter((copy) => copy.labelId === labelId);
  return {
    ...{ library, tape, barcode, labelId, stream, first: segment, last: same.at(-1)?.segment ?? segment },
    segments: same.length,
    bytes: same.reduce((sum, { bytes }) => sum + bytes, 0),
  };
};

const endingOf = (status: RestoreStatus, choice: Choice, tapes: readonly Look[]): RestoreEnding => {
  const bad = status.badSegments ?? [];
  const unread = tapes.filter((look) => look.left.length > 0);
  if (tapes.length === 0)
    return failed(
      'NoCopies',
      'there is no copy to read: see spec.target.discard.streams and the records of the backup',
    );
  if (bad.length > 0)
    return failed(
      'CopiesBad',
      [...bad.slice(0, 8).map(badText), ...moreOf(bad.length), ...unread.map(unreadText)].join('; '),
    );
  const [first] = unread;
  if (first !== undefined) return failed(first.why?.reason ?? 'CopiesNotRead', unread.map(unreadText).join('; '));
  const count = new Set(choice.copies.map(({ segment }) => segment)).size;
  const barcodes = tapes.map(({ barcode }) => barcode).join(', ');
  return {
    ...{ result: 'Succeeded', reason: 'Verified' },
    message: `all copies of ${count} segments on ${barcodes} were read back and agree with their records`,
  };
};

const moreOf = (count: number): readonly string[] => (count > 8 ? [`and ${count - 8} more`] : []);

type BadSegment = NonNullable<RestoreStatus['badSegments']>[number];

const badText = ({ segment, tape, reason = 'Bad', message = '' }: BadSegment): string =>
  `segment ${segment} on ${tape}: ${reason}: ${message}`;

const unreadText = ({ barcode, left: copies, why }: Look): string =>
  `${copies.length} segments on ${barcode} were not read: ${why?.message ?? 'too many others are bad'}`;

const failed = (reason: string, message: string): RestoreEnding => ({
  ...{ result: 'Failed', reason },
  message: message.slice(0, 2048),
});
