/** Simulated planner and stream worker, as `src/worker` has them: heads and pages by compare-and-swap, tape by lock. */
import type { BackupSaveRecord, Commit, SavePage } from '../../src/api/generated/index.ts';
import { labels, pageName } from '../../src/api/names.ts';
import { backupSaveRecords, savePages } from '../../src/api/resources.ts';
import type { BackupOrder, PlanOrder } from '../../src/api/worker-order.ts';
import { isApiError } from '../../src/kube/api.ts';
import { isAssigned, lowestAssigned } from '../../src/worker/segment-set.ts';
import type { Container, Program } from './container.ts';
import type { RealDrive, RealTape } from './hardware.ts';
import { checkHolder, failure, online, stopped, succeeded, tapeFacts, type WorkerContext } from './worker-context.ts';

type HeadStatus = NonNullable<BackupSaveRecord['status']>;

/** Segments of the source: the test chooses them by the job's path. */
export const segmentsOfPath = (path: string): number => Number(/(\d+)$/.exec(path)?.[1] ?? 3);

export function* runPlan(context: WorkerContext, container: Container, order: PlanOrder): Program {
  const { api } = context;
  const ref = { namespace: order.operatorNamespace, name: order.record };
  const all = segmentsOfPath(order.source.path ?? '');
  for (;;) {
    yield* online(context, container);
    const head = api.find(backupSaveRecords, ref);
    if (head?.status?.pod !== order.pod) throw stopped(order, 'ForeignPod');
    const segments = head.status.plan?.segments ?? 0;
    if (head.status.plan?.complete === true) return succeeded(order);
    if (context.strikes(0.02)) throw failure(order, 'Crashed', 'worker', 1);
    const next = Math.min(all, segments + context.random.between(1, 3));
    const plan = { segments: next, bytes: 1_000 * next, files: next, entries: next, folder: 'f' };
    const end = next === all && segments === all ? { complete: true, linksSegment: all } : {};
    const body = { status: { plan: { ...plan, ...end }, activity: 'Planning', heartbeat: context.timeline.iso() } };
    api.patch(backupSaveRecords, ref, body, { type: 'merge', subresource: 'status' });
    yield context.random.int(2_000);
  }
}

/** A stream worker between its steps. */
interface Stream {
  readonly context: WorkerContext;
  readonly container: Container;
  readonly order: BackupOrder;
  readonly done: Set<number>;
  readonly queued: { segment: number; commit: Commit }[];
  page: string | undefined;
  bytes: number;
  openBytes: number;
  beatAtMs: number;
}

export function* runBackup(context: WorkerContext, container: Container, order: BackupOrder): Program {
  const stream: Stream = {
    ...{ context, container, order, done: new Set(), queued: [], page: undefined, bytes: 0, openBytes: 0 },
    beatAtMs: 0,
  };
  yield* online(context, container);
  checkHead(stream);
  for (const page of pagesOf(stream)) {
    for (const segment of Object.keys(page.status?.commits ?? {})) stream.done.add(Number(segment));
  }
  yield context.random.int(500);
  yield* checkHolder(context, container, order);
  const drive = context.hardware.drive(order.library.name, order.drive.name);
  if (drive.lock !== undefined) throw failure(order, 'DriveLocked', 'drive', 20);
  if (drive.loaded?.barcode !== order.tape.barcode) throw failure(order, 'TapeNotLoaded', 'drive', 20);
  if (drive.loaded.labelId !== order.tape.labelId) throw failure(order, 'TapeLabelMismatch', 'tape', 21);
  drive.lock = container;
  yield* adopt(stream, drive.loaded);
  yield* writeSegments(stream, drive, drive.loaded);
  yield* drain(stream);
  yield* online(context, container);
  writeHead(stream, () => ({ openBytes: 0, openSegment: null, activity: 'Ending' }));
  return succeeded(order, { tape: tapeFacts(drive.loaded) });
}

/** What stands whole on the tape and in no page is recorded, whoever wrote it. */
function* adopt(stream: Stream, tape: RealTape): Generator<number, void> {
  const { job, grant } = stream.order;
  for (const [index, group] of tape.groups.entries()) {
    const isOurs = group.jobUid === job.uid && group.stream === grant.stream && !stream.done.has(group.segment);
    if (!isOurs) continue;
    yield* commit(stream, group.segment, index, group.epoch);
  }
}

