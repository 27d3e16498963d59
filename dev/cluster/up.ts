/** Starts a whole Kubernetes: the control plane and two nodes, each in namespaces of its own. */
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { findBinaries } from '../controlplane/binaries.ts';
import { componentRoles, type Components, prepareComponents } from '../controlplane/components.ts';
import type { DaemonCommand } from '../processes/daemon.ts';
import { findNodeBinaries } from './binaries.ts';
import { makeCgroups } from './cgroups.ts';
import { controlPlaneAddress, type Layout, type MemberName, type NodeLayout, pauseImage } from './layout.ts';
import { startIn } from './members.ts';
import { connectMembers, enterArgs, policyQueue, startHolder } from './namespaces.ts';
import { containerdSocket, writeNodeFiles } from './node-config.ts';
import { readProcesses, rememberProcess } from './processes.ts';
import { writeProgramImage } from './program-image.ts';

export class ClusterError extends Error {
  readonly code = 'CLUSTER_NOT_READY';
}

type Log = (line: string) => void;
const readyMs = 90_000;
const run = promisify(execFile);

/** @throws ClusterError; what was started by then is left for `down` and for a look at its logs */
export async function up(layout: Layout, log: Log): Promise<void> {
  if (process.getuid?.() !== 0) throw new ClusterError('the cluster bench makes namespaces and mounts: run it as root');
  if (readProcesses(layout).length > 0) {
    throw new ClusterError(
      `${layout.folder} has a cluster; end it first: npm run -s cluster -- down --state ${layout.folder}`,
    );
  }
  const binaries = await findBinaries({ log });
  const nodePrograms = await findNodeBinaries(log);
  mkdirSync(layout.folder, { recursive: true });
  const bench = new Bench(layout, path.dirname(binaries.kubectl), nodePrograms);
  log('making namespaces');
  await bench.makeMembers();
  log('starting the control plane');
  const flags = controlPlaneFlags;
  const components = await prepareComponents(
    { stateDir: layout.folder, binaries, unsafeNoFsync: true, address: controlPlaneAddress, flags },
    true,
  );
  for (const role of componentRoles) await bench.start('control-plane', components.commands[role]);
  await bench.until('the API server is ready', () => bench.kubectl(['get', '--raw', '/readyz']));
  // No pod can be made before: a client that is quicker than the controllers would be refused.
  await bench.until('the default service account exists', () => bench.kubectl(['get', 'serviceaccount', 'default']));
  const pause = path.join(layout.folder, 'pause.tar');
  writeProgramImage({ tag: pauseImage, program: path.join(nodePrograms, 'pause'), name: 'pause' }, pause);
  await Promise.all(layout.nodes.map((node) => startNode(bench, components, node, pause)));
  for (const node of layout.nodes) {
    await bench.until(`${node.name} is Ready`, () =>
      bench.kubectl(['wait', '--for=condition=Ready', `node/${node.name}`, '--timeout=1s']),
    );
    log(`${node.name} is Ready`);
  }
}

const controlPlaneFlags = {
  'kube-apiserver': [
    '--bind-address=0.0.0.0',
    `--advertise-address=${controlPlaneAddress}`,
    '--endpoint-reconciler-type=lease',
    '--default-not-ready-toleration-seconds=5',
    '--default-unreachable-toleration-seconds=5',
  ],
  'kube-controller-manager': ['--node-monitor-grace-period=12s', '--node-monitor-period=2s'],
};

