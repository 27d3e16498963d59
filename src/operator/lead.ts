/** What a leader does while it leads, and what it must not do any more afterwards. */
import type { Watched } from '../controllers/caches.ts';
import type { Deps } from '../controllers/deps.ts';
import type { Fabric } from '../devices/fabric/fabric.ts';
import { abortReason } from '../kube/clock.ts';
import type { Controller } from '../kube/controller.ts';
import type { LeaderElector, Work } from '../kube/leader.ts';
import type { Leading } from '../kube/tenure.ts';

/**
 * Nobody stands for election before having seen everything once: what a cache does not hold yet would count as gone,
 * and streams and restores be given up for it. Who can't list leaves the lease to another.
 */
export const standOnceSynced = async (
  watched: Pick<Watched, 'waitForSync'>,
  elector: LeaderElector,
  lead: (leading: Leading) => Promise<Work>,
  signal: AbortSignal,
): Promise<'stopped' | 'lost'> => {
  try {
    await watched.waitForSync(signal);
  } catch (error) {
    if (signal.aborted) return 'stopped';
    throw error;
  }
  return elector.run(lead, signal);
};

/** Until the signal is aborted; what a reconcile that did not end still does must not meet the next leader. */
export const runControllers = async (controllers: readonly Controller[], signal: AbortSignal): Promise<Work> => {
  const left = await Promise.all(controllers.map((controller) => controller.run(signal)));
  return left.every((keys) => keys.length === 0) ? 'ended' : 'stillRuns';
};

/** Zoning and commands in pods are fenced as writes to the API are: they fail once the lease is not surely held. */
export const fencedActs = (
  { execInPod, fabricOf }: Pick<Deps, 'execInPod' | 'fabricOf'>,
  leading: Leading,
): Pick<Deps, 'execInPod' | 'fabricOf'> => {
  const fenced = async <R>(signal: AbortSignal, act: (signal: AbortSignal) => Promise<R>): Promise<R> => {
    // `isLeading` first: it aborts the signal when it finds the lease run out.
    if (!leading.isLeading() || leading.signal.aborted) throw abortReason(leading.signal);
    return act(AbortSignal.any([signal, leading.signal]));
  };
  const fenceFabric = (fabric: Fabric): Fabric => ({
    read: (signal) => fabric.read(signal),
    ensureZone: (zone, signal) => fenced(signal, (s) => fabric.ensureZone(zone, s)),
    removeZone: (name, signal) => fenced(signal, (s) => fabric.removeZone(name, s)),
  });
  return {
    execInPod: (request, signal) => fenced(signal, (s) => execInPod(request, s)),
    fabricOf: async (fcSwitch, signal) => fenceFabric(await fabricOf(fcSwitch, signal)),
  };
};
