import type { InfoGiven } from '../archive/info.ts';
import type { PlanSummary } from '../api/generated/shared.ts';
import type { BackupOrder, TapeFacts } from '../api/worker-order.ts';
import { isApiError } from '../kube/api.ts';
import { realClock } from '../kube/clock.ts';
import { findUnrecorded } from './adopt.ts';
import { indexFolderOf } from '../archive/index-folder.ts';
import { CatalogueSource } from './catalogue.ts';
import { needFolder, type RoleContext } from './environment.ts';
import { WorkerFailure } from './failure.ts';
import { checkHolder } from './holder-check.ts';
import { apiFailure } from './head.ts';
import { KubeLedger } from './kube-ledger.ts';
import type { SegmentCommit, SegmentWork, StreamLedger } from './ledger.ts';
import { readMachineId } from './machine-id.ts';
import { SharedProgress } from './progress.ts';
import { sourceMismatch } from './source-check.ts';
import type { SourceFindings } from './source-findings.ts';
import { runStream } from './stream-loop.ts';
import type { RoleResult } from './termination.ts';
import { ThreadPipeline, type OpenedTape } from './thread-pipeline.ts';

const planPollMs = 1_000;

/** The stream worker: from the fence check to the whole catalogue. */
export const runBackup = async (order: BackupOrder, context: RoleContext): Promise<RoleResult> => {
  const source = needFolder(context.folders, 'source');
  const library = needFolder(context.folders, 'library');
  const ended = new AbortController();
  const signal = AbortSignal.any([context.stop, ended.signal]);
  const stream = new BackupStream(order, { ...context, stop: signal }, { source, library }, (reason) =>
    ended.abort(reason),
  );
  const aborted = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(asError(signal.reason)), { once: true });
  });
  try {
    return await Promise.race([stream.run(), aborted]);
  } catch (error) {
    await stream.stop();
    if (signal.aborted) throw asError(signal.reason);
    throw isApiError(error) ? apiFailure('The records could not be read or written', error) : error;
  } finally {
    ended.abort(new Error('the stream has ended'));
  }
};

class BackupStream {
  readonly #order: BackupOrder;
  readonly #context: RoleContext;
  readonly #folders: { readonly source: string; readonly library: string };
  readonly #end: (reason: Error) => void;
  readonly #progress = new SharedProgress();
  readonly #pipeline: ThreadPipeline;
  readonly #catalogue: CatalogueSource;
  readonly #indexFolder: string | undefined;
  #ledger: KubeLedger | undefined;
  #tape: OpenedTape | undefined;
  #catalogues = 0;

  constructor(
    order: BackupOrder,
    context: RoleContext,
    folders: { readonly source: string; readonly library: string },
    end: (reason: Error) => void,
  ) {
    this.#order = order;
    this.#context = context;
    this.#folders = folders;
    this.#end = end;
    const { catalogue } = context.folders;
    const { job, grant } = order;
    this.#indexFolder = catalogue === undefined ? undefined : indexFolderOf(catalogue, job.uid, grant.stream);
    const kept = this.#indexFolder === undefined ? {} : { indexFolder: this.#indexFolder };
    this.#catalogue = new CatalogueSource({ api: context.api, clock: realClock, order, signal: context.stop, ...kept });
    // The threads start while the API is asked.
    this.#pipeline = new ThreadPipeline(order.tape.barcode, this.#book(), this.#progress);
  }

