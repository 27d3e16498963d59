import { unescapePath } from '../archive/escape.ts';
import type { Selection } from '../archive/selection.ts';
import type { BackupSaveRecordStatus } from '../api/generated/backup-save-record.ts';
import { backupSaveRecords } from '../api/resources.ts';
import type { RestoreOrder } from '../api/worker-order.ts';
import { isApiError } from '../kube/api.ts';
import { realClock, sleep } from '../kube/clock.ts';
import { needFolder, type RoleContext } from './environment.ts';
import { WorkerFailure } from './failure.ts';
import { checkHolder } from './holder-check.ts';
import { openTargetFolder, pathOfFd } from './host-folder.ts';
import { apiFailure, Head, isAway, openPatienceMs, withPatience, type StatusPatch } from './head.ts';
import { SharedProgress } from './progress.ts';
import { RestorePipeline, type SegmentOutcome } from './restore-pipeline.ts';
import { addNews, addTotals, isDone, type SegmentNews } from './restore-progress.ts';
import type { RoleResult } from './termination.ts';
import { findWantedGroups, type WantedCopy } from './wanted-groups.ts';

/** How long the API may be away; what was restored stands, only the news of it wait. */
const patienceMs = 60_000;
const tellEveryMs = 1_000;

/**
 * Restores the segments of an order that lie on one tape. A copy that can't be read is told and passed over: the
 * operator looks for another. Only drive, target or API can end it early.
 */
export const runRestore = async (order: RestoreOrder, context: RoleContext): Promise<RoleResult> => {
  const library = needFolder(context.folders, 'library');
  const target = needFolder(context.folders, 'target');
  const ended = new AbortController();
  const stop = AbortSignal.any([context.stop, ended.signal]);
  const aborted = new Promise<never>((_, reject) => {
    stop.addEventListener('abort', () => reject(asError(stop.reason)), { once: true });
  });
  const run = new RestoreRun(order, { ...context, stop }, { library, target }, (reason) => ended.abort(reason));
  try {
    return await Promise.race([run.run(), aborted]);
  } catch (error) {
    await run.stop();
    if (stop.aborted) throw asError(stop.reason);
    throw isApiError(error) ? apiFailure('The records could not be read or written', error) : error;
  } finally {
    ended.abort(new Error('the restore has ended'));
  }
};

class RestoreRun {
  readonly #order: RestoreOrder;
  readonly #context: RoleContext;
  readonly #folders: { readonly library: string; readonly target: string };
  readonly #end: (reason: Error) => void;
  readonly #progress = new SharedProgress();
  readonly #pipeline: RestorePipeline;
  #news: readonly SegmentNews[] = [];
  #bad = 0;

  constructor(
    order: RestoreOrder,
    context: RoleContext,
    folders: { readonly library: string; readonly target: string },
    end: (reason: Error) => void,
  ) {
    this.#order = order;
    this.#context = context;
    this.#folders = folders;
    this.#end = end;
    // The threads start while the API is asked.
    this.#pipeline = new RestorePipeline(this.#progress);
  }

  async run(): Promise<RoleResult> {
    const { api, stop, log } = this.#context;
    const order = this.#order;
    const ref = { namespace: order.operatorNamespace, name: order.record };
    const owner = { pod: order.pod, epoch: order.grant.epoch };
    const planRef = { namespace: order.operatorNamespace, name: order.planRecord };
    const patient = <T>(read: () => Promise<T>) => withPatience(realClock, openPatienceMs, stop, read);
    const [head, plan, groups] = await Promise.all([
      patient(() => Head.open({ api, clock: realClock, ref, owner }, stop)),
      patient(() => api.get(backupSaveRecords, planRef, stop)),
      patient(() => findWantedGroups(api, order, stop)),
      checkHolder(api, order, stop),
    ]);
    const folder = plan.status?.plan?.folder;
    if (folder === undefined) throw refuse('PlanNotReadable', `The plan ${order.planRecord} names no folder.`);
    void head.follow(this.#end, stop).catch(ignore);
    // Without a beat the operator takes this worker for dead: it ends and says why.
    void this.#beat(head).catch((error: unknown) => {
      if (!stop.aborted) this.#end(isApiError(error) ? apiFailure('The heartbeat failed', error) : asError(error));
    });
    await this.#openBoth(`.twinreel-${folder}`);
    const links = plan.status?.plan?.linksSegment;
    let whole = true;
    for (const copies of groups) {
      const segment = copies[0]?.segment ?? 0;
      if (isDone(head.status.restore?.done ?? [], segment)) continue;
      // It joins names of all segments: it waits until those that are bad here were read elsewhere.
      if (segment === links && !whole) continue;
      whole = (await this.#restoreSegment(segment, copies)) && whole;
      log.info({ segment }, 'segment read');
    }
    await this.#tell(head, {});
    // What marks the files of this restore as its own stays until all are there.
    if (order.finish && whole) await this.#finish(head);
    await this.#pipeline.close();
    const bad = this.#bad === 0 ? '' : ` ${this.#bad} copies could not be used.`;
    return { message: `${groups.length} segments were on ${order.tape.barcode}.${bad}` };
  }

