/** A pod's status as a kubelet would report it: pure. */
import type {
  Condition,
  ContainerSpec,
  ContainerState,
  ContainerStatus,
  Pod,
  PodPhase,
  PodStatus,
  TerminatedState,
} from './core-objects.ts';
import { kubeTime } from './kube-time.ts';

/** What is known of the pod's containers; all of them share it, since at most one is ever run. */
export type ContainerFacts =
  | { readonly kind: 'waiting'; readonly reason: string; readonly message?: string }
  | { readonly kind: 'running'; readonly startedAtMs: number }
  | { readonly kind: 'terminated'; readonly state: TerminatedState };

export interface PodFacts {
  readonly container: ContainerFacts;
  /** Why the pod as a whole ended, where its container does not say it. */
  readonly reason?: string;
  readonly message?: string;
  /** Failed whatever the exit code says. */
  readonly failed?: boolean;
}

export interface StatusSetting {
  readonly address: string;
  readonly nowMs: number;
}

/** The conditions that the node answers for; others in the list belong to others. */
const ownConditions = ['PodScheduled', 'Initialized', 'ContainersReady', 'Ready'];

/**
 * The pod as the API will show it once an earlier report has arrived there: the cache may lag behind our own writes.
 */
export const withReported = (pod: Pod, reported: PodStatus | undefined): Pod => {
  if (reported === undefined) return pod;
  const isOurs = ({ type }: Condition): boolean => ownConditions.includes(type);
  const conditions = [
    ...(pod.status?.conditions ?? []).filter((condition) => !isOurs(condition)),
    ...(reported.conditions ?? []).filter(isOurs),
  ];
  const startTime = reported.startTime === undefined ? {} : { startTime: reported.startTime };
  return { ...pod, status: { ...pod.status, ...startTime, conditions } };
};

/** Whether the API knows the end of the pod and of every container of it. */
export const endIsKnown = ({ status }: Pod): boolean =>
  isTerminal(status?.phase) && (status.containerStatuses ?? []).every(({ state }) => state.terminated !== undefined);

/** What the API already says of the pod is kept where it is ours to keep: start time, times of unchanged conditions. */
export const podStatus = (pod: Pod, facts: PodFacts, { address, nowMs }: StatusSetting): PodStatus => {
  const now = kubeTime(nowMs);
  const phase = keptPhase(pod) ?? phaseOf(facts);
  return {
    phase,
    ...(facts.reason === undefined ? {} : { reason: facts.reason }),
    ...(facts.message === undefined ? {} : { message: facts.message }),
    startTime: pod.status?.startTime ?? now,
    hostIP: address,
    hostIPs: [{ ip: address }],
    podIP: address,
    podIPs: [{ ip: address }],
    conditions: mergeConditions(pod.status?.conditions ?? [], conditionsOf(pod, phase, facts), now),
    containerStatuses: (pod.spec?.containers ?? []).map((container, index) =>
      containerStatus(pod, container, index, facts.container),
    ),
  };
};

export const isTerminal = (phase: PodPhase | undefined): phase is 'Succeeded' | 'Failed' =>
  phase === 'Succeeded' || phase === 'Failed';

/** Somebody else may have ended the pod (a garbage collector, an eviction): a terminal phase is never taken back. */
const keptPhase = (pod: Pod): PodPhase | undefined => (isTerminal(pod.status?.phase) ? pod.status.phase : undefined);

const phaseOf = ({ container, failed }: PodFacts): PodPhase => {
  if (failed === true) return 'Failed';
  switch (container.kind) {
    case 'waiting':
      return 'Pending';
    case 'running':
      return 'Running';
    case 'terminated':
      return container.state.exitCode === 0 ? 'Succeeded' : 'Failed';
  }
};

export const containerID = (uid: string, index: number): string => `twinreel://${uid}/${index}`;

const containerStatus = (pod: Pod, spec: ContainerSpec, index: number, facts: ContainerFacts): ContainerStatus => {
  const id = containerID(pod.metadata?.uid ?? '', index);
  const ran = facts.kind === 'running' || (facts.kind === 'terminated' && facts.state.startedAt !== undefined);
  return {
    name: spec.name,
    image: spec.image ?? '',
    imageID: '',
    ready: facts.kind === 'running',
    started: facts.kind === 'running',
    restartCount: 0,
    ...(ran ? { containerID: id } : {}),
    state: stateOf(facts, ran ? id : undefined),
  };
};

const stateOf = (facts: ContainerFacts, id: string | undefined): ContainerState => {
  switch (facts.kind) {
    case 'waiting': {
      const { reason, message } = facts;
      return { waiting: message === undefined ? { reason } : { reason, message } };
    }
    case 'running':
      return { running: { startedAt: kubeTime(facts.startedAtMs) } };
    case 'terminated':
      return { terminated: id === undefined ? facts.state : { ...facts.state, containerID: id } };
  }
};

const conditionsOf = (pod: Pod, phase: PodPhase, { container }: PodFacts): readonly Condition[] => {
  const names = (pod.spec?.containers ?? []).map(({ name }) => name).join(' ');
  const unready: Record<PodPhase, Pick<Condition, 'reason' | 'message'>> = {
    Pending: { reason: 'ContainersNotReady', message: `containers with unready status: [${names}]` },
    Running: { reason: 'ContainersNotReady', message: `containers with unready status: [${names}]` },
    Unknown: { reason: 'ContainersNotReady', message: `containers with unready status: [${names}]` },
    Succeeded: { reason: 'PodCompleted' },
    Failed: { reason: 'PodFailed' },
  };
  const ready: Pick<Condition, 'status' | 'reason' | 'message'> =
    container.kind === 'running' ? { status: 'True' } : { status: 'False', ...unready[phase] };
  return [
    { type: 'PodScheduled', status: 'True' },
    { type: 'Initialized', status: 'True' },
    { type: 'ContainersReady', ...ready },
    { type: 'Ready', ...ready },
  ];
};

/** Ours replace those of the same type; a condition that has not changed keeps its time, others' stay as they are. */
const mergeConditions = (
  before: readonly Condition[],
  ours: readonly Condition[],
  now: string,
): readonly Condition[] => [
  ...before.filter((old) => !ours.some(({ type }) => type === old.type)),
  ...ours.map((condition) => {
    const old = before.find(({ type }) => type === condition.type);
    const since = old?.status === condition.status ? old.lastTransitionTime : undefined;
    return { ...condition, lastTransitionTime: since ?? now };
  }),
];
