import type { BackupSaveRecord, BackupSaveRecordStatus } from '../api/generated/backup-save-record.ts';
import type { Area, Commit, PlanSummary, RecordTotals } from '../api/generated/shared.ts';
import { backupSaveRecords } from '../api/resources.ts';
import type { BackupOrder } from '../api/worker-order.ts';
import type { Api } from '../kube/api.ts';
import { sleep, type Clock } from '../kube/clock.ts';
import type { Log } from '../kube/log.ts';
import { addToAreas, addToTotals } from './areas.ts';
import { CommitPages } from './commit-pages.ts';
import { WorkerFailure, WorkerStopped } from './failure.ts';
import { followObject } from './follow-object.ts';
import { Head, isAway, openPatienceMs, withPatience, type StatusPatch } from './head.ts';
import { LatestObject } from './latest-object.ts';
import type { NextWork, SegmentCommit, SegmentWork, StreamLedger } from './ledger.ts';
import { PlanReader, type NumberedCursor, type PlanHead } from './plan-reader.ts';
import type { SharedProgress } from './progress.ts';
import { isAssigned, lowestAssigned } from './segment-set.ts';
import { addFindings, type SourceFindings } from './source-findings.ts';

/** The API is called away only after so long: a restart of it shall go by unnoticed. */
const patienceMs = 3_000;
/** Commits that may wait for an API that is away. */
const mostQueued = 64;
const idlePollMs = 5_000;
const drainPauseMs = 1_000;

export interface KubeLedgerDeps {
  readonly api: Api;
  readonly clock: Clock;
  readonly log: Log;
  readonly order: BackupOrder;
  readonly progress: SharedProgress;
  /** Nobody else can write on the drive as long as this process lives, whatever the API says. */
  readonly fenceable: boolean;
  /** Ends the stream from within: sealed, foreign epoch, API away for too long. */
  readonly stop: (reason: WorkerStopped | WorkerFailure) => void;
}

interface Queued {
  readonly segment: number;
  readonly commit: Commit;
  /** Bytes that had passed the drive when it was flushed. */
  readonly mark: number;
}

/** The records of one stream worker: its head and pages, and the plan that all streams share. */
export class KubeLedger implements StreamLedger {
  readonly #deps: KubeLedgerDeps;
  readonly #head: Head;
  readonly #pages: CommitPages;
  readonly #plan: LatestObject<BackupSaveRecord>;
  readonly #planReader: PlanReader;
  /** Committed by this stream in any epoch, or given out by this worker. */
  readonly #done = new Set<number>();
  readonly #background: Promise<unknown>[] = [];
  #totals: RecordTotals = {};
  #areas: readonly Area[] = [];
  #findings: SourceFindings = { skipped: 0, vanished: 0, changed: 0, padded: 0, examples: [] };
  #openSegment: number | undefined;
  /** Bytes that had passed the drive when what was recorded last was flushed: what came after is not recorded. */
  #committedMark = 0;
  /** The same behind the last catalogue, which comes after all that was committed or queued then. */
  #catalogueMark = 0;
  #queued: Queued[] = [];
  #draining: Promise<void> | undefined;
  #awaySince: number | undefined;

  private constructor(deps: KubeLedgerDeps, head: Head, plan: BackupSaveRecord) {
    const { api, clock, order } = deps;
    const { operatorNamespace: namespace, record, job, pod, grant, lockPages } = order;
    this.#deps = deps;
    this.#head = head;
    this.#pages = new CommitPages({ api, clock, head, namespace, record, job, pod, lockPages, ...grant });
    this.#plan = new LatestObject(plan, clock);
    this.#planReader = new PlanReader(api, namespace, order.planRecord);
  }

  /** Reads heads and pages, uncached. @throws WorkerStopped when the head is not ours */
  static async open(deps: KubeLedgerDeps, signal: AbortSignal): Promise<KubeLedger> {
    const { api, clock, order } = deps;
    const namespace = order.operatorNamespace;
    const owner = { pod: order.pod, epoch: order.grant.epoch };
    const [head, plan] = await withPatience(clock, openPatienceMs, signal, () =>
      Promise.all([
        Head.open({ api, clock, ref: { namespace, name: order.record }, owner }, signal),
        api.get(backupSaveRecords, { namespace, name: order.planRecord }, signal),
      ]),
    );
    const ledger = new KubeLedger(deps, head, plan);
    const { skipped = 0, vanished = 0, changed = 0, padded = 0, catalogues } = head.status.totals ?? {};
    ledger.#findings = { skipped, vanished, changed, padded, examples: head.status.examples ?? [] };
    if (catalogues !== undefined) ledger.#totals = { catalogues };
    await ledger.#pages.readAll((segment, commit) => ledger.#count(segment, commit), signal);
    return ledger;
  }

  /** The plan as it was seen last. */
  get plan(): PlanSummary {
    return this.#plan.object.status?.plan ?? {};
  }

