import { spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { down } from '../../dev/cluster/down.ts';
import { layoutOf, nodeNames } from '../../dev/cluster/layout.ts';
import { readProcesses } from '../../dev/cluster/processes.ts';
import { processesIn } from '../../dev/cluster/cgroups.ts';
import { writeProgramImage } from '../../dev/cluster/program-image.ts';

const state = realpathSync(mkdtempSync(path.join(tmpdir(), 'twinreel-cluster-')));
const layout = layoutOf(state);
const main = path.join(import.meta.dirname, '../../dev/cluster/main.ts');
const image = 'twinreel.local/busybox:1';
const mountsBefore = mounts();
const linksBefore = links();

interface Ran {
  readonly code: number | null;
  readonly output: string;
}

function cluster(verb: string, args: readonly string[] = [], input = ''): Ran {
  const run = spawnSync(process.execPath, [main, verb, '--state', state, ...args], { encoding: 'utf8', input });
  return { code: run.status, output: run.stdout + run.stderr };
}

function fault(name: string, ...args: readonly string[]): void {
  const run = spawnSync(process.execPath, [main, 'fault', name, '--state', state, ...args], { encoding: 'utf8' });
  expect(run.status, run.stdout + run.stderr).toBe(0);
}

function kubectl(args: readonly string[], input = ''): string {
  const run = cluster('exec', ['--', 'kubectl', ...args], input);
  expect(run.code, run.output).toBe(0);
  return run.output;
}

function mounts(): readonly string[] {
  return readFileSync('/proc/self/mounts', 'utf8').split('\n').toSorted();
}

function links(): readonly string[] {
  return readdirSync('/sys/class/net').toSorted();
}

beforeAll(() => {
  const up = cluster('up');
  expect(up.code, up.output).toBe(0);
  const archive = path.join(state, 'busybox.tar');
  writeProgramImage({ tag: image, program: '/bin/busybox', name: 'busybox' }, archive);
  const load = cluster('load', [archive]);
  expect(load.code, load.output).toBe(0);
});

afterAll(async () => {
  await down(layout);
  rmSync(state, { recursive: true, force: true });
});

function pod(node: string): object {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: `on-${node}`, namespace: 'default', labels: { node } },
    spec: {
      nodeName: node,
      terminationGracePeriodSeconds: 0,
      containers: [
        {
          name: 'main',
          image,
          imagePullPolicy: 'Never',
          command: ['/busybox', 'sh', '-c', `/busybox echo hello from ${node}; exec /busybox sleep 3600`],
          volumeMounts: [{ name: 'data', mountPath: '/data' }],
        },
      ],
      volumes: [{ name: 'data', persistentVolumeClaim: { claimName: 'data' } }],
    },
  };
}

function claim(): readonly object[] {
  const hostPath = path.join(state, 'volume');
  mkdirSync(hostPath);
  writeFileSync(path.join(hostPath, 'file'), 'kept on the host\n');
  const common = { accessModes: ['ReadWriteMany'], storageClassName: '', volumeMode: 'Filesystem' };
  return [
    {
      apiVersion: 'v1',
      kind: 'PersistentVolume',
      metadata: { name: 'data' },
      spec: { ...common, capacity: { storage: '1Gi' }, hostPath: { path: hostPath } },
    },
    {
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      metadata: { name: 'data', namespace: 'default' },
      spec: { ...common, volumeName: 'data', resources: { requests: { storage: '1Gi' } } },
    },
  ];
}

test('pods on both nodes: logs, exec, a claim, a token, the API by its ClusterIP', () => {
  const items = [...claim(), ...nodeNames.map((node) => pod(node))];
  kubectl(['apply', '-f', '-'], JSON.stringify({ apiVersion: 'v1', kind: 'List', items }));
  for (const node of nodeNames) {
    kubectl(['wait', '--for=condition=Ready', `pod/on-${node}`, '--timeout=60s']);
    expect(kubectl(['logs', `on-${node}`])).toBe(`hello from ${node}\n`);
    const inPod = (command: string): string => kubectl(['exec', `on-${node}`, '--', '/busybox', 'sh', '-c', command]);
    expect(inPod('/busybox cat /data/file')).toBe('kept on the host\n');
    // Static, it speaks no TLS that the API server accepts: that the token is good, the operator shows.
    expect(inPod('/busybox cat /var/run/secrets/kubernetes.io/serviceaccount/token')).toMatch(/^ey[\w-]+\.[\w.-]+$/);
    expect(apiFromPod(node)).toBe(0);
  }
});

