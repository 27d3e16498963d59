/** Snapshots of claims and their clones: what is known of them, how they are made and how they go. */
import type { BackupJob, Grant } from '../api/generated/index.ts';
import { labels } from '../api/names.ts';
import { apiVersion } from '../api/resources.ts';
import { claimWishOf } from '../decide/claim/anchors.ts';
import { cloneOf } from '../decide/claim/clones.ts';
import type { CloneFacts, SnapshotView } from '../decide/claim/clones.ts';
import { classRefusal } from '../decide/claim/snapshot-class.ts';
import { cloneClaim, cloneFacts, snapshotFacts, snapshotObject } from '../decide/claim/snapshot-objects.ts';
import { isApiError } from '../kube/api.ts';
import type { OwnerReference } from '../kube/api.ts';
import type { PersistentVolumeClaim, VolumeSnapshot } from '../kube/core-types.ts';
import {
  events,
  persistentVolumeClaims,
  persistentVolumes,
  volumeSnapshotClasses,
  volumeSnapshots,
} from '../kube/resources.ts';
import { createIfAbsent, deleteIfPresent, getIfPresent } from '../kube/writes.ts';
import type { Deps } from './deps.ts';
import type { ActContext } from './grant-acts.ts';
import type { Outcome } from './outcome.ts';

/** Why no snapshot of the claim can be had, where waiting does not help; told before anything is secured. */
export const snapshotRefusal = async (deps: Deps, job: BackupJob, signal: AbortSignal): Promise<string | undefined> => {
  const wish = claimWishOf(job);
  const { snapshot } = job.spec.source;
  if (wish === undefined || snapshot === undefined) return undefined;
  const claim = await getIfPresent(deps.api, persistentVolumeClaims, wish, signal);
  const name = claim?.spec?.volumeName;
  const volume = name === undefined ? undefined : await getIfPresent(deps.api, persistentVolumes, { name }, signal);
  return classRefusal(snapshot.volumeSnapshotClassName, volume?.spec?.csi?.driver, await readClasses(deps, signal));
};

/** Undefined where the cluster does not serve the kind: nothing else makes a list of it NotFound. */
const readClasses = async (deps: Deps, signal: AbortSignal) => {
  try {
    return (await deps.api.list(volumeSnapshotClasses, {}, signal)).items;
  } catch (error) {
    if (isApiError(error, 'NotFound')) return undefined;
    throw error;
  }
};

/** Straight from the API: what a cluster may not serve is not followed. */
export const observeSnapshot = async (
  deps: Deps,
  job: BackupJob,
  signal: AbortSignal,
): Promise<SnapshotView | undefined> => {
  const wish = claimWishOf(job);
  if (wish?.snapshot !== true) return undefined;
  const { uid = '', namespace = '' } = job.metadata;
  const known = job.status?.snapshot;
  const none = { uid, facts: undefined, clones: [], patienceMs: deps.settings.snapshotMs };
  if (known === undefined) return none;
  const wanted = known.ready === true ? undefined : { namespace, name: known.name };
  const seen = wanted === undefined ? undefined : await getIfPresent(deps.api, volumeSnapshots, wanted, signal);
  const facts = seen !== undefined && isOurs(seen, uid) ? snapshotFacts(seen) : undefined;
  const clones: CloneFacts[] = [];
  for (const claim of known.ready === true ? await listClones(deps, namespace, uid, signal) : []) {
    clones.push(cloneFacts(claim, await trouble(deps, claim, signal), deps.clock.now()));
  }
  return { ...none, facts, clones };
};

const selector = (uid: string): string => `${labels.snapshot}=true,${labels.jobUid}=${uid}`;

/** What is deleted by such a list has to bear the uid, whatever the server made of the selector. */
const listClones = async (deps: Deps, namespace: string, uid: string, signal: AbortSignal) => {
  const options = { namespace, labelSelector: selector(uid) };
  return (await deps.api.list(persistentVolumeClaims, options, signal)).items.filter((claim) => isOurs(claim, uid));
};

/** What the provisioner says of a clone that is late: only events tell. */
const trouble = async (deps: Deps, claim: PersistentVolumeClaim, signal: AbortSignal): Promise<string> => {
  const { namespace = '', name = '', uid, creationTimestamp = '' } = claim.metadata ?? {};
  const ageMs = deps.clock.now() - Date.parse(creationTimestamp);
  if (claim.status?.phase === 'Bound' || ageMs < deps.settings.snapshotMs) return '';
  const { items } = await deps.api.list(events, { namespace, fieldSelector: `regarding.name=${name}` }, signal);
  const last = items.filter(({ type, regarding }) => type === 'Warning' && regarding?.uid === uid).at(-1);
  return last === undefined ? '' : `${last.reason ?? ''}: ${last.note ?? ''}`;
};

