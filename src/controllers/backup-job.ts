/**
 * The reconciler of backup jobs: observe → decide → act. The status is written first, so that every intent stands in the
 * API before the act; what the acts achieved is written after them.
 */
import type { BackupJob } from '../api/generated/index.ts';
import { finalizers } from '../api/names.ts';
import { backupJobs } from '../api/resources.ts';
import { decideBackupJob } from '../decide/backup-job.ts';
import type { JobStatus } from '../decide/backup-job.ts';
import { effectiveSpec } from '../decide/effective-spec.ts';
import type { EffectiveSpec } from '../decide/effective-spec.ts';
import { holds } from '../decide/grant.ts';
import type { Grant } from '../decide/grant.ts';
import { eventsBetween } from '../decide/job-events.ts';
import { finalise, isTerminal, summarise } from '../decide/job-status.ts';
import type { Heads } from '../decide/job-status.ts';
import type { Step } from '../decide/step.ts';
import { expiryOf } from '../decide/retention.ts';
import { unsupportedIn } from '../decide/unsupported.ts';
import { done, requeueAfter } from '../kube/controller.ts';
import type { Reconcile, Result } from '../kube/controller.ts';
import { referenceTo } from '../kube/events.ts';
import { jsonEqual } from '../kube/json-equal.ts';
import { keyOf } from '../kube/key.ts';
import { compareResourceVersions } from '../kube/resource-version.ts';
import { deleteIfPresent, removeFinalizer, updateStatusIfChanged } from '../kube/writes.ts';
import type { Deps } from './deps.ts';
import { actOnGrant } from './grant-acts.ts';
import type { ActContext } from './grant-acts.ts';
import { observeJob } from './observe-job.ts';
import { foldHooks, foldOutcomes } from './outcome.ts';
import type { Outcome } from './outcome.ts';
import { retentionOf } from './job-retention.ts';
import { nextProcessNumber } from './process-number.ts';
import { makeSilenceMeter } from './silence.ts';
import type { SilenceMeter } from './silence.ts';
import { actOnStream } from './stream-acts.ts';
import type { StreamStep } from './stream-acts.ts';

interface Memory {
  readonly meter: SilenceMeter;
  /** What this process wrote last: newer than a cache that lags. */
  readonly written: Map<string, BackupJob>;
  readonly progressAtMs: Map<string, number>;
}

const busyMs = 2_000;
const conflictMs = 50;

export const makeBackupJobReconciler = (deps: Deps): Reconcile => {
  const memory: Memory = { meter: makeSilenceMeter(), written: new Map(), progressAtMs: new Map() };
  return async (key, signal) => {
    const job = newest(deps.caches.jobs.get(key), memory.written.get(key));
    if (job === undefined) {
      forget(memory, key);
      return done;
    }
    if (isTerminal(job.status) && !holdsAnything(job.status)) return settle(deps, memory, job, signal);
    if (job.status?.phase === undefined) return admit(deps, memory, job, signal);
    if (job.status.phase === 'Suspended') return resume(deps, memory, job, signal);
    return pass(deps, memory, job, signal);
  };
};

/** An object that was deleted and made again has another uid: what was written of the old one is forgotten. */
const newest = (cached: BackupJob | undefined, written: BackupJob | undefined): BackupJob | undefined => {
  if (cached === undefined || written === undefined || written.metadata.uid !== cached.metadata.uid) return cached;
  const [seen, own] = [cached.metadata.resourceVersion ?? '', written.metadata.resourceVersion ?? ''];
  return (compareResourceVersions(own, seen) ?? 0) > 0 ? written : cached;
};

const forget = (memory: Memory, key: string): void => {
  const uid = memory.written.get(key)?.metadata.uid;
  if (uid !== undefined) memory.meter.forget(uid);
  memory.written.delete(key);
  memory.progressAtMs.delete(key);
};

const holdsAnything = (status: JobStatus | undefined): boolean =>
  [...(status?.streams ?? []), ...(status?.retired ?? [])].some(holds);

