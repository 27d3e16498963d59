/** The planner's pod, from its launch to its end or loss. */
import { planPodName } from '../../api/names.ts';
import { bounded, boundedReason } from '../../api/status-text.ts';
import { lossOfPlace } from '../grant/action-pod.ts';
import type { SeenJob } from './job-view.ts';
import { isAnchored } from '../claim/anchors.ts';
import { isUsable } from '../grant/grant.ts';
import { faultOfPod } from '../grant/grant-life.ts';
import type { Draft } from './job-draft.ts';
import type { PodFacts } from '../grant/pod-facts.ts';
import { withoutRefused } from '../grant/refused.ts';
import type { Fault } from '../step.ts';

const maxPlanAttempts = 3;

export const launchPlan = (draft: Draft, seen: SeenJob): void => {
  const pod = seen.plan?.pod;
  if (pod !== undefined && draft.status.plan !== undefined)
    draft.status = { ...draft.status, plan: withoutRefused(draft.status.plan) };
  if (seen.plan?.complete === true) return;
  if (pod === undefined) return begin(draft, seen);
  if (pod.state === 'ended' && pod.exit?.code !== undefined) return afterEnd(draft, pod, pod.exit.code);
  const lost = lossOfPlanner(seen, pod);
  if (lost !== undefined) afterLoss(draft, pod, lost);
};

/** The walk of a source takes as long as it takes, as long as it meets anything. */
const lossOfPlanner = (seen: SeenJob, pod: PodFacts): Fault | undefined => {
  const { actions } = seen.view;
  return (actions === undefined ? undefined : lossOfPlace(pod, actions)) ?? stall(seen, pod);
};

const sourceStalled = 'SourceStalled';

const stall = ({ plan, patience }: SeenJob, pod: PodFacts): Fault | undefined => {
  const silentMs = plan?.silence?.progressMs ?? 0;
  if (pod.state !== 'running' || silentMs <= patience.filesMs) return undefined;
  const message = `the walk of the source has met nothing for ${Math.round(silentMs / 1000)} s`;
  return { reason: sourceStalled, message, domain: 'source', lostBytes: 0 };
};

/** One that cannot be heard of writes nothing that counts: its pages are written under its epoch, by compare-and-swap. */
export const plannerIsOver = (seen: SeenJob): boolean => {
  const pod = seen.plan?.pod;
  return pod === undefined || pod.state === 'ended' || lossOfPlanner(seen, pod) !== undefined;
};

/** A pod that is refused for too long counts as one that did not start. */
const begin = (draft: Draft, seen: SeenJob): void => {
  const { plan = {} } = draft.status;
  const refused = seen.view.refused?.(plan, planPodName(seen.uid, plan.epoch ?? 0));
  if (refused === undefined) return launchPlanner(draft, seen);
  if (nextEpoch(draft) >= maxPlanAttempts) giveUp(draft, refused.reason, refused.message);
};

const nextEpoch = (draft: Draft, pod?: PodFacts): number => {
  const { plan = {} } = draft.status;
  const epoch = (plan.epoch ?? 0) + 1;
  draft.status = { ...draft.status, plan: { ...withoutRefused(plan), epoch } };
  if (pod !== undefined) draft.steps.push({ kind: 'deletePod', pod: pod.name, uid: pod.uid });
  return epoch;
};

const giveUp = (draft: Draft, reason: string, message: string): void => {
  const ending = { result: 'Failed' as const, reason: boundedReason(reason), message: bounded(message, 'verdict') };
  draft.status = { ...draft.status, ending };
};

const afterEnd = (draft: Draft, pod: PodFacts, exitCode: number): void => {
  const attempts = nextEpoch(draft, pod);
  const { reason, message, domain } = faultOfPod(pod);
  if (exitCode === 0 || (attempts < maxPlanAttempts && domain !== 'source')) return;
  giveUp(draft, reason === 'WorkerDied' ? 'PlanFailed' : reason, message);
};

/**
 * Another pod goes on where it got to. That no server starts one is no news after a few attempts; a source that hangs
 * hangs for another one too.
 */
const afterLoss = (draft: Draft, pod: PodFacts, lost: Fault): void => {
  const attempts = nextEpoch(draft, pod);
  const hopeless = lost.reason === 'PodNotStarted' && attempts >= maxPlanAttempts;
  if (hopeless || lost.reason === sourceStalled) giveUp(draft, lost.reason, lost.message);
};

const launchPlanner = (draft: Draft, seen: SeenJob): void => {
  const hosts = draft.streams.filter(
    (one) =>
      isAnchored(seen.uid, seen.claim, one) &&
      isUsable(one) &&
      one.server !== undefined &&
      seen.nodes.get(one.node ?? '')?.ready !== false,
  );
  // Where one attempt failed, the next one is another server's.
  const host = hosts[(draft.status.plan?.epoch ?? 0) % Math.max(1, hosts.length)];
  if (host?.server !== undefined) draft.steps.push({ kind: 'launchPlan', server: host.server });
};
