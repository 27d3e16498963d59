/**
 * Pods that load, unload or plan write no head, so nothing but their age and their node tells whether they still work.
 * What is given up here may run on all the same: its hardware stays held until it is proven to be gone.
 */
import { bounded } from '../../api/status-text.ts';
import type { Grant } from './grant.ts';
import { isStartOver, type NodeFacts, type PodFacts } from './pod-facts.ts';
import { nodeGone } from '../step.ts';
import type { Fault } from '../step.ts';

export interface ActionPatience {
  /** For a pod to start. */
  readonly startMs: number;
  /** For a load or unload to be done. */
  readonly preparationMs: number;
  /** For a pod whose node is not ready: younger ones may only just have been made there. */
  readonly nodeMs: number;
}

export interface ActionView {
  readonly nodes: ReadonlyMap<string, NodeFacts>;
  readonly patience: ActionPatience;
  /** BackupServers that can unload the grant's tape now, the best first. */
  readonly unloadServers: (grant: Grant) => readonly string[];
}

type Judging = Pick<ActionView, 'nodes' | 'patience'>;

/** @returns why nothing more is to be expected of the pod, wherever it is; undefined while something is */
export const lossOfPlace = (pod: PodFacts, { nodes, patience }: Judging): Fault | undefined => {
  if (pod.state === 'ended') return undefined;
  if (nodes.get(pod.node)?.ready !== true && pod.ageMs > patience.nodeMs) {
    return fault(nodeGone, `node ${pod.node} is not ready and runs pod ${pod.name}`, 'server');
  }
  if (isStartOver(pod, patience.startMs)) {
    const why = pod.waitingReason ?? 'no reason given';
    return fault('PodNotStarted', `pod ${pod.name} did not start on ${pod.node}: ${why}`, 'server');
  }
  return undefined;
};

/** The same for an action that has to be done in time, as a load or an unload. */
export const lossOfAction = (pod: PodFacts, view: Judging): Fault | undefined => {
  const lost = lossOfPlace(pod, view);
  if (lost !== undefined || pod.state !== 'running' || pod.ageMs <= view.patience.preparationMs) return lost;
  return fault('Stalled', `pod ${pod.name} is not done after ${Math.round(pod.ageMs / 1000)} s`, 'drive');
};

const fault = (reason: string, message: string, domain: Fault['domain']): Fault => ({
  reason,
  message: bounded(message, 'detail'),
  domain,
  lostBytes: 0,
});