/** With the job they go, even where nobody is left to clear them away. */
const ownerOf = ({ job }: ActContext): OwnerReference => ({
  apiVersion,
  kind: job.kind,
  name: job.name,
  uid: job.uid,
});

const refused = (message: string): Outcome => ({ kind: 'snapshotRefused', message });

/** What another attempt does not change is told in the job's status: a quota, a policy, a kind that is not served. */
const orRefused = async <T>(what: string, make: () => Promise<T>): Promise<T | Outcome> => {
  try {
    return await make();
  } catch (error) {
    if (isApiError(error, 'NotFound', 'Forbidden', 'Invalid')) return refused(`${what}: ${error.message}`);
    throw error;
  }
};

const isRefusal = (value: object): value is Outcome => 'kind' in value && value.kind === 'snapshotRefused';

export const takeSnapshot = async (context: ActContext, job: BackupJob): Promise<Outcome | undefined> => {
  const { deps, job: identity, signal } = context;
  const [wish, name] = [claimWishOf(job), job.status?.snapshot?.name];
  if (wish === undefined || name === undefined) return undefined;
  const { volumeSnapshotClassName: className } = job.spec.source.snapshot ?? {};
  const snapshot = snapshotObject({ name, job: identity, owner: ownerOf(context), claim: wish.name, className });
  const made = await orRefused(`snapshot ${name} was not taken`, () =>
    createIfAbsent(deps.api, volumeSnapshots, snapshot, signal),
  );
  if (isRefusal(made)) return made;
  return isOurs(made.object, identity.uid) ? undefined : refused(`VolumeSnapshot ${name} is another one’s`);
};

const isOurs = ({ metadata }: VolumeSnapshot | PersistentVolumeClaim, uid: string): boolean =>
  metadata?.labels?.[labels.jobUid] === uid;

export const ensureClone = async (context: ActContext, job: BackupJob, grant: Grant): Promise<Outcome | undefined> => {
  const { deps, job: identity, signal } = context;
  const [wish, name] = [claimWishOf(job), job.status?.snapshot?.name];
  if (wish === undefined || name === undefined || grant.node === undefined) return undefined;
  const { namespace } = wish;
  const source = await getIfPresent(deps.api, persistentVolumeClaims, wish, signal);
  const snapshot = await getIfPresent(deps.api, volumeSnapshots, { namespace, name }, signal);
  if (source === undefined) return refused(`claim ${namespace}/${wish.name} is gone: its snapshot is not cloned`);
  if (snapshot === undefined || !isOurs(snapshot, identity.uid)) return refused(`snapshot ${name} is gone`);
  const clone = cloneOf(identity, grant);
  const claim = cloneClaim({
    ...{ name: clone, job: identity, owner: ownerOf(context), node: grant.node },
    ...{ source, snapshot },
  });
  const made = await orRefused(`clone ${clone} was not made`, () =>
    createIfAbsent(deps.api, persistentVolumeClaims, claim, signal),
  );
  if (isRefusal(made)) return made;
  return isOurs(made.object, identity.uid) ? undefined : refused(`claim ${clone} is another one’s`);
};

export const dropClone = async ({ deps, job, signal }: ActContext, name: string, uid: string): Promise<void> => {
  await deleteIfPresent(deps.api, persistentVolumeClaims, { namespace: job.namespace, name }, { uid }, signal);
};

/** Clones and snapshots of the job, whatever its status knows of them. Finalizers of the storage order their end. */
export const dropSnapshots = async (context: ActContext, owner: BackupJob): Promise<void> => {
  const { deps, job, signal } = context;
  if (claimWishOf(owner)?.snapshot !== true) return;
  for (const { metadata } of await listClones(deps, job.namespace, job.uid, signal)) {
    if (metadata?.deletionTimestamp === undefined) await dropClone(context, metadata?.name ?? '', metadata?.uid ?? '');
  }
  for (const { metadata } of await listSnapshots(context)) {
    if (metadata?.deletionTimestamp !== undefined) continue;
    const { name = '', uid = '' } = metadata ?? {};
    await deleteIfPresent(deps.api, volumeSnapshots, { namespace: job.namespace, name }, { uid }, signal);
  }
};

const listSnapshots = async ({ deps, job, signal }: ActContext): Promise<readonly VolumeSnapshot[]> => {
  const options = { namespace: job.namespace, labelSelector: selector(job.uid) };
  try {
    const { items } = await deps.api.list(volumeSnapshots, options, signal);
    return items.filter((snapshot) => isOurs(snapshot, job.uid));
  } catch (error) {
    // A cluster that does not serve them has none.
    if (isApiError(error, 'NotFound')) return [];
    throw error;
  }
};
