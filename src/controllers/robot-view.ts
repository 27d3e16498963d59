/** What is known of pods that move robots: which libraries they keep busy, and which of them are given up. */
import type { Avoid } from '../api/generated/index.ts';
import { labels } from '../api/names.ts';
import { lossOfAction } from '../decide/grant/action-pod.ts';
import type { ActionView } from '../decide/grant/action-pod.ts';
import { goneHardware } from '../decide/hardware/gone-hardware.ts';
import type { GrantView } from '../decide/grant/grant-life.ts';
import { refusalFault } from '../decide/grant/refused.ts';
import { nodeFacts, podFacts } from '../decide/grant/pod-facts.ts';
import type { NodeFacts } from '../decide/grant/pod-facts.ts';
import { serversForUnload } from '../decide/hardware/robot-servers.ts';
import type { Deps } from './deps.ts';

/** As long as a node may miss its beats before a pod on it is given up. */
const missedBeats = 4;

/** FCSwitches that are NotUsable. */
export const downSwitchesOf = ({ caches }: Pick<Deps, 'caches'>): ReadonlySet<string> =>
  new Set(
    caches.switches.list().flatMap(({ metadata, status }) => (status?.state === 'NotUsable' ? [metadata.name] : [])),
  );

export const nodesOf = ({ caches }: Pick<Deps, 'caches'>): ReadonlyMap<string, NodeFacts> =>
  new Map(caches.nodes.list().map((node) => [node.metadata?.name ?? '', nodeFacts(node)]));

/** @param avoided servers that have failed whoever asks */
export const actionView = (deps: Pick<Deps, 'caches' | 'settings'>, avoided: readonly string[] = []): ActionView => {
  const { caches, settings } = deps;
  const nodes = nodesOf(deps);
  return {
    nodes,
    patience: {
      startMs: settings.podStartMs,
      preparationMs: settings.preparationMs,
      nodeMs: missedBeats * settings.heartbeatMs + settings.podStartMs,
    },
    unloadServers: (grant) =>
      serversForUnload(grant, caches.libraries.get(grant.library ?? ''), caches.servers.list(), nodes, avoided),
  };
};

const robots: readonly (string | undefined)[] = ['load', 'unload', 'inventory'];

/** What a grant's life depends on beside its own pods. */
export const robotView = (
  deps: Deps,
  avoid: Avoid = {},
): Required<Pick<GrantView, 'busyLibraries' | 'actions' | 'gone' | 'refused'>> => {
  const actions = actionView(deps, avoid.servers);
  const busyLibraries = new Set(
    deps.caches.pods.list().flatMap((pod) => {
      const own = pod.metadata?.labels ?? {};
      if (!robots.includes(own[labels.role])) return [];
      const facts = podFacts(pod, deps.clock.now());
      // One that is given up would keep the robot from everybody else for ever.
      return facts.state === 'ended' || lossOfAction(facts, actions) !== undefined ? [] : [own[labels.library] ?? ''];
    }),
  );
  const { podStartMs } = deps.settings;
  return {
    busyLibraries,
    actions,
    gone: (grant) => goneHardware(grant, deps.caches),
    refused: (held, pod) => refusalFault(held, pod, podStartMs, deps.clock.now()),
  };
};
