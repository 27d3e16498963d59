/** One real control plane for the whole run; tests find it by `inject('kubeconfig')`. */
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { TestProject } from 'vitest/node';
import { type ControlPlane, startControlPlane } from '../../dev/controlplane/control-plane.ts';
import { untilEstablished } from '../../dev/controlplane/established.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    /** Path of the administrator's kubeconfig. */
    readonly kubeconfig: string;
  }
}

const folderPrefix = 'twinreel-api-';
export const operatorNamespace = 'twinreel-system';
const crds = path.join(import.meta.dirname, '..', '..', 'crds');

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  removeLeftFolders();
  const stateDir = mkdtempSync(path.join(tmpdir(), `${folderPrefix}${process.pid}-`));
  const controlPlane = await startControlPlane({ stateDir, log: (line) => console.log(line) });
  const teardown = async (): Promise<void> => {
    await controlPlane.stop();
    rmSync(stateDir, { recursive: true, force: true });
  };
  try {
    await kubectl(controlPlane, ['create', 'namespace', operatorNamespace]);
    await installCrds(controlPlane);
  } catch (error) {
    await teardown();
    throw error;
  }
  project.provide('kubeconfig', controlPlane.kubeconfig);
  return teardown;
}

/** Of runs that were killed: their processes died with them, their folders did not. */
function removeLeftFolders(): void {
  for (const name of readdirSync(tmpdir())) {
    const pid = name.startsWith(folderPrefix) ? /^\d+(?=-)/.exec(name.slice(folderPrefix.length))?.[0] : undefined;
    if (pid !== undefined && !existsSync(`/proc/${pid}`))
      rmSync(path.join(tmpdir(), name), { recursive: true, force: true });
  }
}

/** A broken CRD is for the tests of its kind to fail by; those of everything else still run. */
async function installCrds(controlPlane: ControlPlane): Promise<void> {
  if (!existsSync(crds)) return;
  const files = readdirSync(crds).filter((file) => file.endsWith('.yaml'));
  for (const file of files) {
    const crd = path.join(crds, file);
    try {
      await kubectl(controlPlane, ['apply', '--server-side', '-f', crd]);
      await untilEstablished((args) => controlPlane.kubectl(args), crd, 30_000);
    } catch (error) {
      console.error(`crds/${file} is not installed: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
}

async function kubectl(controlPlane: ControlPlane, args: readonly string[]): Promise<void> {
  const result = await controlPlane.kubectl(args);
  if (result.code !== 0) throw new Error(`kubectl ${args.join(' ')}: ${result.stderr}`);
}
