/**
 * Hands out segments to streams: every segment on `copies` streams. With as many active streams as copies each gets all
 * that it lacks, to the open end of the plan; with more (striping) a short window ahead of each, so that a slow
 * stream holds nobody up and a lost one leaves little behind.
 */
import { contains, countOf, normalise, subtract, uniformSpans } from '../spans.ts';
import type { Span } from '../spans.ts';

export interface StreamWork {
  readonly stream: number;
  /** Runs now and takes work; what ended streams committed still counts as a copy. */
  readonly active: boolean;
  readonly assigned: readonly Span[];
  readonly committed: readonly Span[];
}

export interface PlanKnown {
  /** Data segments cut so far. */
  readonly segments: number;
  readonly complete: boolean;
}

/** Segments that each stream of a striped job has before it. */
export const windowSegments = 4;

/** @returns for each active stream everything that it has to write, what it has committed left out; sorted by stream */
export const assignSegments = (
  copies: number,
  plan: PlanKnown,
  streams: readonly StreamWork[],
): readonly { readonly stream: number; readonly assigned: readonly Span[] }[] => {
  const active = streams.filter((one) => one.active).sort((a, b) => a.stream - b.stream);
  const given = new Map<number, Span[]>(active.map((one) => [one.stream, []]));
  const end = plan.complete ? plan.segments - 1 : Infinity;
  const striped = active.length > copies;
  const stripedEnd = striped ? lastTouched(streams) : end;
  const sets = streams.flatMap((one) => [one.assigned, one.committed]);
  for (const span of uniformSpans(sets, Math.min(end, stripedEnd))) {
    for (const taker of takersOf(span, copies, streams, active)) given.get(taker.stream)?.push(span);
  }
  if (striped) stripe(copies, Math.min(end, plan.segments - 1), stripedEnd + 1, active, given);
  return active.map((one) => ({
    stream: one.stream,
    assigned: subtract(normalise(given.get(one.stream) ?? []), one.committed),
  }));
};

/** The span is uniform: each stream has all of it committed or nothing, assigned or not. */
const takersOf = (span: Span, copies: number, streams: readonly StreamWork[], active: readonly StreamWork[]) => {
  const done = streams.filter((one) => contains(one.committed, span.first)).length;
  const need = Math.max(0, copies - done);
  return active
    .filter((one) => !contains(one.committed, span.first))
    .sort((a, b) => Number(contains(b.assigned, span.first)) - Number(contains(a.assigned, span.first)))
    .slice(0, need);
};

const lastTouched = (streams: readonly StreamWork[]): number => {
  const lasts = streams.flatMap((one) => [...one.assigned, ...one.committed].map((span) => span.last));
  return Math.max(-1, ...lasts.filter(Number.isFinite));
};

const stripe = (
  copies: number,
  end: number,
  start: number,
  active: readonly StreamWork[],
  given: Map<number, Span[]>,
): void => {
  const pending = (one: StreamWork): number => countOf(subtract(given.get(one.stream) ?? [], one.committed));
  for (let next = start; next <= end; next += 1) {
    const takers = [...active].sort((a, b) => pending(a) - pending(b) || a.stream - b.stream).slice(0, copies);
    if (takers.some((one) => pending(one) >= windowSegments)) return;
    for (const taker of takers) given.get(taker.stream)?.push({ first: next, last: next });
  }
};

/**
 * How many copies the segments of a complete plan have.
 * @returns the least number over all segments, and those with fewer than `copies`
 */
export const coverageOf = (
  segments: number,
  copies: number,
  committed: readonly (readonly Span[])[],
): { readonly leastCopies: number; readonly lacking: readonly Span[] } => {
  let leastCopies = Infinity;
  const lacking: Span[] = [];
  for (const span of uniformSpans(committed, segments - 1)) {
    const have = committed.filter((set) => contains(set, span.first)).length;
    leastCopies = Math.min(leastCopies, have);
    if (have < copies) lacking.push(span);
  }
  return { leastCopies: Number.isFinite(leastCopies) ? leastCopies : 0, lacking: normalise(lacking) };
};
