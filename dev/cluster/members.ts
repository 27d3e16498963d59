/** Commands and processes inside the namespaces of a member of a running bench. */
import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { findBinaries } from '../controlplane/binaries.ts';
import { type DaemonCommand, startDaemon } from '../processes/daemon.ts';
import { goToolFile } from '../tools/go-tools.ts';
import type { Layout, MemberName } from './layout.ts';
import { enterArgs, inside } from './namespaces.ts';
import { readProcesses, rememberProcess } from './processes.ts';

/**
 * Process that holds the member's namespaces.
 * @throws Error where no cluster runs; the message says how to start one
 */
export function holderOf(layout: Layout, member: MemberName): number {
  const holder = readProcesses(layout).find((one) => one.name === `namespaces-${member}`);
  if (holder !== undefined) return holder.pid;
  throw new Error(`no cluster runs in ${layout.folder}: npm run -s cluster -- up --state ${layout.folder}`);
}

/**
 * The command line that runs a command in the member's namespaces.
 * @throws as `holderOf`
 */
export const entering = (layout: Layout, member: MemberName, command: readonly string[]): readonly string[] => [
  ...enterArgs(holderOf(layout, member), member),
  ...command,
];

/** Environment of the cluster's clients: KUBECONFIG, and kubectl and helm first in PATH. */
export async function clientEnvironment(layout: Layout, log: (line: string) => void): Promise<NodeJS.ProcessEnv> {
  const kubectl = path.dirname((await findBinaries({ log })).kubectl);
  const PATH = [kubectl, path.dirname(goToolFile('helm')), process.env['PATH'] ?? ''].join(':');
  return { ...process.env, KUBECONFIG: layout.kubeconfig, PATH };
}

/** @throws Error where the command fails */
export function runIn(layout: Layout, member: MemberName, command: readonly string[]): void {
  const [file = '', ...args] = entering(layout, member, command);
  execFileSync(file, args, { stdio: ['ignore', 'ignore', 'pipe'] });
}

/** It is the bench's from then on: written down, ended by `down`, and known to the faults by its name. */
export async function startIn(layout: Layout, member: MemberName, command: DaemonCommand): Promise<void> {
  const entered = inside(layout, holderOf(layout, member), member, command);
  const { identity } = await startDaemon(entered, false);
  rememberProcess(layout, { role: command.role, name: command.name, pid: identity.pid, command: entered });
}
