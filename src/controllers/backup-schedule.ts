/**
 * The reconciler of schedules: observe → decide → act. What makes, cancels or deletes jobs is decided on what the API
 * has, not on caches that lag. The job comes first, the status after it: see `decide/schedule/schedule.ts`.
 */
import { readCronLine } from '../api/cron-line.ts';
import type { BackupJob, BackupSchedule, BackupScheduleStatus } from '../api/generated/index.ts';
import { labels } from '../api/names.ts';
import { backupJobs, backupSchedules } from '../api/resources.ts';
import { decideSchedule, type ScheduleDecision, type ScheduleSeen } from '../decide/schedule/schedule.ts';
import { scheduleEvents } from '../decide/schedule/schedule-events.ts';
import { isJobOf, jobNameOf, jobOf, type Start } from '../decide/schedule/scheduled-job.ts';
import { isApiError } from '../kube/api.ts';
import { done, requeueAfter, type Reconcile, type Result } from '../kube/controller.ts';
import { referenceTo } from '../kube/events.ts';
import { refOfKey, type Key } from '../kube/key.ts';
import { createIfAbsent, deleteIfPresent, getIfPresent, updateStatusIfChanged } from '../kube/writes.ts';
import type { Deps } from './deps.ts';

const conflictMs = 200;
/** What refused a job, such as a quota or an admission policy, may be changed. */
const refusedMs = 60_000;

export const makeBackupScheduleReconciler =
  (deps: Deps): Reconcile =>
  async (key, signal) => {
    const cached = deps.caches.schedules.get(key);
    if (cached === undefined || cached.metadata.deletionTimestamp !== undefined) return done;
    const lately = seenOf(deps, cached, deps.caches.jobs.byIndex('schedule', cached.metadata.uid ?? ''));
    const first = decideSchedule(lately, deps.clock.now());
    if (!actsOnJobs(first)) return write(deps, lately, first, signal);
    const seen = await observe(deps, key, lately, signal);
    if (seen === undefined) return done;
    const decision = decideSchedule(seen, deps.clock.now());
    const after = decision.start === undefined ? seen : await make(deps, seen, decision.start, signal);
    return act(deps, after, after === seen ? decision : decideSchedule(after, deps.clock.now()), signal);
  };

const actsOnJobs = ({ start, cancel, remove }: ScheduleDecision): boolean =>
  start !== undefined || cancel.length > 0 || remove.length > 0;

const seenOf = (deps: Deps, schedule: BackupSchedule, jobs: readonly BackupJob[]): ScheduleSeen => {
  const timeZone = schedule.spec.timeZone ?? deps.settings.timeZone;
  return { schedule, jobs, timeZone, reading: readCronLine(schedule.spec.schedule, timeZone) };
};

/** From the API. Jobs that lost their label, which only the cache knows, count as well. */
const observe = async (
  deps: Deps,
  key: Key,
  lately: ScheduleSeen,
  signal: AbortSignal,
): Promise<ScheduleSeen | undefined> => {
  const schedule = await getIfPresent(deps.api, backupSchedules, refOfKey(key), signal);
  if (schedule === undefined || schedule.metadata.deletionTimestamp !== undefined) return undefined;
  const { namespace = '', name } = schedule.metadata;
  const labelSelector = `${labels.schedule}=${name}`;
  const { items } = await deps.api.list(backupJobs, { namespace, labelSelector }, signal);
  const jobs = items.filter((job) => isJobOf(schedule, job));
  for (const { metadata } of lately.jobs) {
    if (jobs.some((job) => job.metadata.uid === metadata.uid)) continue;
    const job = await getIfPresent(deps.api, backupJobs, { namespace, name: metadata.name }, signal);
    if (job !== undefined && isJobOf(schedule, job)) jobs.push(job);
  }
  return seenOf(deps, schedule, jobs);
};

/** What is seen once the job was made, or could not be. */
const make = async (deps: Deps, seen: ScheduleSeen, start: Start, signal: AbortSignal): Promise<ScheduleSeen> => {
  const { schedule } = seen;
  try {
    const { created, object } = await createIfAbsent(deps.api, backupJobs, jobOf(schedule, start), signal);
    if (created) tell(deps, schedule, 'Normal', 'JobMade', `made ${object.metadata.name}`);
    if (isJobOf(schedule, object)) return { ...seen, jobs: [...seen.jobs, object] };
    const message = `there is a job ${jobNameOf(schedule, start)} that this schedule did not make: the start is skipped`;
    return { ...seen, failed: { start, reason: 'JobNameTaken', message } };
  } catch (error) {
    if (!isApiError(error, 'Invalid', 'Forbidden')) throw error;
    return { ...seen, failed: { start, reason: 'JobRefused', message: `the job was refused: ${error.message}` } };
  }
};

const act = async (
  deps: Deps,
  seen: ScheduleSeen,
  decision: ScheduleDecision,
  signal: AbortSignal,
): Promise<Result> => {
  const { namespace = '' } = seen.schedule.metadata;
  for (const name of decision.cancel) {
    await deps.api.patch(backupJobs, { namespace, name }, { spec: { cancel: true } }, { type: 'merge' }, signal);
    tell(deps, seen.schedule, 'Normal', 'JobReplaced', `${name} is cancelled to make room for the next`);
  }
  const result = await write(deps, seen, decision, signal);
  if (result.kind === 'requeue' && result.afterMs === conflictMs) return result;
  for (const { metadata } of decision.remove) {
    const { name, uid = '' } = metadata;
    await deleteIfPresent(deps.api, backupJobs, { namespace, name }, { uid }, signal);
  }
  return result;
};

const write = async (
  deps: Deps,
  seen: ScheduleSeen,
  decision: ScheduleDecision,
  signal: AbortSignal,
): Promise<Result> => {
  const { schedule, failed } = seen;
  const written = await updateStatusIfChanged<BackupScheduleStatus, BackupSchedule>(
    deps.api,
    backupSchedules,
    schedule,
    decision.status,
    signal,
  );
  if (written.conflict) return requeueAfter(conflictMs);
  for (const { type, reason, note } of scheduleEvents(schedule.status ?? {}, decision.status)) {
    tell(deps, schedule, type, reason, note);
  }
  if (failed?.reason === 'JobRefused') return requeueAfter(refusedMs);
  return requeueAfter(decision.start === undefined ? decision.lookAgainMs : 1);
};

const tell = (deps: Deps, schedule: BackupSchedule, type: 'Normal' | 'Warning', reason: string, note: string): void =>
  deps.events.record({ regarding: referenceTo(backupSchedules, schedule), type, reason, action: 'Schedule', note });
