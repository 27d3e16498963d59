/** A job's retention with what its pool asks for, from the caches. */
import type { BackupJob } from '../api/generated/index.ts';
import { effectiveSpec } from '../decide/effective-spec.ts';
import type { JobStatus } from '../decide/backup-job.ts';
import { isTerminal } from '../decide/job-status.ts';
import { effectiveRetention, expiryOf, isLocked, type EffectiveRetention } from '../decide/retention.ts';
import type { Deps } from './deps.ts';

type Needed = Pick<Deps, 'caches' | 'clock'>;

export const retentionOf = ({ caches }: Pick<Deps, 'caches'>, job: BackupJob): EffectiveRetention =>
  effectiveRetention(job, caches.pools.get(effectiveSpec(job).mediaPool));

export const isLockedNow = (deps: Needed, job: BackupJob): boolean =>
  isLocked(retentionOf(deps, job), deps.clock.now());

type Expiry = Pick<JobStatus, 'expires'>;

/** Absent: for ever. */
export const expiry = (deps: Pick<Deps, 'caches'>, job: BackupJob, now: string): Expiry => {
  const expires = expiryOf(retentionOf(deps, job), Date.parse(now));
  return expires === undefined ? {} : { expires };
};

/** Counted from its end; what was told before, and is on the tapes, is when it would expire had it ended at once. */
export const keptFromNow = (deps: Pick<Deps, 'caches'>, job: BackupJob, status: JobStatus, now: string): JobStatus => {
  if (!isTerminal(status)) return status;
  const { expires: _before, ...rest } = status;
  return { ...rest, ...expiry(deps, job, now) };
};
