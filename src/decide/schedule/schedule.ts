/**
 * What a schedule does next. A start is not noted before its job is there: the job's name, which follows from the
 * planned time or from the token, is what keeps it from being made twice. Pure.
 */
import { isTrue, setCondition } from '../../api/conditions.ts';
import type { CronReading, PlannedTimes } from '../../api/cron-line.ts';
import type { BackupJob, BackupSchedule, BackupScheduleStatus, Condition } from '../../api/generated/index.ts';
import { isTerminal } from '../job/job-status.ts';
import { dueIn } from './planned-times.ts';
import { jitterMsOf, jobNameOf, plannedMsOf, type Start } from './scheduled-job.ts';
import { judge, windowEndsInMs } from './schedule-window.ts';

export interface ScheduleSeen {
  readonly schedule: BackupSchedule;
  /** Those that it made and that are still there, in any order. */
  readonly jobs: readonly BackupJob[];
  readonly reading: CronReading;
  readonly timeZone: string;
  /** A job that the API server just refused, or whose name is taken by a job of somebody else. */
  readonly failed?: { readonly start: Start; readonly reason: 'JobRefused' | 'JobNameTaken'; readonly message: string };
}

export interface ScheduleDecision {
  readonly status: BackupScheduleStatus;
  /** To be made now; the status knows nothing of it yet. */
  readonly start?: Start;
  /** Names of jobs that make room for the start. */
  readonly cancel: readonly string[];
  /** Jobs beyond the limits of the history, to be deleted once the status is written. */
  readonly remove: readonly BackupJob[];
  readonly lookAgainMs: number;
}

/** Timers do not notice when the wall clock is set. */
const lookAgainMs = 300_000;
const maxListed = 64;

const iso = (ms: number): string => new Date(ms).toISOString();
const msOf = (time: string | undefined): number => (time === undefined ? -Infinity : Date.parse(time));

export const decideSchedule = (seen: ScheduleSeen, nowMs: number): ScheduleDecision => {
  const { schedule, jobs, reading } = seen;
  const active = jobs.filter(({ status }) => !isTerminal(status));
  const noted = noteJobs(seen, active, nowMs);
  const planned: Planned =
    reading.ok && !schedule.spec.suspend
      ? plan(schedule, noted, madeTimes(schedule, jobs, nowMs), reading.times, nowMs)
      : { status: noted };
  const start = reading.ok && !schedule.spec.suspend ? nextStart(schedule, planned) : undefined;
  const blocked = start !== undefined && active.length > 0 && schedule.spec.concurrencyPolicy !== 'Allow';
  const replaces = blocked && schedule.spec.concurrencyPolicy === 'Replace';
  const status = conclude(seen, planned.status, blocked ? active : [], nowMs);
  const waits = [planned.againMs, windowEndsInMs(schedule, jobs, nowMs)].filter((ms) => ms !== undefined);
  return {
    status,
    ...(start === undefined || blocked ? {} : { start }),
    cancel: replaces ? active.filter(({ spec }) => spec.cancel !== true).map(({ metadata }) => metadata.name) : [],
    remove: [
      ...beyond(jobs, schedule.spec.successfulJobsHistoryLimit, (phase) => phase === 'Succeeded'),
      ...beyond(jobs, schedule.spec.failedJobsHistoryLimit, (phase) => phase === 'Failed' || phase === 'Cancelled'),
    ],
    lookAgainMs: Math.max(1, Math.min(lookAgainMs, ...waits)),
  };
};

/** The planned times, up to now, of jobs that are there, the oldest first. */
const madeTimes = (schedule: BackupSchedule, jobs: readonly BackupJob[], nowMs: number): readonly number[] =>
  jobs
    .map((job) => plannedMsOf(schedule, job) ?? Infinity)
    .filter((ms) => ms <= nowMs)
    .sort((a, b) => a - b);

