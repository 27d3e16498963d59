/** Walks the source and cuts boundaries: a thread, so that a source that hangs stops neither heartbeat nor signals. */
import { flushCompileCache } from 'node:module';
import { closeSync, fstatSync, statfsSync } from 'node:fs';
import { parentPort } from 'node:worker_threads';
import { cursorFromJson, cursorToJson } from '../archive/escape.ts';
import { makePathFilter, type PathFilter } from '../archive/path-filter.ts';
import { chooseFolderName, chooseSegmentBytes, planSource, type PlannedSegment } from '../archive/plan.ts';
import { openSourceFolder, pathOfFd } from './host-folder.ts';
import type { CutSegment, FromPlanWalker, ToPlanWalker } from './plan-walker-protocol.ts';
import { describeFailure } from './thread-failure.ts';

const defaultSegmentBytes = 256 * 2 ** 20;
/** Boundaries are told in batches, but not later than this. */
const batchMs = 50;
const tellEveryMs = 1_000;

const say = (message: FromPlanWalker): void => parentPort?.postMessage(message);

const sizeFor = (order: ToPlanWalker, rootFd: number): number => {
  if (order.resume !== undefined) return order.resume.segmentBytes;
  if (order.segmentBytes !== undefined) return order.segmentBytes;
  const { blocks, bfree, bsize } = statfsSync(pathOfFd(rootFd));
  return chooseSegmentBytes(defaultSegmentBytes, (blocks - bfree) * bsize);
};

/** A segment may take long to fill, and what is excluded fills none: each name that is met is a sign of life. */
const tellingFilter = (filter: PathFilter | undefined): PathFilter => {
  let entries = 0;
  let toldAt = performance.now();
  return {
    decide: (path, isFolder, parentIn) => {
      entries += 1;
      if (performance.now() - toldAt > tellEveryMs) {
        say({ kind: 'met', entries });
        toldAt = performance.now();
      }
      return filter === undefined ? 'in' : filter.decide(path, isFolder, parentIn);
    },
  };
};

const walkSource = (order: ToPlanWalker): void => {
  const rootFd = openSourceFolder(order.source, order.sourceFolder);
  const { ino, size } = fstatSync(rootFd, { bigint: true });
  const segmentBytes = sizeFor(order, rootFd);
  const { resume, oneFileSystem } = order;
  const folder = resume?.workFolder ?? chooseFolderName(rootFd, order.jobUid);
  say({ kind: 'begun', workFolder: folder, segmentBytes, rootInode: String(ino), rootSize: Number(size) });
  const filter = tellingFilter(makePathFilter(order.include, order.exclude));
  const from = resume === undefined ? {} : { resume: { n: resume.n, from: cursorFromJson(resume.from) } };
  let batch: CutSegment[] = [];
  let toldAt = performance.now();
  for (const segment of planSource(rootFd, { segmentBytes, filter, oneFileSystem, folder, ...from })) {
    batch.push(cutOf(segment));
    if (performance.now() - toldAt < batchMs) continue;
    say({ kind: 'cut', segments: batch });
    batch = [];
    toldAt = performance.now();
  }
  say({ kind: 'cut', segments: batch });
  say({ kind: 'complete' });
  closeSync(rootFd);
};

const cutOf = ({ n, from, weight, entries, files, bytes, segmentBytes }: PlannedSegment): CutSegment => ({
  number: n,
  from: cursorToJson(from),
  ...{ weight, entries, files, bytes, segmentBytes },
});

parentPort?.once('message', (order: ToPlanWalker) => {
  try {
    walkSource(order);
  } catch (error) {
    say({ kind: 'failed', failure: describeFailure(error) });
  }
});

// The process may end without a word; what was compiled is kept now.
flushCompileCache();