  async stop(): Promise<void> {
    await this.#pipeline.stop();
  }

  async #openBoth(workFolder: string): Promise<void> {
    const { library, drive, tape, conflict, job, targetFolder } = this.#order;
    // Open until the process ends: the thread at the target reaches it by its descriptor.
    const target = pathOfFd(openTargetFolder(this.#folders.target, targetFolder));
    const { elementAddress } = drive;
    const address = { driver: library.driver, folder: this.#folders.library, elementAddress };
    await Promise.all([
      this.#pipeline.openTape(address, { barcode: tape.barcode, labelId: tape.labelId }),
      this.#pipeline.openTarget(target, { workFolder, restoreUid: job.uid, conflict }),
    ]);
  }

  /** Tries the copies of one segment on this tape, the newest first, until one is good; false: none was. */
  async #restoreSegment(segment: number, copies: readonly WantedCopy[]): Promise<boolean> {
    for (const copy of copies) {
      const outcome = await this.#restoreCopy(copy);
      if (outcome.kind === 'restored') {
        this.#news = [...this.#news, { kind: 'done', segment, totals: outcome.totals }];
        return true;
      }
      const { reason, message } = outcome;
      this.#bad += 1;
      this.#context.log.warn({ segment, group: copy.group, reason, message }, 'a copy can not be used');
      const { barcode } = this.#order.tape;
      this.#news = [...this.#news, { kind: 'bad', segment, barcode, group: copy.group, reason, message }];
    }
    return false;
  }

  async #restoreCopy(copy: WantedCopy): Promise<SegmentOutcome> {
    if (copy.encrypted)
      return { kind: 'bad', reason: 'EncodingNotSupported', message: 'this version reads no encrypted segments' };
    const { compression, encrypted: _encrypted, ...wanted } = copy;
    return this.#pipeline.restore(wanted, compression, selectionOf(this.#order.paths));
  }

  async #finish(head: Head): Promise<void> {
    this.#progress.setActivity('Ending');
    const totals = await this.#pipeline.finish();
    const change = (status: BackupSaveRecordStatus): StatusPatch | undefined => {
      if (status.restore?.finished === true) return undefined;
      const restore = { ...status.restore, finished: true };
      addTotals(restore, totals);
      return { restore };
    };
    await head.write(change, patienceMs, this.#context.stop);
  }

  /** News and sign of life. */
  async #tell(head: Head, patch: StatusPatch, patience = patienceMs): Promise<void> {
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
        await this.#tell(head, { ...beat, outcome: 'Running' }, 0).catch((error: unknown) => {
          if (!isAway(error)) throw error;
          log.warn({ code: error.code }, 'the API does not answer the heartbeat');
        });
      }
      await sleep(realClock, tellEveryMs, stop);
    }
  }
}

const selectionOf = (paths: readonly string[]): Selection =>
  paths.length === 0
    ? { kind: 'all' }
    : { kind: 'paths', paths: paths.map((path) => unescapePath(path).replace(/^\/+|\/+$/g, '')) };

const refuse = (reason: string, message: string): WorkerFailure =>
  new WorkerFailure({ reason, fault: 'order', message });

const asError = (error: unknown): Error => (error instanceof Error ? error : new Error(String(error)));

const ignore = (): void => undefined;
