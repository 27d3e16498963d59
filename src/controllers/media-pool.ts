/** Counts the tapes of a pool. */
import { mediaPools } from '../api/resources.ts';
import { decidePool } from '../decide/hardware/hardware-state.ts';
import { done, requeueAfter, type Reconcile } from '../kube/controller.ts';
import { updateStatusIfChanged } from '../kube/writes.ts';
import { conflictMs } from './backup-server.ts';
import type { Deps } from './deps.ts';

export const makeMediaPoolReconciler =
  (deps: Deps): Reconcile =>
  async (key, signal) => {
    const pool = deps.caches.pools.get(key);
    if (pool === undefined) return done;
    const status = decidePool(pool, deps.caches.tapes.list(), new Date(deps.clock.now()).toISOString());
    const written = await updateStatusIfChanged(deps.api, mediaPools, pool, status, signal);
    return written.conflict ? requeueAfter(conflictMs) : done;
  };
