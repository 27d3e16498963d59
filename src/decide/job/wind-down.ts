/** The way out of a job: everything secured is released, the records close, and then the phase ends. */
import type { SeenJob } from './job-view.ts';
import { proofOf } from '../grant/fence-proof.ts';
import { holds } from '../grant/grant.ts';
import type { Grant } from '../grant/grant.ts';
import { releaseGrant } from '../grant/grant-life.ts';
import { take } from './job-draft.ts';
import type { Draft } from './job-draft.ts';
import { isOver } from './job-status.ts';
import { plannerIsOver } from './plan-life.ts';
import { failedSwitches } from '../grant/route-fault.ts';
import { wake } from './quiesce.ts';

/** B14, F9: everything secured is released, whatever the outcome. */
export const windDown = (draft: Draft, seen: SeenJob, nowMs: number): void => {
  draft.streams = draft.streams.map((grant) => {
    if (!holds(grant)) return grant.state === 'Waiting' ? { ...grant, state: 'Released' } : grant;
    // The allocator rolls its own intents back.
    if (grant.state === 'Allocating') return grant;
    return release(draft, seen, { ...grant, outcome: grant.outcome ?? 'Unused' }, nowMs);
  });
  if (!isOver(draft.status)) wake(draft, seen, nowMs);
  const planner = seen.plan?.pod;
  if (planner !== undefined && planner.state !== 'ended' && !planner.deleting) {
    draft.steps.push({ kind: 'deletePod', pod: planner.name, uid: planner.uid });
  }
};

export const release = (draft: Draft, seen: SeenJob, grant: Grant, nowMs: number): Grant => {
  const head = seen.heads.get(grant.number);
  if (head !== undefined && head.epoch === grant.epoch && !head.sealed) {
    draft.steps.push({ kind: 'sealHead', grant, reason: grant.reason ?? grant.outcome ?? 'Released' });
  }
  const { grant: next, steps } = releaseGrant(grant, seen.view);
  take(draft, steps);
  const since =
    next.state === grant.state && next.stateSince !== undefined ? next.stateSince : new Date(nowMs).toISOString();
  const dated = { ...next, ...proofOf(seen, next, nowMs), stateSince: since };
  if (fenceIsOverdue(dated, seen, nowMs)) draft.steps.push({ kind: 'suspectFence', grant: dated });
  return dated;
};

const fenceIsOverdue = (grant: Grant, seen: SeenJob, nowMs: number): boolean =>
  grant.state === 'Fencing' && nowMs - Date.parse(grant.stateSince ?? '') > seen.fenceTimeoutMs;

/** A switch that does not answer may take its zone to the grave: the job does not wait for that for ever either. */
const unzoneIsOverdue = (grant: Grant, seen: SeenJob, nowMs: number): boolean =>
  grant.state === 'Releasing' &&
  failedSwitches(grant).length > 0 &&
  nowMs - Date.parse(grant.stateSince ?? '') > seen.fenceTimeoutMs;

export const releaseRetired = (draft: Draft, seen: SeenJob, nowMs: number): void => {
  draft.retired = draft.retired.map((grant) => (holds(grant) ? release(draft, seen, grant, nowMs) : grant));
};

/**
 * Nothing is held and no pod is left: the records close and the phase ends. Only an overdue fence is not waited for: what
 * it covers stays held, `Released` says so, and the passes go on until it is proven.
 */
export const closeBooks = (draft: Draft, seen: SeenJob, nowMs: number): void => {
  if (draft.status.ending === undefined || isOver(draft.status)) return;
  if (draft.steps.some(({ kind }) => kind === 'runHook')) return;
  const awaited = (grant: Grant): boolean =>
    holds(grant) && !fenceIsOverdue(grant, seen, nowMs) && !unzoneIsOverdue(grant, seen, nowMs);
  if ([...draft.streams, ...draft.retired].some(awaited)) return;
  const planner = seen.plan?.pod;
  if (!plannerIsOver(seen)) return;
  if (planner !== undefined) draft.steps.push({ kind: 'deletePod', pod: planner.name, uid: planner.uid });
  draft.steps.push({ kind: 'finishRecords' });
};
