/**
 * The node agent: a kubelet's stand-in that runs worker pods as processes. It follows the pods bound to its node, gives
 * each a runner, and brings back the pods of the agent that ran here before.
 */
import type { Api } from '../kube/api.ts';
import type { Clock } from '../kube/clock.ts';
import { makeInformer, type Informer } from '../kube/informer.ts';
import type { ListWatchDeps } from '../kube/list-watch.ts';
import type { Log } from '../kube/log.ts';
import type { Container, Containers } from './containers.ts';
import { podIdentity, pods, type Pod } from './core-objects.ts';
import { pause } from './kube-time.ts';
import type { LaunchSetting } from './launch.ts';
import type { Machine } from './machine.ts';
import { agentStopped } from './node-object.ts';
import { makeNodeRegistration } from './node-registration.ts';
import { graceOf, runPod } from './pod-runner.ts';
import type { Allowances } from './pod-support.ts';
import { PodWish } from './pod-wish.ts';
import { makePodWrites } from './pod-writes.ts';

export interface AgentDeps {
  readonly api: Api;
  readonly clock: Clock;
  readonly log: Log;
  readonly listWatch: ListWatchDeps;
  readonly containers: Containers;
  readonly machine: Machine;
}

export interface AgentSetting {
  readonly nodeName: string;
  /** Only pods of this namespace are run. */
  readonly namespace: string;
  readonly version: string;
  readonly launch: Omit<LaunchSetting, 'api' | 'node' | 'now'>;
  readonly allow: Allowances;
  /** What becomes of running pods when the agent stops. */
  readonly onStop: 'kill' | 'leave';
  /** The longest grace that a pod gets when the agent stops. */
  readonly killGraceMs: number;
}

/** How long a stopping agent tries to tell the API what became of its pods; what it can't tell, the next agent does. */
const lastReportMs = 5000;
/** A process that SIGKILL does not end within this sits in the kernel; the next agent goes on with it. */
const killMarginMs = 5000;

/** Runs until `stop` is aborted and everything that was to end has ended. */
export const runAgent = async (deps: AgentDeps, setting: AgentSetting, stop: AbortSignal): Promise<void> => {
  const { api, clock, log, machine } = deps;
  const { nodeName: name, version } = setting;
  const life = new AbortController();
  const node = makeNodeRegistration({ api, clock, log, name, machine, version });
  const informer = makeInformer<Pod>(deps.listWatch, {
    resource: pods,
    namespace: setting.namespace,
    fieldSelector: `spec.nodeName=${name}`,
  });
  const following = informer.run(life.signal);
  const recovering = recoverAll(deps.containers);
  await node.register(stop);
  // The node's own loops end with `stop`: a renewed status would take back what `markStopped` says.
  const renewing = stop.aborted ? Promise.resolve() : node.run(stop);
  const recovered = await recovering;
  const group = makePodGroup(deps, setting, informer, recovered, life.signal);
  await informer.waitForSync(stop).then(
    () => group.begin(),
    () => undefined,
  );
  await untilAborted(stop);
  log.info({ node: name, onStop: setting.onStop }, 'stopping');
  await renewing;
  if (setting.onStop === 'kill') {
    const limit = AbortSignal.any([life.signal, AbortSignal.timeout(lastReportMs)]);
    const marked = node.markStopped(agentStopped, limit).catch((error: unknown) => {
      log.warn({ node: name, err: error }, 'the node was not marked as stopped');
    });
    await group.end();
    await marked;
  }
  life.abort();
  await following;
  log.info({ node: name }, 'stopped');
};

/** Every container of an earlier agent, by the pod's uid. */
const recoverAll = async (containers: Containers): Promise<Map<string, Container>> => {
  const found = new Map<string, Container>();
  await containers.endUnrecorded();
  for (const uid of containers.recorded()) {
    const container = await containers.recover(uid);
    if (container === undefined) continue;
    found.set(uid, container);
  }
  return found;
};

interface PodGroup {
  /** Takes up all pods that the cache knows, ends what has lost its pod, and follows the changes. */
  begin(): void;
  /** Ends all pods within their grace and resolves when that is reported, or can't be. */
  end(): Promise<void>;
}

const makePodGroup = (
  deps: AgentDeps,
  setting: AgentSetting,
  informer: Informer<Pod>,
  recovered: Map<string, Container>,
  signal: AbortSignal,
): PodGroup => {
  const { api, clock, log, containers, machine } = deps;
  const wishes = new Map<string, PodWish>();
  const node = { hostIP: machine.address };
  const launch: LaunchSetting = { ...setting.launch, api, node, now: () => clock.now() };
  const runner = { clock, log, containers, setting: launch, allow: setting.allow, address: machine.address, signal };

  const see = (pod: Pod): void => {
    const identity = podIdentity(pod.metadata);
    if (identity === undefined) return;
    const { uid } = identity;
    const known = wishes.get(uid);
    if (known !== undefined) {
      known.see(pod);
      return;
    }
    const wish = new PodWish(pod);
    wishes.set(uid, wish);
    const writes = makePodWrites({ api, clock, log, signal }, identity);
    const container = recovered.get(uid);
    recovered.delete(uid);
    void runPod(runner, { identity, wish, writes }, container)
      .then(
        () => wishes.delete(uid),
        // The pod stays known, so that no second runner can start what may still run; the next agent recovers it.
        (error: unknown) => log.error({ pod: identity.name, uid, err: error }, 'the runner of the pod failed'),
      )
      .finally(() => wish.settle());
  };

  const vanish = (pod: Pod): void => wishes.get(pod.metadata?.uid ?? '')?.vanish();

  /** The pod went while no agent was here: nobody waits for a report. */
  const endOrphan = async (container: Container): Promise<void> => {
    log.info({ pod: container.pod.name, uid: container.pod.uid }, 'killing the container of a pod that has gone');
    container.kill();
    await container.ended;
    containers.remove(container.pod.uid);
  };

  const orphans: Promise<void>[] = [];

  return {
    begin: () => {
      informer.addHandler((event) => {
        if (event.kind === 'deleted') vanish(event.object);
        else see(event.object);
      });
      for (const uid of containers.recorded()) {
        const orphan = recovered.get(uid);
        if (orphan !== undefined) orphans.push(endOrphan(orphan));
        else if (!wishes.has(uid)) containers.remove(uid);
      }
      recovered.clear();
    },
    end: async () => {
      const nowMs = clock.now();
      const because = { reason: 'Terminated', message: 'the node agent was stopped', failed: false };
      let longestMs = 0;
      for (const wish of wishes.values()) {
        const graceMs = Math.min(graceOf(wish.pod) * 1000, setting.killGraceMs);
        longestMs = Math.max(longestMs, graceMs);
        wish.end({ killAtMs: nowMs + graceMs, because });
      }
      for (const container of recovered.values()) orphans.push(endLeftover(container));
      const all = [...wishes.values()];
      const ended = Promise.all([...orphans, ...all.map(({ idle }) => idle)]);
      await within(clock, ended, longestMs + killMarginMs);
      await within(clock, Promise.all(all.map(({ quiet }) => quiet)), lastReportMs);
    },
  };
};

/** Stopped before the API answered: the container's end stays on record for the next agent to report. */
const endLeftover = async (container: Container): Promise<void> => {
  container.kill();
  await container.ended;
};

/** Waits for the promise, but no longer than that. */
const within = async (clock: Clock, promise: Promise<unknown>, ms: number): Promise<void> => {
  const enough = new AbortController();
  await Promise.race([promise, pause(clock, ms, enough.signal)]);
  enough.abort();
};

const untilAborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
