import type { SavePage } from '../api/generated/save-page.ts';
import type { Boundary } from '../api/generated/shared.ts';
import { labels, pageName } from '../api/names.ts';
import { savePages } from '../api/resources.ts';
import type { PlanOrder } from '../api/worker-order.ts';
import { isApiError, type Api } from '../kube/api.ts';
import { createIfAbsent, getIfPresent } from '../kube/writes.ts';
import { WorkerStopped } from './failure.ts';

const mostBoundaries = 256;
const mostBytes = 262_144;

export interface PlanTotals {
  readonly segments: number;
  readonly bytes: number;
  readonly weight: number;
  readonly files: number;
  readonly entries: number;
}

const nothing: PlanTotals = { segments: 0, bytes: 0, weight: 0, files: 0, entries: 0 };

/** The boundaries of a plan, appended page by page. */
export class PlanPages {
  readonly #api: Api;
  readonly #order: PlanOrder;
  #pages = 0;
  #page: SavePage | undefined;
  #boundaries: Boundary[] = [];
  #bytes = 0;
  #waiting: Boundary[] = [];
  totals: PlanTotals = nothing;

  constructor(api: Api, order: PlanOrder) {
    this.#api = api;
    this.#order = order;
  }

  get pages(): number {
    return this.#pages;
  }

  /** Reads what planners before this one have recorded. @returns the last boundary */
  async readAll(signal: AbortSignal): Promise<Boundary | undefined> {
    const { operatorNamespace: namespace, record } = this.#order;
    let last: Boundary | undefined;
    for (;;) {
      const page = await getIfPresent(this.#api, savePages, { namespace, name: pageName(record, this.#pages) }, signal);
      if (page === undefined) return last;
      this.#pages += 1;
      const boundaries = page.status?.boundaries ?? [];
      for (const boundary of boundaries) this.totals = addTo(this.totals, boundary);
      last = boundaries.at(-1) ?? last;
      const isOurs = page.spec.pod === this.#order.pod;
      if (!isOurs && page.status?.closed !== true && (await this.#close(page, signal)) === 'changed')
        return this.#again(signal);
      this.#page = isOurs ? page : undefined;
      this.#boundaries = isOurs ? [...boundaries] : [];
      this.#bytes = JSON.stringify(this.#boundaries).length;
    }
  }

  /**
   * From here on a planner before this one can't append to its page any more: its next write conflicts and it stops.
   * Two planners that append would cut two different plans.
   */
  async #close(page: SavePage, signal: AbortSignal): Promise<'closed' | 'changed'> {
    const ref = { namespace: this.#order.operatorNamespace, name: page.metadata.name };
    const body = { metadata: { resourceVersion: page.metadata.resourceVersion }, status: { closed: true } };
    try {
      await this.#api.patch(savePages, ref, body, { type: 'merge', subresource: 'status' }, signal);
      return 'closed';
    } catch (error) {
      if (isApiError(error, 'Conflict')) return 'changed';
      // Where a worker may write its own pages only, the operator sees to it that there is one planner at a time.
      if (isApiError(error, 'Forbidden')) return 'closed';
      throw error;
    }
  }

  #again(signal: AbortSignal): Promise<Boundary | undefined> {
    this.#pages = 0;
    this.totals = nothing;
    return this.readAll(signal);
  }

  /** Takes a boundary in; it is written by the next `flush`. */
  add(boundary: Boundary): void {
    this.#waiting.push(boundary);
  }

  /** Writes what was added: as many pages as it takes. @throws ApiError; may then be called again */
  async flush(signal: AbortSignal): Promise<void> {
    while (this.#waiting.length > 0) {
      const page = await this.#roomFor(this.#waiting[0], signal);
      const taken = this.#take();
      const { operatorNamespace: namespace } = this.#order;
      const ref = { namespace, name: page.metadata.name };
      const body = {
        metadata: { resourceVersion: page.metadata.resourceVersion },
        status: { boundaries: [...this.#boundaries, ...taken] },
      };
      try {
        this.#page = await this.#api.patch(savePages, ref, body, { type: 'merge', subresource: 'status' }, signal);
      } catch (error) {
        // Only this planner writes here: a conflict means that an answer was lost.
        if (!isApiError(error, 'Conflict')) throw error;
        this.#page = await this.#api.get(savePages, ref, signal);
        if (this.#page.status?.closed === true)
          throw new WorkerStopped('ForeignPod', `another planner has closed ${ref.name}`);
        this.#boundaries = [...(this.#page.status?.boundaries ?? [])];
        const known = this.#boundaries.at(-1)?.number ?? -1;
        for (const boundary of this.#waiting) if (boundary.number <= known) this.totals = addTo(this.totals, boundary);
        this.#waiting = this.#waiting.filter(({ number }) => number > known);
        continue;
      }
      for (const boundary of taken) this.totals = addTo(this.totals, boundary);
      this.#boundaries.push(...taken);
      this.#bytes = JSON.stringify(this.#boundaries).length;
      this.#waiting.splice(0, taken.length);
    }
  }

  async #roomFor(next: Boundary | undefined, signal: AbortSignal): Promise<SavePage> {
    const size = JSON.stringify(next).length;
    if (this.#page !== undefined && this.#boundaries.length < mostBoundaries && this.#bytes + size <= mostBytes)
      return this.#page;
    const { object } = await createIfAbsent(this.#api, savePages, this.#newPage(), signal);
    this.#pages += 1;
    this.#page = object;
    this.#boundaries = [...(object.status?.boundaries ?? [])];
    this.#bytes = JSON.stringify(this.#boundaries).length;
    return object;
  }

  /** What of the waiting boundaries fits into the page. */
  #take(): readonly Boundary[] {
    const taken: Boundary[] = [];
    let bytes = this.#bytes;
    for (const boundary of this.#waiting) {
      bytes += JSON.stringify(boundary).length + 1;
      const isFull = this.#boundaries.length + taken.length >= mostBoundaries || bytes > mostBytes;
      // One boundary always fits into a page of its own: its path is never longer than `MAX_BOUNDARY_LENGTH`.
      if (isFull && taken.length > 0) break;
      if (isFull && this.#boundaries.length > 0) break;
      taken.push(boundary);
    }
    return taken;
  }

  #newPage(): SavePage {
    const { operatorNamespace: namespace, record, job, pod, lockPages } = this.#order;
    return {
      metadata: {
        name: pageName(record, this.#pages),
        namespace,
        labels: {
          [labels.jobUid]: job.uid,
          [labels.record]: record,
          [labels.type]: 'Plan',
          ...(lockPages ? { [labels.locked]: 'true' } : {}),
        },
      },
      spec: { type: 'Plan', record, page: this.#pages, job, pod },
    };
  }
}

const addTo = (totals: PlanTotals, boundary: Boundary): PlanTotals => ({
  segments: totals.segments + 1,
  bytes: totals.bytes + (boundary.bytes ?? 0),
  weight: totals.weight + boundary.weight,
  files: totals.files + (boundary.files ?? 0),
  entries: totals.entries + boundary.entries,
});
