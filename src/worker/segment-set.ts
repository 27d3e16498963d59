import type { AssignedRange } from '../api/generated/shared.ts';

export interface PlanExtent {
  /** Data segments cut so far. */
  readonly segments: number;
  readonly complete: boolean;
  /** Absent until the plan is complete, and where there is none. */
  readonly linksSegment?: number;
}

/**
 * The lowest assigned segment that is not in `done`. Open-ended ranges end with the data segments; `links` is taken
 * only where a range with an end names it.
 *
 * @returns undefined when there is nothing to do now
 */
export const lowestAssigned = (
  assigned: readonly AssignedRange[],
  plan: PlanExtent,
  done: ReadonlySet<number>,
): number | undefined => {
  let lowest: number | undefined;
  for (const range of assigned) {
    const end = Math.min(range.last ?? Infinity, plan.segments - 1);
    for (let n = range.first; n <= end && (lowest === undefined || n < lowest); n += 1) {
      if (done.has(n)) continue;
      lowest = n;
    }
    const { linksSegment: links } = plan;
    const namesLinks = links !== undefined && range.last !== undefined && range.first <= links && links <= range.last;
    if (namesLinks && !done.has(links) && lowest === undefined) lowest = links;
  }
  return lowest;
};

export const isAssigned = (assigned: readonly AssignedRange[], segment: number): boolean =>
  assigned.some(({ first, last }) => first <= segment && segment <= (last ?? Infinity));
