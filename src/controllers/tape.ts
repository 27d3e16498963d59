/** Keeps the state of a tape in step with its holder. */
import { tapes } from '../api/resources.ts';
import { decideTape, withState } from '../decide/hardware/hardware-state.ts';
import { done, requeueAfter, type Reconcile } from '../kube/controller.ts';
import { updateStatusIfChanged } from '../kube/writes.ts';
import { conflictMs } from './backup-server.ts';
import type { Deps } from './deps.ts';
import { findHolders } from './observe-owners.ts';
import type { Tape } from '../api/generated/index.ts';

export const makeTapeReconciler =
  (deps: Deps): Reconcile =>
  async (key, signal) => {
    const tape = deps.caches.tapes.get(key);
    if (tape === undefined) return done;
    const now = new Date(deps.clock.now()).toISOString();
    const status = tape.status?.state === undefined ? await rebuilt(deps, tape, now, signal) : decideTape(tape, now);
    const written = await updateStatusIfChanged(deps.api, tapes, tape, status, signal);
    return written.conflict ? requeueAfter(conflictMs) : done;
  };

/** An empty status is Unknown, never free. */
const rebuilt = async (deps: Deps, tape: Tape, now: string, signal: AbortSignal) => {
  const [holders = []] = await findHolders(deps, [{ kind: 'tape', name: tape.metadata.name }], signal);
  const [holder] = holders;
  if (holders.length > 1) deps.log.error({ tape: tape.metadata.name, holders }, 'two grants name the same tape');
  const found =
    holder === undefined
      ? { state: 'Unknown' as const, reason: 'NotYetSeen', message: 'no inventory has seen it yet' }
      : { state: 'InUse' as const, reason: '', message: '' };
  return { ...withState({ ...tape.status }, found, now), ...(holder === undefined ? {} : { holder }) };
};
