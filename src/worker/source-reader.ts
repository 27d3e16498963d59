import { fstatSync } from 'node:fs';
import { PLAIN, type BlockSink, type Encoding } from '../archive/blocks.ts';
import { cursorFromJson } from '../archive/escape.ts';
import { writeLinksSegment } from '../archive/links-writer.ts';
import { makePathFilter, type PathFilter } from '../archive/path-filter.ts';
import { writeSegment, type SegmentTask } from '../archive/segment-writer.ts';
import type { SegmentTotals } from '../archive/segment-totals.ts';
import { writeCatalogue } from './catalogue-payload.ts';
import { keepIndex } from './keep-index.ts';
import { openSourceFolder } from './host-folder.ts';
import { OpenAhead } from './open-ahead.ts';
import { SharedProgress } from './progress.ts';
import { RingProducer } from './ring.ts';
import { PayloadCancelled, RingSink } from './ring-sink.ts';
import type { FromSourceReader, ToSourceReader } from './source-reader-protocol.ts';

type Open = Extract<ToSourceReader, { kind: 'open' }>;
type Payload = Exclude<ToSourceReader, Open>;

/** Everything that is done at the source; all synchronous. Not bound to a thread, so that tests need none. */
export class SourceReader {
  readonly #open: Open;
  readonly #rootFd: number;
  readonly #ring: RingProducer;
  readonly #progress: SharedProgress;
  readonly #filter: PathFilter | undefined;
  readonly #encoding: Encoding;
  readonly #openAhead: OpenAhead;
  /** Segments read whole here that hold nothing that `links` has to tell of. */
  readonly #withoutLinks = new Set<number>();
  /** Why the index of the payload could not be kept. */
  #indexLost: string | undefined;

  /** @throws WorkerFailure where the source's root can't be opened */
  constructor(open: Open) {
    this.#open = open;
    this.#rootFd = openSourceFolder(open.folder, open.sourceFolder);
    this.#ring = new RingProducer(open.ring);
    this.#progress = new SharedProgress(open.progress);
    this.#filter = makePathFilter(open.include, open.exclude);
    this.#openAhead = new OpenAhead(open.openAhead);
    this.#encoding = open.compression === 'Zstd' ? { compression: 'Z' } : PLAIN;
  }

  describeRoot(): Extract<FromSourceReader, { kind: 'opened' }> {
    const { ino, size } = fstatSync(this.#rootFd, { bigint: true });
    return { kind: 'opened', rootInode: String(ino), rootSize: Number(size) };
  }

  /** @throws ReaderStopped, ArchiveError */
  read(order: Payload): FromSourceReader {
    this.#indexLost = undefined;
    const sink = new RingSink(this.#ring, order.hashed === 'reader');
    try {
      const totals = this.#write(order, sink);
      const { paxBytes, indexOffset, entries, files } = totals;
      sink.end({ kind: 'complete', paxBytes, indexOffset, entries, files });
      this.#progress.addFiles(files);
      return { kind: 'read', totals, ...(this.#indexLost !== undefined && { indexLost: this.#indexLost }) };
    } catch (error) {
      if (!(error instanceof PayloadCancelled)) throw error;
      sink.end({ kind: 'incomplete', reason: 'cancelled' });
      return { kind: 'cancelled' };
    }
  }

  #write(order: Payload, sink: BlockSink): SegmentTotals {
    switch (order.kind) {
      case 'catalogue':
        return writeCatalogue(this.#open.workFolder, order.members, this.#encoding, sink);
      case 'links':
        return this.#writeLinks(order, sink);
      case 'segment': {
        const { n, firstSegmentOfFile, plannedEntries, info } = order;
        const from = cursorFromJson(order.from);
        const to = order.to === null ? null : cursorFromJson(order.to);
        this.#openAhead.begin();
        const readAhead = this.#openAhead;
        const range = { n, from, to, firstSegmentOfFile, plannedEntries };
        const totals = writeSegment({ ...this.#frame(n, info), ...range, readAhead }, sink);
        if (totals.hasLinks) this.#withoutLinks.delete(n);
        else this.#withoutLinks.add(n);
        return totals;
      }
    }
  }

  #writeLinks(order: Extract<Payload, { kind: 'links' }>, sink: BlockSink): SegmentTotals {
    const boundaries = order.boundaries.map(({ n, from }) => ({ n, from: cursorFromJson(from) }));
    const startedMs = Date.parse(order.planStarted);
    const planStartedSec = Math.floor(startedMs / 1000);
    const planStartedNs = (startedMs - planStartedSec * 1000) * 1_000_000;
    const frame = this.#frame(boundaries.length, order.info);
    const nothingToTell = boundaries.every(({ n }) => this.#withoutLinks.has(n));
    return writeLinksSegment({ ...frame, boundaries, planStartedSec, planStartedNs, nothingToTell }, sink);
  }

  #keepIndex(folder: string, n: number, content: Buffer): void {
    this.#indexLost = keepIndex(folder, n, content);
  }

  #frame(n: number, info: SegmentTask['info']) {
    const { oneFileSystem, isClone = false, workFolder, indexFolder } = this.#open;
    return {
      rootFd: this.#rootFd,
      filter: this.#filter,
      oneFileSystem,
      isClone,
      folder: workFolder,
      encoding: this.#encoding,
      info,
      ...(indexFolder !== undefined && { onIndex: (content: Buffer) => this.#keepIndex(indexFolder, n, content) }),
    };
  }
}
