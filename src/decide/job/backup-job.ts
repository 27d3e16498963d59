/**
 * What a backup job does next, from what is: level-based, so that a crash anywhere is the same as a late event.
 *
 * The order of a pass: is the job on its way out? → bring every stream forward (prepare, launch, judge, release) →
 * put a standby in the place of what was lost → hand out segments → has everything been done that can be?
 * Pure: equal inputs give equal decisions.
 */
import { bounded } from '../../api/status-text.ts';
import { awaitsAnchor, isAnchored, tendAnchors } from '../claim/anchors.ts';
import { assignSegments, coverageOf } from './assign-segments.ts';
import { isUsable, grantName, waitsForFirstSet } from '../grant/grant.ts';
import type { Grant } from '../grant/grant.ts';
import { prepareGrant } from '../grant/grant-life.ts';
import { put, take } from './job-draft.ts';
import { neverAgain } from './avoided-tapes.ts';
import type { Draft } from './job-draft.ts';
import type { Ending, JobDecision, JobHead, SeenJob } from './job-view.ts';
import { loseStream } from './lose-stream.ts';
import { launchPlan } from './plan-life.ts';
import type { PodFacts } from '../grant/pod-facts.ts';
import { admitted } from '../grant/refused.ts';
import { routeFault } from '../grant/route-fault.ts';
import type { Span } from '../spans.ts';
import { isQuiesced } from './quiesce.ts';
import { dropClones, hasSnapshot, makeClones } from '../claim/snapshot.ts';
import { judgeStream } from './stream-fault.ts';
import { sourceNotReachable } from '../step.ts';
import type { Fault } from '../step.ts';
import { closeBooks, release, releaseRetired, windDown } from './wind-down.ts';

export const decideBackupJob = (observed: SeenJob, nowMs: number): JobDecision => {
  const busy = new Set(observed.view.busyLibraries);
  const seen: SeenJob = { ...observed, view: { ...observed.view, busyLibraries: busy } };
  const draft: Draft = {
    status: seen.status,
    streams: (seen.status.streams ?? []).map(admitted(seen)),
    retired: (seen.status.retired ?? []).map(admitted(seen)),
    steps: [],
    busy,
  };
  draft.status = { ...draft.status, ...endingAsked(seen, nowMs) };
  if (draft.status.ending !== undefined) windDown(draft, seen, nowMs);
  else goOn(draft, seen, nowMs);
  releaseRetired(draft, seen, nowMs);
  tend(draft, seen, nowMs);
  closeBooks(draft, seen, nowMs);
  return { status: { ...draft.status, streams: draft.streams, retired: draft.retired }, steps: draft.steps };
};

/**
 * The claim stays mounted wherever a grant or the planner reads it, and nowhere else. Where it can't be mounted, a route
 * is lost like any other: another node may do.
 */
const tend = (draft: Draft, seen: SeenJob, nowMs: number): void => {
  const planner = seen.plan?.pod;
  const { steps, failures } = tendAnchors({
    view: seen.view,
    ...(seen.claim === undefined ? {} : { claim: seen.claim }),
    grants: [...draft.streams, ...draft.retired],
    busyNodes: planner === undefined || planner.state === 'ended' ? [] : [planner.node],
    ends: draft.status.ending !== undefined,
  });
  take(draft, steps);
  dropClones(draft, seen);
  for (const { node, message } of failures) {
    const fault: Fault = { reason: sourceNotReachable, message, domain: 'server', lostBytes: 0 };
    for (const grant of draft.streams.filter((one) => one.node === node && awaitsAnchor(one))) {
      loseStream(draft, seen.spec, grant, fault, nowMs);
    }
  }
};