async function startNode(bench: Bench, components: Components, node: NodeLayout, pause: string): Promise<void> {
  const files = writeNodeFiles(node, components.caFile);
  await components.writeKubeconfig(files.kubeletKubeconfig, {
    user: `system:node:${node.name}`,
    groups: ['system:nodes'],
  });
  await components.writeKubeconfig(files.kubeProxyKubeconfig, { user: 'system:kube-proxy' });
  // The usual rights have none for it.
  const reader = { user: 'network-policies', groups: ['system:masters'] };
  await components.writeKubeconfig(files.networkPoliciesKubeconfig, reader);
  await bench.startProgram(node.name, 'containerd', ['--config', files.containerd]);
  // The kubelet ends when containerd does not answer yet.
  await bench.until(`containerd of ${node.name} answers`, () => bench.ctr(node.name, ['version']));
  await bench.ctr(node.name, ['-n', 'k8s.io', 'images', 'import', pause]);
  await bench.startProgram(node.name, 'kubelet', [
    `--config=${files.kubelet}`,
    `--kubeconfig=${files.kubeletKubeconfig}`,
    `--hostname-override=${node.name}`,
    `--node-ip=${node.address}`,
  ]);
  await bench.startProgram(node.name, 'kube-proxy', [`--config=${files.kubeProxy}`]);
  await bench.startProgram(node.name, 'network-policies', [
    `--kubeconfig=${files.networkPoliciesKubeconfig}`,
    `--node=${node.name}`,
    `--queue=${policyQueue}`,
  ]);
}

class Bench {
  readonly #layout: Layout;
  readonly #kubectlFolder: string;
  readonly #nodePrograms: string;
  readonly #holders = new Map<MemberName, number>();

  constructor(layout: Layout, kubectlFolder: string, nodePrograms: string) {
    this.#layout = layout;
    this.#kubectlFolder = kubectlFolder;
    this.#nodePrograms = nodePrograms;
  }

  async makeMembers(): Promise<void> {
    makeCgroups(this.#layout.controlPlaneCgroup);
    for (const node of this.#layout.nodes) makeCgroups(node.cgroup);
    for (const member of ['control-plane', ...this.#layout.nodes.map((node) => node.name)] as const) {
      const pid = await startHolder(this.#layout, member);
      this.#holders.set(member, pid);
      rememberProcess(this.#layout, { role: 'namespaces', name: `namespaces-${member}`, pid });
    }
    connectMembers(this.#layout, this.#holders);
  }

  async startProgram(node: NodeLayout['name'], program: string, args: readonly string[]): Promise<void> {
    await this.start(node, {
      role: program,
      name: `${program}-${node}`,
      command: path.join(this.#nodePrograms, program),
      args,
      env: { PATH: `${this.#nodePrograms}:/usr/sbin:/usr/bin:/sbin:/bin` },
      logFile: path.join(this.#layout.folder, 'logs', `${program}-${node}.log`),
    });
  }

  async start(member: MemberName, command: DaemonCommand): Promise<void> {
    await startIn(this.#layout, member, command);
  }

  async kubectl(args: readonly string[]): Promise<void> {
    const [program = '', ...enter] = enterArgs(this.#holder('control-plane'), 'control-plane');
    const kubectl = path.join(this.#kubectlFolder, 'kubectl');
    await run(program, [...enter, kubectl, '--kubeconfig', this.#layout.kubeconfig, ...args]);
  }

  async ctr(member: MemberName, args: readonly string[]): Promise<void> {
    const [program = '', ...enter] = enterArgs(this.#holder(member), member);
    await run(program, [...enter, path.join(this.#nodePrograms, 'ctr'), '-a', containerdSocket, ...args]);
  }

  async until(what: string, act: () => Promise<void>): Promise<void> {
    const end = performance.now() + readyMs;
    for (;;) {
      try {
        return await act();
      } catch (error) {
        if (performance.now() < end) {
          await sleep(200);
          continue;
        }
        const reason = error instanceof Error ? error.message : String(error);
        throw new ClusterError(
          `not so after ${readyMs / 1000} s: ${what} (${reason}); the logs are in ${this.#layout.folder}/logs`,
        );
      }
    }
  }

  #holder(member: MemberName): number {
    const pid = this.#holders.get(member);
    if (pid === undefined || !existsSync(`/proc/${pid}`))
      throw new ClusterError(`the namespaces of ${member} are gone`);
    return pid;
  }
}