  async run(): Promise<RoleResult> {
    const { api, stop, log } = this.#context;
    const order = this.#order;
    const deps = { api, clock: realClock, log, order, progress: this.#progress, fenceable: true, stop: this.#end };
    const [ledger] = await Promise.all([KubeLedger.open(deps, stop), checkHolder(api, order, stop)]);
    this.#ledger = ledger;
    this.#catalogues = ledger.head.status.totals?.catalogues ?? 0;
    ledger.start(stop);
    const tape = await this.#openTape();
    await this.#openSource(await this.#waitForPlan(ledger), ledger);
    await this.#adopt(ledger, tape.groups);
    const book: StreamLedger = {
      openNext: (signal) => ledger.openNext(signal),
      finish: (signal) => ledger.finish(signal),
      commit: (commit, signal) => this.#commit(ledger, commit, signal),
    };
    try {
      const { segments } = await runStream(book, this.#pipeline, order, stop);
      await this.#pipeline.close();
      return { message: `${segments} segments are on ${order.tape.barcode}.`, tape: this.#factsOf(tape) };
    } catch (error) {
      if (error instanceof WorkerFailure && error.reason === 'TapeFull') await ledger.finish(stop);
      throw error;
    } finally {
      this.#noteEnd();
    }
  }

  /** Ends the threads; waits only a moment for one that is blocked. */
  async stop(): Promise<void> {
    this.#noteEnd();
    await this.#pipeline.stop();
  }

  /** What the termination message says is how things stand at the end, not how the tape was found. */
  #noteEnd(): void {
    if (this.#ledger !== undefined) this.#context.note({ lostBytes: this.#ledger.uncommittedBytes });
    if (this.#tape !== undefined) this.#context.note({ tape: this.#factsOf(this.#tape) });
  }

  async #commit(ledger: KubeLedger, commit: SegmentCommit, signal: AbortSignal): Promise<void> {
    await ledger.commit(commit, signal);
    this.#catalogue.add(commit);
    const { segment, group, bytes, files } = commit;
    this.#context.log.info({ segment, group, bytes, files }, 'segment committed');
  }

  async #openTape(): Promise<OpenedTape> {
    const { library, drive, tape } = this.#order;
    const { elementAddress } = drive;
    const address = { driver: library.driver, folder: this.#folders.library, elementAddress };
    const { barcode, labelId, groups } = tape;
    const meant = { barcode, labelId, ...(groups !== undefined && { groups }) };
    const opened = await this.#pipeline.openTape({ address, ...meant });
    if (opened.completed !== undefined)
      this.#context.log.warn({ group: opened.completed }, 'a group that a crash had torn was closed as abandoned');
    this.#tape = opened;
    this.#noteEnd();
    return opened;
  }

  /** The plan's folder and root are recorded before its first boundary. */
  async #waitForPlan(ledger: KubeLedger): Promise<PlanSummary> {
    while (ledger.plan.folder === undefined) await ledger.head.change(planPollMs, this.#context.stop);
    return ledger.plan;
  }

  async #openSource(plan: PlanSummary, ledger: KubeLedger): Promise<void> {
    const { source, sourceFolder } = this.#order;
    const root = await this.#pipeline.openSource({
      folder: this.#folders.source,
      sourceFolder,
      include: source.include,
      exclude: source.exclude,
      oneFileSystem: source.oneFileSystem,
      isClone: source.snapshot !== undefined,
      workFolder: `.twinreel-${plan.folder ?? ''}`,
      ...(this.#indexFolder !== undefined && { indexFolder: this.#indexFolder }),
    });
    ledger.head.check();
    // Each clone is made of the job's one snapshot, and some drivers make it file by file.
    if (source.snapshot !== undefined) return;
    const { server } = this.#order;
    // What a claim holds may be reached from any machine.
    const machineID = source.kind === 'hostPath' ? readMachineId() : '';
    const message = sourceMismatch(plan, { ...root, server, shared: source.shared, machineID });
    if (message === undefined) return;
    throw new WorkerFailure({ reason: 'SourceMismatch', fault: 'source', message });
  }

  /** A late commit is only one copy more, so what stands whole on the tape is recorded, whoever wrote it. */
  async #adopt(ledger: KubeLedger, groups: number): Promise<void> {
    const found = await findUnrecorded(
      groups,
      (group) => this.#pipeline.survey(group),
      (segment) => ledger.isCommitted(segment),
      this.#order,
    );
    for (const commit of found) {
      await this.#commit(ledger, commit, this.#context.stop);
      this.#context.log.info({ segment: commit.segment, group: commit.group }, 'a whole group was adopted');
    }
  }

  #book() {
    const { job, grant, retainUntil, compression } = this.#order;
    const { uid, namespace, name, processNumber } = job;
    const until = retainUntil === undefined ? ('forever' as const) : new Date(retainUntil);
    return {
      header: { job: { uid, namespace, name, processNumber }, ...grant, retainUntil: until },
      compression,
      infoOf: (work: SegmentWork, group: number) => this.#infoOf(work, group),
      planOf: async () => this.#ledgerNow().readPlan(this.#context.stop),
      catalogueOf: async (kind: 'incremental' | 'whole') => ({
        number: this.#catalogues,
        members: await this.#catalogue.members(kind, this.#catalogues),
      }),
      onRead: (totals: SourceFindings) => this.#ledgerNow().addFindings(totals),
      onIndexLost: (segment: number, why: string) =>
        this.#context.log.warn({ segment, why }, 'the index of a segment could not be kept on this server'),
      onCatalogue: () => {
        this.#catalogues += 1;
        this.#ledgerNow().countCatalogue();
      },
    };
  }

  #ledgerNow(): KubeLedger {
    if (this.#ledger === undefined) throw new TypeError('the records are not open yet');
    return this.#ledger;
  }

  #infoOf(work: SegmentWork, group: number): InfoGiven {
    const { job, grant, source, server, library, drive, tape, retainUntil, consistent } = this.#order;
    const { machineID = '', rootInode = '', startedAt = '' } = this.#ledgerNow().plan;
    const { dataTime = startedAt } = this.#ledgerNow().head.record.spec;
    const { uid, namespace, name, processNumber } = job;
    const { shared: _shared, ...described } = source;
    return {
      count: work.count ?? null,
      weight: work.weightBytes,
      job: { uid, namespace, name, processNumber },
      source: { ...described, machineID, rootInode },
      dataTime,
      planStarted: startedAt,
      consistent,
      ...grant,
      server,
      library: library.name,
      drive: drive.name,
      barcode: tape.barcode,
      labelId: tape.labelId,
      group,
      startedAt: new Date().toISOString(),
      retainUntil: retainUntil ?? null,
    };
  }

  #factsOf({ status }: OpenedTape): TapeFacts {
    const { barcode, labelId } = this.#order.tape;
    const { capacityBytes, usedBytes, writeProtected } = status;
    const used = usedBytes === undefined ? undefined : usedBytes + this.#progress.read().bytes;
    return {
      ...{ barcode, labelId, groups: this.#pipeline.groups, writeProtected },
      ...(capacityBytes !== undefined && { capacityBytes }),
      ...(used !== undefined && { usedBytes: used }),
    };
  }
}

const asError = (error: unknown): Error => (error instanceof Error ? error : new Error(String(error)));
