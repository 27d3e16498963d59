/**
 * A stream worker without Kubernetes: the plan and the commits are kept in memory, the data path is the real one. For
 * benchmarks and tests.
 */
import { closeSync, openSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { cursorToJson } from '../archive/escape.ts';
import { chooseFolderName, planSource, type PlannedSegment } from '../archive/plan.ts';
import { firstSegmentOfFile } from '../archive/segment-writer.ts';
import type { JobIdentity } from '../api/worker-order.ts';
import type { SegmentCommit, SegmentWork } from './ledger.ts';
import { MemoryLedger } from './memory-ledger.ts';
import type { DriveAddress } from './open-drive.ts';
import { SharedProgress } from './progress.ts';
import { runStream } from './stream-loop.ts';
import { ThreadPipeline, type PipelineBook } from './thread-pipeline.ts';

export interface LocalBackup {
  readonly source: string;
  readonly address: DriveAddress;
  readonly barcode: string;
  readonly labelId: string;
  readonly segmentBytes: number;
  readonly compression?: 'None' | 'Zstd';
  readonly indexFolder?: string;
}

export interface LocalPlan {
  readonly workFolder: string;
  readonly startedAt: string;
  /** Data segments in order, then `links`. */
  readonly work: readonly SegmentWork[];
}

export interface LocalResult {
  readonly plan: LocalPlan;
  readonly commits: readonly SegmentCommit[];
  readonly bytes: number;
  readonly files: number;
}

export const localJob: JobIdentity = {
  kind: 'BackupJob',
  uid: '10ca110c-0000-4000-8000-000000000000',
  namespace: 'local',
  name: 'local',
  processNumber: 0,
};

/** Cuts one segment at a time, while those before it are read, as a planner beside a stream does. */
async function* cutWork(rootFd: number, workFolder: string, segmentBytes: number): AsyncGenerator<SegmentWork, void> {
  const options = { segmentBytes, filter: undefined, oneFileSystem: true, folder: workFolder };
  const segments: PlannedSegment[] = [];
  // The threads are started first.
  await nextTurn();
  for (const segment of planSource(rootFd, options)) {
    segments.push(segment);
    yield workOf(segment, segments);
    await nextTurn();
  }
  yield linksOf(segments);
}

const workOf = (segment: PlannedSegment, cut: readonly PlannedSegment[]): SegmentWork => ({
  kind: 'data',
  segment: segment.n,
  from: cursorToJson(segment.from),
  ...(segment.to !== null && { to: cursorToJson(segment.to) }),
  weightBytes: segment.weight,
  entries: segment.entries,
  firstSegmentOfFile: firstSegmentOfFile(cut, segment.n),
  ...(segment.to === null && { count: cut.length }),
});

const linksOf = (all: readonly PlannedSegment[]): SegmentWork => ({
  kind: 'links',
  segment: all.length,
  from: { path: '', offset: 0 },
  weightBytes: 0,
  entries: 0,
  firstSegmentOfFile: all.length,
  count: all.length,
});

/** Plans the source and writes it behind what stands on the tape. @throws WorkerFailure, ArchiveError */
export const backUpLocally = async (backup: LocalBackup): Promise<LocalResult> => {
  const startedAt = new Date().toISOString();
  const rootFd = openSync(backup.source, 'r');
  try {
    const workFolder = chooseFolderName(rootFd, localJob.uid);
    const ledger = new MemoryLedger(cutWork(rootFd, workFolder, backup.segmentBytes));
    const plan = { workFolder, startedAt, work: ledger.work };
    return { plan, commits: ledger.commits, ...(await streamTo(ledger, backup, plan)) };
  } finally {
    closeSync(rootFd);
  }
};

const streamTo = async (ledger: MemoryLedger, backup: LocalBackup, plan: LocalPlan) => {
  const progress = new SharedProgress();
  const pipeline = new ThreadPipeline(backup.barcode, bookOf(backup, plan), progress);
  const { source: folder, indexFolder } = backup;
  const filter = { include: [], exclude: [], oneFileSystem: true };
  const kept = indexFolder === undefined ? {} : { indexFolder };
  await Promise.all([
    pipeline.openTape({ address: backup.address, barcode: backup.barcode, labelId: backup.labelId }),
    pipeline.openSource({
      folder,
      sourceFolder: { prefix: folder, beneath: '' },
      ...filter,
      workFolder: plan.workFolder,
      ...kept,
    }),
  ]);
  await runStream(ledger, pipeline, { catalogueEvery: Infinity }, new AbortController().signal);
  await pipeline.close();
  const { bytes, files } = progress.read();
  return { bytes, files };
};

const boundariesOf = ({ work }: LocalPlan) =>
  work.filter(({ kind }) => kind === 'data').map(({ segment, from }) => ({ n: segment, from }));

const bookOf = ({ barcode, labelId, compression = 'None' }: LocalBackup, plan: LocalPlan): PipelineBook => {
  const { uid, namespace, name, processNumber } = localJob;
  const job = { uid, namespace, name, processNumber };
  const source = { kind: 'hostPath', machineID: '', rootInode: '', include: [], exclude: [], oneFileSystem: true };
  return {
    header: { job, stream: 0, epoch: 1, retainUntil: 'none' },
    compression,
    infoOf: (work, group) => ({
      count: work.count ?? null,
      weight: work.weightBytes,
      job,
      source,
      dataTime: plan.startedAt,
      planStarted: plan.startedAt,
      consistent: false,
      stream: 0,
      epoch: 1,
      server: 'local',
      library: 'local',
      drive: 0,
      barcode,
      labelId,
      group,
      startedAt: new Date().toISOString(),
      retainUntil: null,
    }),
    planOf: async () => ({ boundaries: boundariesOf(plan), started: plan.startedAt }),
    catalogueOf: async () => ({ number: 0, members: [] }),
    onRead: () => undefined,
    onCatalogue: () => undefined,
  };
};
