/** Mirrors a switch into its status and removes zones of ours that no grant explains. */
import type { FCSwitch } from '../api/generated/index.ts';
import { labels } from '../api/names.ts';
import { fcSwitches } from '../api/resources.ts';
import { decideSwitch, type FabricAnswer } from '../decide/hardware/fabric-state.ts';
import { orphanZones } from '../decide/grant/orphans.ts';
import { podFacts } from '../decide/grant/pod-facts.ts';
import { FabricError, type Fabric } from '../devices/fabric/fabric.ts';
import { done, requeueAfter, type Reconcile } from '../kube/controller.ts';
import { referenceTo } from '../kube/events.ts';
import { updateStatusIfChanged } from '../kube/writes.ts';
import { conflictMs } from './backup-server.ts';
import type { Deps } from './deps.ts';
import { cachedOwners, findHolders, listOwners, listWorkerPods } from './observe-owners.ts';

const mirrorMs = 60_000;
const retryMs = 10_000;

export const makeFCSwitchReconciler =
  (deps: Deps): Reconcile =>
  async (key, signal) => {
    const fcSwitch = deps.caches.switches.get(key);
    if (fcSwitch === undefined) return done;
    if (fcSwitch.status?.state === undefined) return rebuild(deps, fcSwitch, signal);
    if (fcSwitch.spec.disabled) return disable(deps, fcSwitch, signal);
    const answer = await readFabric(deps, fcSwitch, signal);
    if (answer.kind === 'busy') return requeueAfter(retryMs);
    const status = decideSwitch(fcSwitch, answer, new Date(deps.clock.now()).toISOString());
    const written = await updateStatusIfChanged(deps.api, fcSwitches, fcSwitch, status, signal);
    if (written.conflict) return requeueAfter(conflictMs);
    tell(deps, fcSwitch, status);
    return requeueAfter(answer.kind === 'read' ? mirrorMs : retryMs);
  };

type Read = FabricAnswer | { readonly kind: 'busy' };

const readFabric = async (deps: Deps, fcSwitch: FCSwitch, signal: AbortSignal): Promise<Read> => {
  try {
    const driver = await deps.fabricOf(fcSwitch, signal);
    const fabric = await driver.read(signal);
    const removed = await removeOrphans(deps, driver, fabric.zones, signal);
    const zones = fabric.zones.filter(({ name }) => !removed.has(name));
    return { kind: 'read', fabric: { ...fabric, zones } };
  } catch (error) {
    signal.throwIfAborted();
    // Somebody else's change is under way; that says nothing about the switch.
    if (error instanceof FabricError && error.code === 'Locked') return { kind: 'busy' };
    const message = error instanceof Error ? error.message : String(error);
    const reason = error instanceof FabricError ? `Fabric${error.code}` : 'FabricFailed';
    deps.log.warn({ switch: fcSwitch.metadata.name, err: error }, 'the switch cannot be read');
    return { kind: 'failed', reason, message };
  }
};

/** The zones were read before the jobs: a zone of a grant that is made meanwhile is not among them. */
const removeOrphans = async (
  deps: Deps,
  fabric: Fabric,
  zones: readonly { readonly name: string }[],
  signal: AbortSignal,
): Promise<ReadonlySet<string>> => {
  const suspects = orphanZones(zones, cachedOwners(deps), []);
  if (suspects.length === 0) return new Set();
  const owners = await listOwners(deps.api, signal);
  const pods = await listWorkerPods(deps, `,${labels.epoch}`, signal);
  const acting = pods.map((pod) => podFacts(pod, deps.clock.now()));
  const orphans = orphanZones(
    suspects.map((name) => ({ name })),
    owners,
    acting,
  );
  for (const name of orphans) {
    await fabric.removeZone(name, signal);
    deps.log.info({ zone: name }, 'removed a zone that no grant explains');
  }
  return new Set(orphans);
};

/** An empty status is Unknown, never free. */
const rebuild = async (deps: Deps, fcSwitch: FCSwitch, signal: AbortSignal) => {
  const [holders = []] = await findHolders(deps, [{ kind: 'switch', name: fcSwitch.metadata.name }], signal);
  const status = { ...fcSwitch.status, state: 'Unknown' as const, holders: [...holders] };
  const written = await updateStatusIfChanged(deps.api, fcSwitches, fcSwitch, status, signal);
  return written.conflict ? requeueAfter(conflictMs) : done;
};

const disable = async (deps: Deps, fcSwitch: FCSwitch, signal: AbortSignal) => {
  const answer = { kind: 'failed', reason: 'Disabled', message: 'spec.disabled is set' } as const;
  const status = decideSwitch(fcSwitch, answer, new Date(deps.clock.now()).toISOString());
  const written = await updateStatusIfChanged(deps.api, fcSwitches, fcSwitch, status, signal);
  return written.conflict ? requeueAfter(conflictMs) : done;
};

const tell = (deps: Deps, before: FCSwitch, status: NonNullable<FCSwitch['status']>): void => {
  if (before.status?.state === status.state || status.state !== 'NotUsable') return;
  const regarding = referenceTo(fcSwitches, before);
  const { reason = 'NotUsable', message = '' } = status;
  deps.events.record({ regarding, type: 'Warning', reason, action: 'Observe', note: message });
};
