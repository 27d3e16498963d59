/** Faults of a running bench, and their end. */
import { execFileSync } from 'node:child_process';
import { readIdentity, signal } from '../processes/process-identity.ts';
import type { Layout, MemberName, NodeName } from './layout.ts';
import { enterArgs } from './namespaces.ts';
import { readProcesses } from './processes.ts';

/** The kubelet neither reports nor obeys; its pods go on. */
export function stopKubelet(layout: Layout, node: NodeName): void {
  signalProcess(layout, `kubelet-${node}`, 'SIGSTOP');
}

export function continueKubelet(layout: Layout, node: NodeName): void {
  signalProcess(layout, `kubelet-${node}`, 'SIGCONT');
}

/** The node and its pods reach nobody and nobody reaches them; everything on it goes on. */
export function cutNode(layout: Layout, node: NodeName): void {
  runIn(layout, 'control-plane', ['ip', 'link', 'set', node, 'down']);
}

export function joinNode(layout: Layout, node: NodeName): void {
  runIn(layout, 'control-plane', ['ip', 'link', 'set', node, 'up']);
}

/** Drops every packet of one pod; what a NetworkPolicy that allows nothing would do. */
export function cutPod(layout: Layout, node: NodeName, podIP: string): void {
  const rules = [
    'add table ip bench-cut',
    'add chain ip bench-cut forward { type filter hook forward priority -10; }',
    `add rule ip bench-cut forward ip saddr ${podIP} drop`,
    `add rule ip bench-cut forward ip daddr ${podIP} drop`,
  ];
  runIn(layout, node, ['nft', rules.join('; ')]);
}

/** Ends what `cutPod` did to pods of the node. */
export function joinPods(layout: Layout, node: NodeName): void {
  runIn(layout, node, ['nft', 'delete table ip bench-cut']);
}

function signalProcess(layout: Layout, name: string, what: NodeJS.Signals): void {
  const identity = readIdentity(pidOf(layout, name));
  if (identity === undefined || !signal(identity, what)) throw new Error(`${name} does not run`);
}

function runIn(layout: Layout, member: MemberName, command: readonly string[]): void {
  const [file = '', ...args] = enterArgs(pidOf(layout, `namespaces-${member}`), member);
  execFileSync(file, [...args, ...command], { stdio: ['ignore', 'ignore', 'pipe'] });
}

function pidOf(layout: Layout, name: string): number {
  const found = readProcesses(layout).find((one) => one.name === name);
  if (found === undefined) throw new Error(`${layout.processes} has no ${name}`);
  return found.pid;
}