/** A request from outside that ends the job, once; the first reason stands. */
const endingAsked = (seen: SeenJob, nowMs: number): { readonly ending?: Ending } => {
  if (seen.status.ending !== undefined) return { ending: seen.status.ending };
  if (seen.deleted) return { ending: { result: 'Cancelled', reason: 'Deleted', message: 'the job was deleted' } };
  if (seen.cancelAsked) return { ending: { result: 'Cancelled', reason: 'Cancelled', message: 'spec.cancel is set' } };
  if (seen.suspendAsked)
    return {
      ending: {
        result: 'Suspended',
        reason: 'Suspended',
        message: 'spec.suspend is set; when it is false the job goes on where it stopped',
      },
    };
  const deadlineMs = seen.spec.activeDeadlineMs;
  if (deadlineMs !== undefined && nowMs - seen.startedAtMs > deadlineMs) {
    const message = `not done ${Math.round(deadlineMs / 1000)} s after the start (spec.activeDeadline)`;
    return { ending: { result: 'Failed', reason: 'DeadlineExceeded', message } };
  }
  return {};
};

const goOn = (draft: Draft, seen: SeenJob, nowMs: number): void => {
  for (const grant of [...draft.streams]) forward(draft, seen, grant, nowMs);
  promoteStandbys(draft, seen);
  if (isReadable(draft, seen, nowMs)) {
    launchPlan(draft, seen);
    startReady(draft, seen);
  }
  handOut(draft, seen);
  finish(draft, seen);
};

/** The source is at rest, if that is wanted, and can be read. */
const isReadable = (draft: Draft, seen: SeenJob, nowMs: number): boolean => {
  const snapshot = seen.claim?.snapshot;
  if (snapshot === undefined) return isMounted(draft, seen) && isQuiesced(draft, seen, nowMs);
  if (!hasSnapshot(draft, seen, snapshot, nowMs)) return false;
  makeClones(draft, seen, snapshot, nowMs);
  return true;
};

/** The application is not put to sleep before the claim can be read. */
const isMounted = ({ streams }: Draft, { uid, claim }: SeenJob): boolean =>
  streams.some(({ state }) => state === 'Running') ||
  streams.every((one) => one.state !== 'Ready' || isAnchored(uid, claim, one));

const forward = (draft: Draft, seen: SeenJob, grant: Grant, nowMs: number): void => {
  switch (grant.state) {
    case 'Reserved':
    case 'Preparing': {
      const { grant: next, steps, fault } = prepareGrant(grant, seen.view);
      take(draft, steps);
      const begun = next.state === grant.state ? next : { ...next, stateSince: new Date(nowMs).toISOString() };
      put(draft, begun);
      const lost = fault ?? routeFault(begun, seen.downSwitches, nowMs);
      if (lost !== undefined) loseStream(draft, seen.spec, begun, lost, nowMs);
      return;
    }
    case 'Ready': {
      const gone = seen.view.gone?.(grant);
      return gone === undefined ? undefined : loseStream(draft, seen.spec, grant, gone, nowMs);
    }
    case 'Running':
    case 'Closing':
      return judge(draft, seen, grant, nowMs);
    case 'Fencing':
    case 'Releasing':
      return put(draft, release(draft, seen, grant, nowMs));
    case 'Allocating':
    case 'Waiting':
    case 'Succeeded':
    case 'Failed':
    case 'Released':
      return;
  }
};

const judge = (draft: Draft, seen: SeenJob, grant: Grant, nowMs: number): void => {
  const pod = seen.view.pods.get(grantName(seen.uid, grant));
  const verdict = judgeStream({
    grant,
    pod,
    head: seen.heads.get(grant.number),
    node: grant.node === undefined ? undefined : seen.nodes.get(grant.node),
    silence: seen.silence(grant.number),
    patience: seen.patience,
  });
  switch (verdict.kind) {
    case 'fine':
      return grant.state === 'Closing' ? askToClose(draft, seen, grant) : relaunch(draft, seen, grant, pod, nowMs);
    case 'done':
      return put(draft, release(draft, seen, { ...grant, outcome: 'Succeeded' }, nowMs));
    case 'span':
    case 'lost':
      if (grant.state === 'Closing') return closeWithout(draft, seen, grant, verdict.fault, nowMs);
      return loseStream(draft, seen.spec, grant, verdict.fault, nowMs, verdict.kind);
  }
};

