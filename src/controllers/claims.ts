/** Claims of users: what is known of them, and the anchor pods that keep them mounted in their own namespace. */
import type { BackupJob, Grant, Restore } from '../api/generated/index.ts';
import { labels } from '../api/names.ts';
import type { HostFolder } from '../api/worker-order.ts';
import { anchorPod } from '../decide/claim/anchor-pod.ts';
import { claimWishOf } from '../decide/claim/anchors.ts';
import type { ClaimView } from '../decide/claim/anchors.ts';
import {
  anchorFacts,
  anchorOf,
  boundVolume,
  folderIn,
  mountedAt,
  reachOf,
  readyCloneOn,
  readyOn,
} from '../decide/claim/claims.ts';
import type { AnchorFacts, ClaimReach, ClaimRefusal, ClaimWish } from '../decide/claim/claims.ts';
import { cloneOf } from '../decide/claim/clones.ts';
import { holds } from '../decide/grant/grant.ts';
import { sourceNotReachable, targetNotReachable } from '../decide/step.ts';
import type { Step } from '../decide/step.ts';
import type { PersistentVolume, Pod, Volume } from '../kube/core-types.ts';
import { events, persistentVolumeClaims, persistentVolumes, pods } from '../kube/resources.ts';
import { createIfAbsent, deleteIfPresent, getIfPresent } from '../kube/writes.ts';
import type { Deps } from './deps.ts';
import type { ActContext } from './grant-acts.ts';
import { Refusal, orRefusal } from './refusal.ts';
import { observeSnapshot } from './snapshots.ts';

type Owner = BackupJob | Restore;

const isJob = (owner: Owner): owner is BackupJob => 'source' in owner.spec;

const readVolume = async (
  deps: Deps,
  { namespace, name }: Pick<ClaimWish, 'namespace' | 'name'>,
  signal: AbortSignal,
) => {
  const claim = await getIfPresent(deps.api, persistentVolumeClaims, { namespace, name }, signal);
  const bound = claim?.spec?.volumeName;
  const volume =
    bound === undefined ? undefined : await getIfPresent(deps.api, persistentVolumes, { name: bound }, signal);
  return { claim, volume: boundVolume(claim, volume) };
};

/** Straight from the API: who waits is asked for seldom, and a claim that is in use is not granted by mistake. */
export const readReach = async (
  deps: Deps,
  owner: Owner,
  signal: AbortSignal,
): Promise<ClaimReach | ClaimRefusal | undefined> => {
  const wish = claimWishOf(owner);
  if (wish === undefined) return undefined;
  const { claim, volume } = await readVolume(deps, wish, signal);
  const { items } = await deps.api.list(pods, { namespace: wish.namespace }, signal);
  return reachOf(wish, {
    claim,
    volume,
    pods: items,
    nodes: deps.caches.nodes.list(),
    ownerUid: owner.metadata.uid ?? '',
    heldOn: heldOn(owner),
  });
};

/** Where the target could be mounted once what the restore itself holds is let go of. */
export const reachOnceFree = async (
  deps: Deps,
  restore: Restore,
  signal: AbortSignal,
): Promise<ClaimReach | undefined> => {
  const { status, ...rest } = restore;
  const { streams: _held, retired: _leaving, ...free } = status ?? {};
  const reach = await readReach(deps, { ...rest, status: free }, signal);
  return reach?.kind === 'reachable' ? reach : undefined;
};

const heldOn = ({ status }: Owner): readonly string[] =>
  [...(status?.streams ?? []), ...(status?.retired ?? [])]
    .filter((grant: Grant) => holds(grant))
    .flatMap(({ node }) => node ?? []);

/** Labels are anybody's: only what stands in the owner's namespace is its. */
const anchorsOf = ({ caches }: Deps, namespace: string, uid: string): readonly Pod[] =>
  caches.anchors.byIndex('job', uid).filter(({ metadata }) => metadata?.namespace === namespace);

/** The claim of a pass; undefined where none is meant. */
export const observeClaim = async (deps: Deps, owner: Owner, signal: AbortSignal): Promise<ClaimView | undefined> => {
  const wish = claimWishOf(owner);
  if (wish === undefined) return undefined;
  const uid = owner.metadata.uid ?? '';
  const anchors: AnchorFacts[] = [];
  for (const pod of anchorsOf(deps, wish.namespace, uid)) {
    anchors.push(anchorOf(wish, anchorFacts(pod, await trouble(deps, pod, signal), deps.clock.now())));
  }
  const snapshot = isJob(owner) ? await observeSnapshot(deps, owner, signal) : undefined;
  return {
    ...{ what: `claim ${wish.namespace}/${wish.name}`, anchors, startMs: deps.settings.podStartMs },
    ...(snapshot === undefined ? {} : { snapshot }),
  };
};