function* writeSegments(stream: Stream, drive: RealDrive, tape: RealTape): Generator<number, void> {
  const { context, container, order } = stream;
  for (;;) {
    yield* beat(stream, 'WaitingForWork');
    const segment = nextSegment(stream);
    if (segment === undefined) {
      if (context.isOnline(container.node)) {
        const head = checkHead(stream);
        if (head.close === true && stream.queued.length === 0) return;
        yield* drain(stream);
        if (head.activity !== 'WaitingForWork' || head.openSegment !== undefined) {
          writeHead(stream, () => ({ openSegment: null, openBytes: 0, activity: 'WaitingForWork' }));
        }
      }
      yield 2_000;
      continue;
    }
    if (!open(stream, segment)) continue;
    stream.done.add(segment);
    yield* writeGroup(stream, drive, tape, segment);
    yield* commit(stream, segment, tape.groups.length - 1, order.grant.epoch);
    stream.openBytes = 0;
  }
}

function* writeGroup(stream: Stream, drive: RealDrive, tape: RealTape, segment: number): Generator<number, void> {
  const { context, container, order } = stream;
  const blocks = context.random.between(1, 4);
  for (let block = 0; block < blocks; block += 1) {
    if (container.stopAsked) throw stopped(order, 'Terminated', stream.openBytes);
    if (context.strikes(0.01)) yield* stall(stream);
    if (context.strikes(0.005)) throw failure(order, 'Crashed', 'worker', 1, { lostBytes: stream.openBytes });
    if (context.strikes(0.005)) throw failure(order, 'SourceReadError', 'source', 10);
    drive.writesUntilError -= 1;
    if (drive.writesUntilError === 0) {
      throw failure(order, 'TapeWriteError', 'tape', 21, { lostBytes: stream.openBytes, tape: tapeFacts(tape) });
    }
    stream.bytes += 100;
    stream.openBytes += 100;
    yield* beat(stream, 'Writing');
    yield context.random.int(3_000);
  }
  if (tape.groups.length >= tape.capacity) {
    throw failure(order, 'TapeFull', 'tape', 22, { tape: tapeFacts(tape), lostBytes: stream.openBytes });
  }
  context.onTapeWrite(container, tape);
  const { job, grant } = order;
  tape.groups.push({ jobUid: job.uid, stream: grant.stream, epoch: grant.epoch, segment });
  yield context.random.int(500);
}

/** The drive does not answer: the heartbeat goes on, the bytes do not. */
function* stall(stream: Stream): Generator<number, void> {
  const { context, container } = stream;
  container.stuck = true;
  container.unkillable = context.random.chance(0.1);
  const silent = context.random.chance(0.3);
  for (;;) {
    if (!silent) yield* beat(stream, 'Writing');
    yield 5_000;
  }
}

const nextSegment = (stream: Stream): number | undefined => {
  const { context, order } = stream;
  const namespace = order.operatorNamespace;
  const plan = context.api.find(backupSaveRecords, { namespace, name: order.planRecord })?.status?.plan;
  const head = headOf(stream);
  const { segments = 0, complete = false, linksSegment } = plan ?? {};
  const links = linksSegment === undefined ? {} : { linksSegment };
  return lowestAssigned(head?.assigned ?? [], { segments, complete, ...links }, stream.done);
};

const headOf = ({ context, order }: Stream): HeadStatus | undefined =>
  context.api.find(backupSaveRecords, { namespace: order.operatorNamespace, name: order.record })?.status;

const checkHead = (stream: Stream): HeadStatus => {
  const { order } = stream;
  const head = headOf(stream);
  if (head === undefined) throw failure(order, 'ApiError', 'api', 31);
  if (head.epoch !== order.grant.epoch) throw stopped(order, 'ForeignEpoch', stream.openBytes);
  if (head.pod !== order.pod) throw stopped(order, 'ForeignPod', stream.openBytes);
  if (head.sealed === true) throw stopped(order, 'Sealed', stream.openBytes);
  return head;
};

/** A compare-and-swap that reads again after a conflict is, seen from outside, one step. */
const writeHead = (stream: Stream, change: (head: HeadStatus) => object): void => {
  const { context, order } = stream;
  const head = checkHead(stream);
  const ref = { namespace: order.operatorNamespace, name: order.record };
  const status = { totals: { segments: stream.done.size, bytes: stream.bytes }, ...change(head) };
  context.api.patch(backupSaveRecords, ref, { status }, { type: 'merge', subresource: 'status' });
};

