/** A real agent as a process of its own, with no more rights than it needs, against the control plane of this run. */
import { spawn, type ChildProcess } from 'node:child_process';
import { createWriteStream, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parse, stringify } from 'yaml';
import { openCertificateAuthority } from '../../../dev/controlplane/certificates.ts';
import { writeKubeconfig } from '../../../dev/controlplane/kubeconfig.ts';
import {
  nodes,
  pods,
  serviceAccounts,
  type ContainerSpec,
  type Pod,
  type PodSpec,
  type TokenRequest,
} from '../../../src/agent/core-objects.ts';
import { listProcesses, hasEnvironment } from '../../../src/agent/proc.ts';
import { isApiError, type Api, type KubeObject, type Resource } from '../../../src/kube/api.ts';
import { loadKubeConfig } from '../../../src/kube/kube-config.ts';
import { makeRestApi } from '../../../src/kube/rest-api.ts';
import { agentAccount, agentRights, workerAccount } from './agent-rights.ts';

export const waitFor = async <T>(what: string, look: () => Promise<T | undefined> | T | undefined): Promise<T> => {
  const giveUp = performance.now() + 45_000;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (performance.now() > giveUp) throw new Error(`never came: ${what}`);
    await sleep(25);
  }
};

export const namespaces: Resource = {
  group: '',
  version: 'v1',
  plural: 'namespaces',
  kind: 'Namespace',
  namespaced: false,
};

export interface Agent {
  readonly pid: number;
  /** Resolves with the exit code; null when a signal ended it. */
  readonly exited: Promise<number | null>;
  signal(signal: NodeJS.Signals): void;
}

export interface AgentFlags {
  readonly allowCommand?: boolean;
  readonly onStop?: 'kill' | 'leave';
  readonly killGraceSeconds?: number;
  readonly entrypoint?: readonly string[];
  /** Another way to the API server than the control plane's own address. */
  readonly server?: string;
  /** Another identity than the agent's service account. */
  readonly kubeconfig?: string;
}

/** One node with its state folder; its agent may be started, killed and started again. */
export class MediaServer {
  readonly name: string;
  readonly state: string;
  readonly #site: Site;
  #running: ChildProcess | undefined;

  constructor(site: Site, name: string) {
    this.#site = site;
    this.name = name;
    this.state = join(site.folder, name);
  }

  async start(flags: AgentFlags = {}): Promise<Agent> {
    const { kubeconfig, folder, namespace } = this.#site;
    let file = flags.kubeconfig ?? kubeconfig;
    if (flags.server !== undefined) {
      file = join(folder, `${this.name}.kubeconfig`);
      writeFileSync(file, readFileSync(kubeconfig, 'utf8').replace(/server: .*/, `server: ${flags.server}`));
    }
    const args = ['--kubeconfig', file, '--node-name', this.name, '--namespace', namespace];
    if (flags.allowCommand ?? true) args.push('--allow-command');
    if (flags.onStop !== undefined) args.push('--on-stop', flags.onStop);
    if (flags.killGraceSeconds !== undefined) args.push('--kill-grace', String(flags.killGraceSeconds));
    if (flags.entrypoint !== undefined) args.push('--entrypoint', JSON.stringify(flags.entrypoint));
    const main = join(import.meta.dirname, '../../../src/agent/main.ts');
    const child = spawn(process.execPath, [main, ...args], {
      stdio: ['ignore', 'pipe', 'inherit'],
      // The folder in the agent's own environment: it must not take itself for one of its pods.
      env: { ...process.env, TWINREEL_TEST_SECRET: 'must not reach a pod', TWINREEL_AGENT_STATE: this.state },
    });
    this.#running = child;
    mkdirSync(this.state, { recursive: true });
    const log = createWriteStream(join(folder, `${this.name}.log`), { flags: 'a' });
    child.stdout.pipe(log);
    const exited = new Promise<number | null>((resolve) => child.once('exit', resolve));
    await waitFor(`node ${this.name} is Ready`, async () => {
      if (child.exitCode !== null) throw new Error(`the agent ended: ${this.log()}`);
      return (await this.ready()) === 'True' ? true : undefined;
    });
    return { pid: child.pid ?? 0, exited, signal: (signal) => void child.kill(signal) };
  }

  /** Asks the agent to stop and waits for its end. */
  async stop(): Promise<void> {
    const child = this.#running;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exited = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGTERM');
    await exited;
  }

  async ready(): Promise<string | undefined> {
    const node = await this.#site.find(nodes, { name: this.name });
    return node?.status?.conditions?.find(({ type }) => type === 'Ready')?.status;
  }

