/** Faults of a running bench, and their end. */
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startDaemon } from '../processes/daemon.ts';
import { endProcesses } from '../processes/process-end.ts';
import { type ProcessIdentity, readIdentity, signal } from '../processes/process-identity.ts';
import { findNodeBinaries } from './binaries.ts';
import { processesIn } from './cgroups.ts';
import type { Layout, NodeName } from './layout.ts';
import { holderOf, runIn } from './members.ts';
import { cgroupOf } from './namespaces.ts';
import { containerdSocket } from './node-config.ts';
import { processNamed, rememberProcess } from './processes.ts';

/** The kubelet neither reports nor obeys; its pods go on. */
export function stopKubelet(layout: Layout, node: NodeName): void {
  signalProcess(layout, `kubelet-${node}`, 'SIGSTOP');
}

export function continueKubelet(layout: Layout, node: NodeName): void {
  signalProcess(layout, `kubelet-${node}`, 'SIGCONT');
}

/** As a crash ends it: at once. @param name as in processes.json, such as `kubelet-node-1` or `kube-apiserver` */
export async function killProcess(layout: Layout, name: string): Promise<void> {
  const { command, pid } = processNamed(layout, name);
  if (command === undefined) throw new Error(`${name} holds the namespaces of a member: end the cluster instead`);
  const identity = readIdentity(pid);
  if (identity === undefined) throw new Error(`${name} does not run`);
  await endProcesses([identity], 'SIGKILL', 5_000);
}

/** Starts again, with the same command line, what was killed or has ended by itself. */
export async function startProcess(layout: Layout, name: string): Promise<void> {
  const known = processNamed(layout, name);
  if (known.command === undefined) throw new Error(`${name} holds the namespaces of a member: start a cluster instead`);
  if (readIdentity(known.pid) !== undefined) throw new Error(`${name} runs already, as process ${known.pid}`);
  const { identity } = await startDaemon(known.command, false);
  rememberProcess(layout, { ...known, pid: identity.pid });
}

/**
 * Everything of the node stands still, its pods' processes too: as a machine that hangs. Nothing on it is gone; what
 * wakes up by `thawNode` believes that no time has passed.
 */
export async function freezeNode(layout: Layout, node: NodeName): Promise<void> {
  // What was just forked is found by the next look; nothing forks any more when a look finds nothing that runs.
  const end = performance.now() + 10_000;
  const frozen = new Set<string>();
  for (;;) {
    const left = ownProcesses(layout, node).filter((one) => !frozen.has(keyOf(one)));
    if (left.length === 0) return;
    if (performance.now() > end) throw new Error(`${node} still has processes that run: ${left.map(keyOf).join(', ')}`);
    for (const one of left) if (signal(one, 'SIGSTOP')) frozen.add(keyOf(one));
    await sleep(50);
  }
}

export function thawNode(layout: Layout, node: NodeName): void {
  for (const one of ownProcesses(layout, node)) signal(one, 'SIGCONT');
}

/** The node and its pods reach nobody and nobody reaches them; everything on it goes on. */
export function cutNode(layout: Layout, node: NodeName): void {
  runIn(layout, 'control-plane', ['ip', 'link', 'set', node, 'down']);
}

export function joinNode(layout: Layout, node: NodeName): void {
  runIn(layout, 'control-plane', ['ip', 'link', 'set', node, 'up']);
}

/** The node has the image no more; containers that run go on. @param image as in a pod, such as `twinreel:dev` */
export async function removeImage(layout: Layout, node: NodeName, image: string): Promise<void> {
  const [name, kept] = imageNames(image);
  await imagesIn(layout, node, 'tag', '--force', name, kept);
  await imagesIn(layout, node, 'rm', '--sync', name);
}

export async function restoreImage(layout: Layout, node: NodeName, image: string): Promise<void> {
  const [name, kept] = imageNames(image);
  await imagesIn(layout, node, 'tag', '--force', kept, name);
  await imagesIn(layout, node, 'rm', kept);
}

/** The full name, as containerd has it, and the one by which its content is kept while it is away. */
function imageNames(image: string): readonly [string, string] {
  const [host = '', ...rest] = image.split('/');
  const hasHost = rest.length > 0 && /[.:]|^localhost$/.test(host);
  const name = hasHost ? image : `docker.io/${rest.length > 0 ? image : `library/${image}`}`;
  return [name, `bench.local/kept/${name}`];
}

async function imagesIn(layout: Layout, node: NodeName, ...args: readonly string[]): Promise<void> {
  const ctr = path.join(await findNodeBinaries((line) => console.error(line)), 'ctr');
  runIn(layout, node, [ctr, '-a', containerdSocket, '-n', 'k8s.io', 'images', ...args]);
}

const keyOf = ({ pid, startTicks }: ProcessIdentity): string => `${pid}@${startTicks}`;

/** All but the one that holds the namespaces. */
function ownProcesses(layout: Layout, node: NodeName): readonly ProcessIdentity[] {
  const holder = holderOf(layout, node);
  return processesIn(cgroupOf(layout, node)).filter(({ pid }) => pid !== holder);
}

function signalProcess(layout: Layout, name: string, what: NodeJS.Signals): void {
  const identity = readIdentity(processNamed(layout, name).pid);
  if (identity === undefined || !signal(identity, what)) throw new Error(`${name} does not run`);
}
