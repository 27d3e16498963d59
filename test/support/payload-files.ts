import { closeSync, constants, mkdirSync, openSync, readSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { BLOCK_BYTES, PLAIN, type BlockSink, type BlockSource, type Encoding } from '../../src/archive/blocks.ts';
import { writeLinksSegment } from '../../src/archive/links-writer.ts';
import { START, type Cursor } from '../../src/archive/order.ts';
import { makePathFilter } from '../../src/archive/path-filter.ts';
import { chooseFolderName, planSource } from '../../src/archive/plan.ts';
import { firstSegmentOfFile, writeSegment } from '../../src/archive/segment-writer.ts';
import type { SegmentTotals } from '../../src/archive/segment-totals.ts';
import type { InfoGiven } from '../../src/archive/info.ts';

/** Payload blocks in a file, as a tape export gives them. */
export class FileBlockSink implements BlockSink {
  readonly #block = Buffer.alloc(BLOCK_BYTES);
  readonly #fd: number;
  blocks = 0;

  constructor(path: string) {
    this.#fd = openSync(path, 'w');
  }

  take(): Buffer {
    // What a ring gives back is never clean.
    this.#block.fill(0xee);
    return this.#block;
  }

  put(): void {
    writeSync(this.#fd, this.#block);
    this.blocks += 1;
  }

  close(): void {
    closeSync(this.#fd);
  }
}

export class FileBlockSource implements BlockSource {
  readonly #block = Buffer.alloc(BLOCK_BYTES);
  readonly #fd: number;

  constructor(path: string) {
    this.#fd = openSync(path, 'r');
  }

  next(): Buffer | undefined {
    const read = readSync(this.#fd, this.#block, 0, BLOCK_BYTES, null);
    return read === 0 ? undefined : this.#block.subarray(0, read);
  }

  close(): void {
    closeSync(this.#fd);
  }
}

export const JOB_UID = '0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9';

export const testInfo = (count: number | null): InfoGiven => ({
  count,
  weight: 0,
  job: { uid: JOB_UID, namespace: 'default', name: 'test', processNumber: 1 },
  source: {
    kind: 'hostPath',
    path: '/source',
    machineID: 'm',
    rootInode: '2',
    include: [],
    exclude: [],
    oneFileSystem: true,
  },
  dataTime: '2026-01-02T03:04:05Z',
  planStarted: '2026-01-02T03:04:05Z',
  consistent: false,
  stream: 0,
  epoch: 1,
  server: 'server-0',
  library: 'library-0',
  drive: 0,
  barcode: 'TW0001L9',
  labelId: '00112233445566778899aabbccddeeff',
  group: 0,
  startedAt: '2026-01-02T03:04:05Z',
  retainUntil: null,
});

export interface TestBackup {
  readonly folder: string;
  /** Payloads of the data segments in order. */
  readonly data: readonly string[];
  readonly links: string;
  readonly totals: readonly SegmentTotals[];
  readonly linksTotals: SegmentTotals;
  readonly boundaries: readonly { readonly n: number; readonly from: Cursor }[];
}

export interface TestBackupWish {
  readonly segmentBytes: number;
  readonly include?: readonly string[];
  readonly exclude?: readonly string[];
  readonly encoding?: Encoding;
  /** The source is a clone of a snapshot. */
  readonly isClone?: boolean;
  /** Instead of a plan. */
  readonly cuts?: readonly Cursor[];
  /** By default the plan begins after everything in the source was made. */
  readonly planStartedSec?: number;
  /** Of `links`: how many files are remembered. */
  readonly maxFirstNames?: number;
}

const planCuts = (rootFd: number, folder: string, wish: TestBackupWish): Cursor[] => {
  const filter = makePathFilter(wish.include ?? [], wish.exclude ?? []);
  const { segmentBytes } = wish;
  const segments = [...planSource(rootFd, { segmentBytes, filter, oneFileSystem: true, folder })];
  return segments.map((segment) => segment.from);
};

/** A whole backup of a folder into payload files. */
export const writeTestBackup = (source: string, out: string, wish: TestBackupWish): TestBackup => {
  mkdirSync(out, { recursive: true });
  const rootFd = openSync(source, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    const folder = chooseFolderName(rootFd, JOB_UID);
    const filter = makePathFilter(wish.include ?? [], wish.exclude ?? []);
    const cuts = wish.cuts === undefined ? planCuts(rootFd, folder, wish) : [START, ...wish.cuts];
    const boundaries = cuts.map((from, n) => ({ n, from }));
    const encoding = wish.encoding ?? PLAIN;
    const { isClone = false } = wish;
    const shared = { rootFd, filter, oneFileSystem: true, isClone, folder, encoding, info: testInfo(cuts.length) };
    const data = cuts.map((_, n) => join(out, `data-${String(n).padStart(6, '0')}`));
    const totals = cuts.map((from, n) => {
      const sink = new FileBlockSink(data[n] ?? '');
      const task = {
        ...shared,
        n,
        from,
        to: cuts[n + 1] ?? null,
        firstSegmentOfFile: firstSegmentOfFile(boundaries, n),
      };
      const written = writeSegment(task, sink);
      sink.close();
      return written;
    });
    const links = join(out, 'links');
    const sink = new FileBlockSink(links);
    const planStartedSec = wish.planStartedSec ?? Math.floor(Date.now() / 1000) + 3600;
    const { maxFirstNames } = wish;
    const bound = maxFirstNames === undefined ? {} : { maxFirstNames };
    const linksTotals = writeLinksSegment({ ...shared, boundaries, planStartedSec, planStartedNs: 0, ...bound }, sink);
    sink.close();
    return { folder, data, links, totals, linksTotals, boundaries };
  } finally {
    closeSync(rootFd);
  }
};