/** What the jobs that are there tell: starts that were made, successes. */
const noteJobs = (
  { schedule, jobs, timeZone, failed }: ScheduleSeen,
  active: readonly BackupJob[],
  nowMs: number,
): BackupScheduleStatus => {
  const before = schedule.status ?? {};
  const { runNow, schedule: line } = schedule.spec;
  const made = madeTimes(schedule, jobs, nowMs);
  const lastMs = Math.max(msOf(before.lastScheduleTime), ...made);
  const done = jobs
    .filter(({ status }) => status?.phase === 'Succeeded')
    .map(({ status }) => msOf(status?.completionTime));
  const successMs = Math.max(msOf(before.lastSuccessfulTime), ...done);
  const tokenName = runNow === undefined ? undefined : jobNameOf(schedule, { kind: 'now', token: runNow });
  const taken = failed?.reason === 'JobNameTaken' && failed.start.kind === 'now';
  const ran = taken || jobs.some(({ metadata }) => metadata.name === tokenName);
  const { followed } = before;
  const same = followed?.schedule === line && followed.timeZone === timeZone;
  const since = followed === undefined ? (schedule.metadata.creationTimestamp ?? iso(nowMs)) : iso(nowMs);
  return {
    ...before,
    observedGeneration: schedule.metadata.generation ?? 0,
    ...(lastMs === -Infinity ? {} : { lastScheduleTime: iso(lastMs) }),
    ...(successMs === -Infinity ? {} : { lastSuccessfulTime: iso(successMs) }),
    ...(runNow !== undefined && ran ? { lastRunNow: runNow } : {}),
    followed: same ? followed : { schedule: line, timeZone, since },
    active: active.slice(0, maxListed).map(({ metadata }) => ({ name: metadata.name, uid: metadata.uid ?? '' })),
    activeCount: active.length,
    ...(taken || failed?.reason !== 'JobNameTaken' || failed.start.kind !== 'planned'
      ? {}
      : { missed: (before.missed ?? 0) + 1, lastMissedTime: iso(failed.start.atMs) }),
  };
};

interface Planned {
  readonly status: BackupScheduleStatus;
  readonly dueMs?: number;
  readonly againMs?: number;
}

/** The last start that came due, if it can still be made; all before it were missed: one is made up for, no more. */
const plan = (
  schedule: BackupSchedule,
  seen: BackupScheduleStatus,
  made: readonly number[],
  times: PlannedTimes,
  nowMs: number,
): Planned => {
  const jitterMs = jitterMsOf(schedule);
  const status = withSkipped(schedule, seen, made, times);
  const doneMs = handledMs(status);
  const due = dueIn(times, doneMs, nowMs - jitterMs);
  const nextMs = times.next(Math.max(doneMs, nowMs - jitterMs));
  const next = nextMs === undefined ? {} : { nextScheduleTime: iso(nextMs + jitterMs) };
  const untilNextMs = nextMs === undefined ? Infinity : nextMs + jitterMs - nowMs;
  if (due === undefined) return { status: { ...status, ...next }, againMs: untilNextMs };
  const deadlineMs = (schedule.spec.startingDeadlineSeconds ?? Infinity) * 1000;
  const leftMs = due.latestMs + jitterMs + deadlineMs - nowMs;
  if (leftMs < 0) {
    return { status: { ...withMissed(status, due.older + 1, due.latestMs), ...next }, againMs: untilNextMs };
  }
  return {
    status: { ...withMissed(status, due.older, due.lastOlderMs), ...next },
    dueMs: due.latestMs,
    againMs: Math.min(untilNextMs, leftMs + 1),
  };
};

/** Up to here each planned time has been started or counted as missed. */
const handledMs = ({ followed, lastScheduleTime, lastMissedTime }: BackupScheduleStatus): number =>
  Math.max(msOf(followed?.since), msOf(lastScheduleTime), msOf(lastMissedTime));

/** Jobs that the status has not noted yet may have come after others that were not made. */
const withSkipped = (
  { status: before }: BackupSchedule,
  status: BackupScheduleStatus,
  made: readonly number[],
  times: PlannedTimes,
): BackupScheduleStatus => {
  let next = status;
  let doneMs = Math.max(msOf(status.followed?.since), msOf(before?.lastScheduleTime), msOf(status.lastMissedTime));
  for (const madeMs of made.filter((ms) => ms > doneMs)) {
    const skipped = dueIn(times, doneMs, madeMs - 1);
    if (skipped !== undefined) next = withMissed(next, skipped.older + 1, skipped.latestMs);
    doneMs = madeMs;
  }
  return next;
};

const withMissed = (status: BackupScheduleStatus, count: number, lastMs: number | undefined): BackupScheduleStatus =>
  count === 0 || lastMs === undefined
    ? status
    : { ...status, missed: (status.missed ?? 0) + count, lastMissedTime: iso(lastMs) };

