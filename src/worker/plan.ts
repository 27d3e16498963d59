import { Worker } from 'node:worker_threads';
import { segmentBytesAt } from '../archive/plan.ts';
import type { Boundary, PlanSummary } from '../api/generated/shared.ts';
import type { PlanOrder } from '../api/worker-order.ts';
import { isApiError } from '../kube/api.ts';
import { realClock } from '../kube/clock.ts';
import { needFolder, type RoleContext } from './environment.ts';
import { WorkerFailure } from './failure.ts';
import { apiFailure, Head, withPatience } from './head.ts';
import { readMachineId } from './machine-id.ts';
import { openPlanInbox, type Begun } from './plan-inbox.ts';
import { PlanPages } from './plan-pages.ts';
import type { CutSegment, ToPlanWalker } from './plan-walker-protocol.ts';
import type { RoleResult } from './termination.ts';

/** How long the API may be away before planning gives up; it is resumed from where it got to. */
const patienceMs = 120_000;
const writeEveryMs = 300;
const heartbeatMs = 5_000;

/** Cuts the boundaries of a backup, once, and records them as they are cut. */
export const runPlan = async (order: PlanOrder, context: RoleContext): Promise<RoleResult> => {
  if (order.source.kind === 'command') {
    const message = 'The output of a command is not planned by this version.';
    throw new WorkerFailure({ reason: 'SourceNotSupported', fault: 'order', message });
  }
  const source = needFolder(context.folders, 'source');
  try {
    return await new Planner(order, source, context).run();
  } catch (error) {
    throw isApiError(error) ? apiFailure(`plan ${order.record}`, error) : error;
  }
};

class Planner {
  readonly #order: PlanOrder;
  readonly #source: string;
  readonly #context: RoleContext;
  readonly #pages: PlanPages;

  constructor(order: PlanOrder, source: string, context: RoleContext) {
    this.#order = order;
    this.#source = source;
    this.#context = context;
    this.#pages = new PlanPages(context.api, order);
  }

  async run(): Promise<RoleResult> {
    const { api, stop } = this.#context;
    const ref = { namespace: this.#order.operatorNamespace, name: this.#order.record };
    const deps = { api, clock: realClock, ref, owner: { pod: this.#order.pod } };
    const head = await withPatience(realClock, patienceMs, stop, () => Head.open(deps, stop));
    if (head.status.plan?.complete === true) return { message: 'The plan is complete already.' };
    const last = await withPatience(realClock, patienceMs, stop, () => this.#pages.readAll(stop));
    await this.#follow(head, last);
    const { segments, files, bytes } = this.#pages.totals;
    return { message: `${segments} segments, ${files} files, ${bytes} bytes.` };
  }

  /** Records what the walker tells until it has met the end of the source. */
  async #follow(head: Head, last: Boundary | undefined): Promise<void> {
    const { stop } = this.#context;
    // It closes what system calls of our own have opened, of which Node knows nothing.
    const options = { name: 'plan', trackUnmanagedFds: false };
    const walker = new Worker(new URL('./plan-walker-thread.ts', import.meta.url), options);
    const inbox = openPlanInbox(walker, realClock, stop);
    walker.postMessage(this.#walkOrder(head.status.plan, last));
    const begun = await inbox.begun;
    await this.#begin(head, begun);
    const tell = (more: PlanSummary): Promise<void> => this.#tell(head, begun, more, inbox.met());
    for (let at = 0; ;) {
      const complete = await inbox.next(writeEveryMs);
      const cut = inbox.take();
      for (const segment of cut) if (segment.number > (last?.number ?? -1)) this.#pages.add(boundaryOf(segment));
      await withPatience(realClock, patienceMs, stop, () => this.#pages.flush(stop));
      if (complete) break;
      if (cut.length === 0 && performance.now() - at < heartbeatMs) continue;
      at = performance.now();
      await tell({});
    }
    const linksSegment = this.#pages.totals.segments;
    await tell({ complete: true, linksSegment, endedAt: new Date().toISOString() });
    await walker.terminate();
  }

  #walkOrder(plan: PlanSummary | undefined, last: Boundary | undefined): ToPlanWalker {
    const { source, sourceFolder, job, segmentBytes } = this.#order;
    const { include, exclude, oneFileSystem } = source;
    const wish = segmentBytes === undefined ? {} : { segmentBytes };
    const place = { source: this.#source, sourceFolder } as const;
    const order = { kind: 'walk', ...place, jobUid: job.uid, include, exclude, oneFileSystem } as const;
    if (plan?.folder === undefined || plan.segmentBytes === undefined) return { ...order, ...wish };
    const workFolder = `.twinreel-${plan.folder}`;
    const n = last?.number ?? 0;
    const from = last === undefined ? { path: '', offset: 0 } : { path: last.path, offset: last.offset };
    // The head tells the size that holds now; the walker counts from the one that it began with.
    const begunWith = plan.segmentBytes / segmentBytesAt(Math.max(0, (plan.segments ?? 0) - 1), 1);
    return { ...order, resume: { workFolder, segmentBytes: begunWith, n, from } };
  }

  async #begin(head: Head, begun: Begun): Promise<void> {
    const started = head.status.plan?.startedAt ?? new Date().toISOString();
    const { rootInode, rootSize, segmentBytes, workFolder } = begun;
    const folder = workFolder.replace(/^\.twinreel-/, '');
    const seen: PlanSummary = { rootInode, rootSize, machineID: readMachineId(), folder, unit: 'Paths' };
    const known = head.status.plan?.folder === undefined ? { ...seen, segmentBytes } : {};
    await this.#tell(head, begun, { ...known, startedAt: started });
  }

  /** Head writes carry the heartbeat; the pages that they speak of stand already. */
  async #tell(head: Head, { segmentBytes }: Begun, more: PlanSummary, met = 0): Promise<void> {
    const { totals, pages } = this.#pages;
    const now = segmentBytesAt(Math.max(0, totals.segments - 1), segmentBytes);
    const raised = Math.log2(now / segmentBytes);
    const plan: PlanSummary = { ...totals, pages, segmentBytes: now, sizeRaised: raised, ...more };
    const beat = {
      heartbeat: new Date().toISOString(),
      activity: 'Planning',
      progressCount: totals.entries + met,
    } as const;
    const start = { outcome: more.complete === true ? 'Succeeded' : 'Running' } as const;
    const write = (): object => ({ ...beat, ...start, plan });
    await head.write(write, patienceMs, this.#context.stop);
  }
}

const boundaryOf = ({ number, from, weight, entries, files, bytes }: CutSegment): Boundary => ({
  number,
  path: from.path,
  offset: from.offset,
  ...{ weight, entries, files, bytes },
  kind: 'D',
});
