/**
 * The node agent: a kubelet's stand-in that runs worker pods as processes. It follows the pods bound to its node, gives
 * each a runner, and brings back the pods of the agent that ran here before.
 */
import type { Api } from '../kube/api.ts';
import { aborted, type Clock } from '../kube/clock.ts';
import { makeInformer, type Informer } from '../kube/informer.ts';
import type { ListWatchDeps } from '../kube/list-watch.ts';
import type { Log } from '../kube/log.ts';
import type { Containers } from './containers.ts';
import { pods, type Pod } from './core-objects.ts';
import type { LaunchSetting } from './launch.ts';
import type { Machine } from './machine.ts';
import { agentStopped } from './node-object.ts';
import { makeNodeRegistration, type NodeRegistration } from './node-registration.ts';
import { lastReportMs, makePodGroup, type PodGroup } from './pod-group.ts';
import { selectPods } from './pod-selection.ts';
import type { Allowances } from './pod-support.ts';
import { recoverAll, type Recovered } from './recovery.ts';

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
  /** Only pods of this namespace are run; others on this node are told so, and let go when they are deleted. */
  readonly namespace: string;
  readonly version: string;
  readonly launch: Omit<LaunchSetting, 'api' | 'node' | 'now'>;
  readonly allow: Omit<Allowances, 'namespace'>;
  /** What becomes of running pods when the agent stops. */
  readonly onStop: 'kill' | 'leave';
  /** The longest grace that a pod gets when the agent stops. */
  readonly killGraceMs: number;
}

/**
 * Runs until `stop` is aborted and everything that was to end has ended. When it rejects, nothing of it is left that
 * would keep the node Ready.
 */
export const runAgent = async (deps: AgentDeps, setting: AgentSetting, stop: AbortSignal): Promise<void> => {
  const { api, clock, log, machine } = deps;
  const { nodeName: name, version } = setting;
  const life = new AbortController();
  const node = makeNodeRegistration({ api, clock, log, name, machine, version });
  // The node's own loops end with `stop`: a renewed status would take back what `markStopped` says.
  const renewing = keepNode(node, AbortSignal.any([stop, life.signal]));
  const work = async (): Promise<void> => {
    const recovered = await recoverAll(deps.containers, log);
    await renewing.registered;
    const informer = makeInformer<Pod>(deps.listWatch, { resource: pods, ...(await selectPods(deps, setting, stop)) });
    void informer.run(life.signal);
    const group = groupOf(deps, setting, informer, recovered, life.signal);
    await informer.waitForSync(stop).then(
      () => group.begin(),
      () => undefined,
    );
    await aborted(stop);
    log.info({ node: name, onStop: setting.onStop }, 'stopping');
    await renewing.ended;
    if (setting.onStop === 'kill') await endPods(deps, setting, node, group, life.signal);
  };
  try {
    // What goes on for as long as the agent lives can only fail before it.
    await Promise.race([work(), failureOf(renewing.ended)]);
  } finally {
    life.abort();
    await Promise.allSettled([renewing.ended]);
  }
  log.info({ node: name }, 'stopped');
};

interface Renewal {
  readonly registered: Promise<void>;
  readonly ended: Promise<void>;
}

const keepNode = (node: NodeRegistration, signal: AbortSignal): Renewal => {
  const registered = node.register(signal);
  return { registered, ended: registered.then(() => node.run(signal)) };
};

/** Rejects as the promise does, and never resolves. */
const failureOf = (promise: Promise<void>): Promise<never> =>
  new Promise((_, reject) => {
    promise.catch(reject);
  });

const groupOf = (
  deps: AgentDeps,
  setting: AgentSetting,
  informer: Informer<Pod>,
  recovered: Recovered,
  signal: AbortSignal,
): PodGroup => {
  const { api, clock, log, containers, machine } = deps;
  const { killGraceMs, namespace } = setting;
  const allow = { ...setting.allow, namespace };
  const { address } = machine;
  const launch = { ...setting.launch, api, node: { hostIP: address }, now: () => clock.now() };
  const runner = { clock, log, containers, setting: launch, allow, address, signal };
  return makePodGroup({ runner, writes: { api, clock, log, signal }, informer, recovered, killGraceMs });
};

const endPods = async (
  { log }: AgentDeps,
  { nodeName }: AgentSetting,
  node: NodeRegistration,
  group: PodGroup,
  life: AbortSignal,
): Promise<void> => {
  const limit = AbortSignal.any([life, AbortSignal.timeout(lastReportMs)]);
  const marked = node.markStopped(agentStopped, limit).catch((error: unknown) => {
    log.warn({ node: nodeName, err: error }, 'the node was not marked as stopped');
  });
  await group.end();
  await marked;
};
