/** Commands and processes inside the namespaces of a member of a running bench. */
import { execFileSync } from 'node:child_process';
import { type DaemonCommand, startDaemon } from '../processes/daemon.ts';
import type { Layout, MemberName } from './layout.ts';
import { enterArgs, inside } from './namespaces.ts';
import { processNamed, rememberProcess } from './processes.ts';

const holderOf = (layout: Layout, member: MemberName): number => processNamed(layout, `namespaces-${member}`).pid;

/** @throws Error where the command fails */
export function runIn(layout: Layout, member: MemberName, command: readonly string[]): void {
  const [file = '', ...args] = enterArgs(holderOf(layout, member), member);
  execFileSync(file, [...args, ...command], { stdio: ['ignore', 'ignore', 'pipe'] });
}

/** It is the bench's from then on: written down, ended by `down`, and known to the faults by its name. */
export async function startIn(layout: Layout, member: MemberName, command: DaemonCommand): Promise<void> {
  const entered = inside(layout, holderOf(layout, member), member, command);
  const { identity } = await startDaemon(entered, false);
  rememberProcess(layout, { role: command.role, name: command.name, pid: identity.pid, command: entered });
}
