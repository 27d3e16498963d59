/**
 * From which tape each wanted segment is read: runs of segments in order, each from one tape. Pure.
 *
 * A copy is asked first whether it can be had: now, before later, before what has to be mended. A stream that the user
 * prefers is worth waiting for, but not worth a repair. Among equals: the tape that has failed this restore least, the
 * preferred stream, the tape that is being read anyway, the lower number.
 */
import type { Outlook } from './restore-tapes.ts';
import { contains, fromNumbers } from '../spans.ts';
import type { Span } from '../spans.ts';

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
  /** Could that copy not be read? */
  readonly isBad: (segment: number, tape: string) => boolean;
  readonly outlook: (tape: string) => Outlook['kind'];
  /** How often nothing came of reading this tape. */
  readonly failures: (tape: string) => number;
  /** The tape that is loaded or waited for. */
  readonly current?: string;
}

export type Areas =
  { readonly ok: true; readonly areas: readonly Area[] } | { readonly ok: false; readonly missing: readonly Span[] };

export const copyKey = (segment: number, tape: string): string => `${segment}/${tape}`;

export const chooseAreas = (choice: CopyChoice): Areas => {
  const bySegment = new Map<number, SegmentCopy[]>();
  for (const copy of choice.copies) {
    const usable = choice.outlook(copy.tape) !== 'never' && !choice.isBad(copy.segment, copy.tape);
    if (!usable || !contains(choice.wanted, copy.segment)) continue;
    const found = bySegment.get(copy.segment) ?? [];
    found.push(copy);
    bySegment.set(copy.segment, found);
  }
  const areas: Area[] = [];
  const missing: number[] = [];
  for (const span of choice.wanted) {
    for (let segment = span.first; segment <= span.last; segment += 1) {
      const copy = bestCopy(bySegment.get(segment) ?? [], choice, areas.at(-1)?.tape);
      if (copy === undefined) missing.push(segment);
      else append(areas, copy);
    }
  }
  return missing.length > 0 ? { ok: false, missing: fromNumbers(missing) } : { ok: true, areas };
};

/**
 * @param copies  usable ones
 * @param before  tape of the segment before: parts of one file are best taken from one copy
 */
export const bestCopy = (
  copies: readonly SegmentCopy[],
  { prefer, outlook, failures, current }: Pick<CopyChoice, 'prefer' | 'outlook' | 'failures' | 'current'>,
  before = current,
): SegmentCopy | undefined => {
  const rank = ({ stream }: SegmentCopy): number => {
    const at = prefer.indexOf(stream);
    return at < 0 ? prefer.length : at;
  };
  const wait = ({ stream, tape }: SegmentCopy): number => {
    const weight = waits[outlook(tape)];
    return prefer.includes(stream) && weight === waits.later ? waits.now : weight;
  };
  return [...copies].sort(
    (a, b) =>
      wait(a) - wait(b) ||
      failures(a.tape) - failures(b.tape) ||
      rank(a) - rank(b) ||
      Number(b.tape === before) - Number(a.tape === before) ||
      a.stream - b.stream ||
      compare(a, b),
  )[0];
};

const waits = { now: 0, later: 1, mended: 2, never: 3 } as const;

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
