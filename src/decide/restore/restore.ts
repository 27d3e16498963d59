/**
 * What a restore does next. One area after the other (R4 to R12): secure, load, restore, release, next. What remains is
 * derived each time from what the workers report as done, so that a lost worker or an unreadable segment only changes
 * from which tape the rest is read.
 */
import type { Grant } from '../../api/generated/index.ts';
import { awaitsAnchor, isAnchored, tendAnchors } from '../claim/anchors.ts';
import { grantName, holds } from '../grant/grant.ts';
import { prepareGrant } from '../grant/grant-life.ts';
import type { PodFacts } from '../grant/pod-facts.ts';
import { areaFrom, chooseAgain, hasBegun, nextArea, nextFor, withCurrent } from './restore-area.ts';
import type { Area } from './restore-areas.ts';
import { withBad } from './restore-bad.ts';
import { loseGrant } from './restore-loss.ts';
import { isAwaited, releaseCurrent, releaseRetired, targetIsFree } from './restore-release.ts';
import type {
  Choice,
  RestoreDecision,
  RestoreEnding,
  RestoreStatus,
  RestoreStep,
  SeenRestore,
} from './restore-view.ts';
import { subtract } from '../spans.ts';
import type { Span } from '../spans.ts';
import { targetNotReachable } from '../step.ts';
import { admitted } from '../grant/refused.ts';
import { routeFault } from '../grant/route-fault.ts';
import { judgeStream } from '../job/stream-fault.ts';
import { leftOn } from './verify.ts';

/** The choice is read uncached, so only when it is needed: before an area, and when its worker starts. */
export const needsChoice = (status: RestoreStatus): boolean => {
  const stream = status.streams?.[0];
  if (status.ending !== undefined) return false;
  return stream === undefined || stream.state === 'Ready' || isOver(stream) || isRefused(stream);
};

/** A copy is chosen again while it is waited for; then what is known of the backup will do. */
export const choosesAgain = ({ ending, streams }: RestoreStatus): boolean =>
  ending === undefined && streams?.[0]?.state === 'Waiting';

/** Its worker, that is: what a running grant was refused is asked for again. */
const isRefused = ({ state, refused }: Grant): boolean => state === 'Running' && refused !== undefined;

const isOver = ({ state }: Grant): boolean => state === 'Succeeded' || state === 'Failed' || state === 'Released';

export const decideRestore = (seen: SeenRestore, nowMs: number): RestoreDecision => {
  const known = forgetRefused(seen);
  const asked = { ...known, ...withBad(known, seen.report), ...endingAsked(seen, nowMs), ...tidied(seen) };
  const retired = releaseRetired(seen, asked, nowMs);
  const next = asked.ending === undefined ? goOn(seen, retired.status, nowMs) : windDown(seen, retired.status, nowMs);
  const all = { status: next.status, steps: [...retired.steps, ...next.steps] };
  return closeBooks(seen, withAnchors(seen, all, nowMs), nowMs);
};

/** What was refused and is there now is no longer the restore's reason either. */
const forgetRefused = (seen: SeenRestore): RestoreStatus => {
  const { reason, message, ...rest } = seen.status;
  const stream = rest.streams?.[0];
  if (stream?.refused === undefined || admitted(seen)(stream) === stream) return seen.status;
  const quiet = withStream(rest, admitted(seen)(stream));
  const isOther = reason !== undefined && reason !== stream.refused.reason;
  return isOther ? { ...quiet, reason, ...(message === undefined ? {} : { message }) } : quiet;
};

/** Where the target can't be mounted, another server may do. */
const withAnchors = (seen: SeenRestore, { status, steps }: RestoreDecision, nowMs: number): RestoreDecision => {
  const tended = tendAnchors({
    view: seen.view,
    ...(seen.claim === undefined ? {} : { claim: seen.claim }),
    grants: [...(status.streams ?? []), ...(status.retired ?? [])],
    busyNodes: [],
    ends: status.ending !== undefined,
  });
  const all = [...steps, ...tended.steps];
  const stream = status.streams?.[0];
  const failure = tended.failures.find(({ node }) => node === stream?.node);
  if (failure === undefined || stream === undefined || !awaitsAnchor(stream)) return { status, steps: all };
  const fault = { reason: targetNotReachable, message: failure.message, domain: 'server', lostBytes: 0 } as const;
  const lost = loseGrant(status, stream, fault, nowMs);
  return { status: lost.status, steps: [...all, ...lost.steps] };
};