const nextStart = ({ spec }: BackupSchedule, { status, dueMs }: Planned): Start | undefined => {
  if (dueMs !== undefined) return { kind: 'planned', atMs: dueMs };
  const isNew = spec.runNow !== undefined && spec.runNow !== status.lastRunNow;
  return isNew ? { kind: 'now', token: spec.runNow ?? '' } : undefined;
};

const conclude = (
  seen: ScheduleSeen,
  status: BackupScheduleStatus,
  blockers: readonly BackupJob[],
  nowMs: number,
): BackupScheduleStatus => {
  const { schedule, jobs, reading } = seen;
  const set = (conditions: Condition[] | undefined, type: string, found: Found): Condition[] =>
    setCondition(conditions, { type, observedGeneration: schedule.metadata.generation ?? 0, ...found }, iso(nowMs));
  // Waiting helps no line that names no date: whoever waits for Ready is told so.
  const stalled: Found | undefined = reading.ok
    ? undefined
    : { status: 'True', reason: 'InvalidSchedule', message: reading.problem };
  let conditions = (status.conditions ?? []).filter(({ type }) => type !== 'Stalled' || stalled !== undefined);
  if (stalled !== undefined) conditions = set(conditions, 'Stalled', stalled);
  conditions = set(conditions, 'Ready', readiness(seen, blockers));
  conditions = set(conditions, 'Suspended', suspension(schedule));
  const missedMs = status.lastMissedTime === undefined ? undefined : Date.parse(status.lastMissedTime);
  const verdict = judge(schedule, jobs, missedMs, nowMs);
  const { nextScheduleTime: _next, windowMet: _met, lastJudgedTime: _judged, ...rest } = status;
  const next = reading.ok && !schedule.spec.suspend ? { nextScheduleTime: status.nextScheduleTime } : {};
  const known = Object.fromEntries(Object.entries(next).filter(([, time]) => time !== undefined));
  if (schedule.spec.window === undefined) {
    return { ...rest, ...known, conditions: conditions.filter(({ type }) => type !== 'WindowMet') };
  }
  // What was judged may have left the history since.
  if (verdict === undefined || verdict.plannedMs < msOf(status.lastJudgedTime)) {
    const { windowMet, lastJudgedTime } = status;
    const kept = windowMet === undefined || lastJudgedTime === undefined ? {} : { windowMet, lastJudgedTime };
    return { ...rest, ...known, conditions, ...kept };
  }
  const { met, reason, message, plannedMs } = verdict;
  conditions = set(conditions, 'WindowMet', { status: met ? 'True' : 'False', reason, message });
  return { ...rest, ...known, conditions, windowMet: met, lastJudgedTime: iso(plannedMs) };
};

type Found = Pick<Condition, 'status' | 'reason' | 'message'>;

const readiness = ({ schedule, reading, failed }: ScheduleSeen, blockers: readonly BackupJob[]): Found => {
  if (!reading.ok) return { status: 'False', reason: 'InvalidSchedule', message: reading.problem };
  if (failed !== undefined) return { status: 'False', reason: failed.reason, message: failed.message };
  const [blocker] = blockers;
  if (blocker !== undefined) {
    const policy = schedule.spec.concurrencyPolicy;
    const message = `a start waits until ${blocker.metadata.name} has ended (concurrencyPolicy ${policy})`;
    return { status: 'True', reason: policy === 'Replace' ? 'Replacing' : 'WaitsForJob', message };
  }
  return { status: 'True', reason: 'Planned', message: 'jobs are made as planned' };
};

const suspension = ({ spec }: BackupSchedule): Found =>
  spec.suspend
    ? { status: 'True', reason: 'SuspendAsked', message: 'no jobs are made while spec.suspend is true' }
    : { status: 'False', reason: 'NotAsked', message: 'jobs are made' };

/** The oldest ended jobs beyond the limit. Nothing may be held for them any more: administrators answer for fences on them. */
const beyond = (
  jobs: readonly BackupJob[],
  limit: number,
  counts: (phase: string | undefined) => boolean,
): readonly BackupJob[] => {
  const startOf = ({ metadata }: BackupJob): string => metadata.creationTimestamp ?? '';
  const ended = jobs
    .filter(({ metadata, status }) => counts(status?.phase) && metadata.deletionTimestamp === undefined)
    .toSorted((a, b) =>
      startOf(a) === startOf(b) ? (a.metadata.name < b.metadata.name ? 1 : -1) : startOf(a) < startOf(b) ? 1 : -1,
    );
  return ended.slice(limit).filter(({ status }) => isTrue(status?.conditions, 'Released'));
};
