/** A control plane of its own, the operator as a process of its own with just its rights, and what plays its agents. */
import { spawn } from 'node:child_process';
import { createWriteStream, mkdtempSync, rmSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startControlPlane, type ControlPlane } from '../../../dev/controlplane/control-plane.ts';
import { untilEstablished } from '../../../dev/controlplane/established.ts';
import type { KubectlResult } from '../../../dev/controlplane/kubectl.ts';
import { operatorNamespace, serviceAccounts } from '../../../src/api/names.ts';
import type { TerminationMessage } from '../../../src/api/worker-order.ts';
import { isApiError } from '../../../src/kube/api.ts';
import type { Pod } from '../../../src/kube/core-types.ts';
import { loadKubeConfig } from '../../../src/kube/kube-config.ts';
import { microTime } from '../../../src/kube/micro-time.ts';
import { leases, nodes, pods } from '../../../src/kube/resources.ts';
import { makeRestApi, type RestApi } from '../../../src/kube/rest-api.ts';
import { createIfAbsent, getIfPresent } from '../../../src/kube/writes.ts';
import { node } from '../../support/hardware-objects.ts';

const root = join(import.meta.dirname, '..', '..', '..');

/** Until `look` gives something; what it throws at the end is thrown on. */
export const waitFor = async <T>(what: string, look: () => Promise<T | undefined> | T | undefined): Promise<T> => {
  const giveUp = performance.now() + 45_000;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (performance.now() > giveUp) throw new Error(`never came: ${what}`);
    await sleep(50);
  }
};

const ignoreApiErrors = (error: unknown): void => {
  if (!isApiError(error)) throw error;
};

export interface Operator {
  readonly pid: number;
  readonly metricsPort: number;
  readonly exited: Promise<number | null>;
  signal(signal: NodeJS.Signals): void;
  get(path: string): Promise<{ readonly status: number; readonly text: string }>;
}

const address = (line: string): number | undefined => {
  const entry: unknown = line.startsWith('{') ? JSON.parse(line) : undefined;
  if (typeof entry !== 'object' || entry === null) return undefined;
  const fields: { readonly msg?: unknown; readonly port?: unknown } = entry;
  return fields.msg === 'metrics and probes are served' && typeof fields.port === 'number' ? fields.port : undefined;
};

export class OperatorSite {
  readonly api: RestApi;
  readonly folder: string;
  readonly #controlPlane: ControlPlane;
  readonly #kubeconfig: string;
  readonly #running = new Set<Operator>();
  readonly #reaping = new AbortController();
  readonly #nodes = new Set<string>();

  private constructor(api: RestApi, folder: string, controlPlane: ControlPlane, kubeconfig: string) {
    this.api = api;
    this.folder = folder;
    this.#controlPlane = controlPlane;
    this.#kubeconfig = kubeconfig;
    void this.#reap();
    void this.#renewLeases();
  }

  static async open(): Promise<OperatorSite> {
    const folder = mkdtempSync(join(tmpdir(), 'twinreel-operator-'));
    const controlPlane = await startControlPlane({ stateDir: join(folder, 'control-plane') });
    const kubectl = async (...args: string[]): Promise<void> => {
      const { code, stderr } = await controlPlane.kubectl(args);
      if (code !== 0) throw new Error(`kubectl ${args.join(' ')}: ${stderr}`);
    };
    await kubectl('create', 'namespace', operatorNamespace);
    await kubectl('apply', '--server-side', '-f', join(root, 'crds'));
    await untilEstablished((args) => controlPlane.kubectl(args), join(root, 'crds'));
    await kubectl('apply', '--server-side', '--force-conflicts', '-f', join(root, 'config', 'rbac'));
    const kubeconfig = join(folder, 'operator.kubeconfig');
    await controlPlane.issueKubeconfig(kubeconfig, {
      user: `system:serviceaccount:${operatorNamespace}:${serviceAccounts.operator}`,
      groups: ['system:serviceaccounts', `system:serviceaccounts:${operatorNamespace}`],
    });
    const admin = await loadKubeConfig({ kubeconfig: controlPlane.kubeconfig });
    return new OperatorSite(makeRestApi({ kubeConfig: admin }), folder, controlPlane, kubeconfig);
  }