  log(): string {
    return readFileSync(join(this.#site.folder, `${this.name}.log`), 'utf8');
  }

  /** What the pod's container has written so far; empty when there is no such folder. */
  readLog(pod: Pod): string {
    try {
      return readFileSync(join(this.state, 'pods', pod.metadata?.uid ?? '', 'logs/worker.log'), 'utf8');
    } catch {
      return '';
    }
  }

  async dispose(): Promise<void> {
    const child = this.#running;
    if (child !== undefined && child.exitCode === null && child.signalCode === null) {
      child.kill('SIGKILL');
      await new Promise((resolve) => child.once('exit', resolve));
    }
    for (const found of listProcesses()) {
      if (hasEnvironment(found.pid, [`TWINREEL_POD_STATE=${this.state}`])) process.kill(found.pid, 'SIGKILL');
    }
    await this.#site.api.delete(nodes, { name: this.name }).catch(() => undefined);
  }
}

/** A namespace for worker pods, the agent's account, and a folder for everything. */
export class Site {
  readonly api: Api;
  readonly namespace: string;
  readonly folder: string;
  readonly kubeconfig: string;
  readonly server: string;
  readonly adminKubeconfig: string;
  #pods = 0;

  private constructor(api: Api, namespace: string, folder: string, adminKubeconfig: string, server: string) {
    this.api = api;
    this.namespace = namespace;
    this.folder = folder;
    this.kubeconfig = join(folder, 'kubeconfig');
    this.adminKubeconfig = adminKubeconfig;
    this.server = server;
  }

  static async make(adminKubeconfig: string): Promise<Site> {
    const api = makeRestApi({ kubeConfig: await loadKubeConfig({ kubeconfig: adminKubeconfig }) });
    const folder = mkdtempSync(join(tmpdir(), 'twinreel-agent-'));
    const created = await api.create(namespaces, { metadata: { generateName: 'agent-' } });
    const namespace = created.metadata?.name ?? '';
    for (const { resource, object } of agentRights(namespace)) await api.create(resource, object);
    await api.create(serviceAccounts, { metadata: { name: workerAccount, namespace } });
    const request = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: { expirationSeconds: 7200 } };
    const token = await api.createSubresource<TokenRequest>(
      serviceAccounts,
      { namespace, name: agentAccount },
      'token',
      request,
    );
    const admin = parse(readFileSync(adminKubeconfig, 'utf8')) as {
      'current-context': string;
      clusters: readonly { cluster: { server: string } }[];
      contexts: readonly { context: { user: string } }[];
    };
    const user = admin.contexts[0]?.context.user ?? '';
    const kubeconfig = join(folder, 'kubeconfig');
    writeFileSync(kubeconfig, stringify({ ...admin, users: [{ name: user, user: { token: token.status?.token } }] }));
    return new Site(api, namespace, folder, adminKubeconfig, admin.clusters[0]?.cluster.server ?? '');
  }

  /** The identity that a kubelet of that name would have. */
  async nodeKubeconfig(name: string): Promise<string> {
    const pki = join(dirname(this.adminKubeconfig), 'pki');
    const authority = await openCertificateAuthority(pki, 'ca');
    const client = await authority.issue(name, { user: `system:node:${name}`, groups: ['system:nodes'] });
    const file = join(this.folder, `${name}.kubeconfig`);
    writeKubeconfig({ file, url: this.server, caFile: authority.certFile, client, user: name });
    return file;
  }

  async find<T extends KubeObject>(
    resource: Resource<T>,
    ref: { namespace?: string; name: string },
  ): Promise<T | undefined> {
    return this.api.get(resource, ref).catch((error: unknown) => {
      if (isApiError(error, 'NotFound')) return undefined;
      throw error;
    });
  }

  /** A worker pod bound to the node; `spec` and `container` go over the defaults. */
  async createPod(
    node: MediaServer,
    container: Partial<ContainerSpec>,
    more: { readonly spec?: Partial<PodSpec>; readonly metadata?: Pod['metadata'] } = {},
  ): Promise<Pod> {
    this.#pods += 1;
    return this.api.create(pods, {
      metadata: {
        name: `pod-${this.#pods}`,
        namespace: this.namespace,
        labels: { 'twinreel.io/worker': 'true' },
        ...more.metadata,
      },
      spec: {
        nodeName: node.name,
        restartPolicy: 'Never',
        serviceAccountName: workerAccount,
        containers: [{ name: 'worker', image: 'twinreel', ...container }],
        ...more.spec,
      },
    });
  }

  findPod(pod: Pod): Promise<Pod | undefined> {
    return this.find(pods, { namespace: this.namespace, name: pod.metadata?.name ?? '' });
  }

  async untilPhase(pod: Pod, phase: string): Promise<Pod> {
    let last: Pod | undefined;
    try {
      return await waitFor(`pod ${pod.metadata?.name} is ${phase}`, async () => {
        last = await this.findPod(pod);
        return last?.status?.phase === phase ? last : undefined;
      });
    } catch (error) {
      throw new Error(`last seen: ${JSON.stringify(last?.status)}`, { cause: error });
    }
  }

  async untilGone(pod: Pod): Promise<void> {
    await waitFor(`pod ${pod.metadata?.name} has gone`, async () =>
      (await this.findPod(pod))?.metadata?.uid === pod.metadata?.uid ? undefined : true,
    );
  }

  /** As the operator does once the fence is proven. */
  async releaseFinalizers(pod: Pod): Promise<void> {
    const ref = { namespace: this.namespace, name: pod.metadata?.name ?? '' };
    await this.api.patch(pods, ref, { metadata: { finalizers: null } }, { type: 'merge' });
    await this.untilGone(pod);
  }

  delete(pod: Pod, gracePeriodSeconds: number): Promise<void> {
    return this.api.delete(pods, { namespace: this.namespace, name: pod.metadata?.name ?? '' }, { gracePeriodSeconds });
  }

  async dispose(): Promise<void> {
    await this.api.delete(namespaces, { name: this.namespace }).catch(() => undefined);
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Living processes of a pod, the supervising shell included. */
export const processesOf = (pod: Pod): readonly number[] =>
  listProcesses()
    .filter(({ pid }) => hasEnvironment(pid, [`TWINREEL_POD_UID=${pod.metadata?.uid ?? ''}`]))
    .map(({ pid }) => pid);
