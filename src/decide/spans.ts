/** Sets of segment numbers as sorted, disjoint, inclusive spans. `last: Infinity` is an open end. */

export interface Span {
  readonly first: number;
  readonly last: number;
}

/** Sorts and joins what touches or overlaps. */
export const normalise = (spans: readonly Span[]): readonly Span[] => {
  const joined: { first: number; last: number }[] = [];
  for (const span of [...spans].sort((a, b) => a.first - b.first)) {
    const before = joined.at(-1);
    if (span.last < span.first) continue;
    if (before !== undefined && span.first <= before.last + 1) before.last = Math.max(before.last, span.last);
    else joined.push({ ...span });
  }
  return joined;
};

export const fromNumbers = (numbers: Iterable<number>): readonly Span[] =>
  normalise([...numbers].map((number) => ({ first: number, last: number })));

export const contains = (spans: readonly Span[], number: number): boolean =>
  spans.some((span) => span.first <= number && number <= span.last);

export const countOf = (spans: readonly Span[]): number =>
  spans.reduce((sum, span) => sum + (span.last - span.first + 1), 0);

export const subtract = (from: readonly Span[], what: readonly Span[]): readonly Span[] => {
  let left = normalise(from);
  for (const hole of normalise(what)) {
    left = left.flatMap((span) =>
      [
        { first: span.first, last: Math.min(span.last, hole.first - 1) },
        { first: Math.max(span.first, hole.last + 1), last: span.last },
      ].filter((piece) => piece.first <= piece.last),
    );
  }
  return left;
};

/**
 * Cuts the number line into spans inside which no given set changes.
 * @param sets  any spans
 * @param last  end of the line, may be Infinity
 */
export const uniformSpans = (sets: readonly (readonly Span[])[], last: number): readonly Span[] => {
  const starts = new Set([0]);
  for (const span of sets.flat()) {
    starts.add(span.first);
    if (Number.isFinite(span.last)) starts.add(span.last + 1);
  }
  const sorted = [...starts].filter((start) => start <= last).sort((a, b) => a - b);
  return sorted.map((first, index) => ({ first, last: (sorted[index + 1] ?? last + 1) - 1 }));
};