/** B1: the job gets its number and its streams; from here on the allocator serves it. */
const admit = async (deps: Deps, memory: Memory, job: BackupJob, signal: AbortSignal): Promise<Result> => {
  if (job.metadata.deletionTimestamp !== undefined) return done;
  const now = new Date(deps.clock.now()).toISOString();
  const processNumber =
    job.status?.processNumber ?? (await nextProcessNumber(deps.api, deps.settings.namespace, signal));
  const unsupported = unsupportedIn(job);
  const status: JobStatus = {
    ...job.status,
    ...initialStatus(effectiveSpec(job), now),
    processNumber,
    observedGeneration: job.metadata.generation ?? 0,
    ...expiry(deps, job, now),
    ...(unsupported === undefined ? {} : { ending: { result: 'Failed', ...unsupported } }),
  };
  return write(deps, memory, job, status, signal);
};

const initialStatus = (spec: EffectiveSpec, now: string): JobStatus => ({
  phase: 'Queued',
  streams: Array.from({ length: spec.routes }, (_, number): Grant => ({
    number,
    epoch: 0,
    role: number < spec.activeRoutes ? 'Active' : 'Standby',
    state: 'Waiting',
    startedAt: now,
  })),
  streamsText: `0/${spec.routes}`,
  failovers: 0,
  bytesRewritten: 0,
  startTime: now,
});

const expiry = (deps: Deps, job: BackupJob, now: string): Pick<JobStatus, 'expires'> => {
  const expires = expiryOf(retentionOf(deps, job), Date.parse(now));
  return expires === undefined ? {} : { expires };
};

const resume = async (deps: Deps, memory: Memory, job: BackupJob, signal: AbortSignal): Promise<Result> => {
  const ends = job.spec.cancel === true || job.metadata.deletionTimestamp !== undefined;
  if (job.spec.suspend === true && !ends) return lift(deps, job, signal);
  const { ending: _ended, allocatedAt: _secured, ...status } = job.status ?? {};
  const fresh = initialStatus(effectiveSpec(job), new Date(deps.clock.now()).toISOString());
  const { failovers: _f, bytesRewritten: _b, startTime: _s, ...again } = fresh;
  return write(deps, memory, job, { ...status, ...again }, signal);
};

const write = async (
  deps: Deps,
  memory: Memory,
  job: BackupJob,
  status: JobStatus,
  signal: AbortSignal,
): Promise<Result> => {
  const written = await updateStatusIfChanged<JobStatus, BackupJob>(deps.api, backupJobs, job, status, signal);
  if (written.conflict) return requeueAfter(conflictMs);
  remember(deps, memory, job, written.object);
  return requeueAfter(0);
};

const remember = (deps: Deps, memory: Memory, before: BackupJob, after: BackupJob): void => {
  memory.written.set(keyOf(after), after);
  const regarding = referenceTo(backupJobs, after);
  for (const event of eventsBetween(before.status ?? {}, after.status ?? {}))
    deps.events.record({ regarding, ...event });
  const [from, to] = [before.status ?? {}, after.status ?? {}];
  if ((to.failovers ?? 0) > (from.failovers ?? 0))
    deps.metrics.failedOver(to.failoverHistory?.at(-1)?.reason ?? 'Unknown');
  if ((to.bytesRewritten ?? 0) > (from.bytesRewritten ?? 0)) {
    deps.metrics.bytesRewritten((to.bytesRewritten ?? 0) - (from.bytesRewritten ?? 0));
  }
  const segments = (to.progress?.segmentsDone ?? 0) - (from.progress?.segmentsDone ?? 0);
  const bytes = (to.progress?.bytesDone ?? 0) - (from.progress?.bytesDone ?? 0);
  if (segments > 0 || bytes > 0) deps.metrics.segmentsCommitted(Math.max(0, segments), Math.max(0, bytes));
  if (isTerminal(to) && !isTerminal(from)) {
    const { namespace = '', name } = after.metadata;
    deps.metrics.ended('BackupJob', to.phase ?? '', namespace, name, deps.clock.now());
  }
};

const pass = async (deps: Deps, memory: Memory, job: BackupJob, signal: AbortSignal): Promise<Result> => {
  const nowMs = deps.clock.now();
  const { seen, heads } = await observeJob(deps, memory.meter, job, signal);
  const decision = decideBackupJob(seen, nowMs);
  const over = isTerminal(job.status);
  const status = over ? decision.status : summarise(decision.status, seen.spec, heads);
  if (!worthWriting(deps, memory, job, status)) {
    return carryOut(deps, memory, job, decision.steps, seen.spec, heads, signal);
  }
  const written = await updateStatusIfChanged<JobStatus, BackupJob>(deps.api, backupJobs, job, status, signal);
  if (written.conflict) return requeueAfter(conflictMs);
  memory.progressAtMs.set(keyOf(job), nowMs);
  remember(deps, memory, job, written.object);
  return carryOut(deps, memory, written.object, decision.steps, seen.spec, heads, signal);
};

