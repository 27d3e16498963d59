/**
 * The one allocator. One key, one pass at a time: first intents that a crash left behind are rolled back, then everybody
 * who waits is served in order, all streams of a request or none.
 *
 * The protocol of a grant: intent in the owner's status → each unit by compare-and-swap → Reserved. A rollback writes
 * the owner first and frees after, so that nobody can call the intent Reserved once its units are being freed.
 */
import type { Grant } from '../api/generated/index.ts';
import { claimWishOf } from '../decide/claim/anchors.ts';
import { grantFrom, inOrder, neighbourOf } from '../decide/allocation/admission.ts';
import type { Answer, Applicant } from '../decide/allocation/admission.ts';
import { effectiveSpec } from '../decide/job/effective-spec.ts';
import { holds, waitsForFirstSet } from '../decide/grant/grant.ts';
import type { Hardware } from '../decide/allocation/hardware.ts';
import { decidePatience } from '../decide/allocation/patience.ts';
import type { Refusal, Waiter } from '../decide/allocation/patience.ts';
import { answersFor } from '../decide/allocation/queue.ts';
import { jobWish, machineOf, restoreWish } from '../decide/allocation/wish.ts';
import { done, requeueAfter } from '../kube/controller.ts';
import type { Reconcile } from '../kube/controller.ts';
import { referenceTo } from '../kube/events.ts';
import { keyOfRef } from '../kube/key.ts';
import { backupJobs, restores } from '../api/resources.ts';
import { readReach } from './claims.ts';
import type { Deps } from './deps.ts';
import { claimUnit, freeUnit, holderOf, inClaimOrder, unitsOf } from './holders.ts';
import { holdOwner, identityOf, readOwner, refOfOwner, uidOf, writeOwnerStatus } from './owner.ts';
import type { Owner } from './owner.ts';
import { readOwnTapes } from './own-tapes.ts';

/** The allocator's only key. */
export const allocationKey = 'queue';

/** A job whose other streams are done waits no longer than this for the hardware of a further copy. */
const replacementPatienceMs = 10 * 60_000;
const recheckMs = 5_000;
const retryMs = 200;

export const makeAllocationReconciler =
  (deps: Deps): Reconcile =>
  async (_key, signal) => {
    const owners = waitingOwners(deps);
    let retry = false;
    for (const owner of owners) {
      if (grantsIn(owner, 'Allocating').length === 0) continue;
      await rollBack(deps, owner, signal);
      retry = true;
    }
    const queue = await readQueue(deps, owners, signal);
    const answers = answersFor(
      queue.map(({ applicant }) => applicant),
      hardwareOf(deps),
      deps.clock.now(),
    );
    for (const [position, { owner, applicant }] of queue.slice(0, answers.length).entries()) {
      const outcome = answers[position];
      if (outcome === undefined) break;
      if (outcome.kind !== 'grant') {
        await noteWaiting(deps, owner, outcome, position + 1, signal);
        continue;
      }
      // What is claimed is not in the caches yet: the next pass sees it, and answers those behind.
      const claimed = await claim(deps, owner, outcome.allotments, signal);
      retry = true;
      const { kind, name } = applicant;
      if (!claimed) deps.log.info({ owner: `${kind} ${name}` }, 'a unit was taken in between: trying again');
    }
    if (retry) return requeueAfter(retryMs);
    return queue.length > 0 ? requeueAfter(recheckMs) : done;
  };

interface Queued {
  readonly owner: Owner;
  readonly applicant: Applicant;
}

const readQueue = async (deps: Deps, owners: readonly Owner[], signal: AbortSignal): Promise<readonly Queued[]> => {
  const queue: Queued[] = [];
  for (const owner of owners) {
    const applicant = applicantOf(owner, deps.clock.now());
    if (applicant === undefined) continue;
    const own = owner.kind === 'BackupJob' ? await readOwnTapes(deps, owner.object, signal) : [];
    const claim = await readReach(deps, owner.object, signal);
    const need = { ...applicant.need, own, ...(claim === undefined ? {} : { claim }) };
    queue.push({ owner, applicant: { ...applicant, need } });
  }
  return queue.sort((a, b) => inOrder(a.applicant, b.applicant));
};

export const hardwareOf = ({ caches }: Deps): Hardware => ({
  servers: caches.servers.list(),
  libraries: caches.libraries.list(),
  tapes: caches.tapes.list(),
  switches: caches.switches.list(),
  pools: caches.pools.list(),
});

const grantsIn = (owner: Owner, state: Grant['state']): readonly Grant[] =>
  (owner.object.status?.streams ?? []).filter((grant) => grant.state === state);

const waitingOwners = ({ caches }: Deps): readonly Owner[] => {
  const owners: Owner[] = [
    ...caches.jobs.list().map((object): Owner => ({ kind: 'BackupJob', object })),
    ...caches.restores.list().map((object): Owner => ({ kind: 'Restore', object })),
  ];
  return owners.filter((owner) => grantsIn(owner, 'Allocating').length + grantsIn(owner, 'Waiting').length > 0);
};

