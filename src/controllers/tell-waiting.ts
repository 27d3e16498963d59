/** What owners are told by the allocator: what they were given, why they wait, when they are given up. */
import type { Blocker, Grant } from '../api/generated/index.ts';
import { backupJobs, restores } from '../api/resources.ts';
import { bounded } from '../api/status-text.ts';
import { decidePatience } from '../decide/allocation/patience.ts';
import type { Refusal, Waiter } from '../decide/allocation/patience.ts';
import { claimWishOf } from '../decide/claim/anchors.ts';
import { holds, waitsForFirstSet } from '../decide/grant/grant.ts';
import { effectiveSpec } from '../decide/job/effective-spec.ts';
import { referenceTo } from '../kube/events.ts';
import type { Deps } from './deps.ts';
import { grantsIn, writeOwnerStatus } from './owner.ts';
import type { Owner } from './owner.ts';

/** A job whose other streams are done waits no longer than this for the hardware of a further copy. */
const replacementPatienceMs = 10 * 60_000;

export const announce = (deps: Deps, owner: Owner, grants: readonly Grant[]): void => {
  for (const grant of grants) {
    const route = (grant.switches ?? []).join(', ');
    const where = `${grant.server ?? ''} → ${route === '' ? '' : `${route} → `}${grant.library ?? ''}/${grant.drive ?? ''}`;
    event(deps, owner, 'Normal', 'Secured', `stream ${grant.number}: ${where}, tape ${grant.barcode ?? ''}`);
  }
};

const event = (deps: Deps, owner: Owner, type: 'Normal' | 'Warning', reason: string, note: string): void => {
  const regarding =
    owner.kind === 'BackupJob' ? referenceTo(backupJobs, owner.object) : referenceTo(restores, owner.object);
  deps.events.record({ regarding, type, reason, action: 'Allocate', note });
};

/** Why it waits, or that it waits no more. */
export const noteWaiting = async (
  deps: Deps,
  owner: Owner,
  refusal: Refusal,
  position: number,
  signal: AbortSignal,
): Promise<void> => {
  const { status } = owner.object;
  const { reason } = refusal.shortage;
  const message = bounded(refusal.shortage.message, 'summary');
  const nowMs = deps.clock.now();
  const waiter = waiterOf(owner);
  const patience = decidePatience(waiter, refusal, nowMs);
  if (patience.kind === 'giveUp') {
    event(deps, owner, 'Warning', reason, patience.message);
    const ending = { result: 'Failed' as const, reason, message: bounded(patience.message, 'verdict') };
    const changes = waiter.first ? { ending } : { streams: without(owner, patience.streams) };
    await writeOwnerStatus(deps.api, owner, changes, signal);
    return;
  }
  const blockedBy = refusal.kind === 'wait' ? refusal.blockedBy.map(told) : [];
  const since = status?.queue?.since ?? new Date(nowMs).toISOString();
  if (status?.reason !== reason) event(deps, owner, 'Warning', reason, message);
  await writeOwnerStatus(deps.api, owner, { reason, message, queue: { position, since, blockedBy } }, signal);
};

/** As the queue's field takes it. */
const told = ({ message, ...blocker }: Blocker): Blocker =>
  message === undefined ? blocker : { ...blocker, message: bounded(message, 'detail') };

const without = (owner: Owner, givenUp: readonly number[]): Grant[] =>
  (owner.object.status?.streams ?? []).map((grant) =>
    grant.state === 'Waiting' && givenUp.includes(grant.number)
      ? { ...grant, state: 'Failed', outcome: 'Failed' }
      : grant,
  );

const waiterOf = (owner: Owner): Waiter => {
  const { spec, status } = owner.object;
  const first = waitsForFirstSet(status);
  // What it holds itself, still to be fenced, comes free in time.
  const own = (status?.retired ?? []).some(holds);
  const impatient = (spec.whenUnavailable ?? 'Wait') === 'Fail' && !own;
  const limitMs =
    owner.kind === 'Restore'
      ? undefined
      : (effectiveSpec(owner.object).allocationDeadlineMs ?? (first ? undefined : replacementPatienceMs));
  const limit = limitMs === undefined ? {} : { limitMs };
  const choosesAgain = owner.kind === 'Restore';
  const letsGo = own && claimWishOf(owner.object) !== undefined;
  return { waiting: grantsIn(owner, 'Waiting'), first, impatient, choosesAgain, letsGo, ...limit };
};
