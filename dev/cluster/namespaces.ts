/** One process per member holds its namespaces; all else enters them. They have no link to the world outside. */
import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { readlinkSync } from 'node:fs';
import { type DaemonCommand, startDaemon } from '../processes/daemon.ts';
import { controlPlaneAddress, type Layout, type MemberName, type NodeLayout, serviceRange } from './layout.ts';

/** Where packets wait for what the cluster's NetworkPolicies say about them; nobody there: they are dropped. */
export const policyQueue = 100;

/** Bound over these, a node has folders of its own where programs expect the one of the machine. */
const nodeFolders: Readonly<Record<string, string>> = {
  kubelet: '/var/lib/kubelet',
  'pod-logs': '/var/log/pods',
  'container-logs': '/var/log/containers',
  cni: '/var/lib/cni',
  'run-containerd': '/run/containerd',
  'run-netns': '/run/netns',
};

export function cgroupOf(layout: Layout, member: MemberName): string {
  return layout.nodes.find((node) => node.name === member)?.cgroup ?? layout.controlPlaneCgroup;
}

/** The command as it runs inside the member's namespaces and, so that it is found again, its cgroup. */
export function inside(layout: Layout, holder: number, member: MemberName, command: DaemonCommand): DaemonCommand {
  const script = `echo $$ > /sys/fs/cgroup/pids/${cgroupOf(layout, member)}/cgroup.procs && exec "$@"`;
  const enter = enterArgs(holder, member);
  return { ...command, command: 'sh', args: ['-c', script, 'sh', ...enter, command.command, ...command.args] };
}

/** Not by `ip netns exec`: it mounts /sys anew, which hides the cgroups. */
export function enterArgs(holder: number, member: MemberName): readonly string[] {
  return ['nsenter', '-t', String(holder), '--net', ...(member === 'control-plane' ? [] : ['--mount']), '--'];
}

export async function startHolder(layout: Layout, member: MemberName): Promise<number> {
  const node = layout.nodes.find((one) => one.name === member);
  const script = [
    'set -e',
    `echo $$ > /sys/fs/cgroup/pids/${cgroupOf(layout, member)}/cgroup.procs`,
    ...(node === undefined ? [] : bindFolders(node)),
    'ip link set lo up',
    'exec sleep infinity',
  ].join('\n');
  const mounts = node === undefined ? [] : ['--mount', '--propagation', 'slave'];
  const daemon = await startDaemon(
    {
      role: 'namespaces',
      name: `namespaces-${member}`,
      command: 'unshare',
      args: ['--net', ...mounts, '--', 'sh', '-c', script],
      logFile: path.join(layout.folder, 'logs', `namespaces-${member}.log`),
    },
    false,
  );
  const end = performance.now() + 10_000;
  while (!isSleeping(daemon.identity.pid)) {
    if (daemon.hasExited() || performance.now() > end) {
      throw new Error(`the namespaces of ${member} could not be made; see ${daemon.command.logFile}`);
    }
    await sleep(20);
  }
  return daemon.identity.pid;
}

function bindFolders(node: NodeLayout): readonly string[] {
  const binds = Object.entries(nodeFolders).flatMap(([name, target]) => {
    const own = path.join(node.folder, name);
    mkdirSync(own, { recursive: true });
    mkdirSync(target, { recursive: true });
    return [`mount --bind '${own}' ${target}`];
  });
  return ['mount --make-rshared /', ...binds];
}

function isSleeping(pid: number): boolean {
  try {
    return path.basename(readlinkSync(`/proc/${pid}/exe`)).match(/^(sleep|coreutils|busybox)$/) !== null;
  } catch {
    return false;
  }
}

/** A bridge at the control plane, a veth from each node to it, routes to all pods; no default route. */
export function connectMembers(layout: Layout, holders: ReadonlyMap<MemberName, number>): void {
  const run = (member: MemberName, script: string): void => {
    const [program = '', ...args] = enterArgs(holders.get(member) ?? 0, member);
    execFileSync(program, [...args, 'sh', '-ec', script], { stdio: ['ignore', 'ignore', 'pipe'] });
  };
  run(
    'control-plane',
    `ip link add tw0 type bridge; ip addr add ${controlPlaneAddress}/24 dev tw0; ip link set tw0 up`,
  );
  for (const node of layout.nodes) {
    const peer = holders.get(node.name) ?? 0;
    run(
      'control-plane',
      `ip link add ${node.name} type veth peer name eth0 netns ${peer}
       ip link set ${node.name} master tw0 up`,
    );
    run(
      node.name,
      `ip addr add ${node.address}/24 dev eth0; ip link set eth0 up; echo 1 > /proc/sys/net/ipv4/ip_forward`,
    );
    run(node.name, `ip route add ${serviceRange} via ${controlPlaneAddress}`);
    run('control-plane', `ip route add ${node.podCidr} via ${node.address}`);
    // What a node forwards comes from pods or goes to them. Open connections too: a policy that comes cuts them, while
    // answers need no leave. By iptables, as not every kernel has the `queue` of nftables.
    run(
      node.name,
      `iptables-nft -t mangle -A FORWARD -m conntrack --ctdir ORIGINAL -j NFQUEUE --queue-num ${policyQueue}`,
    );
    for (const other of layout.nodes) {
      if (other !== node) run(node.name, `ip route add ${other.podCidr} via ${other.address}`);
    }
  }
}
