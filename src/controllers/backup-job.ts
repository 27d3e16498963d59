/**
 * The reconciler of backup jobs: observe → decide → act. The status is written first, so that every intent stands in the
 * API before the act; what the acts achieved is written after them.
 */
import type { BackupJob } from '../api/generated/index.ts';
import { finalizers, labels } from '../api/names.ts';
import { backupJobs } from '../api/resources.ts';
import { decideBackupJob } from '../decide/job/backup-job.ts';
import type { JobStatus } from '../decide/job/job-view.ts';
import { effectiveSpec } from '../decide/job/effective-spec.ts';
import type { EffectiveSpec } from '../decide/job/effective-spec.ts';
import { holds } from '../decide/grant/grant.ts';
import { eventsBetween } from '../decide/job/job-events.ts';
import { finalise, isOver, isTerminal, summarise } from '../decide/job/job-status.ts';
import type { Heads } from '../decide/job/job-status.ts';
import { withWorkReady } from '../decide/ready.ts';
import { initialStatus, resumed } from '../decide/job/resume.ts';
import { isBeingTaken } from '../decide/claim/snapshot.ts';
import type { Step } from '../decide/step.ts';
import { unsupportedIn } from '../decide/job/unsupported.ts';
import type { Refusal } from '../decide/job/unsupported.ts';
import { done, requeueAfter } from '../kube/controller.ts';
import type { Reconcile, Result } from '../kube/controller.ts';
import { referenceTo } from '../kube/events.ts';
import { jsonEqual } from '../kube/json-equal.ts';
import { keyOf } from '../kube/key.ts';
import { compareResourceVersions } from '../kube/resource-version.ts';
import { deleteIfPresent, removeFinalizer, updateStatusIfChanged } from '../kube/writes.ts';
import { actInOrder, throwFirst } from './act-in-order.ts';
import { readReach } from './claims.ts';
import { makeCommittedMeter } from './committed-meter.ts';
import type { CommittedMeter } from './committed-meter.ts';
import type { Deps } from './deps.ts';
import { excuse } from './excuse.ts';
import { actOnGrant } from './grant-acts.ts';
import type { ActContext } from './grant-acts.ts';
import { makeHookTasks } from './hook-tasks.ts';
import type { HookTasks } from './hook-tasks.ts';
import { observeJob } from './observe-job.ts';
import { foldHooks, foldOutcomes, foldPlan, foldRefusal } from './outcome.ts';
import type { Outcome } from './outcome.ts';
import { expiry, keptFromNow } from './job-retention.ts';
import { nextProcessNumber } from './process-number.ts';
import { makeSilenceMeter } from './silence.ts';
import type { SilenceMeter } from './silence.ts';
import { snapshotRefusal } from './snapshots.ts';
import { actOnHook, actOnStream } from './stream-acts.ts';
import type { StreamStep } from './stream-acts.ts';

interface Memory {
  readonly meter: SilenceMeter;
  readonly committed: CommittedMeter;
  readonly hooks: HookTasks;
  /** What this process wrote last: newer than a cache that lags. */
  readonly written: Map<string, BackupJob>;
  readonly progressAtMs: Map<string, number>;
}

const busyMs = 2_000;
/** A hook's end wakes nobody, and neither does a snapshot that is cut: an application may be asleep until then. */
const hookPollMs = 250;
const conflictMs = 50;

