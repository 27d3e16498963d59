/** From which tape each wanted segment is read: runs of segments in order, each from one tape. Pure. */
import { contains, fromNumbers } from './spans.ts';
import type { Span } from './spans.ts';

/** One copy of one segment, as its commit says. */
export interface SegmentCopy {
  readonly segment: number;
  readonly stream: number;
  readonly library: string;
  readonly tape: string;
  readonly barcode: string;
  readonly labelId: string;
  readonly bytes: number;
}

export interface Area {
  readonly library: string;
  readonly tape: string;
  readonly barcode: string;
  readonly labelId: string;
  readonly stream: number;
  readonly first: number;
  readonly last: number;
  readonly segments: number;
  readonly bytes: number;
}

export interface CopyChoice {
  /** Segments to read; read in ascending order, since later ones complete what earlier ones began. */
  readonly wanted: readonly Span[];
  readonly copies: readonly SegmentCopy[];
  /** Streams whose copies are taken first. */
  readonly prefer: readonly number[];
  /** Copies that could not be read, as `segment/tape`. */
  readonly bad: ReadonlySet<string>;
  /** Tapes that can be had at all. */
  readonly available: (tape: string) => boolean;
}

export type Areas =
  { readonly ok: true; readonly areas: readonly Area[] } | { readonly ok: false; readonly missing: readonly Span[] };

export const copyKey = (segment: number, tape: string): string => `${segment}/${tape}`;

export const chooseAreas = (choice: CopyChoice): Areas => {
  const bySegment = new Map<number, SegmentCopy[]>();
  for (const copy of choice.copies) {
    const usable = choice.available(copy.tape) && !choice.bad.has(copyKey(copy.segment, copy.tape));
    if (!usable || !contains(choice.wanted, copy.segment)) continue;
    const found = bySegment.get(copy.segment) ?? [];
    found.push(copy);
    bySegment.set(copy.segment, found);
  }
  const areas: Area[] = [];
  const missing: number[] = [];
  for (const span of choice.wanted) {
    for (let segment = span.first; segment <= span.last; segment += 1) {
      const copy = bestOf(bySegment.get(segment) ?? [], choice.prefer, areas.at(-1)?.tape);
      if (copy === undefined) missing.push(segment);
      else append(areas, copy);
    }
  }
  return missing.length > 0 ? { ok: false, missing: fromNumbers(missing) } : { ok: true, areas };
};

/** The preferred stream, else the tape that is being read anyway: parts of one file are best taken from one copy. */
const bestOf = (
  copies: readonly SegmentCopy[],
  prefer: readonly number[],
  current: string | undefined,
): SegmentCopy | undefined => {
  const rank = (copy: SegmentCopy): number => {
    const at = prefer.indexOf(copy.stream);
    return at < 0 ? prefer.length : at;
  };
  return [...copies].sort(
    (a, b) =>
      rank(a) - rank(b) ||
      Number(b.tape === current) - Number(a.tape === current) ||
      a.stream - b.stream ||
      compare(a, b),
  )[0];
};

const compare = (a: SegmentCopy, b: SegmentCopy): number => (a.tape < b.tape ? -1 : a.tape > b.tape ? 1 : 0);

const append = (areas: Area[], copy: SegmentCopy): void => {
  const { library, tape, barcode, labelId, stream, bytes, segment } = copy;
  const before = areas.at(-1);
  if (before?.tape === tape && before.labelId === labelId) {
    areas[areas.length - 1] = {
      ...before,
      last: segment,
      segments: before.segments + 1,
      bytes: before.bytes + bytes,
    };
  } else {
    areas.push({ library, tape, barcode, labelId, stream, first: segment, last: segment, segments: 1, bytes });
  }
};
