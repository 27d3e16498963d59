/** Commands inside the namespaces of a bench that runs. */
import path from 'node:path';
import { findBinaries } from '../controlplane/binaries.ts';
import { goToolFile } from '../tools/go-tools.ts';
import type { Layout, MemberName } from './layout.ts';
import { enterArgs } from './namespaces.ts';
import { readProcesses } from './processes.ts';

/** No cluster runs there; the message says how to start one. */
export class NoClusterError extends Error {
  readonly code = 'NO_CLUSTER';
}

/**
 * The command line that runs a command in the member's namespaces.
 * @throws NoClusterError
 */
export function entering(layout: Layout, member: MemberName, command: readonly string[]): readonly string[] {
  const holder = readProcesses(layout).find((one) => one.name === `namespaces-${member}`);
  if (holder === undefined) {
    throw new NoClusterError(`no cluster runs in ${layout.folder}: npm run -s cluster -- up --state ${layout.folder}`);
  }
  return [...enterArgs(holder.pid, member), ...command];
}

/** Environment of the cluster's clients: KUBECONFIG, and kubectl and helm first in PATH. */
export async function clientEnvironment(layout: Layout, log: (line: string) => void): Promise<NodeJS.ProcessEnv> {
  const kubectl = path.dirname((await findBinaries({ log })).kubectl);
  const PATH = [kubectl, path.dirname(goToolFile('helm')), process.env['PATH'] ?? ''].join(':');
  return { ...process.env, KUBECONFIG: layout.kubeconfig, PATH };
}
