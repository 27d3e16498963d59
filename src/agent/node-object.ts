/** The Node by which this machine is known to the cluster: pure. */
import type { Condition, NodeObject, NodeStatus, Taint } from './core-objects.ts';
import { kubeTime } from './kube-time.ts';
import type { Machine } from './machine.ts';

export const mediaServerLabel = 'twinreel.io/media-server';

/** `kubernetes.io/os` is left out on purpose: DaemonSets select by it, and none of them can run here. */
export const nodeLabels = (name: string): Readonly<Record<string, string>> => ({
  [mediaServerLabel]: 'true',
  'kubernetes.io/hostname': name,
});

const mediaServerTaint: Taint = { key: mediaServerLabel, effect: 'NoSchedule' };

/** Ours is added; the taints that controllers have set stay. */
export const nodeTaints = (before: readonly Taint[]): readonly Taint[] =>
  before.some(({ key, effect }) => key === mediaServerTaint.key && effect === mediaServerTaint.effect)
    ? before
    : [...before, mediaServerTaint];

export const newNode = (name: string): NodeObject => ({
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name, labels: nodeLabels(name) },
  spec: { taints: [mediaServerTaint] },
});

/** More than the workers that one server can feed; the scheduler counts against it. */
const mostPods = 110;

export interface Readiness {
  readonly ready: boolean;
  readonly reason: string;
  readonly message: string;
}

export const agentReady: Readiness = {
  ready: true,
  reason: 'AgentReady',
  message: 'the Twinreel node agent runs worker pods',
};

/**
 * An agent that stops takes its pods with it: nobody should place a new one until it is back, and the lease would tell so
 * only after 40 s.
 */
export const agentStopped: Readiness = {
  ready: false,
  reason: 'AgentStopped',
  message: 'the Twinreel node agent was stopped and ended its pods',
};

export const nodeStatus = (
  name: string,
  machine: Machine,
  readiness: Readiness,
  before: NodeStatus | undefined,
  nowMs: number,
  version: string,
): NodeStatus => {
  const resources = {
    cpu: String(machine.cpus),
    memory: `${Math.floor(machine.memoryBytes / 1024)}Ki`,
    pods: String(mostPods),
  };
  return {
    capacity: resources,
    allocatable: resources,
    addresses: [
      { type: 'InternalIP', address: machine.address },
      { type: 'Hostname', address: name },
    ],
    conditions: nodeConditions(readiness, before?.conditions ?? [], kubeTime(nowMs)),
    nodeInfo: {
      machineID: machine.machineID,
      systemUUID: machine.machineID,
      bootID: machine.bootID,
      kernelVersion: machine.kernelVersion,
      osImage: machine.osImage,
      containerRuntimeVersion: `twinreel://${version}`,
      kubeletVersion: `v${version}-twinreel`,
      kubeProxyVersion: '',
      operatingSystem: 'linux',
      architecture: machine.architecture,
    },
  };
};

const nodeConditions = (
  { ready, reason, message }: Readiness,
  before: readonly Condition[],
  now: string,
): readonly Condition[] => {
  const own: readonly Condition[] = [
    { type: 'Ready', status: ready ? 'True' : 'False', reason, message },
    ...['MemoryPressure', 'DiskPressure', 'PIDPressure'].map((type) => notObserved(type)),
  ];
  return [
    ...before.filter((old) => !own.some(({ type }) => type === old.type)),
    ...own.map((condition) => {
      const old = before.find(({ type }) => type === condition.type);
      const since = old?.status === condition.status ? old.lastTransitionTime : undefined;
      return { ...condition, lastHeartbeatTime: now, lastTransitionTime: since ?? now };
    }),
  ];
};

/** Controllers take a missing condition for Unknown and taint the node. */
const notObserved = (type: string): Condition => ({
  type,
  status: 'False',
  reason: 'NotObserved',
  message: 'the Twinreel node agent does not evict pods',
});

/** Whether two statuses differ in more than the time of the heartbeat. */
export const statusDiffers = (a: NodeStatus | undefined, b: NodeStatus): boolean =>
  JSON.stringify(comparable(a)) !== JSON.stringify(comparable(b));

const sorted = (record: Readonly<Record<string, unknown>> | undefined): unknown =>
  Object.entries(record ?? {})
    .filter(([, value]) => value !== '')
    .sort(([x], [y]) => (x < y ? -1 : 1));

const comparable = (status: NodeStatus | undefined): unknown => [
  sorted(status?.capacity),
  sorted(status?.allocatable),
  (status?.addresses ?? []).map(({ type, address }) => [type, address]),
  (status?.conditions ?? []).map(({ type, status: value, reason, message }) => [type, value, reason, message]).sort(),
  sorted(status?.nodeInfo),
];