const applicantOf = (owner: Owner, nowMs: number): Applicant | undefined => {
  const { status, metadata } = owner.object;
  const waiting = grantsIn(owner, 'Waiting');
  if (waiting.length === 0 || status?.ending !== undefined || metadata.deletionTimestamp !== undefined)
    return undefined;
  // Seen in the middle of an intent: what it needs is known when the caches show what became of that.
  if (grantsIn(owner, 'Allocating').length > 0) return undefined;
  const since = waiting.map((grant) => Date.parse(grant.startedAt ?? '')).filter((ms) => !Number.isNaN(ms));
  const common = {
    kind: owner.kind,
    name: keyOfRef(refOfOwner(owner)),
    uid: uidOf(owner),
    createdAtMs: Date.parse(metadata.creationTimestamp ?? ''),
    ...(status?.processNumber === undefined ? {} : { processNumber: status.processNumber }),
    waitingSinceMs: since.length === 0 ? nowMs : Math.min(...since),
    neighbours: (status?.streams ?? []).filter(holds).map(neighbourOf),
  };
  return owner.kind === 'BackupJob'
    ? { ...common, ...jobWish(owner.object, waiting) }
    : { ...common, ...restoreWish(owner.object, waiting) };
};

/** Steps 2 to 4. @returns false when it was rolled back */
const claim = async (
  deps: Deps,
  seen: Owner,
  allotments: Extract<Answer, { kind: 'grant' }>['allotments'],
  signal: AbortSignal,
): Promise<boolean> => {
  const read = await readOwner(deps.api, seen, signal);
  if (read === undefined || read.object.metadata.deletionTimestamp !== undefined) return false;
  // The first set is counted otherwise than replacements are.
  if (waitsForFirstSet(read.object.status) !== waitsForFirstSet(seen.object.status)) return false;
  const held = await holdOwner(deps.api, read, signal);
  if (held === undefined) return false;
  const intended = await writeIntent(deps, held, allotments, signal);
  if (intended === undefined) return false;
  const grants = grantsIn(intended, 'Allocating');
  const job = identityOf(intended);
  const wanted = grants
    .flatMap((grant) => unitsOf(grant).map((unit) => ({ unit, holder: holderOf(job, grant) })))
    .sort((a, b) => inClaimOrder(a.unit, b.unit));
  for (const { unit, holder } of wanted) {
    if ((await claimUnit(deps.api, unit, holder, signal)) !== 'claimed') {
      await rollBack(deps, intended, signal);
      return false;
    }
  }
  const reserved = await reserve(deps, intended, grants, signal);
  if (reserved === undefined) {
    await rollBack(deps, intended, signal);
    return false;
  }
  announce(deps, reserved, grants);
  return true;
};

const maxReserveAttempts = 8;

/**
 * Step 4. Others may have written the owner since the intent (progress, a request to cancel); what matters is that the
 * intent stands. A rollback takes it away before it frees anything, so an intent that stands holds its units.
 */
const reserve = async (
  deps: Deps,
  intended: Owner,
  grants: readonly Grant[],
  signal: AbortSignal,
): Promise<Owner | undefined> => {
  let owner: Owner | undefined = intended;
  for (let attempt = 0; attempt < maxReserveAttempts && owner !== undefined; attempt += 1) {
    const standing = grantsIn(owner, 'Allocating');
    if (!grants.every(({ epoch }) => standing.some((one) => one.epoch === epoch))) return undefined;
    const written = await writeOwnerStatus(
      deps.api,
      owner,
      reservation(owner, new Date(deps.clock.now()).toISOString()),
      signal,
    );
    if (written !== undefined) return written;
    owner = await readOwner(deps.api, intended, signal);
  }
  return undefined;
};

const writeIntent = async (
  deps: Deps,
  owner: Owner,
  allotments: Extract<Answer, { kind: 'grant' }>['allotments'],
  signal: AbortSignal,
): Promise<Owner | undefined> => {
  const { status } = owner.object;
  if (status?.ending !== undefined) return undefined;
  // Another leader's: reserving would take it for ours, and its units are not all claimed.
  if (grantsIn(owner, 'Allocating').length > 0) return undefined;
  let epoch = status?.nextEpoch ?? 1;
  const now = new Date(deps.clock.now()).toISOString();
  const streams = (status?.streams ?? []).map((grant) => {
    const allotment = allotments.find((one) => one.stream === grant.number);
    if (allotment === undefined || grant.state !== 'Waiting') return grant;
    return grantFrom(uidOf(owner), allotment, grant, epoch++, now);
  });
  if (streams.filter((grant) => grant.state === 'Allocating').length !== allotments.length) return undefined;
  const machineID = machineFor(owner, allotments[0]?.server.machineId);
  const first = waitsForFirstSet(status);
  return writeOwnerStatus(
    deps.api,
    owner,
    {
      streams,
      nextEpoch: epoch,
      ...(machineID === undefined ? {} : { machineID }),
      ...(first ? { phase: 'Allocating' } : {}),
    },
    signal,
  );
};

