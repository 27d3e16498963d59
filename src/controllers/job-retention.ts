/** A job's retention with what its pool asks for, from the caches. */
import type { BackupJob } from '../api/generated/index.ts';
import { effectiveSpec } from '../decide/effective-spec.ts';
import { effectiveRetention, isLocked, type EffectiveRetention } from '../decide/retention.ts';
import type { Deps } from './deps.ts';

type Needed = Pick<Deps, 'caches' | 'clock'>;

export const retentionOf = ({ caches }: Pick<Deps, 'caches'>, job: BackupJob): EffectiveRetention =>
  effectiveRetention(job, caches.pools.get(effectiveSpec(job).mediaPool));

export const isLockedNow = (deps: Needed, job: BackupJob): boolean =>
  isLocked(retentionOf(deps, job), deps.clock.now());