  /** The whole plan, for the segment `links`. An API that is away is waited for: there is nothing else to do. */
  async readPlan(
    signal: AbortSignal,
  ): Promise<{ readonly boundaries: readonly NumberedCursor[]; readonly started: string }> {
    const read = () => this.#planReader.all(this.#planHead(), signal);
    const boundaries = await withPatience(this.#deps.clock, Number.POSITIVE_INFINITY, signal, read);
    return { boundaries, started: this.plan.startedAt ?? '' };
  }

  get head(): Head {
    return this.#head;
  }

  get uncommittedBytes(): number {
    return Math.max(0, this.#deps.progress.read().bytes - this.#committedMark);
  }

  isCommitted(segment: number): boolean {
    return this.#done.has(segment);
  }

  /** Watches the head and the plan and beats, until the signal is aborted. */
  start(signal: AbortSignal): void {
    const { api, clock, order, stop } = this.#deps;
    const ref = { namespace: order.operatorNamespace, name: order.planRecord };
    const seenPlan = (object: BackupSaveRecord): void => {
      this.#plan.observe(object);
      this.#head.wake();
    };
    this.#background.push(
      this.#head.follow(stop, signal).catch(ignore),
      followObject(api, backupSaveRecords, ref, seenPlan, clock, signal).catch(ignore),
      this.#beat(signal).catch(ignore),
    );
  }

  async openNext(signal: AbortSignal): Promise<NextWork> {
    for (;;) {
      signal.throwIfAborted();
      this.#head.check();
      await this.#waitForRoom(signal);
      const work = await this.#pick(signal);
      if (work !== undefined && (await this.#open(work, signal))) return { kind: 'segment', work };
      if (work === undefined) {
        if (this.#head.status.close === true) return { kind: 'close' };
        await this.#settle(signal);
        await this.#head.change(idlePollMs, signal);
      }
    }
  }

  async commit(commit: SegmentCommit, signal: AbortSignal): Promise<void> {
    const value = this.#valueOf(commit);
    const queued = { segment: commit.segment, commit: value, mark: this.#deps.progress.read().bytes };
    // Not to be written again; in sums and areas it counts when a page holds it.
    this.#done.add(commit.segment);
    if (this.#queued.length === 0) {
      try {
        await this.#record(queued, patienceMs, signal);
        return;
      } catch (error) {
        if (!isAway(error)) throw error;
        this.#goAway();
      }
    }
    this.#queued.push(queued);
    this.#draining ??= this.#drain(signal);
  }

  /** What was found while a segment was read: it goes to the head with the next write. */
  addFindings(findings: SourceFindings): void {
    this.#findings = addFindings(this.#findings, findings);
  }

  /** A catalogue group is whole: its bytes are nothing that could be lost. */
  countCatalogue(): void {
    this.#catalogueMark = this.#deps.progress.read().bytes;
    if (this.#queued.length === 0) this.#passMark(this.#catalogueMark);
    this.#totals = { ...this.#totals, catalogues: (this.#totals.catalogues ?? 0) + 1 };
  }

  async finish(signal: AbortSignal): Promise<void> {
    await this.#draining;
    await this.#head.write(
      () => ({ ...this.#sums(), openSegment: null, openBytes: 0, activity: 'Ending' }),
      this.#deps.order.fenceTimeoutMs,
      signal,
    );
  }

  /** The API is back, or was never away, or there is room to queue what comes. */
  async #waitForRoom(signal: AbortSignal): Promise<void> {
    if (this.#queued.length >= mostQueued) await this.#draining;
    signal.throwIfAborted();
  }

  async #pick(signal: AbortSignal): Promise<SegmentWork | undefined> {
    const plan = this.#planHead();
    const segment = lowestAssigned(this.#head.status.assigned ?? [], plan, this.#done);
    if (segment === undefined) return undefined;
    try {
      return await this.#planReader.segment(segment, plan, signal);
    } catch (error) {
      // The page can't be read now: as long as the API is away there is nothing to do but wait.
      if (!isAway(error)) throw error;
      this.#goAway();
      return undefined;
    }
  }

  /** False when the operator has taken the segment back meanwhile. */
  async #open({ segment }: SegmentWork, signal: AbortSignal): Promise<boolean> {
    let taken = true;
    const mark = (status: BackupSaveRecordStatus): StatusPatch | undefined => {
      taken = isAssigned(status.assigned ?? [], segment);
      if (!taken) return undefined;
      const { activity } = this.#deps.progress.read();
      return { ...this.#sums(), activity, openSegment: segment, openBytes: this.uncommittedBytes };
    };
    try {
      await this.#head.write(mark, this.#awaySince === undefined ? patienceMs : 0, signal);
      this.#awaySince = undefined;
    } catch (error) {
      if (!isAway(error)) throw error;
      this.#goAway();
    }
    if (!taken) return false;
    this.#openSegment = segment;
    this.#done.add(segment);
    return true;
  }

  /** Nothing to do: the head shall say so, and what the last segments came to. */
  async #settle(signal: AbortSignal): Promise<void> {
    const { activity } = this.#deps.progress.read();
    if (activity !== 'WaitingForWork' || this.uncommittedBytes > 0 || this.#queued.length > 0) return;
    const settled = this.#openSegment;
    if (settled === undefined) return;
    const idle = { openSegment: null, openBytes: 0, activity: 'WaitingForWork' } as const;
    try {
      await this.#head.write(() => ({ ...this.#sums(), ...idle }), 0, signal);
      // Only now: as long as the head does not say so, the operator waits for this stream.
      this.#openSegment = undefined;
      this.#awaySince = undefined;
    } catch (error) {
      if (!isAway(error)) throw error;
      this.#goAway();
    }
  }

  async #drain(signal: AbortSignal): Promise<void> {
    try {
      for (let next = this.#queued[0]; next !== undefined; next = this.#queued[0]) {
        signal.throwIfAborted();
        try {
          await this.#record(next, 0, signal);
          this.#queued.shift();
          if (this.#queued.length === 0) this.#passMark(this.#catalogueMark);
        } catch (error) {
          if (!isAway(error)) throw error;
          await sleep(this.#deps.clock, drainPauseMs, signal);
        }
      }
    } catch (error) {
      if (!signal.aborted) this.#deps.stop(asEnd(error));
    } finally {
      this.#draining = undefined;
    }
  }

  async #beat(signal: AbortSignal): Promise<void> {
    const { clock, order, progress, log } = this.#deps;
    let before = { bytes: progress.read().bytes, at: clock.now() };
    for (;;) {
      const { activity, bytes } = progress.read();
      const at = clock.now();
      const seconds = Math.max(at - before.at, 1) / 1000;
      const bytesPerSecond = Math.round((bytes - before.bytes) / seconds);
      before = { bytes, at };
      const beat = { heartbeat: new Date(at).toISOString(), activity, progressCount: bytes, bytesPerSecond };
      const startTime = this.#head.status.startTime ?? beat.heartbeat;
      try {
        const patch = (): StatusPatch => ({
          ...this.#sums(),
          ...beat,
          startTime,
          ...(this.#openSegment === undefined ? {} : { openBytes: this.uncommittedBytes }),
        });
        await this.#head.write(patch, 0, signal);
        this.#awaySince = undefined;
      } catch (error) {
        if (signal.aborted) return;
        if (!isAway(error)) {
          this.#deps.stop(asEnd(error));
          return;
        }
        log.warn({ code: error.code }, 'the API does not answer the heartbeat');
        this.#goAway();
      }
      await sleep(clock, order.heartbeatMs * (0.8 + Math.random() * 0.4), signal);
    }
  }

  /** Without the API and without a fence of the drive's own nobody could stop this worker: it stops itself. */
  #goAway(): void {
    const { clock, order, fenceable, stop } = this.#deps;
    this.#awaySince ??= clock.now();
    const awayMs = clock.now() - this.#awaySince;
    if (fenceable || awayMs < order.fenceTimeoutMs) return;
    const message = `The API has not answered for ${Math.round(awayMs / 1000)} s, and nothing else fences the drive.`;
    stop(new WorkerFailure({ reason: 'ApiUnreachable', fault: 'api', message }));
  }

  async #record({ segment, commit, mark }: Queued, patience: number, signal: AbortSignal): Promise<void> {
    await this.#pages.append(segment, commit, patience, signal);
    this.#awaySince = undefined;
    this.#passMark(mark);
    this.#count(segment, commit);
    // Whoever waits for work may now say that there is none.
    this.#head.wake();
  }

  #passMark(mark: number): void {
    this.#committedMark = Math.max(this.#committedMark, mark);
  }

  #count(segment: number, commit: Commit): void {
    this.#done.add(segment);
    this.#totals = addToTotals(this.#totals, commit);
    this.#areas = addToAreas(this.#areas, segment, commit);
  }

  #sums(): StatusPatch {
    const { examples, ...found } = this.#findings;
    const told = examples.length === 0 ? {} : { examples: [...examples] };
    return { totals: { ...this.#totals, ...found }, ...told, areas: [...this.#areas], outcome: 'Running' };
  }

  #valueOf(commit: SegmentCommit): Commit {
    const { library, tape, grant } = this.#deps.order;
    const { kind, segment: _segment, ...rest } = commit;
    return {
      epoch: grant.epoch,
      ...rest,
      kind: kind === 'data' ? 'D' : 'L',
      library: library.name,
      tape: tape.name,
      barcode: tape.barcode,
      labelId: tape.labelId,
    };
  }

  #planHead(): PlanHead {
    const { segments = 0, complete = false, pages = 0, linksSegment } = this.plan;
    return { segments, complete, pages, ...(linksSegment === undefined ? {} : { linksSegment }) };
  }
}

const asEnd = (error: unknown): WorkerStopped | WorkerFailure => {
  if (error instanceof WorkerStopped || error instanceof WorkerFailure) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new WorkerFailure({ reason: 'ApiError', fault: 'api', message, cause: error });
};

const ignore = (): void => undefined;
