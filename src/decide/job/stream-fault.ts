/** Has a running stream been lost, and how? Nothing here trusts a worker's clock: silence is measured by the observer. */
import { bounded } from '../../api/status-text.ts';
import { faultOfPod } from '../grant/grant-life.ts';
import type { Grant } from '../grant/grant.ts';
import { isStartOver, type NodeFacts, type PodFacts } from '../grant/pod-facts.ts';
import { nodeGone } from '../step.ts';
import type { Fault } from '../step.ts';

/** What the worker says on its head. */
export interface HeadFacts {
  readonly epoch: number;
  readonly sealed: boolean;
  readonly closeAsked: boolean;
  readonly activity: string;
  readonly openSegment: number | undefined;
  /** Bytes that the open segment has put on tape so far. */
  readonly openBytes: number;
  readonly bytesDone: number;
}

/** For how long the observer has seen no change, by its own clock. */
export interface Silence {
  /** Of the head as a whole: heartbeat included. */
  readonly headMs: number;
  /** Of the bytes moved and the segments committed. */
  readonly progressMs: number;
}

export interface Patience {
  readonly stallMs: number;
  /** A worker that beats is heard at least so often. */
  readonly heartbeatMs: number;
  /** For loading and locating: a first LTO-9 load takes up to two hours. */
  readonly preparationMs: number;
  /** For a source that gives nothing and a target that takes nothing, which is no fault of a drive. */
  readonly filesMs: number;
  /** A pod that does not start. */
  readonly startMs: number;
}

export interface StreamView {
  readonly grant: Grant;
  readonly pod: PodFacts | undefined;
  readonly head: HeadFacts | undefined;
  readonly node: NodeFacts | undefined;
  readonly silence: Silence;
  readonly patience: Patience;
}

export type Verdict =
  | { readonly kind: 'fine' }
  /** The worker ended as asked. */
  | { readonly kind: 'done' }
  /** The tape is full: the stream goes on with the next one, which is no failover. */
  | { readonly kind: 'span'; readonly fault: Fault }
  | { readonly kind: 'lost'; readonly fault: Fault };

export const judgeStream = (view: StreamView): Verdict => {
  const { grant, pod, head, node, silence, patience } = view;
  const lost = (reason: string, message: string, domain: Fault['domain']): Verdict => ({
    kind: 'lost',
    fault: { reason, message: bounded(message, 'detail'), domain, lostBytes: openBytesOf(head, grant) },
  });
  if (pod === undefined) {
    // Named in the status before it is created, so a pod that was never created is simply launched again.
    return head !== undefined && head.epoch === grant.epoch && head.activity !== 'Starting'
      ? lost('PodGone', `pod ${grant.pod ?? ''} is gone though its work is not`, 'worker')
      : { kind: 'fine' };
  }
  if (pod.state === 'ended') return judgeEnd(pod, openBytesOf(head, grant));
  if (pod.deleting) return lost('PodDeleted', `pod ${pod.name} was deleted`, 'worker');
  if (head?.sealed === true && head.epoch === grant.epoch) return lost('Sealed', 'the head was sealed', 'worker');
  if (node !== undefined && !node.ready && silence.headMs > unheardMs(head, patience)) {
    return lost(nodeGone, `node ${pod.node} is not ready and its worker is silent`, 'server');
  }
  if (pod.state === 'waiting') {
    const why = pod.waitingReason ?? 'no reason given';
    return isStartOver(pod, patience.startMs)
      ? lost('PodNotStarted', `pod ${pod.name} did not start on ${pod.node}: ${why}`, 'server')
      : { kind: 'fine' };
  }
  return judgeSilence(view, lost);
};

const judgeEnd = (pod: PodFacts, openBytes: number): Verdict => {
  const told = pod.exit?.message;
  if (pod.exit?.code === 0 && told?.outcome === 'succeeded') return { kind: 'done' };
  const fault = faultOfPod(pod);
  // The head may be older than the last commit: it counts only where the worker could not tell itself.
  const lostBytes = told?.lostBytes ?? openBytes;
  return { kind: fault.reason === 'TapeFull' ? 'span' : 'lost', fault: { ...fault, lostBytes } };
};

const openBytesOf = (head: HeadFacts | undefined, grant: Grant): number =>
  head !== undefined && head.epoch === grant.epoch && head.openSegment !== undefined ? head.openBytes : 0;

/** After how long a worker is given up that beats no more: not later than if it had told that nothing moves. */
const unheardMs = (head: HeadFacts | undefined, patience: Patience): number => {
  const { heartbeatMs, stallMs } = patience;
  const limitMs = stall(head?.activity, patience)?.limitMs ?? Infinity;
  return Math.min(Math.max(limitMs, heartbeatMs), heartbeatMs + stallMs);
};

const judgeSilence = (
  { grant, head, silence, patience }: StreamView,
  lost: (reason: string, message: string, domain: Fault['domain']) => Verdict,
): Verdict => {
  const seconds = (ms: number): string => `${Math.round(ms / 1000)} s`;
  if (silence.headMs > unheardMs(head, patience)) {
    return lost('HeartbeatLost', `no sign of life from the worker for ${seconds(silence.headMs)}`, 'worker');
  }
  // A worker that is not heard may well go on: nothing is known to have stood still since its last word.
  const stoodStillMs = silence.progressMs - silence.headMs;
  const hangs = stall(head?.activity, patience);
  if (hangs === undefined || stoodStillMs <= hangs.limitMs) return { kind: 'fine' };
  const where = `${grant.library ?? ''}/${grant.drive ?? ''}`;
  const stoodStill = seconds(stoodStillMs);
  switch (hangs.what) {
    case 'drive':
      return lost('Stalled', `no block moved on ${where} for ${stoodStill}`, 'drive');
    case 'position':
      return lost('Stalled', `${where} has been positioning for ${stoodStill}`, 'drive');
    case 'source':
      return lost('SourceStalled', `the source has given nothing for ${stoodStill}`, 'source');
    case 'target':
      return lost('TargetStalled', `the target has taken nothing for ${stoodStill}`, 'target');
  }
};

/** What is to blame where nothing moves, and after how long; undefined where waiting is what the worker should do. */
const stall = (
  activity: string | undefined,
  patience: Patience,
): { readonly what: 'drive' | 'position' | 'source' | 'target'; readonly limitMs: number } | undefined => {
  switch (activity) {
    case 'Writing':
    case 'Flushing':
    case 'Closing':
    case 'Reading':
      return { what: 'drive', limitMs: patience.stallMs };
    case 'Loading':
    case 'Locating':
      return { what: 'position', limitMs: patience.preparationMs };
    case 'WaitingForSource':
      return { what: 'source', limitMs: patience.filesMs };
    case 'Restoring':
      return { what: 'target', limitMs: patience.filesMs };
    default:
      return undefined;
  }
};
