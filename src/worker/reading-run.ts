/** What restoring and verifying have in common: news and signs of life on the head, and an end when told to stop. */
import type { BackupSaveRecord, BackupSaveRecordStatus } from '../api/generated/backup-save-record.ts';
import { backupSaveRecords } from '../api/resources.ts';
import type { RestoreOrder, VerifyOrder } from '../api/worker-order.ts';
import { isApiError } from '../kube/api.ts';
import { realClock, sleep } from '../kube/clock.ts';
import type { RoleContext } from './environment.ts';
import { WorkerFailure } from './failure.ts';
import { apiFailure, Head, isAway, openPatienceMs, withPatience, type StatusPatch } from './head.ts';
import { checkHolder } from './holder-check.ts';
import type { SharedProgress } from './progress.ts';
import { addNews, type SegmentNews } from './restore-progress.ts';
import type { RoleResult } from './termination.ts';
import { findWantedGroups, type WantedCopy } from './wanted-groups.ts';

/** How long the API may be away; what was done stands, only the news of it wait. */
export const patienceMs = 60_000;
const tellEveryMs = 1_000;

interface Run {
  run(): Promise<RoleResult>;
  /** Ends what the threads are at, and what is left of them. @param why it ends before its work is done */
  stop(why: unknown): Promise<void>;
}

type End = (reason: Error) => void;

interface Opened {
  readonly head: Head;
  readonly plan: BackupSaveRecord;
  /** In the payload of each segment, and in the target of a restore. */
  readonly workFolder: string;
  readonly groups: readonly (readonly WantedCopy[])[];
}

/** What has to be known before anything is read. An API server that is just starting is waited for. */
export const openReading = async (order: RestoreOrder | VerifyOrder, { api, stop }: RoleContext): Promise<Opened> => {
  const { operatorNamespace: namespace } = order;
  const ref = { namespace, name: order.record };
  const owner = { pod: order.pod, epoch: order.grant.epoch };
  const patient = <T>(read: () => Promise<T>) => withPatience(realClock, openPatienceMs, stop, read);
  const [head, plan, groups] = await Promise.all([
    patient(() => Head.open({ api, clock: realClock, ref, owner }, stop)),
    patient(() => api.get(backupSaveRecords, { namespace, name: order.planRecord }, stop)),
    patient(() => findWantedGroups(api, order, stop)),
    checkHolder(api, order, stop),
  ]);
  const folder = plan.status?.plan?.folder;
  if (folder === undefined) {
    const message = `The plan ${order.planRecord} names no folder.`;
    throw new WorkerFailure({ reason: 'PlanNotReadable', fault: 'order', message });
  }
  return { head, plan, workFolder: `.twinreel-${folder}`, groups };
};

/** @param make  what it gets ends the run for a reason, from wherever that is noticed */
export const runReading = async (
  context: RoleContext,
  make: (context: RoleContext, end: End) => Run,
): Promise<RoleResult> => {
  const ended = new AbortController();
  const stop = AbortSignal.any([context.stop, ended.signal]);
  const aborted = new Promise<never>((_, reject) => {
    stop.addEventListener('abort', () => reject(asError(stop.reason)), { once: true });
  });
  const run = make({ ...context, stop }, (reason) => ended.abort(reason));
  try {
    return await Promise.race([run.run(), aborted]);
  } catch (error) {
    await run.stop(error);
    if (stop.aborted) throw asError(stop.reason);
    throw isApiError(error) ? apiFailure('The records could not be read or written', error) : error;
  } finally {
    ended.abort(new Error('the run has ended'));
  }
};

/** News of segments, on their way to the head. */
export class ReadingReport {
  readonly #order: RestoreOrder | VerifyOrder;
  readonly #context: RoleContext;
  readonly #progress: SharedProgress;
  #news: readonly SegmentNews[] = [];

  constructor(order: RestoreOrder | VerifyOrder, context: RoleContext, progress: SharedProgress) {
    this.#order = order;
    this.#context = context;
    this.#progress = progress;
  }

  add(news: SegmentNews): void {
    this.#news = [...this.#news, news];
  }

  /** Follows the head, and gives signs of life; without them the operator takes this worker for dead. */
  begin(head: Head, end: End): void {
    const { stop } = this.#context;
    void head.follow(end, stop).catch(ignore);
    void this.#beat(head).catch((error: unknown) => {
      if (!stop.aborted) end(isApiError(error) ? apiFailure('The heartbeat failed', error) : asError(error));
    });
  }

  /** News and sign of life. */
  async tell(head: Head, patch: StatusPatch, patience = patienceMs): Promise<void> {
    const news = this.#news;
    const change = ({ restore }: BackupSaveRecordStatus): StatusPatch => ({
      ...patch,
      ...(news.length > 0 && { restore: addNews(restore, news) }),
    });
    await head.write(change, patience, this.#context.stop);
    this.#news = this.#news.filter((one) => !news.includes(one));
  }

  async #beat(head: Head): Promise<void> {
    const { stop, log } = this.#context;
    let before = { bytes: 0, at: realClock.now() };
    let beatAt = 0;
    for (;;) {
      const at = realClock.now();
      if (this.#news.length > 0 || at >= beatAt) {
        const { activity, bytes } = this.#progress.read();
        const seconds = Math.max(at - before.at, 1) / 1000;
        const bytesPerSecond = Math.round((bytes - before.bytes) / seconds);
        before = { bytes, at };
        beatAt = at + this.#order.heartbeatMs * (0.8 + Math.random() * 0.4);
        const heartbeat = new Date(at).toISOString();
        const startTime = head.status.startTime ?? heartbeat;
        const beat = { heartbeat, activity, progressCount: bytes, bytesPerSecond, startTime };
        await this.tell(head, { ...beat, outcome: 'Running' }, 0).catch((error: unknown) => {
          if (!isAway(error)) throw error;
          log.warn({ code: error.code }, 'the API does not answer the heartbeat');
        });
      }
      await sleep(realClock, tellEveryMs, stop);
    }
  }
}

const asError = (error: unknown): Error => (error instanceof Error ? error : new Error(String(error)));

const ignore = (): void => undefined;