/** Progress alone is written only now and then: etcd is no place for a speedometer. */
const worthWriting = (deps: Deps, memory: Memory, job: BackupJob, status: JobStatus): boolean => {
  const due = (memory.progressAtMs.get(keyOf(job)) ?? 0) + deps.settings.progressMs;
  return deps.clock.now() >= due || !jsonEqual(withoutProgress(job.status ?? {}), withoutProgress(status));
};

const withoutProgress = ({ progress: _progress, plan, ...status }: JobStatus): object => ({
  ...status,
  planned: plan?.complete ?? false,
  streams: (status.streams ?? []).map(
    ({ activity: _a, segmentsCommitted: _s, bytesDone: _b, bytesPerSecond: _r, ...grant }) => grant,
  ),
});

const carryOut = async (
  deps: Deps,
  memory: Memory,
  job: BackupJob,
  decided: readonly Step[],
  spec: EffectiveSpec,
  heads: Heads,
  signal: AbortSignal,
): Promise<Result> => {
  const context: ActContext = { deps, job: identity(job), labelsBlankTapes: true, signal };
  const outcomes: Outcome[] = [];
  for (const step of decided) {
    const outcome = isStreamStep(step) ? await actOnStream(context, job, step) : await actOnGrant(context, step);
    if (outcome !== undefined) outcomes.push(outcome);
  }
  if (outcomes.length === 0) return requeueAfter(busyMs);
  const now = new Date(deps.clock.now()).toISOString();
  const ran = outcomes.some(({ kind }) => kind === 'hookRan');
  const hooks = ran ? { hooks: foldHooks(job.status?.hooks ?? [], outcomes, now) } : {};
  const folded: JobStatus = { ...job.status, ...foldOutcomes(job.status ?? {}, outcomes, now), ...hooks };
  const ended = outcomes.some(({ kind }) => kind === 'recordsFinished');
  const status = ended
    ? finalise(folded, spec, job.metadata.generation ?? 0, now)
    : settled(job, folded, spec, heads, now);
  return write(deps, memory, job, status, signal);
};

/** After the end only a fence can be outstanding; once it is proven the job says so. */
const settled = (job: BackupJob, folded: JobStatus, spec: EffectiveSpec, heads: Heads, now: string): JobStatus => {
  if (!isTerminal(job.status)) return summarise(folded, spec, heads);
  const { completionTime } = job.status ?? {};
  const again = finalise(folded, spec, job.metadata.generation ?? 0, now);
  return { ...again, ...(completionTime === undefined ? {} : { completionTime }) };
};

const identity = (job: BackupJob) => ({
  kind: 'BackupJob' as const,
  uid: job.metadata.uid ?? '',
  namespace: job.metadata.namespace ?? '',
  name: job.metadata.name,
  processNumber: job.status?.processNumber ?? 0,
});

const streamSteps: readonly Step['kind'][] = [
  'launchPlan',
  'openHead',
  'launchBackup',
  'assign',
  'closeHead',
  'sealHead',
  'runHook',
  'finishRecords',
];

const isStreamStep = (step: Step): step is StreamStep => streamSteps.includes(step.kind);

/** The job is over: the finalizer goes, and after its time the object. */
const settle = async (deps: Deps, memory: Memory, job: BackupJob, signal: AbortSignal): Promise<Result> => {
  await lift(deps, job, signal);
  memory.meter.forget(job.metadata.uid ?? '');
  const ttlSeconds = job.spec.ttlSecondsAfterFinished;
  if (ttlSeconds === undefined || job.status?.completionTime === undefined) return done;
  const leftMs = Date.parse(job.status.completionTime) + 1000 * ttlSeconds - deps.clock.now();
  if (leftMs > 0) return requeueAfter(leftMs);
  const { namespace = '', name, uid = '' } = job.metadata;
  await deleteIfPresent(deps.api, backupJobs, { namespace, name }, { uid }, signal);
  return done;
};

const lift = async (deps: Deps, job: BackupJob, signal: AbortSignal): Promise<Result> => {
  const written = await removeFinalizer(deps.api, backupJobs, job, finalizers.held, signal);
  return written.conflict ? requeueAfter(conflictMs) : done;
};
