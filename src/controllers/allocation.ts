/**
 * The one allocator. One key, one pass at a time: first intents that a crash left behind are rolled back, then everybody
 * who waits is served in order, all streams of a request or none.
 *
 * The protocol of a grant: intent in the owner's status → each unit by compare-and-swap → Reserved. A rollback writes
 * the owner first and frees after, so that nobody can call the intent Reserved once its units are being freed.
 */
import type { Grant } from '../api/generated/index.ts';
import { grantFrom, inOrder, neighbourOf } from '../decide/allocation/admission.ts';
import type { Answer, Applicant } from '../decide/allocation/admission.ts';
import { holds, waitsForFirstSet } from '../decide/grant/grant.ts';
import type { Hardware } from '../decide/allocation/hardware.ts';
import { answersFor } from '../decide/allocation/queue.ts';
import { hasBegun } from '../decide/restore/restore-area.ts';
import { jobWish, machineOf, restoreWish } from '../decide/allocation/wish.ts';
import { done, requeueAfter } from '../kube/controller.ts';
import type { Reconcile } from '../kube/controller.ts';
import { keyOfRef } from '../kube/key.ts';
import { readReach } from './claims.ts';
import type { Deps } from './deps.ts';
import { claimUnit, freeUnit, holderOf, inClaimOrder, unitsOf } from './holders.ts';
import { grantsIn, holdOwner, identityOf, readOwner, refOfOwner, uidOf, writeOwnerStatus } from './owner.ts';
import type { Owner } from './owner.ts';
import { announce, noteWaiting } from './tell-waiting.ts';
import { readOwnTapes } from './own-tapes.ts';

/** The allocator's only key. */
export const allocationKey = 'queue';

const recheckMs = 5_000;
const retryMs = 200;

export const makeAllocationReconciler =
  (deps: Deps): Reconcile =>
  async (_key, signal) => {
    const failures: unknown[] = [];
    // What fails for one owner keeps nobody else waiting.
    const each = async <T>(owner: Owner, act: () => Promise<T>): Promise<T | undefined> => {
      try {
        return await act();
      } catch (error) {
        signal.throwIfAborted();
        deps.log.warn(
          { owner: `${owner.kind} ${keyOfRef(refOfOwner(owner))}`, err: error },
          'allocation failed for one owner',
        );
        failures.push(error);
        return undefined;
      }
    };
    const owners = waitingOwners(deps);
    let retry = false;
    for (const owner of owners) {
      if (grantsIn(owner, 'Allocating').length === 0) continue;
      retry = (await each(owner, () => rollBack(deps, owner, signal).then(() => true))) ?? retry;
    }
    const queue = await readQueue(deps, owners, each, signal);
    retry = (await serve(deps, queue, each, signal)) || retry;
    if (retry) return requeueAfter(retryMs);
    // Nothing else moved either: tried again with back-off, and counted.
    if (failures.length > 0) throw failures[0];
    return queue.length > 0 ? requeueAfter(recheckMs) : done;
  };

type Each = <T>(owner: Owner, act: () => Promise<T>) => Promise<T | undefined>;

interface Queued {
  /** Its place, from 1. */
  readonly position: number;
  readonly owner: Owner;
  readonly applicant: Applicant;
}

const readQueue = async (
  deps: Deps,
  owners: readonly Owner[],
  each: Each,
  signal: AbortSignal,
): Promise<readonly Queued[]> => {
  const queue: Omit<Queued, 'position'>[] = [];
  for (const owner of owners) {
    const applicant = applicantOf(owner, deps.clock.now());
    if (applicant === undefined) continue;
    const read = await each(owner, async () => {
      const own = owner.kind === 'BackupJob' ? await readOwnTapes(deps, owner.object, signal) : [];
      const claim = await readReach(deps, owner.object, signal);
      const need = { ...applicant.need, own, ...(claim === undefined ? {} : { claim }) };
      return { owner, applicant: { ...applicant, need } };
    });
    if (read !== undefined) queue.push(read);
  }
  return queue
    .sort((a, b) => inOrder(a.applicant, b.applicant))
    .map((one, before) => ({ ...one, position: before + 1 }));
};

/** @returns whether the next pass will see something else */
const serve = async (deps: Deps, queue: readonly Queued[], each: Each, signal: AbortSignal): Promise<boolean> => {
  const applicants = queue.map(({ applicant }) => applicant);
  const answers = answersFor(applicants, hardwareOf(deps), deps.clock.now());
  for (const [at, outcome] of answers.entries()) {
    const queued = queue[at];
    if (queued === undefined) break;
    const { owner, applicant, position } = queued;
    if (outcome.kind !== 'grant') {
      await each(owner, () => noteWaiting(deps, owner, outcome, position, signal));
      continue;
    }
    // What is claimed is not in the caches yet: the next pass sees it, and answers those behind.
    const claimed = await each(owner, () => claim(deps, owner, outcome.allotments, signal));
    if (claimed === undefined) {
      const others = queue.filter((one) => one !== queued);
      return serve(deps, others, each, signal);
    }
    const { kind, name } = applicant;
    if (!claimed) deps.log.info({ owner: `${kind} ${name}` }, 'a unit was taken in between: trying again');
    return true;
  }
  return false;
};

export const hardwareOf = ({ caches }: Deps): Hardware => ({
  servers: caches.servers.list(),
  libraries: caches.libraries.list(),
  tapes: caches.tapes.list(),
  switches: caches.switches.list(),
  pools: caches.pools.list(),
});

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
  if (hadNone(read)) {
    const since = Date.parse(read.object.metadata.creationTimestamp ?? '');
    deps.metrics.allocationWaited(read.kind, Math.max(0, deps.clock.now() - since));
  }
  return true;
};

/** Later sets, of what was resumed, lost or read to its end, have waited from another moment on. */
const hadNone = (owner: Owner): boolean => {
  if (owner.kind === 'BackupJob')
    return waitsForFirstSet(owner.object.status) && owner.object.status?.suspendedSeconds === undefined;
  const { status = {} } = owner.object;
  return !hasBegun(status) && status.replacements === undefined;
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
