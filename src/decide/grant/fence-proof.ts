/** What proves that the worker of a grant can no longer write. Jobs and restores share it. Pure. */
import type { Grant } from '../../api/generated/index.ts';
import { grantName } from './grant.ts';
import { maxUnloadAttempts, type GrantView } from './grant-life.ts';

interface Seen {
  readonly uid: string;
  readonly view: GrantView;
  /** Boot ids by node. */
  readonly boots: ReadonlyMap<string, string>;
}

/**
 * Once found, it is kept: the pod that proves it goes away. A pod that vanished proves nothing; then the unload does,
 * since it got the drive's lock, which a living worker holds.
 */
export const proofOf = (seen: Seen, grant: Grant, nowMs: number): Pick<Grant, 'fencedBy' | 'fencedAt'> => {
  if (grant.pod === undefined || grant.fencedBy !== undefined) return {};
  const pod = seen.view.pods.get(grantName(seen.uid, grant));
  const found = (fencedBy: NonNullable<Grant['fencedBy']>) => ({ fencedBy, fencedAt: new Date(nowMs).toISOString() });
  if (pod?.state === 'ended') return found('Terminated');
  if (seen.view.fenceVouched(grant)) return found(wasBootedAnew(seen, grant) ? 'BootID' : 'Administrator');
  const parked = (grant.unloadAttempts ?? 0) >= maxUnloadAttempts;
  return pod === undefined && grant.unloaded === true && !parked ? found('DriveFence') : {};
};

const wasBootedAnew = (seen: Seen, grant: Grant): boolean => {
  const bootId = seen.boots.get(grant.node ?? '');
  return grant.podStarted === true && bootId !== undefined && bootId !== grant.bootID;
};