const goOn = (seen: SeenRestore, status: RestoreStatus, nowMs: number): RestoreDecision => {
  const stream = status.streams?.[0];
  if (stream === undefined || isOver(stream)) return nextArea(seen, status, nowMs);
  switch (stream.state) {
    case 'Reserved':
    case 'Preparing': {
      const { grant: next, steps, fault } = prepareGrant(stream, seen.view);
      const grant = next.state === stream.state ? next : { ...next, stateSince: new Date(nowMs).toISOString() };
      const lost = fault ?? routeFault(grant, seen.downSwitches, nowMs);
      return lost === undefined ? { status: withStream(status, grant), steps } : loseGrant(status, grant, lost, nowMs);
    }
    case 'Waiting':
      return chooseAgain(seen, status, stream);
    case 'Ready':
      return start(seen, status, stream, nowMs);
    case 'Running':
      return judge(seen, status, stream, nowMs);
    case 'Fencing':
    case 'Releasing':
      return releaseCurrent(seen, status, stream, nowMs);
    default:
      return { status, steps: [] };
  }
};

const withStream = (status: RestoreStatus, grant: Grant): RestoreStatus => ({ ...status, streams: [grant] });

const endingAsked = (seen: SeenRestore, nowMs: number): { readonly ending?: RestoreEnding } => {
  if (seen.status.ending !== undefined) return { ending: seen.status.ending };
  if (seen.deleted) return { ending: { result: 'Cancelled', reason: 'Deleted', message: 'the restore was deleted' } };
  if (seen.cancelAsked) return { ending: { result: 'Cancelled', reason: 'Cancelled', message: 'spec.cancel is set' } };
  if (seen.activeDeadlineMs !== undefined && nowMs - seen.startedAtMs > seen.activeDeadlineMs) {
    const message = `not done ${Math.round(seen.activeDeadlineMs / 1000)} s after the start (spec.activeDeadline)`;
    return { ending: { result: 'Failed', reason: 'DeadlineExceeded', message } };
  }
  return {};
};

/** The pod that says so goes away. */
const tidied = ({ uid, status, view }: SeenRestore): Pick<RestoreStatus, 'tidied'> => {
  const grants = [...(status.streams ?? []), ...(status.retired ?? [])];
  const isTold = grants.some((grant) => view.pods.get(grantName(uid, grant))?.exit?.message?.tidied === true);
  return isTold ? { tidied: true } : {};
};

/** R12: everything secured is released, whatever the outcome. */
const windDown = (seen: SeenRestore, status: RestoreStatus, nowMs: number): RestoreDecision => {
  const stream = status.streams?.[0];
  if (stream === undefined) return { status, steps: [] };
  if (stream.state === 'Waiting') return { status: withStream(status, { ...stream, state: 'Released' }), steps: [] };
  // The allocator rolls its own intents back.
  if (!holds(stream) || stream.state === 'Allocating') return { status, steps: [] };
  return releaseCurrent(seen, status, { ...stream, outcome: stream.outcome ?? 'Unused' }, nowMs);
};

export const isFinal = (phase: RestoreStatus['phase']): boolean =>
  phase === 'Succeeded' || phase === 'Failed' || phase === 'Cancelled';

/** The last word. What is overdue is not waited for: it is released after the end, and the finalizer stays till then. */
const closeBooks = (seen: SeenRestore, { status, steps }: RestoreDecision, nowMs: number): RestoreDecision => {
  const held = [...(status.streams ?? []), ...(status.retired ?? [])];
  const open = status.ending === undefined || isFinal(status.phase);
  if (open || seen.status.ending === undefined || held.some((grant) => isAwaited(seen, grant, nowMs)))
    return { status, steps };
  return { status: withLeftover(seen, status), steps: [...steps, { kind: 'finishRecords' }] };
};

/** No worker could be had any more that would have tidied up. */
const withLeftover = (seen: SeenRestore, status: RestoreStatus): RestoreStatus => {
  const { ending } = status;
  const isGone = seen.report.finished || status.tidied === true;
  const tidy = seen.discards !== undefined || seen.head === undefined || isGone || !hasBegun(status);
  if (ending === undefined || ending.result === 'Succeeded' || tidy) return status;
  const note = `; a working folder .twinreel-* may be left in ${seen.target}`;
  const message = ending.message.endsWith(note) ? ending.message : `${ending.message}${note}`;
  return { ...status, ending: { ...ending, message } };
};