/** @returns false when the operator has taken the segment back; without the API it is opened all the same */
const open = (stream: Stream, segment: number): boolean => {
  const { context, container } = stream;
  if (!context.isOnline(container.node)) return true;
  const head = checkHead(stream);
  if (!isAssigned(head.assigned ?? [], segment)) return false;
  writeHead(stream, () => ({ openSegment: segment, openBytes: stream.openBytes, activity: 'Writing' }));
  return true;
};

function* beat(stream: Stream, activity: HeadStatus['activity']): Generator<number, void> {
  const { context, container, order } = stream;
  if (container.stopAsked && !container.stuck) throw stopped(order, 'Terminated', stream.openBytes);
  if (!context.isOnline(container.node) || context.timeline.nowMs < stream.beatAtMs) return;
  stream.beatAtMs = context.timeline.nowMs + order.heartbeatMs;
  const beaten = { heartbeat: context.timeline.iso(), progressCount: stream.bytes, openBytes: stream.openBytes };
  if (container.stuck) {
    // The thread that beats sees the seal; the one in the drive does not.
    if (headOf(stream)?.sealed === true || headOf(stream)?.epoch !== order.grant.epoch) return;
  }
  writeHead(stream, () => ({ ...beaten, ...(activity === 'WaitingForWork' ? {} : { activity }) }));
  yield 0;
}

function* commit(stream: Stream, segment: number, group: number, epoch: number): Generator<number, void> {
  const { library, tape } = stream.order;
  const value: Commit = {
    ...{ library: library.name, tape: tape.name, barcode: tape.barcode, labelId: tape.labelId, group, epoch },
    ...{ bytes: 1_000, blocks: 1, entries: 1, files: 1, sha256: '0'.repeat(64), indexOffset: 0 },
    writtenAt: stream.context.timeline.iso(),
  };
  stream.done.add(segment);
  stream.queued.push({ segment, commit: value });
  yield* drain(stream);
}

/** Puts what is queued into pages, as long as the API is there. */
function* drain(stream: Stream): Generator<number, void> {
  const { context, container, order } = stream;
  while (stream.queued.length > 0 && context.isOnline(container.node)) {
    stream.page ??= yield* openPage(stream);
    const [next] = stream.queued;
    if (next === undefined) return;
    const ref = { namespace: order.operatorNamespace, name: stream.page };
    const page = context.api.find(savePages, ref);
    if (page?.status?.sealed === true) throw stopped(order, 'Sealed', stream.openBytes);
    const status = { commits: { [String(next.segment)]: next.commit } };
    context.api.patch(savePages, ref, { status }, { type: 'merge', subresource: 'status' });
    stream.queued.shift();
    // Pages are short here, so that opening one is seen often.
    if (Object.keys(page?.status?.commits ?? {}).length >= 2) stream.page = undefined;
    yield context.random.int(200);
  }
}

const pagesOf = (stream: Stream): readonly SavePage[] => {
  const { context, order } = stream;
  const found: SavePage[] = [];
  for (let n = 0; n < (headOf(stream)?.pages ?? 0); n += 1) {
    const name = pageName(order.record, n);
    const page = context.api.find(savePages, { namespace: order.operatorNamespace, name });
    if (page !== undefined) found.push(page);
  }
  return found;
};

/** The page is made before the head names it. */
function* openPage(stream: Stream): Generator<number, string> {
  const { context, container, order } = stream;
  const { job, grant, pod, record, operatorNamespace: namespace } = order;
  for (let n = checkHead(stream).pages ?? 0; ; n += 1) {
    yield* online(context, container);
    checkHead(stream);
    const name = pageName(record, n);
    const page: SavePage = {
      metadata: {
        name,
        namespace,
        labels: { [labels.jobUid]: job.uid, [labels.record]: record, [labels.type]: 'Commits' },
      },
      spec: { type: 'Commits', record, page: n, job, ...grant, pod },
    };
    try {
      context.api.create(savePages, page);
    } catch (error) {
      if (!isApiError(error, 'AlreadyExists')) throw error;
      const there = context.api.get(savePages, { namespace, name });
      if (there.spec.pod !== pod || there.spec.epoch !== grant.epoch) continue;
    }
    yield context.random.int(300);
    yield* online(context, container);
    writeHead(stream, () => ({ currentPage: name, pages: n + 1 }));
    return name;
  }
}