const machineFor = (owner: Owner, allotted: string | undefined): string | undefined => {
  if (owner.kind === 'Restore' && owner.object.spec.target.hostPath === undefined) return undefined;
  if (owner.kind === 'Restore') return owner.object.status?.machineID ?? allotted;
  const machine = machineOf(owner.object);
  return machine === undefined ? undefined : (machine.id ?? allotted);
};

const reservation = (owner: Owner, now: string) => {
  const streams = (owner.object.status?.streams ?? []).map((grant): Grant =>
    grant.state === 'Allocating' ? { ...grant, state: 'Reserved' } : grant,
  );
  const first = waitsForFirstSet(owner.object.status);
  // With minRoutes below routes the rest of the first set is not waited for; its own waiting begins here.
  const settled = streams.map((grant): Grant =>
    first && grant.state === 'Waiting' && grant.lostEpoch === undefined
      ? { ...grant, lostEpoch: 0, startedAt: now }
      : grant,
  );
  // F6: an active stream that was lost goes on with what was just secured.
  const replaced = streams.filter(
    ({ state, role, lostEpoch }) => state === 'Reserved' && role === 'Active' && (lostEpoch ?? 0) > 0,
  );
  const before = owner.kind === 'BackupJob' ? (owner.object.status?.failovers ?? 0) : 0;
  const counts =
    owner.kind === 'BackupJob'
      ? { failovers: before + newly(owner, replaced), allocatedAt: owner.object.status?.allocatedAt ?? now }
      : {};
  return { streams: settled, queue: null, reason: '', message: '', ...counts };
};

const newly = (owner: Owner, grants: readonly Grant[]): number =>
  grants.filter(({ epoch }) => grantsIn(owner, 'Allocating').some((one) => one.epoch === epoch)).length;

/** B7: everything that the intent may have claimed is freed; the owner waits again, or not any more. */
const rollBack = async (deps: Deps, seen: Owner, signal: AbortSignal): Promise<void> => {
  const owner = await readOwner(deps.api, seen, signal);
  if (owner === undefined) return;
  const stale = grantsIn(owner, 'Allocating');
  if (stale.length === 0) return;
  const now = new Date(deps.clock.now()).toISOString();
  const streams = (owner.object.status?.streams ?? []).map((grant): Grant => {
    if (grant.state !== 'Allocating') return grant;
    const { number, epoch, role, lostEpoch, tape } = grant;
    const lost = lostEpoch === undefined ? {} : { lostEpoch };
    const wanted = owner.kind === 'Restore' && tape !== undefined ? { tape } : {};
    return { number, epoch, role, state: 'Waiting', startedAt: grant.startedAt ?? now, ...lost, ...wanted };
  });
  if ((await writeOwnerStatus(deps.api, owner, { streams }, signal)) === undefined) return;
  const job = identityOf(owner);
  const frees = stale.flatMap((grant) => unitsOf(grant).map((unit) => ({ unit, holder: holderOf(job, grant) })));
  // Nobody comes back to this intent but the orphan collector: one failure leaves it no more than it must.
  const failures: unknown[] = [];
  for (const { unit, holder } of frees) {
    await freeUnit(deps.api, unit, holder, signal).catch((error: unknown) => void failures.push(error));
  }
  if (failures.length > 0) throw failures[0] instanceof Error ? failures[0] : new Error(String(failures[0]));
};

const announce = (deps: Deps, owner: Owner, grants: readonly Grant[]): void => {
  const since = Date.parse(owner.object.metadata.creationTimestamp ?? '');
  deps.metrics.allocationWaited(owner.kind, Math.max(0, deps.clock.now() - since));
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

const noteWaiting = async (
  deps: Deps,
  owner: Owner,
  refusal: Refusal,
  position: number,
  signal: AbortSignal,
): Promise<void> => {
  const { status } = owner.object;
  const { reason, message } = refusal.shortage;
  const nowMs = deps.clock.now();
  const waiter = waiterOf(owner);
  const patience = decidePatience(waiter, refusal, nowMs);
  if (patience.kind === 'giveUp') {
    event(deps, owner, 'Warning', reason, patience.message);
    const ending = { result: 'Failed' as const, reason, message: patience.message };
    const changes = waiter.first ? { ending } : { streams: without(owner, patience.streams) };
    await writeOwnerStatus(deps.api, owner, changes, signal);
    return;
  }
  const blockedBy = refusal.kind === 'wait' ? [...refusal.blockedBy] : [];
  const since = status?.queue?.since ?? new Date(nowMs).toISOString();
  if (status?.reason !== reason) event(deps, owner, 'Warning', reason, message);
  await writeOwnerStatus(deps.api, owner, { reason, message, queue: { position, since, blockedBy } }, signal);
};

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