const start = (seen: SeenRestore, status: RestoreStatus, grant: Grant, nowMs: number): RestoreDecision => {
  if (seen.choice === undefined || !isAnchored(seen.uid, seen.claim, grant)) return { status, steps: [] };
  const target = targetIsFree(seen, status, nowMs);
  if (target.kind === 'never') return { status: { ...status, ending: target.ending }, steps: [] };
  if (target.kind === 'wait') return { status, steps: [] };
  const gone = seen.view.gone?.(grant);
  if (gone !== undefined) return loseGrant(status, grant, gone, nowMs);
  const refused = seen.view.refused?.(grant, grantName(seen.uid, grant));
  if (refused !== undefined) return loseGrant(status, withoutPod(grant), refused, nowMs);
  const next = nextFor(seen, status, seen.choice, grant.tape);
  const running: Grant = { ...grant, state: 'Running', pod: grantName(seen.uid, grant) };
  if (next.kind === 'read' && next.area.tape === grant.tape) {
    // The allocator may have granted what was chosen before.
    const areas = withCurrent(status, areaFrom(next.area, 'Reading'));
    const segments = segmentsIn(next.area, seen, status, seen.choice);
    return { status: { ...withStream(status, running), areas }, steps: launch(running, segments, next.isLast) };
  }
  if (next.kind === 'finish' && next.copy.tape === grant.tape)
    return { status: withStream(status, running), steps: launch(running, [], true) };
  // What is readable has changed in between: release and choose again.
  return releaseCurrent(seen, status, { ...grant, outcome: 'Unused' }, nowMs);
};

/** It was never created: nobody waits for the proof that it writes no more. */
const withoutPod = ({ pod: _never, ...grant }: Grant): Grant => grant;

const launch = (grant: Grant, segments: readonly Span[], finish: boolean): readonly RestoreStep[] => [
  { kind: 'openHead', grant, assigned: segments },
  { kind: 'launchRestore', grant, segments, finish },
];

const segmentsIn = (
  { first, last, tape }: Area,
  seen: SeenRestore,
  status: RestoreStatus,
  choice: Choice,
): readonly Span[] =>
  subtract(
    seen.discards === undefined ? subtract(choice.wanted, seen.report.done) : leftOn(seen, status, choice, tape),
    [
      { first: -1, last: first - 1 },
      { first: last + 1, last: Infinity },
    ],
  );

const judge = (seen: SeenRestore, status: RestoreStatus, grant: Grant, nowMs: number): RestoreDecision => {
  const pod = seen.view.pods.get(grantName(seen.uid, grant));
  if (pod === undefined && grant.podStarted !== true && !hasReported(seen, grant)) {
    // Named in the status, then a crash before the pod was made, or a refusal: from Ready again.
    const ready: Grant = { ...grant, state: 'Ready' };
    return start(seen, withStream(status, ready), ready, nowMs);
  }
  const verdict = judgeStream({
    grant,
    pod,
    head: seen.head,
    node: grant.node === undefined ? undefined : seen.nodes.get(grant.node),
    silence: seen.silence(),
    patience: seen.patience,
  });
  switch (verdict.kind) {
    case 'fine':
      return { status: withStream(status, withBoot(seen, grant, pod)), steps: [] };
    case 'done':
      return releaseCurrent(seen, status, { ...grant, outcome: 'Succeeded' }, nowMs);
    case 'span':
    case 'lost':
      return loseGrant(status, grant, verdict.fault, nowMs);
  }
};

/** Somebody began under this grant. */
const hasReported = ({ head }: SeenRestore, grant: Grant): boolean =>
  head?.epoch === grant.epoch && head.activity !== 'Starting';

/** The boot under which the worker runs: another one later proves that it is gone. */
const withBoot = (seen: SeenRestore, grant: Grant, pod: PodFacts | undefined): Grant => {
  const bootID = seen.boots.get(grant.node ?? '');
  const begins = pod?.state === 'running' && grant.podStarted !== true && bootID !== undefined;
  return begins ? { ...grant, podStarted: true, bootID } : grant;
};
