import type { Boundary } from '../api/generated/shared.ts';
import { pageName } from '../api/names.ts';
import { savePages } from '../api/resources.ts';
import type { Api } from '../kube/api.ts';
import type { PlanCursor, SegmentWork } from './ledger.ts';
import type { PlanExtent } from './segment-set.ts';

/** What has to be known of the plan as a whole. */
export interface PlanHead extends PlanExtent {
  readonly pages: number;
}

export interface NumberedCursor {
  readonly n: number;
  readonly from: PlanCursor;
}

const keptPages = 2;

/**
 * Boundaries by number, from plan pages that are read as they are needed; at most two are kept. Pages hold up to 256
 * boundaries, so a number's page is known once the first number of the pages before it is.
 */
export class PlanReader {
  readonly #api: Api;
  readonly #namespace: string;
  readonly #record: string;
  /** Number of the first boundary of each page that was read. */
  readonly #firstOf: number[] = [];
  #fileBegin: { readonly path: string; readonly segment: number } | undefined;
  readonly #pages = new Map<number, readonly Boundary[]>();

  constructor(api: Api, namespace: string, record: string) {
    this.#api = api;
    this.#namespace = namespace;
    this.#record = record;
  }

  /** Undefined while the segment's end is not cut yet. */
  async segment(n: number, plan: PlanHead, signal: AbortSignal): Promise<SegmentWork | undefined> {
    if (n === plan.linksSegment) return linksWork(n, plan);
    const here = await this.boundary(n, plan, signal);
    if (here === undefined) return undefined;
    const isLast = plan.complete && n === plan.segments - 1;
    const next = isLast ? undefined : await this.boundary(n + 1, plan, signal);
    if (next === undefined && !isLast) return undefined;
    return {
      kind: 'data',
      segment: n,
      from: cursorOf(here),
      ...(next === undefined ? {} : { to: cursorOf(next) }),
      weightBytes: here.weight,
      entries: here.entries,
      firstSegmentOfFile: await this.#firstSegmentOfFile(here, plan, signal),
      ...(plan.complete ? { count: plan.segments } : {}),
    };
  }

  async boundary(n: number, plan: PlanHead, signal: AbortSignal): Promise<Boundary | undefined> {
    if (n >= plan.segments) return undefined;
    const kept = this.#kept(n);
    if (kept !== undefined) return kept;
    for (let page = this.#pageBefore(n); page < plan.pages; page += 1) {
      const boundaries = await this.#read(page, signal);
      const found = boundaries.find((boundary) => boundary.number === n);
      if (found !== undefined) return found;
      // A page that its planner could not fill before it died stands empty before those of the next planner.
      const [first] = boundaries;
      if (first !== undefined && first.number > n) return undefined;
    }
    return undefined;
  }

  /** Every boundary in order, for the segment `links`, which has to place every path. */
  async all(plan: PlanHead, signal: AbortSignal): Promise<readonly NumberedCursor[]> {
    const all: NumberedCursor[] = [];
    for (let page = 0; page < plan.pages; page += 1) {
      for (const boundary of await this.#read(page, signal))
        if (boundary.number < plan.segments) all.push({ n: boundary.number, from: cursorOf(boundary) });
    }
    return all;
  }

  /** The last answer is kept: the parts of one file follow one another. */
  async #firstSegmentOfFile(here: Boundary, plan: PlanHead, signal: AbortSignal): Promise<number> {
    if (here.offset === 0) return here.number;
    if (this.#fileBegin?.path === here.path) return this.#fileBegin.segment;
    let at: Boundary | undefined = here;
    while (at !== undefined && at.number > 0 && at.offset > 0 && at.path === here.path)
      at = await this.boundary(at.number - 1, plan, signal);
    const segment = at?.number ?? here.number;
    this.#fileBegin = { path: here.path, segment };
    return segment;
  }

  #kept(n: number): Boundary | undefined {
    for (const boundaries of this.#pages.values()) {
      const found = boundaries[n - (boundaries[0]?.number ?? 0)];
      if (found?.number === n) return found;
    }
    return undefined;
  }

  #pageBefore(n: number): number {
    let page = 0;
    while ((this.#firstOf[page + 1] ?? Infinity) <= n) page += 1;
    return page;
  }

  async #read(page: number, signal: AbortSignal): Promise<readonly Boundary[]> {
    const ref = { namespace: this.#namespace, name: pageName(this.#record, page) };
    const boundaries = (await this.#api.get(savePages, ref, signal)).status?.boundaries ?? [];
    const first = boundaries[0]?.number;
    if (first !== undefined) this.#firstOf[page] = first;
    this.#pages.delete(page);
    this.#pages.set(page, boundaries);
    for (const oldest of this.#pages.keys()) if (this.#pages.size > keptPages) this.#pages.delete(oldest);
    return boundaries;
  }
}

const cursorOf = ({ path, offset }: Boundary): PlanCursor => ({ path, offset });

const linksWork = (segment: number, plan: PlanHead): SegmentWork => ({
  kind: 'links',
  segment,
  from: { path: '', offset: 0 },
  weightBytes: 0,
  entries: 0,
  firstSegmentOfFile: segment,
  ...(plan.complete ? { count: plan.segments } : {}),
});