/** Everything was committed; only the last catalogue is missing, and nothing stands only there. */
const closeWithout = (draft: Draft, seen: SeenJob, grant: Grant, fault: Fault, nowMs: number): void => {
  const { reason, message, domain } = fault;
  draft.steps.push({ kind: 'noteFault', grant, fault });
  put(draft, release(draft, seen, { ...grant, outcome: 'Succeeded', fault: domain, reason, message }, nowMs));
};

/** The status said Closing, then a crash: the worker may never have been told. */
const askToClose = (draft: Draft, seen: SeenJob, grant: Grant): void => {
  const head = seen.heads.get(grant.number);
  if (head?.epoch === grant.epoch && !head.sealed && !head.closeAsked) draft.steps.push({ kind: 'closeHead', grant });
};

/** The status named the pod, then a crash: head and pod may be missing. */
const relaunch = (draft: Draft, seen: SeenJob, grant: Grant, pod: PodFacts | undefined, nowMs: number): void => {
  const bootID = seen.boots.get(grant.node ?? '');
  if (pod?.state === 'running' && grant.podStarted !== true && bootID !== undefined) {
    put(draft, { ...grant, podStarted: true, bootID });
  }
  if (pod !== undefined || grant.state !== 'Running') return;
  // Its own refusal, or its anchor's: nothing works yet.
  const lost = seen.view.gone?.(grant) ?? seen.view.refused?.(grant, grant.refused?.pod ?? '');
  if (lost !== undefined) return loseStream(draft, seen.spec, grant, lost, nowMs);
  if (!isAnchored(seen.uid, seen.claim, grant)) return;
  const head = seen.heads.get(grant.number);
  if (head?.epoch !== grant.epoch) {
    if (seen.committed === undefined) return;
    draft.steps.push({ kind: 'openHead', grant, assigned: assignedTo(draft, seen).get(grant.number) ?? [] });
  }
  draft.steps.push({ kind: 'launchBackup', grant });
};

const isLost = (grant: Grant): boolean =>
  grant.state === 'Waiting' ? grant.lostEpoch !== undefined : grant.outcome === 'Failed';

/** F6: a route that is ready takes the place of one that was lost. */
const promoteStandbys = (draft: Draft, seen: SeenJob): void => {
  const working = (): number =>
    draft.streams.filter((one) => one.role === 'Active' && (isUsable(one) || one.state === 'Closing')).length;
  while (working() < seen.spec.activeRoutes) {
    const lost = draft.streams.find((one) => one.role === 'Active' && isLost(one));
    const standby = draft.streams.find((one) => one.role === 'Standby' && isUsable(one));
    if (lost === undefined || standby === undefined) return;
    put(draft, { ...lost, role: 'Standby' });
    put(draft, { ...standby, role: 'Active' });
    draft.status = { ...draft.status, failovers: (draft.status.failovers ?? 0) + 1 };
  }
};

/** Who went on for a stream that was lost, and where: its own replacement, or the standby that took its place. */
const noteSuccessor = (draft: Draft, grant: Grant, work: readonly Span[]): void => {
  const history = draft.status.failoverHistory ?? [];
  const open = history.filter((one) => one.toEpoch === undefined && one.fromEpoch < grant.epoch);
  const standsIn =
    open.find((one) => one.stream === grant.number) ?? (grant.lostEpoch === undefined ? open[0] : undefined);
  const segment = work[0]?.first;
  if (standsIn === undefined || segment === undefined) return;
  const failoverHistory = history.map((one) => (one === standsIn ? { ...one, toEpoch: grant.epoch, segment } : one));
  draft.status = { ...draft.status, failoverHistory };
};

