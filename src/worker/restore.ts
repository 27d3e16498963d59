import { unescapePath } from '../archive/escape.ts';
import type { Selection } from '../archive/selection.ts';
import type { BackupSaveRecordStatus } from '../api/generated/backup-save-record.ts';
import { backupSaveRecords } from '../api/resources.ts';
import { restoreEnded, type RestoreOrder } from '../api/worker-order.ts';
import { discardRestore } from '../archive/restore.ts';
import { needFolder, type RoleContext } from './environment.ts';
import { WorkerFailure, WorkerStopped } from './failure.ts';
import { openTargetFolder, pathOfFd } from './host-folder.ts';
import type { Head, StatusPatch } from './head.ts';
import { SharedProgress } from './progress.ts';
import { openReading, patienceMs, ReadingReport, runReading } from './reading-run.ts';
import { RestorePipeline, type SegmentOutcome } from './restore-pipeline.ts';
import { addTotals, isDone } from './restore-progress.ts';
import type { RoleResult } from './termination.ts';
import type { WantedCopy } from './wanted-groups.ts';

/** A worker that was told to end has little time left. */
const lastLookMs = 1_000;

/**
 * Restores the segments of an order that lie on one tape. A copy that can't be read is told and passed over: the
 * operator looks for another. Only drive, target or API can end it early.
 */
export const runRestore = async (order: RestoreOrder, context: RoleContext): Promise<RoleResult> => {
  const library = needFolder(context.folders, 'library');
  const target = needFolder(context.folders, 'target');
  return runReading(context, (inner, end) => new RestoreRun(order, inner, { library, target }, end));
};

class RestoreRun {
  readonly #order: RestoreOrder;
  readonly #context: RoleContext;
  readonly #folders: { readonly library: string; readonly target: string };
  readonly #end: (reason: Error) => void;
  readonly #progress = new SharedProgress();
  readonly #pipeline: RestorePipeline;
  readonly #report: ReadingReport;
  #bad = 0;
  /** A path that is good as long as this process lives; undefined: nothing was done in the target. */
  #target: string | undefined;

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
    this.#report = new ReadingReport(order, context, this.#progress);
  }

  async run(): Promise<RoleResult> {
    const { log } = this.#context;
    const order = this.#order;
    const { head, plan, workFolder, groups } = await openReading(order, this.#context);
    this.#report.begin(head, this.#end);
    await this.#openBoth(workFolder);
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
    await this.#report.tell(head, {});
    // What marks the files of this restore as its own stays until all are there.
    if (order.finish && whole) await this.#finish(head);
    await this.#pipeline.close();
    const bad = this.#bad === 0 ? '' : ` ${this.#bad} copies could not be used.`;
    return { message: `${groups.length} segments were on ${order.tape.barcode}.${bad}` };
  }

  /** Nobody else would tidy up after a restore that ends here. */
  async stop(why: unknown): Promise<void> {
    await this.#pipeline.stop();
    if (this.#target === undefined) return;
    try {
      if (!(await this.#isGivenUp(why))) return;
      discardRestore(Buffer.from(this.#target), this.#order.job.uid);
      this.#context.note({ tidied: true });
    } catch (error) {
      this.#context.log.warn({ err: error }, 'the working folder stays in the target');
    }
  }

  /** What the target fails no other worker mends; all else is the operator's decision, which stands on the head. */
  async #isGivenUp(why: unknown): Promise<boolean> {
    if (why instanceof WorkerFailure) return why.fault === 'target';
    if (!(why instanceof WorkerStopped)) return false;
    const { operatorNamespace: namespace, record: name, grant } = this.#order;
    const ref = { namespace, name };
    const { status = {} } = await this.#context.api.get(backupSaveRecords, ref, AbortSignal.timeout(lastLookMs));
    return status.epoch === grant.epoch && status.sealed === true && status.reason === restoreEnded;
  }

  async #openBoth(workFolder: string): Promise<void> {
    const { library, drive, tape, conflict, job, targetFolder } = this.#order;
    // Open until the process ends: the thread at the target reaches it by its descriptor.
    const target = pathOfFd(openTargetFolder(this.#folders.target, targetFolder));
    this.#target = target;
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
        this.#report.add({ kind: 'done', segment, totals: outcome.totals });
        return true;
      }
      const { reason, message } = outcome;
      this.#bad += 1;
      this.#context.log.warn({ segment, group: copy.group, reason, message }, 'a copy can not be used');
      const { barcode } = this.#order.tape;
      this.#report.add({ kind: 'bad', segment, barcode, group: copy.group, reason, message });
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
}

const selectionOf = (paths: readonly string[]): Selection =>
  paths.length === 0
    ? { kind: 'all' }
    : { kind: 'paths', paths: paths.map((path) => unescapePath(path).replace(/^\/+|\/+$/g, '')) };
