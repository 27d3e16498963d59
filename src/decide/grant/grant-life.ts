/**
 * One grant from Reserved to freed: zones and tape before the work (step 5 of the allocation), the proof that the pod is
 * gone, the unloading, the zones and the holders after it (step 7). Jobs and restores share it.
 */
import { bounded, boundedReason } from '../../api/status-text.ts';
import { lossOfAction } from './action-pod.ts';
import type { ActionView } from './action-pod.ts';
import { holds, loadPodName, unloadPodName, grantName } from './grant.ts';
import type { Grant, GrantState } from './grant.ts';
import type { PodFacts } from './pod-facts.ts';
import { podRefused, withoutRefused } from './refused.ts';
import type { Refusable } from './refused.ts';
import type { Domain, Fault, Step } from '../step.ts';

/** What can be seen around a grant; all of it may be a little old. */
export interface GrantView {
  /** Uid of the job or restore. */
  readonly ownerUid: string;
  readonly pods: ReadonlyMap<string, PodFacts>;
  /** Libraries whose robot another action uses. */
  readonly busyLibraries: ReadonlySet<string>;
  /** The grant's node was started again since its pod ran, or an administrator vouches for the fence. */
  readonly fenceVouched: (grant: Grant) => boolean;
  /** Why its server or library can't be acted on: somebody deleted the object. */
  readonly gone?: (grant: Grant) => Fault | undefined;
  /** Why a pod that could not be created is not waited for any more. */
  readonly refused?: (held: Refusable, pod: string) => Fault | undefined;
  /** How pods that load and unload are judged; absent: they are waited for as long as they take. */
  readonly actions?: ActionView;
}

export interface Progress {
  readonly grant: Grant;
  readonly steps: readonly Step[];
  readonly fault?: Fault;
}

/** After so many failed attempts an unload parks drive and tape as NotUsable instead of holding the job up. */
export const maxUnloadAttempts = 3;

/** What was refused was asked for in the state before. */
const withState = (grant: Grant, state: GrantState): Grant =>
  grant.state === state ? grant : { ...withoutRefused(grant), state };

const still = (grant: Grant): Progress => ({ grant, steps: [] });

/** From Reserved to Ready: zones, then load and label check by an action pod. */
export const prepareGrant = (reserved: Grant, view: GrantView): Progress => {
  const grant = withState(reserved, 'Preparing');
  const gone = view.gone?.(grant);
  if (gone !== undefined) return { grant, steps: [], fault: gone };
  if (grant.zoned !== true) return { grant, steps: [{ kind: 'zone', grant }] };
  const name = loadPodName(view.ownerUid, grant);
  const pod = view.pods.get(name);
  if (pod === undefined) {
    const refused = view.refused?.(grant, name);
    if (refused !== undefined) return { grant, steps: [], fault: refused };
    const busy = view.busyLibraries.has(grant.library ?? '');
    return busy ? still(grant) : { grant, steps: [{ kind: 'launchLoad', grant }] };
  }
  const lost = lossOf(pod, view);
  if (lost !== undefined) return { grant, steps: [], fault: lost };
  if (pod.state !== 'ended') return still(grant);
  const told = pod.exit?.message;
  if (pod.exit?.code === 0 && told?.outcome === 'succeeded' && told.tape !== undefined) {
    return { grant, steps: [{ kind: 'noteLoaded', grant, facts: told.tape }] };
  }
  return { grant, steps: [], fault: faultOfPod(pod) };
};

/** What an ended pod reports, or what its end without a word means. */
export const faultOfPod = (pod: PodFacts): Fault => {
  const told = pod.exit?.message;
  if (told !== undefined) {
    const { reason, message, lostBytes } = told;
    const domain = domainOf(told.fault);
    return { reason: boundedReason(reason), message: bounded(message, 'detail'), domain, lostBytes: lostBytes ?? 0 };
  }
  if (pod.exit?.reason === 'OOMKilled') return outOfMemory(pod);
  const code = pod.exit?.code ?? 'unknown';
  const message = `pod ${pod.name} ended with exit code ${code} (${pod.exit?.reason ?? 'no reason'}) and left no message`;
  return { reason: 'WorkerDied', message: bounded(message, 'detail'), domain: 'worker', lostBytes: 0 };
};

/** The same limit holds for every pod of that server: it is tried elsewhere. */
const outOfMemory = ({ name, node }: PodFacts): Fault => {
  const message =
    `pod ${name} on ${node} was killed for lack of memory: raise spec.pod.resources.limits.memory of its BackupServer, ` +
    'or free memory on the node';
  return { reason: 'OutOfMemory', message: bounded(message, 'detail'), domain: 'server', lostBytes: 0 };
};

const domainOf = (told: string | undefined): Domain => {
  switch (told) {
    case 'drive':
    case 'tape':
    case 'changer':
    case 'route':
    case 'server':
    case 'source':
    case 'target':
      return told;
    default:
      return 'worker';
  }
};

/**
 * From Fencing to freed. Another writer may use the tape only when every container of the grant's pods is terminated,
 * or they never came to be, or the fence is vouched for. A pod that vanished proves nothing by itself; then the unload
 * does, since it needs the drive's lock, which a living writer holds.
 */
