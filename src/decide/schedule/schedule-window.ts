/** Whether a schedule's last start that can be judged led to a backup within the window. Pure. */
import type { BackupJob, BackupSchedule } from '../../api/generated/index.ts';
import { annotations } from '../../api/names.ts';
import { isTerminal } from '../job/job-status.ts';
import { jitterMsOf, plannedMsOf } from './scheduled-job.ts';
import { parseDurationMs } from '../units.ts';

export interface Verdict {
  readonly plannedMs: number;
  readonly met: boolean;
  readonly reason: 'DoneInTime' | 'DoneLate' | 'StillRunning' | 'JobFailed' | 'StartMissed';
  readonly message: string;
}

/** The newest start that can be judged; undefined where none can, or where there is no window. */
export const judge = (
  schedule: BackupSchedule,
  jobs: readonly BackupJob[],
  missedMs: number | undefined,
  nowMs: number,
): Verdict | undefined => {
  if (schedule.spec.window === undefined) return undefined;
  const windowMs = parseDurationMs(schedule.spec.window);
  const verdicts = jobs.flatMap((job) => {
    const plannedMs = plannedMsOf(schedule, job);
    if (plannedMs === undefined) return [];
    const verdict = verdictOf(job, plannedMs, endOfWindow(schedule, job, plannedMs, windowMs), nowMs);
    return verdict === undefined ? [] : [verdict];
  });
  if (missedMs !== undefined) {
    const message = `no job was made for ${new Date(missedMs).toISOString()}`;
    verdicts.push({ plannedMs: missedMs, met: false, reason: 'StartMissed', message });
  }
  return verdicts.toSorted((a, b) => b.plannedMs - a.plannedMs)[0];
};

/** Milliseconds until the window of a job that still runs is over; undefined: there is none. */
export const windowEndsInMs = (
  schedule: BackupSchedule,
  jobs: readonly BackupJob[],
  nowMs: number,
): number | undefined => {
  if (schedule.spec.window === undefined) return undefined;
  const windowMs = parseDurationMs(schedule.spec.window);
  const ends = jobs
    .filter(({ status }) => !isTerminal(status))
    .map((job) => endOfWindow(schedule, job, plannedMsOf(schedule, job) ?? nowMs, windowMs) + 1 - nowMs)
    .filter((ms) => ms > 0);
  return ends.length === 0 ? undefined : Math.min(...ends);
};

/** From the start that was planned when the job was made: jitter may have been changed since. */
const endOfWindow = (schedule: BackupSchedule, job: BackupJob, plannedMs: number, windowMs: number): number => {
  const noted = Date.parse(job.metadata.annotations?.[annotations.plannedStart] ?? '');
  return (Number.isNaN(noted) ? plannedMs + jitterMsOf(schedule) : noted) + windowMs;
};

const verdictOf = (
  { metadata, status }: BackupJob,
  plannedMs: number,
  endMs: number,
  nowMs: number,
): Verdict | undefined => {
  const end = new Date(endMs).toISOString();
  if (!isTerminal(status)) {
    const message = `${metadata.name} was not done by ${end}`;
    return nowMs > endMs ? { plannedMs, met: false, reason: 'StillRunning', message } : undefined;
  }
  if (status?.phase !== 'Succeeded') {
    const message = `${metadata.name} has ${status?.phase === 'Cancelled' ? 'been cancelled' : 'failed'}`;
    return { plannedMs, met: false, reason: 'JobFailed', message };
  }
  const met = Date.parse(status.completionTime ?? '') <= endMs;
  const message = `${metadata.name} was done at ${status.completionTime ?? 'a time unknown'}; its window ended at ${end}`;
  return { plannedMs, met, reason: met ? 'DoneInTime' : 'DoneLate', message };
};
