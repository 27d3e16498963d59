/**
 * A stream worker without Kubernetes: the plan and the commits are kept in memory, the data path is the real one. For
 * benchmarks and tests.
 */
import { closeSync, openSync } from 'node:fs';
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

export const localJob: JobIdentity = {
  kind: 'BackupJob',
  uid: '10ca110c-0000-4000-8000-000000000000',
  namespace: 'local',
  name: 'local',
  processNumber: 0,
};

export const planLocally = (source: string, segmentBytes: number): LocalPlan => {
  const startedAt = new Date().toISOString();
  const rootFd = openSync(source, 'r');
  try {
    const workFolder = chooseFolderName(rootFd, localJob.uid);
    const options = { segmentBytes, filter: undefined, oneFileSystem: true, folder: workFolder };
    const segments = [...planSource(rootFd, options)];
    return { workFolder, startedAt, work: [...segments.map((one) => workOf(one, segments)), linksOf(segments)] };
  } finally {
    closeSync(rootFd);
  }
};

const workOf = (segment: PlannedSegment, all: readonly PlannedSegment[]): SegmentWork => ({
  kind: 'data',
  segment: segment.n,
  from: cursorToJson(segment.from),
  ...(segment.to !== null && { to: cursorToJson(segment.to) }),
  weightBytes: segment.weight,
  entries: segment.entries,
  firstSegmentOfFile: firstSegmentOfFile(all, segment.n),
  count: all.length,
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

/** Writes the whole plan behind what stands on the tape. @throws WorkerFailure */
export const backUpLocally = async (
  backup: LocalBackup,
  plan: LocalPlan,
): Promise<{ readonly commits: readonly SegmentCommit[]; readonly bytes: number; readonly files: number }> => {
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
  const ledger = new MemoryLedger(plan.work);
  await runStream(ledger, pipeline, { catalogueEvery: Infinity }, new AbortController().signal);
  await pipeline.close();
  const { bytes, files } = progress.read();
  return { commits: ledger.commits, bytes, files };
};

const bookOf = ({ barcode, labelId, compression = 'None' }: LocalBackup, plan: LocalPlan): PipelineBook => {
  const { uid, namespace, name, processNumber } = localJob;
  const job = { uid, namespace, name, processNumber };
  const source = { kind: 'hostPath', machineID: '', rootInode: '', include: [], exclude: [], oneFileSystem: true };
  const boundaries = plan.work.filter(({ kind }) => kind === 'data').map(({ segment, from }) => ({ n: segment, from }));
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
    planOf: async () => ({ boundaries, started: plan.startedAt }),
    catalogueOf: async () => ({ number: 0, members: [] }),
    onRead: () => undefined,
    onCatalogue: () => undefined,
  };
};