export const makeBackupJobReconciler = (deps: Deps): Reconcile => {
  const memory: Memory = {
    meter: makeSilenceMeter(deps.recordsHeardSinceMs),
    committed: makeCommittedMeter(),
    hooks: makeHookTasks(),
    written: new Map(),
    progressAtMs: new Map(),
  };
  return async (key, signal) => {
    const job = newest(deps.caches.jobs.get(key), memory.written.get(key));
    if (job === undefined) {
      forget(memory, key);
      return done;
    }
    if (isTerminal(job.status) && !holdsAnything(job.status)) return settle(deps, memory, job, signal);
    if (job.status?.phase === undefined) return admit(deps, memory, job, signal);
    if (job.status.phase === 'Suspended') return suspended(deps, memory, job, signal);
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
  if (uid !== undefined) {
    memory.meter.forget(uid);
    memory.committed.forget(uid);
    memory.hooks.stop(uid);
  }
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
  const unsupported = unsupportedIn(job) ?? (await unreachable(deps, job, signal));
  const status: JobStatus = {
    ...job.status,
    ...initialStatus(effectiveSpec(job), now),
    processNumber,
    ...expiry(deps, job, now),
    ...(unsupported === undefined ? {} : { ending: { result: 'Failed', ...unsupported } }),
  };
  return write(deps, memory, job, status, signal);
};

/** What waiting does not help is told at once. */
const unreachable = async (deps: Deps, job: BackupJob, signal: AbortSignal): Promise<Refusal | undefined> => {
  const reach = await readReach(deps, job, signal);
  if (reach?.kind === 'never') return { reason: 'SourceNotReachable', message: reach.message };
  const message = await snapshotRefusal(deps, job, signal);
  return message === undefined ? undefined : { reason: 'SnapshotNotPossible', message };
};

/** It stays suspended, is resumed, or ends: for that it goes the way of all jobs. */
const suspended = async (deps: Deps, memory: Memory, job: BackupJob, signal: AbortSignal): Promise<Result> => {
  const ends = job.spec.cancel === true || job.metadata.deletionTimestamp !== undefined;
  if (job.spec.suspend === true && !ends) {
    return holdsAnything(job.status) ? pass(deps, memory, job, signal) : lift(deps, job, signal);
  }
  const now = new Date(deps.clock.now()).toISOString();
  return write(deps, memory, job, resumed(job.status ?? {}, effectiveSpec(job), now), signal);
};

const write = async (
  deps: Deps,
  memory: Memory,
  job: BackupJob,
  status: JobStatus,
  signal: AbortSignal,
): Promise<Result> => {
  const ready = told(deps, job, status);
  const written = await updateStatusIfChanged<JobStatus, BackupJob>(deps.api, backupJobs, job, ready, signal);
  if (written.conflict) return requeueAfter(conflictMs);
  remember(deps, memory, job, written.object);
  return requeueAfter(0);
};

const told = ({ clock }: Deps, { metadata }: BackupJob, status: JobStatus): JobStatus =>
  withWorkReady(status, metadata.generation, new Date(clock.now()).toISOString());

const remember = (deps: Deps, memory: Memory, before: BackupJob, after: BackupJob): void => {
  memory.written.set(keyOf(after), after);
  const regarding = referenceTo(backupJobs, after);
  for (const event of eventsBetween(before.status ?? {}, after.status ?? {}))
    deps.events.record({ regarding, ...event });
  const [from, to] = [before.status ?? {}, after.status ?? {}];
  for (let more = (to.failovers ?? 0) - (from.failovers ?? 0); more > 0; more -= 1)
    deps.metrics.failedOver(to.failoverHistory?.at(-more)?.reason ?? 'Unknown');
  if ((to.bytesRewritten ?? 0) > (from.bytesRewritten ?? 0)) {
    deps.metrics.bytesRewritten((to.bytesRewritten ?? 0) - (from.bytesRewritten ?? 0));
  }
  if (isTerminal(to) && !isTerminal(from)) countEnd(deps, after);
};

const countEnd = ({ metrics }: Deps, { metadata, status }: BackupJob): void => {
  metrics.ended('BackupJob', status?.phase ?? '');
  if (status?.phase !== 'Succeeded' || status.completionTime === undefined) return;
  const schedule = metadata.labels?.[labels.schedule] ?? '';
  metrics.backupSucceeded(metadata.namespace ?? '', schedule, Date.parse(status.completionTime));
};

const pass = async (deps: Deps, memory: Memory, job: BackupJob, signal: AbortSignal): Promise<Result> => {
  const nowMs = deps.clock.now();
  const { seen, heads } = await observeJob(deps, memory.meter, memory.hooks, job, signal);
  const { segments, bytes } = memory.committed.look(job.metadata.uid ?? '', heads.streams.values());
  deps.metrics.segmentsCommitted(segments, bytes);
  const decision = decideBackupJob(seen, nowMs);
  if (decision.status.ending !== undefined) memory.hooks.stopBefore(seen.uid);
  const status = told(deps, job, isOver(job.status) ? decision.status : summarise(decision.status, seen.spec, heads));
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
  const act = async (step: Step): Promise<Outcome | undefined> => {
    if (step.kind === 'runHook') return actOnHook(context, memory.hooks, job, step.run);
    return isStreamStep(step) ? actOnStream(context, job, step) : actOnGrant(context, step);
  };
  const { outcomes, failures } = await actInOrder(decided, act, excuse, signal);
  const isAsleep = decided.some(({ kind }) => kind === 'runHook') || isBeingTaken(job.status ?? {});
  const idleMs = isAsleep ? hookPollMs : busyMs;
  const result =
    outcomes.length === 0 ? requeueAfter(idleMs) : await note(deps, memory, job, outcomes, spec, heads, signal);
  throwFirst(failures, deps.log, { job: keyOf(job) });
  return result;
};

const note = async (
  deps: Deps,
  memory: Memory,
  job: BackupJob,
  outcomes: readonly Outcome[],
  spec: EffectiveSpec,
  heads: Heads,
  signal: AbortSignal,
): Promise<Result> => {
  const now = new Date(deps.clock.now()).toISOString();
  const ran = outcomes.some(({ kind }) => kind === 'hookRan');
  const hooks = ran ? { hooks: foldHooks(job.status?.hooks ?? [], outcomes, now) } : {};
  const snapshot = foldRefusal(job.status?.snapshot, outcomes);
  const plan = foldPlan(job.status?.plan, outcomes, now);
  const folded: JobStatus = {
    ...job.status,
    ...foldOutcomes(job.status ?? {}, outcomes, now),
    ...hooks,
    ...(snapshot === undefined ? {} : { snapshot }),
    ...(plan === undefined ? {} : { plan }),
  };
  const ended = outcomes.some(({ kind }) => kind === 'recordsFinished');
  const status = ended
    ? keptFromNow(deps, job, finalise(folded, spec, job.metadata.generation ?? 0, now), now)
    : settled(job, folded, spec, heads, now);
  return write(deps, memory, job, status, signal);
};

/** After the end only a fence can be outstanding; once it is proven the job says so. */
const settled = (job: BackupJob, folded: JobStatus, spec: EffectiveSpec, heads: Heads, now: string): JobStatus => {
  if (!isOver(job.status)) return summarise(folded, spec, heads);
  if (!isTerminal(job.status)) return folded;
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
  'ensureAnchor',
  'dropAnchor',
  'takeSnapshot',
  'ensureClone',
  'dropClone',
  'finishRecords',
];

const isStreamStep = (step: Exclude<Step, { kind: 'runHook' }>): step is StreamStep => streamSteps.includes(step.kind);

/** The job is over: the finalizer goes, and after its time the object. */
const settle = async (deps: Deps, memory: Memory, job: BackupJob, signal: AbortSignal): Promise<Result> => {
  // What may still be changed in its spec asks for nothing any more; that it was seen is said all the same.
  const status = told(deps, job, job.status ?? {});
  if (status !== job.status) return write(deps, memory, job, status, signal);
  await lift(deps, job, signal);
  memory.meter.forget(job.metadata.uid ?? '');
  memory.committed.forget(job.metadata.uid ?? '');
  memory.hooks.stop(job.metadata.uid ?? '');
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