export const releaseGrant = (held: Grant, view: GrantView): Progress => {
  const names = [grantName(view.ownerUid, held), loadPodName(view.ownerUid, held)];
  const pods = names.flatMap((name) => view.pods.get(name) ?? []);
  const stale = pods.filter((pod) => !pod.deleting);
  const deletions = stale.map(deletionOf);
  if (pods.some((pod) => pod.state !== 'ended') && !view.fenceVouched(held)) {
    return { grant: withState(held, 'Fencing'), steps: deletions };
  }
  const lifted = pods
    .filter((pod) => pod.fenced)
    .map((pod): Step => ({ kind: 'liftFence', grant: held, pod: pod.name, uid: pod.uid }));
  const untouched = neverLoaded(held, view) ? { ...held, unloaded: true } : held;
  const { grant, steps } = unload(withState(untouched, 'Releasing'), view);
  return { grant, steps: [...lifted, ...deletions, ...steps] };
};

/** Where no load could start, an unload hardly can: the tape is where it was, and is not to be parked for that. */
const neverLoaded = (held: Grant, { ownerUid, pods }: GrantView): boolean => {
  if (held.loaded === true) return false;
  const pod = pods.get(loadPodName(ownerUid, held));
  if (held.reason === podRefused) return pod === undefined;
  return held.reason === 'PodNotStarted' && pod?.exit?.neverRan === true;
};

const lossOf = (pod: PodFacts, { actions }: GrantView): Fault | undefined =>
  actions === undefined ? undefined : lossOfAction(pod, actions);

/** A load starts only once the zones are noted: a grant without them never touched its drive. */
const unload = (grant: Grant, view: GrantView): Progress => {
  if (grant.unloaded === true || grant.zoned !== true) return { grant, steps: [{ kind: 'free', grant }] };
  const given = givenUp(grant, view);
  if (given.length > 0 && !view.fenceVouched(grant)) {
    const deletions = given.filter((pod) => !pod.deleting).map(deletionOf);
    return { grant: withState(grant, 'Fencing'), steps: deletions };
  }
  const pod = view.pods.get(unloadPodName(view.ownerUid, grant));
  if (pod === undefined) return launchUnload(grant, view);
  if (pod.state !== 'ended') return judgeUnload(grant, pod, view);
  const clear = deletionOf(pod);
  const told = pod.exit?.message;
  if (pod.exit?.code === 0 && told?.outcome === 'succeeded') {
    const slot = told.slot === undefined ? {} : { slot: told.slot };
    return { grant, steps: [{ kind: 'noteUnloaded', grant, ...slot }, clear] };
  }
  return afterFailure(grant, faultOfPod(pod), [clear]);
};

const afterFailure = (grant: Grant, { reason, message }: Fault, clear: readonly Step[]): Progress => {
  const failed = again(grant);
  if (failed.unloadAttempts < maxUnloadAttempts) return { grant: failed, steps: clear };
  return { grant: failed, steps: [{ kind: 'park', grant: failed, reason, message }, ...clear] };
};

const deletionOf = (pod: PodFacts): Step => ({ kind: 'deletePod', pod: pod.name, uid: pod.uid });

const again = (grant: Grant): Grant & { readonly unloadAttempts: number } => ({
  ...withoutRefused(grant),
  unloadAttempts: (grant.unloadAttempts ?? 0) + 1,
});

/** Pods of former attempts that nobody saw end: they may still move the tape. */
const givenUp = (grant: Grant, { ownerUid, pods }: GrantView): readonly PodFacts[] =>
  Array.from({ length: grant.unloadAttempts ?? 0 }, (_, unloadAttempts) => {
    const pod = pods.get(unloadPodName(ownerUid, { ...grant, unloadAttempts }));
    return pod === undefined || pod.state === 'ended' ? [] : [pod];
  }).flat();

const judgeUnload = (grant: Grant, pod: PodFacts, view: GrantView): Progress =>
  lossOf(pod, view) === undefined
    ? still(grant)
    : { grant: withState(again(grant), 'Fencing'), steps: pod.deleting ? [] : [deletionOf(pod)] };

/** Not always on the grant's own server: that may be what was lost. After each failure it is another one's turn. */
const launchUnload = (grant: Grant, view: GrantView): Progress => {
  const attempts = grant.unloadAttempts ?? 0;
  const gone = view.gone?.(grant);
  if (gone?.domain === 'changer') {
    // As after the last attempt: nobody got the drive's lock, so nothing is proven.
    const last: Grant = { ...grant, unloadAttempts: maxUnloadAttempts };
    return { grant: last, steps: [{ kind: 'park', grant: last, reason: gone.reason, message: gone.message }] };
  }
  if (attempts >= maxUnloadAttempts) {
    const message = `${grant.barcode ?? ''} could not be unloaded in ${attempts} attempts`;
    return { grant, steps: [{ kind: 'park', grant, reason: 'NotUnloaded', message }] };
  }
  const refused = view.refused?.(grant, unloadPodName(view.ownerUid, grant));
  if (refused !== undefined) return afterFailure(grant, refused, []);
  if (view.busyLibraries.has(grant.library ?? '')) return still(grant);
  const servers = view.actions?.unloadServers(grant) ?? [grant.server ?? ''];
  const server = servers[attempts % Math.max(1, servers.length)];
  // Held until a server comes back: the job does not wait for that longer than for any other fence.
  return server === undefined
    ? still(withState(grant, 'Fencing'))
    : { grant, steps: [{ kind: 'launchUnload', grant, server }] };
};

/** Frees everything that is held, wherever it stands. */
export const releaseAll = (grants: readonly Grant[], view: GrantView): readonly Progress[] =>
  grants.map((grant) => (holds(grant) ? releaseGrant(grant, view) : still(grant)));