/** What the kubelet says of a pod that does not start, such as a volume that it can't mount: only events tell. */
const trouble = async (deps: Deps, pod: Pod, signal: AbortSignal): Promise<string> => {
  const { namespace = '', name = '', uid } = pod.metadata ?? {};
  const starts = pod.status?.containerStatuses?.[0]?.state?.running === undefined;
  const ageMs = deps.clock.now() - Date.parse(pod.metadata?.creationTimestamp ?? '');
  if (!starts || ageMs < deps.settings.podStartMs) return '';
  const { items } = await deps.api.list(events, { namespace, fieldSelector: `regarding.name=${name}` }, signal);
  const warnings = items.filter(({ type, regarding }) => type === 'Warning' && regarding?.uid === uid);
  const last = warnings.at(-1);
  return last === undefined ? '' : `${last.reason ?? ''}: ${last.note ?? ''}`;
};

/** @throws Refusal that says of which claim */
export const ensureAnchor = async (
  context: ActContext,
  owner: Owner,
  { grant, clone }: Extract<Step, { readonly kind: 'ensureAnchor' }>,
): Promise<void> => {
  const { deps, job, signal } = context;
  const wish = claimWishOf(owner);
  if (wish === undefined) return;
  const { node = '', server = '' } = grant;
  const tolerations = deps.caches.servers.get(server)?.spec.pod?.tolerations ?? [];
  const { image } = deps.settings;
  const claim = { claimName: clone ?? wish.name, isClone: clone !== undefined, write: wish.write };
  const pod = anchorPod({ job, ...claim, node, image, tolerations });
  const name = pod.metadata?.name ?? '';
  try {
    await orRefusal(name, () => createIfAbsent(deps.api, pods, pod, signal));
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    const what = `claim ${wish.namespace}/${wish.name} could not be mounted on node ${node}: ${error.message}`;
    throw new Refusal(name, wish.write ? targetNotReachable : sourceNotReachable, what, error.cause);
  }
};

export const dropAnchor = async ({ deps, job, signal }: ActContext, name: string, uid: string): Promise<void> => {
  await deleteIfPresent(deps.api, pods, { namespace: job.namespace, name }, { uid }, signal);
};

/** Straight from the API: nobody comes back to what a lagging cache does not show. */
export const dropAnchors = async (context: ActContext, owner: Owner): Promise<void> => {
  const { deps, job, signal } = context;
  if (claimWishOf(owner) === undefined) return;
  const labelSelector = `${labels.anchor}=true,${labels.jobUid}=${job.uid}`;
  const { items } = await deps.api.list(pods, { namespace: job.namespace, labelSelector }, signal);
  for (const { metadata } of items) {
    if (metadata?.deletionTimestamp === undefined) await dropAnchor(context, metadata?.name ?? '', metadata?.uid ?? '');
  }
};

export interface ClaimMount {
  readonly folder: HostFolder;
  readonly volume: Omit<Volume, 'name'>;
}

/**
 * Where the kubelet has mounted the claim, or a clone of it, for the anchor.
 *
 * @param grant whose clone is meant; without one any will do
 * @throws while it has not
 */
export const claimMount = async (
  context: ActContext,
  wish: ClaimWish,
  node: string,
  grant?: Grant,
): Promise<ClaimMount> => {
  const { deps, job, signal } = context;
  const now = deps.clock.now();
  const anchors = anchorsOf(deps, job.namespace, job.uid).map((pod) => anchorOf(wish, anchorFacts(pod, '', now)));
  const anchor =
    wish.snapshot === true && grant === undefined
      ? readyCloneOn(anchors, node, job.uid)
      : readyOn(anchors, node, job.uid, grant === undefined || wish.snapshot !== true ? '' : cloneOf(job, grant));
  const name = wish.snapshot === true ? (anchor?.claim ?? '') : wish.name;
  const volume: PersistentVolume | undefined =
    anchor === undefined ? undefined : (await readVolume(deps, { ...wish, name }, signal)).volume;
  if (anchor === undefined || volume === undefined) {
    throw new Error(`claim ${wish.namespace}/${wish.name} is not mounted on node ${node} any more`);
  }
  const path = mountedAt(volume, deps.settings.kubeletRoot, anchor.uid);
  return { folder: folderIn(wish), volume: { hostPath: { path, type: 'Directory' } } };
};
