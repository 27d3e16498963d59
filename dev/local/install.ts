/** Puts CRDs, rights and hardware objects into the API server, with kubectl as a user would. */
import path from 'node:path';
import { untilEstablished } from '../controlplane/established.ts';
import { type KubectlResult, runKubectl } from '../controlplane/kubectl.ts';
import type { Layout } from './layout.ts';
import { hardwareOf } from './objects.ts';
import type { LocalOptions } from './options.ts';

const root = path.join(import.meta.dirname, '..', '..');

/** Runs kubectl as the administrator. */
export type Kubectl = (args: readonly string[], input?: string) => Promise<KubectlResult>;

/** What was to be applied was refused, or kubectl can't reach the API server. */
export class InstallError extends Error {
  readonly code = 'INSTALL_FAILED';
}

export function makeKubectl(executable: string, layout: Layout, signal: AbortSignal): Kubectl {
  const cacheFolder = path.join(layout.folder, 'kubectl-cache');
  return (args, input) =>
    runKubectl({
      executable,
      kubeconfig: layout.kubeconfig,
      cacheFolder,
      args,
      signal,
      ...(input === undefined ? {} : { input }),
    });
}

/** CRDs, the operator's namespace, and the rights of operator, workers and agents. */
export async function installApi(kubectl: Kubectl): Promise<void> {
  const crds = path.join(root, 'crds');
  await mustSucceed(kubectl, [...apply, '-f', crds, '-f', path.join(root, 'config', 'rbac')]);
  await untilEstablished(kubectl, crds);
}

export async function installHardware(kubectl: Kubectl, layout: Layout, options: LocalOptions): Promise<void> {
  const list = { apiVersion: 'v1', kind: 'List', items: Object.values(hardwareOf(layout, options)).flat() };
  await mustSucceed(kubectl, [...apply, '-f', '-'], JSON.stringify(list));
}

const apply = ['apply', '--server-side', '--force-conflicts', '--field-manager=twinreel-local'] as const;

async function mustSucceed(kubectl: Kubectl, args: readonly string[], input?: string): Promise<void> {
  const result = await kubectl(args, input);
  if (result.code !== 0) throw new InstallError(`kubectl ${args.join(' ')}: ${result.stderr.trim()}`);
}
