/** Copies that a restore found to be bad: some are told singly, all are kept as ranges. Pure. */
import type { RestoreReport, RestoreStatus } from './restore-view.ts';
import { contains, normalise } from '../spans.ts';
import type { Span } from '../spans.ts';

const maxTold = 256;
const maxRanges = 1024;

type BadRanges = NonNullable<RestoreStatus['badRanges']>;

/** What the workers report, on top of what is known. */
export const withBad = (
  status: RestoreStatus,
  report: RestoreReport,
): Pick<RestoreStatus, 'badSegments' | 'badRanges' | 'ending'> => {
  const known = status.badSegments ?? [];
  const fresh = report.bad.filter((one) => !known.some((old) => old.segment === one.segment && old.tape === one.tape));
  const badRanges = joined([...(status.badRanges ?? []), ...(report.badRanges ?? []), ...fresh.map(rangeOf)]);
  return {
    ...(fresh.length === 0 ? {} : { badSegments: [...known, ...fresh].slice(0, maxTold) }),
    ...(badRanges.length === 0 ? {} : { badRanges: badRanges.slice(0, maxRanges) }),
    ...(badRanges.length < maxRanges || status.ending !== undefined ? {} : { ending: tooMany }),
  };
};

const tooMany = {
  result: 'Failed',
  reason: 'SegmentsUnreadable',
  message: `copies are bad in ${maxRanges} places and more, which is more than can be told`,
} as const;

const rangeOf = ({ segment, tape }: { readonly segment: number; readonly tape: string }) => ({
  ...{ tape, first: segment, last: segment },
});

/** By tape, in order, joined where they touch. */
const joined = (ranges: readonly (Span & { readonly tape: string })[]): BadRanges =>
  [...Map.groupBy(ranges, ({ tape }) => tape)].flatMap(([tape, ofTape]) =>
    normalise(ofTape.map(({ first, last }) => ({ first, last }))).map(({ first, last }) => ({ tape, first, last })),
  );

export const isBadIn = ({ badSegments = [], badRanges = [] }: RestoreStatus) => {
  const byTape = Map.groupBy([...badRanges, ...badSegments.map(rangeOf)], ({ tape }) => tape);
  return (segment: number, tape: string): boolean => contains(byTape.get(tape) ?? [], segment);
};
