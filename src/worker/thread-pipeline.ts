import { setTimeout as delay } from 'node:timers/promises';
import type { HostFolder } from '../api/worker-order.ts';
import type { InfoGiven } from '../archive/info.ts';
import type { SegmentTotals } from '../archive/segment-totals.ts';
import type { DriveStatus } from '../devices/drive/drive.ts';
import type { GroupHeader } from '../tape/group-labels.ts';
import type { SurveyedGroup } from '../tape/survey.ts';
import { WorkerFailure, WorkerStopped } from './failure.ts';
import type { SegmentCommit, SegmentWork } from './ledger.ts';
import type { DriveAddress } from './open-drive.ts';
import type { NumberedCursor } from './plan-reader.ts';
import { createOpenAheadMemory } from './open-ahead-memory.ts';
import { serveOpenAhead } from './open-ahead-service.ts';
import type { SharedProgress } from './progress.ts';
import { createRingMemory, stopRing, type RingMemory } from './ring.ts';
import type { CatalogueMember, FromSourceReader, ToSourceReader } from './source-reader-protocol.ts';
import type { CatalogueEnd, CatalogueKind, GroupEnd, StreamPipeline } from './stream-loop.ts';
import type { FromTapeWriter, HashedBy, ToTapeWriter } from './tape-writer-protocol.ts';
import { ThreadPort } from './thread-port.ts';

/** 8 MiB between the threads: enough to ride out a flush and a commit. */
const ringSlots = 32;
/** Where entries are larger on average, reading costs less than writing, and the reader hashes. */
const largeEntryBytes = 131_072;
const stopPatienceMs = 1_000;

export interface PipelineSource {
  /** The mount, and where in it the source lies. */
  readonly folder: string;
  readonly sourceFolder: HostFolder;
  readonly include: readonly string[];
  readonly exclude: readonly string[];
  readonly oneFileSystem: boolean;
  /** A clone of a snapshot, of which other streams read others. */
  readonly isClone?: boolean;
  /** `.twinreel-<uid8>` from the plan. */
  readonly workFolder: string;
  readonly indexFolder?: string;
}

export interface PipelineTape {
  readonly address: DriveAddress;
  readonly barcode: string;
  readonly labelId: string;
  /** That are recorded; fewer on the tape are refused. */
  readonly groups?: number;
}

/** What only the caller knows of each group. */
export interface PipelineBook {
  /** Fields of all labels that do not change. */
  readonly header: Pick<GroupHeader, 'job' | 'stream' | 'epoch' | 'retainUntil'>;
  readonly compression: 'None' | 'Zstd';
  readonly infoOf: (work: SegmentWork, group: number) => InfoGiven;
  /** For `links` only. */
  readonly planOf: () => Promise<{ readonly boundaries: readonly NumberedCursor[]; readonly started: string }>;
  readonly catalogueOf: (
    kind: CatalogueKind,
  ) => Promise<{ readonly number: number; readonly members: readonly CatalogueMember[] }>;
  readonly onRead: (totals: SegmentTotals) => void;
  /** The server could not keep the index of a segment. */
  readonly onIndexLost?: (segment: number, why: string) => void;
  readonly onCatalogue: () => void;
}

export interface OpenedTape {
  readonly status: DriveStatus;
  readonly groups: number;
  readonly completed?: number;
}

/** A thread at the source, one at the drive, and 8 MiB of shared memory between them. */
export class ThreadPipeline implements StreamPipeline {
  readonly broken: Promise<never>;
  readonly #reader: ThreadPort<ToSourceReader, FromSourceReader>;
  readonly #writer: ThreadPort<ToTapeWriter, FromTapeWriter>;
  readonly #ring: RingMemory;
  readonly #progress: SharedProgress;
  readonly #book: PipelineBook;
  readonly #openAhead = createOpenAheadMemory();
  readonly #ended = new AbortController();
  readonly #barcode: string;
  /** Of the next payload that is begun, which may be read ahead; told in its info member. */
  #nextGroup = 0;
  #closedGroups = 0;
  /**
   * Payloads that the reader was asked for and that nobody writes yet: each ends in the ring one day. Below 0 while the
   * writer waits for one that is still being prepared.
   */
  #unwritten = 0;