const startReady = (draft: Draft, seen: SeenJob): void => {
  if (seen.committed === undefined) return;
  const assigned = assignedTo(draft, seen);
  for (const grant of draft.streams) {
    if (grant.state !== 'Ready' || grant.role !== 'Active' || !isAnchored(seen.uid, seen.claim, grant)) continue;
    if (!lostHeadsSealed(draft, seen)) return;
    const work = assigned.get(grant.number) ?? [];
    if (work.length === 0) continue;
    if (!neverAgain(draft, grant.tape)) return;
    const running: Grant = { ...grant, state: 'Running', pod: grantName(seen.uid, grant) };
    put(draft, running);
    noteSuccessor(draft, running, work);
    draft.steps.push({ kind: 'openHead', grant: running, assigned: work }, { kind: 'launchBackup', grant: running });
  }
};

/** A sealed head commits nothing more that counts: only then is what is missing known. */
const lostHeadsSealed = (draft: Draft, seen: SeenJob): boolean =>
  [...draft.streams, ...draft.retired]
    .filter((one) => one.state === 'Fencing')
    .every((one) => {
      const head = seen.heads.get(one.number);
      return head === undefined || head.epoch !== one.epoch || head.sealed;
    });

const working = (grant: Grant): boolean =>
  grant.role === 'Active' && (grant.state === 'Ready' || grant.state === 'Running');

const totalSegments = (seen: SeenJob, copiesOfData: number): number => {
  const data = seen.plan?.segments ?? 0;
  // With more streams than copies, links waits for the last data segment; else it is each stream's own last.
  const striped = seen.spec.activeRoutes > seen.spec.copies;
  const linksToo = !striped || (seen.plan?.complete === true && copiesOfData >= seen.spec.copies);
  return data + Number(linksToo && seen.plan?.complete === true);
};

const assignedTo = (draft: Draft, seen: SeenJob): ReadonlyMap<number, readonly Span[]> => {
  const committed = seen.committed ?? new Map<number, readonly Span[]>();
  const data = coverageOf(seen.plan?.segments ?? 0, seen.spec.copies, [...committed.values()]);
  const work = draft.streams.map((one) => {
    const head = seen.heads.get(one.number);
    return {
      stream: one.number,
      active: working(one),
      assigned: head !== undefined && head.epoch === one.epoch ? head.assigned : [],
      committed: committed.get(one.number) ?? [],
    };
  });
  const plan = { segments: totalSegments(seen, data.leastCopies), complete: seen.plan?.complete ?? false };
  return new Map(assignSegments(seen.spec.copies, plan, work).map((one) => [one.stream, one.assigned]));
};

const handOut = (draft: Draft, seen: SeenJob): void => {
  if (seen.committed === undefined) return;
  const assigned = assignedTo(draft, seen);
  const allDone = [...assigned.values()].every((spans) => spans.length === 0);
  for (const grant of draft.streams) {
    const head = seen.heads.get(grant.number);
    if (grant.state !== 'Running' || head === undefined || head.epoch !== grant.epoch) continue;
    const work = assigned.get(grant.number) ?? [];
    if (work.length > 0) {
      if (!coversAll(head.assigned, work) || isOpenEnded(seen, head))
        draft.steps.push({ kind: 'assign', grant, assigned: work });
      continue;
    }
    const striped = seen.spec.activeRoutes > seen.spec.copies;
    if (!head.idle || seen.plan?.complete !== true || (striped && !allDone)) continue;
    put(draft, { ...grant, state: 'Closing' });
    draft.steps.push({ kind: 'closeHead', grant });
  }
};

/** An open end stands for data only: once the plan is complete the work has an end, and `links` is named. */
const isOpenEnded = (seen: SeenJob, head: JobHead): boolean =>
  seen.plan?.complete === true && head.assigned.some((span) => !Number.isFinite(span.last));

const coversAll = (have: readonly Span[], want: readonly Span[]): boolean =>
  want.every((span) => have.some((one) => one.first <= span.first && span.last <= one.last));

