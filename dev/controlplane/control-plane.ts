/** A real Kubernetes control plane as processes of this one, on loopback: etcd, API server, controllers, scheduler. */
import { mkdirSync, readFileSync, realpathSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Daemon, startDaemon } from '../processes/daemon.ts';
import { type Binaries, findBinaries } from './binaries.ts';
import type { Subject } from './certificates.ts';
import { type ComponentRole, type Components, componentRoles, prepareComponents } from './components.ts';
import { answersOk } from './health.ts';
import { type KubectlResult, runKubectl } from './kubectl.ts';

export type { KubectlResult };

export interface ControlPlaneOptions {
  /** Everything is kept here; a control plane started again on the same folder has the same data. */
  readonly stateDir: string;
  readonly log?: (line: string) => void;
  /** Default true: these control planes serve tests. Even so a killed etcd loses nothing, only a machine that goes down. */
  readonly unsafeNoFsync?: boolean;
}

export interface RunningProcess {
  readonly role: ComponentRole;
  readonly name: string;
  readonly pid: number;
}

export interface ControlPlane {
  /** Path of the administrator's kubeconfig. */
  readonly kubeconfig: string;
  readonly url: string;
  /** Those that run now. */
  processes(): readonly RunningProcess[];
  /** Returns when it is gone. */
  stopProcess(role: ComponentRole, how: 'SIGTERM' | 'SIGKILL'): Promise<void>;
  /** Returns when it is healthy again, at the same address. */
  startProcess(role: ComponentRole): Promise<void>;
  stopApiServer(how: 'SIGTERM' | 'SIGKILL'): Promise<void>;
  startApiServer(): Promise<void>;
  /** As the administrator; an exit code other than 0 is a value, not an error. */
  kubectl(args: readonly string[], input?: string): Promise<KubectlResult>;
  /** Writes a kubeconfig with a client certificate for any user, such as `system:node:NAME` of group `system:nodes`. */
  issueKubeconfig(file: string, subject: Subject, namespace?: string): Promise<void>;
  /** Stops all and waits for each; the folder stays. */
  stop(): Promise<void>;
}

/** A process did not become healthy; the message ends with the end of its log. */
export class ControlPlaneError extends Error {
  readonly code = 'CONTROL_PLANE_NOT_READY';
}

const readyMs = 90_000;
const startTries = 3;
// After SIGTERM the API server waits long for watches to end of themselves; killing it loses nothing, etcd has it all.
const stopBoundMs = 5_000;

/**
 * Starts everything and returns when all are healthy. The processes die with this one, however it ends.
 * @throws ControlPlaneError, BinariesNotFoundError
 */
export async function startControlPlane(options: ControlPlaneOptions): Promise<ControlPlane> {
  const log = options.log ?? (() => undefined);
  mkdirSync(options.stateDir, { recursive: true });
  const stateDir = realpathSync(options.stateDir);
  const binaries = await findBinaries({ log });
  for (let tries = 1; ; tries++) {
    const unsafeNoFsync = options.unsafeNoFsync ?? true;
    const components = await prepareComponents({ stateDir, binaries, unsafeNoFsync }, tries === 1);
    const group = new ComponentGroup(components);
    try {
      for (const role of componentRoles) await group.start(role, false);
      for (const role of componentRoles) await group.waitUntilHealthy(role);
      return controlPlaneOf(components, group, binaries, stateDir);
    } catch (error) {
      await group.stopAll();
      // Another process may have taken a port between the choice and the start: then new ports help.
      if (tries === startTries) throw error;
      log(
        `control plane did not start (${error instanceof Error ? error.message : String(error)}); trying other ports`,
      );
    }
  }
}

function controlPlaneOf(
  components: Components,
  group: ComponentGroup,
  binaries: Binaries,
  stateDir: string,
): ControlPlane {
  return {
    kubeconfig: components.adminKubeconfig,
    url: components.url,
    processes: () => group.running(),
    stopProcess: (role, how) => group.stop(role, how),
    startProcess: (role) => group.start(role, true),
    stopApiServer: (how) => group.stop('kube-apiserver', how),
    startApiServer: () => group.start('kube-apiserver', true),
    kubectl: (args, input) =>
      runKubectl({
        executable: binaries.kubectl,
        kubeconfig: components.adminKubeconfig,
        cacheFolder: path.join(stateDir, 'kubectl-cache'),
        args,
        ...(input === undefined ? {} : { input }),
      }),
    issueKubeconfig: (file, subject, namespace) => components.writeKubeconfig(file, subject, namespace),
    stop: () => group.stopAll(),
  };
}

class ComponentGroup {
  readonly #components: Components;
  readonly #daemons = new Map<ComponentRole, Daemon>();

  constructor(components: Components) {
    this.#components = components;
  }

  running(): readonly RunningProcess[] {
    return [...this.#daemons]
      .filter(([, daemon]) => !daemon.hasExited())
      .map(([role, daemon]) => ({ role, name: daemon.command.name, pid: daemon.identity.pid }));
  }

  async start(role: ComponentRole, wait: boolean): Promise<void> {
    if (this.#daemons.get(role)?.hasExited() === false) return;
    this.#daemons.set(role, await startDaemon(this.#components.commands[role], true));
    if (wait) await this.waitUntilHealthy(role);
  }

  async stop(role: ComponentRole, how: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    await this.#daemons.get(role)?.stop(how, stopBoundMs);
  }

  /** The API server hangs when its etcd is gone first, and the controllers log errors without an API server. */
  async stopAll(): Promise<void> {
    await Promise.all([this.stop('kube-scheduler', 'SIGTERM'), this.stop('kube-controller-manager', 'SIGTERM')]);
    await this.stop('kube-apiserver', 'SIGTERM');
    await this.stop('etcd', 'SIGTERM');
  }

  async waitUntilHealthy(role: ComponentRole): Promise<void> {
    const end = performance.now() + readyMs;
    while (!(await this.#isHealthy(role))) {
      const gone = this.#daemons.get(role)?.hasExited() ?? true;
      if (gone || performance.now() > end) {
        throw new ControlPlaneError(`${role} ${gone ? 'ended' : 'is not ready'}:\n${this.#endOfLog(role)}`);
      }
      await sleep(100);
    }
  }

  async #isHealthy(role: ComponentRole): Promise<boolean> {
    if (this.#daemons.get(role)?.hasExited() ?? true) return false;
    if (role === 'etcd') return true; // the API server's readiness includes it
    return answersOk(
      this.#components.healthUrls[role],
      role === 'kube-apiserver' ? this.#components.caFile : undefined,
    );
  }

  #endOfLog(role: ComponentRole): string {
    return readFileSync(this.#components.commands[role].logFile, 'utf8').split('\n').slice(-12).join('\n');
  }
}