  async close(): Promise<void> {
    for (const operator of this.#running) {
      operator.signal('SIGKILL');
      await operator.exited;
    }
    this.#reaping.abort();
    this.api.close();
    await this.#controlPlane.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }

  kubectl(args: readonly string[], input?: string): Promise<KubectlResult> {
    return this.#controlPlane.kubectl(args, input);
  }

  /** With a short lease; resolves when its probes can be asked. */
  async startOperator(...more: string[]): Promise<Operator> {
    const args = ['--kubeconfig', this.#kubeconfig, '--metrics-address', '127.0.0.1:0', '--image', 'twinreel:test'];
    const lease = ['--lease-duration', '3s', '--renew-deadline', '2s', '--retry-period', '300ms'];
    const main = join(root, 'src', 'operator', 'main.ts');
    const child = spawn(process.execPath, [main, ...args, ...lease, ...more], { stdio: ['ignore', 'pipe', 'inherit'] });
    const exited = new Promise<number | null>((resolve) => child.once('exit', resolve));
    const lines = createInterface({ input: child.stdout });
    const log = createWriteStream(join(this.folder, `operator-${child.pid ?? 0}.log`));
    const found = Promise.withResolvers<number>();
    lines.on('line', (line) => {
      log.write(`${line}\n`);
      const port = address(line);
      if (port !== undefined) found.resolve(port);
    });
    void exited.then((code) => found.reject(new Error(`the operator ended with ${code}`)));
    const metricsPort = await found.promise;
    const operator: Operator = {
      pid: child.pid ?? 0,
      metricsPort,
      exited,
      signal: (signal) => void child.kill(signal),
      get: async (path) => {
        const response = await fetch(`http://127.0.0.1:${metricsPort}${path}`);
        return { status: response.status, text: await response.text() };
      },
    };
    this.#running.add(operator);
    void exited.then(() => this.#running.delete(operator));
    return operator;
  }

  /** The node as an agent would register and report it. */
  async reportNode(name: string, ready: 'True' | 'False', bootID = 'boot-1'): Promise<void> {
    const reported = node(name, ready, bootID);
    this.#nodes.add(name);
    const present = await getIfPresent(this.api, nodes, { name });
    if (present === undefined) await this.api.create(nodes, { metadata: { name } });
    await this.api.patch(nodes, { name }, { status: reported.status }, { type: 'merge', subresource: 'status' });
  }

  waitForPod(name: string): Promise<Pod> {
    return waitFor(`pod ${name}`, () => getIfPresent(this.api, pods, { namespace: operatorNamespace, name }));
  }

  /** As an agent reports the end of the worker. */
  async endPod(name: string, exitCode: number, message: TerminationMessage): Promise<void> {
    const at = new Date().toISOString();
    const terminated = { exitCode, reason: exitCode === 0 ? 'Completed' : 'Error', message: JSON.stringify(message) };
    const worker = {
      name: 'worker',
      image: 'twinreel:test',
      imageID: '',
      ready: false,
      restartCount: 0,
      state: { terminated: { ...terminated, startedAt: at, finishedAt: at } },
    };
    const status = { phase: exitCode === 0 ? 'Succeeded' : 'Failed', containerStatuses: [worker] };
    const ref = { namespace: operatorNamespace, name };
    await this.api.patch(pods, ref, { status }, { type: 'merge', subresource: 'status' });
  }

  /** Or the node controller takes the nodes for dead. */
  async #renewLeases(): Promise<void> {
    while (!this.#reaping.signal.aborted) {
      for (const name of this.#nodes) {
        const ref = { namespace: 'kube-node-lease', name };
        const spec = { holderIdentity: name, leaseDurationSeconds: 40, renewTime: microTime(Date.now()) };
        await createIfAbsent(this.api, leases, { metadata: ref, spec }).catch(ignoreApiErrors);
        await this.api.patch(leases, ref, { spec }, { type: 'merge' }).catch(ignoreApiErrors);
      }
      await sleep(2_000);
    }
  }

  /** What a kubelet does with deleted pods of which nothing runs. */
  async #reap(): Promise<void> {
    while (!this.#reaping.signal.aborted) {
      try {
        const { items } = await this.api.list(pods, { namespace: operatorNamespace });
        for (const { metadata } of items) {
          if (metadata?.deletionTimestamp === undefined || metadata.deletionGracePeriodSeconds === 0) continue;
          const ref = { namespace: operatorNamespace, name: metadata.name ?? '' };
          await this.api.delete(pods, ref, { gracePeriodSeconds: 0 });
        }
      } catch (error) {
        if (!isApiError(error)) throw error;
      }
      await sleep(100);
    }
  }
}