function apiFromPod(node: string): number | null {
  const ask = ['/busybox', 'sh', '-c', '/busybox nc -w 3 10.96.0.1 443 < /dev/null'];
  return cluster('exec', ['--', 'kubectl', 'exec', `on-${node}`, '--', ...ask]).code;
}

/** A policy takes its time to reach a node. */
function untilApi(is: 'reached' | 'out of reach', node: string): void {
  const end = performance.now() + 30_000;
  while ((apiFromPod(node) === 0) !== (is === 'reached')) expect(performance.now()).toBeLessThan(end);
}

test('a NetworkPolicy that allows a pod nothing cuts it off, and no neighbour; without it, all is as before', () => {
  const policy = {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name: 'nothing', namespace: 'default' },
    spec: { podSelector: { matchLabels: { node: 'node-1' } }, policyTypes: ['Ingress', 'Egress'] },
  };
  kubectl(['apply', '-f', '-'], JSON.stringify(policy));
  untilApi('out of reach', 'node-1');
  expect(apiFromPod('node-2')).toBe(0);
  kubectl(['delete', 'networkpolicy', 'nothing']);
  untilApi('reached', 'node-1');
});

test.each([
  ['whose kubelet is stopped', 'stop-kubelet', 'continue-kubelet'],
  ['whose link is cut', 'cut', 'join'],
  ['that stands still', 'freeze', 'thaw'],
])('a node %s is not Ready; it is Ready again afterwards', (_, begin, end) => {
  fault(begin, 'node-2');
  try {
    kubectl(['wait', '--for=condition=Ready=Unknown', 'node/node-2', '--timeout=60s']);
  } finally {
    fault(end, 'node-2');
  }
  kubectl(['wait', '--for=condition=Ready', 'node/node-2', '--timeout=60s']);
});

test('an API server that was killed is started again as it was; an unknown process is told apart', () => {
  fault('kill', 'kube-apiserver');
  expect(cluster('exec', ['--', 'kubectl', 'get', 'nodes']).code).not.toBe(0);
  fault('start', 'kube-apiserver');
  const end = performance.now() + 30_000;
  while (cluster('exec', ['--', 'kubectl', 'get', '--raw', '/readyz']).code !== 0)
    expect(performance.now()).toBeLessThan(end);
  kubectl(['get', 'pod', 'on-node-1']);
  const started = spawnSync(process.execPath, [main, 'fault', 'start', '--state', state, 'kube-apiserver']);
  expect([started.status, String(started.stderr)]).toEqual([1, expect.stringContaining('runs already')]);
  const unknown = spawnSync(process.execPath, [main, 'fault', 'kill', '--state', state, 'kubelet']);
  expect([unknown.status, String(unknown.stderr)]).toEqual([1, expect.stringContaining('kubelet-node-1')]);
});

test('an image goes and comes back', () => {
  const again = (): string => {
    // Its node was lost for a while: the cluster may have taken it away.
    kubectl(['delete', 'pod', 'on-node-2', '--wait', '--ignore-not-found']);
    return kubectl(['apply', '-f', '-'], JSON.stringify(pod('node-2')));
  };
  fault('remove-image', 'node-2', image);
  again();
  const waiting = '--for=jsonpath={.status.containerStatuses[0].state.waiting.reason}=ErrImageNeverPull';
  kubectl(['wait', waiting, 'pod/on-node-2', '--timeout=30s']);
  fault('restore-image', 'node-2', image);
  again();
  kubectl(['wait', '--for=condition=Ready', 'pod/on-node-2', '--timeout=30s']);
});

test('down leaves no process, mount, link or cgroup, even when a daemon was killed', () => {
  const containerd = readProcesses(layout).find((one) => one.name === 'containerd-node-1');
  if (containerd === undefined) throw new Error('no containerd of node-1 is written down');
  process.kill(containerd.pid, 'SIGKILL');
  const ended = cluster('down');
  expect(ended.code, ended.output).toBe(0);
  for (const name of [layout.controlPlaneCgroup, ...layout.nodes.map((node) => node.cgroup)]) {
    expect(processesIn(name)).toEqual([]);
    expect(existsSync(`/sys/fs/cgroup/pids/${name}`)).toBe(false);
    expect(existsSync(`/sys/fs/cgroup/memory/${name}`)).toBe(false);
  }
  expect(mounts()).toEqual(mountsBefore);
  expect(links()).toEqual(linksBefore);
  expect(cluster('down').code).toBe(0);
});