  constructor(barcode: string, book: PipelineBook, progress: SharedProgress) {
    this.#barcode = barcode;
    this.#book = book;
    this.#progress = progress;
    this.#ring = createRingMemory(ringSlots);
    this.#reader = new ThreadPort(new URL('./source-reader-thread.ts', import.meta.url), 'source');
    this.#writer = new ThreadPort(new URL('./tape-writer-thread.ts', import.meta.url), 'tape');
    this.broken = Promise.race([this.#reader.broken, this.#writer.broken]);
    this.broken.catch(ignore);
    void serveOpenAhead(this.#openAhead, this.#ended.signal);
  }

  /** Groups that are closed on the tape, as far as it has been told. */
  get groups(): number {
    return this.#closedGroups;
  }

  /** Locks the drive, checks the label, completes a torn group. @throws WorkerFailure */
  async openTape({ address, ...meant }: PipelineTape): Promise<OpenedTape> {
    const shared = { ring: this.#ring, progress: this.#progress.memory };
    const opened = await this.#writer.ask({ kind: 'open', address, meant, ...shared });
    if (opened.kind !== 'opened') throw unexpected(opened.kind);
    this.#nextGroup = opened.groups;
    this.#closedGroups = opened.groups;
    return opened;
  }

  /** @throws WorkerFailure */
  async openSource(source: PipelineSource): Promise<{ readonly rootInode: string; readonly rootSize: number }> {
    const shared = { ring: this.#ring, progress: this.#progress.memory, openAhead: this.#openAhead };
    const { compression } = this.#book;
    const opened = await this.#reader.ask({ kind: 'open', ...source, compression, ...shared });
    if (opened.kind !== 'opened') throw unexpected(opened.kind);
    return opened;
  }

  /** Labels and trailers of a group that stands on the tape. */
  async survey(group: number): Promise<SurveyedGroup | undefined> {
    const answer = await this.#writer.ask({ kind: 'survey', group });
    if (answer.kind !== 'surveyed') throw unexpected(answer.kind);
    return answer.found;
  }

  async readSegment(work: SegmentWork): Promise<void> {
    const info = this.#book.infoOf(work, this.#nextGroup);
    this.#nextGroup += 1;
    const order = await this.#orderOf(work, info, hashedBy(work));
    this.#unwritten += 1;
    const answer = await this.#reader.ask(order);
    if (answer.kind === 'read') {
      this.#book.onRead(answer.totals);
      if (answer.indexLost !== undefined) this.#book.onIndexLost?.(work.segment, answer.indexLost);
    } else if (answer.kind !== 'cancelled') throw stopped();
  }

  /** @throws WorkerFailure `SegmentTooLarge` where it does not fit on a tape that holds nothing else */
  async writeSegment(work: SegmentWork): Promise<GroupEnd> {
    this.#unwritten -= 1;
    const end = await this.#writeGroup(work.kind, work.segment, work.weightBytes, hashedBy(work));
    // Group 0 had the tape for itself: whoever goes on with the next tape would fill that in vain, and the one after it.
    if (end.kind === 'full' && end.group === 0) throw tooLarge(work, this.#barcode);
    if (end.kind === 'full') return { kind: 'full' };
    const { blocks, paxBytes, entries, files, indexOffset, sha256 } = end.totals;
    const commit: SegmentCommit = {
      kind: work.kind,
      segment: work.segment,
      group: end.group,
      bytes: paxBytes,
      ...{ blocks, entries, files, indexOffset, sha256 },
      encoding: this.#book.compression === 'Zstd' ? 'ZN' : 'NN',
      writtenAt: end.endedAt.toISOString(),
    };
    return { kind: 'whole', commit, earlyWarning: end.earlyWarning };
  }

  async writeCatalogue(kind: CatalogueKind): Promise<CatalogueEnd> {
    for (; this.#unwritten > 0; this.#unwritten -= 1) await this.#writer.ask({ kind: 'discard' });
    const { number, members } = await this.#book.catalogueOf(kind);
    // Not before: as long as the API is asked, nothing happens that a drive could be blamed for.
    if (kind === 'whole') this.#progress.setActivity('Closing');
    this.#nextGroup += 1;
    const reading = this.#reader.ask({ kind: 'catalogue', members, hashed: 'writer' });
    // Should it fail first, `broken` says so: a rejection that nobody handles yet ends the process without a word.
    reading.catch(ignore);
    const end = await this.#writeGroup('catalogue', number, 0, 'writer');
    await reading;
    if (end.kind === 'full') return { kind: 'full' };
    this.#book.onCatalogue();
    return { kind: 'whole', earlyWarning: end.earlyWarning };
  }

  /** Gives the drive back. */
  async close(): Promise<void> {
    await this.#writer.ask({ kind: 'close' });
    this.#ended.abort();
    await Promise.all([this.#reader.terminate(), this.#writer.terminate()]);
  }

  /** Both threads stop at the next block; a thread that is blocked in a device is not waited for. */
  async stop(): Promise<void> {
    stopRing(this.#ring);
    const closed = this.#writer.ask({ kind: 'close' }).catch(ignore);
    await Promise.race([closed, delay(stopPatienceMs, undefined, { ref: false })]);
  }

  async #orderOf(work: SegmentWork, info: InfoGiven, hashed: HashedBy): Promise<ToSourceReader> {
    if (work.kind === 'links') {
      const { boundaries, started } = await this.#book.planOf();
      return { kind: 'links', boundaries, planStarted: started, info, hashed };
    }
    const { segment: n, from, to = null, firstSegmentOfFile, entries: plannedEntries } = work;
    return { kind: 'segment', n, from, to, firstSegmentOfFile, plannedEntries, info, hashed };
  }

  async #writeGroup(kind: GroupHeader['kind'], number: number, weightBytes: number, hashed: HashedBy) {
    const encoding = { zstd: this.#book.compression === 'Zstd', encrypted: false };
    const begunAt = new Date();
    const header = { ...this.#book.header, kind, number, encoding, barcode: this.#barcode, begunAt };
    const end = await this.#writer.ask({ kind: 'group', header, weightBytes, hashed });
    if (end.kind === 'closed') throw stopped();
    if (end.kind !== 'whole' && end.kind !== 'full') throw unexpected(end.kind);
    this.#closedGroups = end.groups;
    return end;
  }
}

const hashedBy = ({ kind, weightBytes, entries }: SegmentWork): HashedBy =>
  kind === 'data' && weightBytes > entries * largeEntryBytes ? 'reader' : 'writer';

const tooLarge = ({ segment, weightBytes }: SegmentWork, barcode: string): WorkerFailure => {
  const message =
    `Segment ${segment}, planned with ${weightBytes} bytes, does not fit on ${barcode}, which held nothing else. ` +
    'Start a new job, with a spec.segmentSize well below what a tape holds: it plans anew what has grown since.';
  return new WorkerFailure({ reason: 'SegmentTooLarge', fault: 'source', message });
};

const stopped = (): WorkerStopped => new WorkerStopped('Terminated', 'the threads were stopped');

const unexpected = (kind: string): WorkerFailure => {
  const message = `A thread answered ${kind} where that makes no sense.`;
  return new WorkerFailure({ reason: 'InternalError', fault: 'worker', message });
};

const ignore = (): void => undefined;
