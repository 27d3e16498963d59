/** What a decision needs to know of pods and nodes. */
import { finalizers } from '../../api/names.ts';
import { bounded, boundedReason } from '../../api/status-text.ts';
import type { TerminationMessage } from '../../api/worker-order.ts';
import type { ContainerTerminated, Node, Pod } from '../../kube/core-types.ts';

export interface PodExit {
  readonly code: number;
  /** Absent when the process left none, as after SIGKILL. */
  readonly message?: TerminationMessage;
  /** As the kubelet or agent names it: `Completed`, `Error`, `OOMKilled`. */
  readonly reason: string;
  /** Given up before the container was started, as one whose image is missing. */
  readonly neverRan?: true;
}

export interface PodFacts {
  readonly name: string;
  readonly uid: string;
  readonly node: string;
  /** `ended`: every container was reported terminated; that, and not the phase, proves that nothing runs. */
  readonly state: 'waiting' | 'running' | 'ended';
  readonly exit?: PodExit;
  readonly deleting: boolean;
  /** Since its grace period is over, where it is being deleted. */
  readonly overdueMs?: number;
  /** Bears `twinreel.io/fence`. */
  readonly fenced: boolean;
  readonly ageMs: number;
  /** Why a waiting pod waits, such as `ImagePullBackOff`. */
  readonly waitingReason?: string;
  /** It waits for an image that nobody will bring: the kubelet's next attempt would end the same way. */
  readonly cannotStart?: true;
}

export interface NodeFacts {
  readonly ready: boolean;
  readonly bootId: string;
  readonly machineId: string;
}

/** Of the kubelet; after `ErrImagePull` it does try again. */
const hopelessReasons: readonly unknown[] = ['ErrImageNeverPull', 'InvalidImageName'];

/** @param nowMs the observer's clock */
export const podFacts = (pod: Pod, nowMs: number): PodFacts => {
  const { metadata, spec, status } = pod;
  const containers = status?.containerStatuses ?? [];
  const ended = containers.length > 0 && containers.every(({ state }) => state?.terminated !== undefined);
  const running = containers.some(({ state }) => state?.running !== undefined);
  const last = containers[0]?.state?.terminated;
  const waiting = containers.find(({ state }) => state?.waiting !== undefined)?.state?.waiting;
  const why = [waiting?.reason, waiting?.message].filter((part) => part !== undefined && part !== '').join(': ');
  return {
    name: metadata?.name ?? '',
    uid: metadata?.uid ?? '',
    node: spec?.nodeName ?? '',
    state: ended ? 'ended' : running ? 'running' : 'waiting',
    deleting: metadata?.deletionTimestamp !== undefined,
    // The API server sets the time at which the grace period ends.
    ...(metadata?.deletionTimestamp === undefined
      ? {}
      : { overdueMs: Math.max(0, nowMs - Date.parse(metadata.deletionTimestamp)) }),
    fenced: (metadata?.finalizers ?? []).includes(finalizers.fence),
    ageMs: Math.max(0, nowMs - Date.parse(metadata?.creationTimestamp ?? new Date(nowMs).toISOString())),
    ...(why === '' ? {} : { waitingReason: why }),
    ...(hopelessReasons.includes(waiting?.reason) ? { cannotStart: true } : {}),
    ...(ended && last !== undefined ? { exit: exitOf(last) } : {}),
  };
};

const exitOf = ({ exitCode, reason = '', message, startedAt }: ContainerTerminated): PodExit => {
  const told = parseTermination(message);
  return {
    ...{ code: exitCode, reason },
    ...(told === undefined ? {} : { message: told }),
    // Null where the kubelet has none.
    ...(typeof startedAt === 'string' ? {} : { neverRan: true }),
  };
};

/** Whether a pod that has not started is to be given up. */
export const isStartOver = ({ state, ageMs, cannotStart }: PodFacts, startMs: number): boolean =>
  state === 'waiting' && (cannotStart === true || ageMs > startMs);

const outcomes: readonly unknown[] = ['succeeded', 'failed', 'stopped'];

/** A message that is none of ours (a crash's last log lines, say) counts as none. */
const parseTermination = (text: string | undefined): TerminationMessage | undefined => {
  if (text === undefined || !text.startsWith('{')) return undefined;
  try {
    const parsed: unknown = JSON.parse(text);
    if (!isTermination(parsed)) return undefined;
    return { ...parsed, reason: boundedReason(parsed.reason), message: bounded(parsed.message, 'detail') };
  } catch {
    return undefined;
  }
};

const isTermination = (value: unknown): value is TerminationMessage =>
  typeof value === 'object' &&
  value !== null &&
  'v' in value &&
  value.v === 1 &&
  'outcome' in value &&
  outcomes.includes(value.outcome) &&
  'reason' in value &&
  typeof value.reason === 'string' &&
  'message' in value &&
  typeof value.message === 'string';

export const nodeFacts = (node: Node): NodeFacts => ({
  ready: (node.status?.conditions ?? []).some(({ type, status }) => type === 'Ready' && status === 'True'),
  bootId: node.status?.nodeInfo?.bootID ?? '',
  machineId: node.status?.nodeInfo?.machineID ?? '',
});
