/** A job's retention with what its pool asks for, from the caches. */
import type { BackupJob } from '../api/generated/index.ts';
import { effectiveSpec } from '../decide/job/effective-spec.ts';
import type { JobStatus } from '../decide/job/job-view.ts';
import { isTerminal } from '../decide/job/job-status.ts';
import {
  effectiveRetention,
  expiryOf,
  expiryOnTape,
  isLocked,
  type EffectiveRetention,
} from '../decide/job/retention.ts';
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

/** For the labels of a stream that begins now. Absent: for ever. */
export const retainUntilOf = (deps: Needed, job: BackupJob): { readonly retainUntil?: string } => {
  const { activeDeadlineMs } = effectiveSpec(job);
  const retainUntil = expiryOnTape(retentionOf(deps, job), deps.clock.now(), activeDeadlineMs);
  return retainUntil === undefined ? {} : { retainUntil };
};

/** Counted from its end; what was told before is when it would expire had it ended at once. */
export const keptFromNow = (deps: Pick<Deps, 'caches'>, job: BackupJob, status: JobStatus, now: string): JobStatus => {
  if (!isTerminal(status)) return status;
  const { expires: _before, ...rest } = status;
  return { ...rest, ...expiry(deps, job, now) };
};