/** B11, F7, F8: what became of it, once no stream can add to it. */
const finish = (draft: Draft, seen: SeenJob): void => {
  if (draft.status.ending !== undefined || seen.committed === undefined) return;
  if (mayAdd(draft, seen)) {
    if (!everythingCopied(seen)) return;
    if (draft.streams.some((one) => one.state === 'Running' || one.state === 'Closing')) return;
  }
  if (!lostHeadsSealed(draft, seen)) return;
  const done = everythingCopied(seen);
  if (!done && draft.streams.some((one) => one.state === 'Waiting')) return;
  draft.status = { ...draft.status, ending: judgeJob(draft, seen) };
};

/** A stream that stands ready with all its work done, as after a suspension, gets more only when another one is lost. */
const mayAdd = (draft: Draft, seen: SeenJob): boolean => {
  const work = assignedTo(draft, seen);
  const hasNoWork = ({ number, state }: Grant): boolean =>
    state === 'Ready' && seen.plan?.complete === true && (work.get(number) ?? []).length === 0;
  return draft.streams.some(
    (one) =>
      one.role === 'Active' &&
      ((isUsable(one) && !hasNoWork(one)) || one.state === 'Closing' || one.state === 'Allocating'),
  );
};

const coverage = (seen: SeenJob) =>
  coverageOf((seen.plan?.segments ?? 0) + 1, seen.spec.copies, [...(seen.committed?.values() ?? [])]);

const everythingCopied = (seen: SeenJob): boolean =>
  seen.plan?.complete === true && coverage(seen).leastCopies >= seen.spec.copies;

const tapes = (count: number): string => `${count} ${count === 1 ? 'tape' : 'tapes'}`;

const judgeJob = (draft: Draft, seen: SeenJob): Ending => {
  const { copies, minCopies } = seen.spec;
  const least = seen.plan?.complete === true ? coverage(seen).leastCopies : 0;
  const fault = [...draft.streams, ...draft.retired].find((one) => one.reason !== undefined);
  if (least >= copies) {
    return {
      result: 'Succeeded',
      reason: 'AllCopiesWritten',
      message: `every segment is on ${tapes(copies)}`,
      copies: least,
    };
  }
  const why = fault === undefined ? '' : `; ${fault.reason ?? ''}: ${fault.message ?? ''}`;
  if (least >= minCopies) {
    const message = `every segment is on at least ${least} of ${tapes(copies)}${why}`;
    return { result: 'Succeeded', reason: 'CopiesMissing', message: bounded(message, 'verdict'), copies: least };
  }
  const message = `segments are on ${tapes(least)}, ${minCopies} needed${why}`;
  const reason = fault?.reason ?? 'NoStreamLeft';
  return { result: 'Failed', reason, message: bounded(message, 'verdict'), copies: least };
};

/** Does this pass need the commits, which are read uncached? */
export const needsCommitted = (seen: Omit<SeenJob, 'committed'>): boolean => {
  if (seen.status.ending !== undefined) return false;
  const streams = seen.status.streams ?? [];
  const striped = seen.spec.activeRoutes > seen.spec.copies;
  if (waitsForFirstSet(seen.status)) return false;
  const starts = streams.some((one) => one.role === 'Active' && (one.state === 'Ready' || one.state === 'Preparing'));
  const opens = streams.some((one) => one.state === 'Running' && seen.heads.get(one.number)?.epoch !== one.epoch);
  const idle = streams.some((one) => one.state === 'Running' && seen.heads.get(one.number)?.idle === true);
  const bounds = streams.some((one) => {
    const head = seen.heads.get(one.number);
    return (
      one.state === 'Running' &&
      seen.plan?.complete === true &&
      (head?.assigned ?? []).some((span) => span.last === Infinity)
    );
  });
  const stripes = striped && streams.some((one) => one.state === 'Running');
  const ends = !streams.some((one) => one.role === 'Active' && (isUsable(one) || one.state === 'Closing'));
  return starts || opens || bounds || stripes || ends || (idle && seen.plan?.complete === true);
};
