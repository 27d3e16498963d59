/**
 * Whether and where a PersistentVolumeClaim can be read or written: pure.
 *
 * A claim is reached through an anchor pod, which mounts it in its own namespace on the server's node; the worker reads
 * it where the kubelet has mounted it for that pod. So a node without a kubelet can't reach one.
 */
import type { HostFolder } from '../../api/worker-order.ts';
import { anchorName, labels, mediaServerTaint } from '../../api/names.ts';
import { bounded } from '../../api/status-text.ts';
import type {
  Node,
  NodeSelectorRequirement,
  NodeSelectorTerm,
  PersistentVolume,
  PersistentVolumeClaim,
  Pod,
} from '../../kube/core-types.ts';

export interface ClaimWish {
  readonly namespace: string;
  readonly name: string;
  /** Folder within it; empty: all of it. */
  readonly path: string;
  readonly block: boolean;
  readonly write: boolean;
  /** Not itself is read, but clones of a snapshot. */
  readonly snapshot?: boolean;
  /** It may be made later: it is waited for until then. */
  readonly awaited: boolean;
}

export interface SeenClaim {
  readonly claim: PersistentVolumeClaim | undefined;
  readonly volume: PersistentVolume | undefined;
  /** Pods of the claim's namespace. */
  readonly pods: readonly Pod[];
  readonly nodes: readonly Node[];
  /** Of whoever asks: its own anchors are in nobody's way. */
  readonly ownerUid: string;
  /** Nodes of grants that it holds already. */
  readonly heldOn: readonly string[];
}

export interface ClaimReach {
  readonly kind: 'reachable';
  /** With claim and access mode, for messages. */
  readonly what: string;
  /** Nodes on which it can be mounted. */
  readonly nodes: readonly string[];
  /** It can be mounted on one node at a time. */
  readonly oneNode: boolean;
}

export interface ClaimRefusal {
  /** `never`: waiting does not help. */
  readonly kind: 'wait' | 'never';
  readonly message: string;
}

const refuse = (kind: ClaimRefusal['kind'], message: string): ClaimRefusal => ({
  kind,
  message: bounded(message, 'detail'),
});

export const reachOf = (wish: ClaimWish, seen: SeenClaim): ClaimReach | ClaimRefusal => {
  const { claim, volume } = seen;
  const title = `claim ${wish.namespace}/${wish.name}`;
  if (wish.block) {
    return refuse('never', `${title}: volumeMode Block is not supported by this version: back up a file system`);
  }
  if (claim === undefined && wish.awaited) {
    return refuse('wait', `${title} does not exist: it is waited for until it is made (whenUnavailable: Wait)`);
  }
  if (claim === undefined) return refuse('never', `${title} does not exist`);
  if (claim.spec?.volumeMode === 'Block') {
    return refuse('never', `${title} is of volumeMode Block, which is not supported by this version`);
  }
  const modes = claim.spec?.accessModes ?? [];
  const what = `${title} (${modes.join(', ')})`;
  if (claim.status?.phase === 'Lost') return refuse('never', `${what} has lost its volume`);
  if (claim.status?.phase !== 'Bound' || volume === undefined) {
    const how = 'it is waited for until it is; one of a class with WaitForFirstConsumer is bound when a pod uses it';
    return refuse('wait', `${what} is not bound to a volume: ${how}`);
  }
  if (wish.write && !modes.some((mode) => mode !== 'ReadOnlyMany')) return refuse('never', `${what} can't be written`);
  const problem = unsupportedVolume(volume) ?? (wish.snapshot === true ? noSnapshotOf(claim, volume) : undefined);
  if (problem !== undefined) return refuse('never', `${what}: ${problem}`);
  if (wish.snapshot === true) return clonePlaces(what, volume, seen.nodes);
  return placesOf(what, modes, volume, wish, seen);
};

/** The claim's volume, once each names the other: a claim may name any volume, somebody else's too. */
export const boundVolume = (
  claim: PersistentVolumeClaim | undefined,
  volume: PersistentVolume | undefined,
): PersistentVolume | undefined => {
  const { namespace, name, uid } = volume?.spec?.claimRef ?? {};
  const isIts =
    uid !== undefined &&
    uid === claim?.metadata?.uid &&
    name === claim.metadata.name &&
    namespace === claim.metadata.namespace;
  return isIts && claim.status?.phase === 'Bound' ? volume : undefined;
};

const placesOf = (
  what: string,
  modes: readonly string[],
  volume: PersistentVolume,
  wish: ClaimWish,
  seen: SeenClaim,
): ClaimReach | ClaimRefusal => {
  const users = seen.pods.filter((pod) => uses(pod, wish.name));
  const isOwn = ({ metadata }: Pod): boolean => metadata?.labels?.[labels.jobUid] === seen.ownerUid;
  const other = users.find((pod) => !isOwn(pod));
  if (modes.length === 1 && modes[0] === 'ReadWriteOncePod' && other !== undefined) {
    const who = `pod ${other.metadata?.name ?? ''} on node ${other.spec?.nodeName ?? 'none yet'}`;
    return refuse('wait', `${what} is in use by ${who}, and no second pod may mount it`);
  }
  const able = seen.nodes.filter((node) => hasKubelet(node) && admits(volume, node)).map(nameOf);
  const oneNode = !modes.some((mode) => mode === 'ReadWriteMany' || mode === 'ReadOnlyMany');
  // An own anchor that could not mount it binds it to no node.
  const mounting = users.filter((pod) => !isOwn(pod) || pod.status?.phase === 'Running');
  const mounted = [...new Set([...mounting.flatMap(({ spec }) => spec?.nodeName ?? []), ...seen.heldOn])];
  const nodes = oneNode && mounted.length > 0 ? able.filter((name) => mounted.includes(name)) : able;
  const where = oneNode && mounted.length > 0 ? `${what}, mounted on node ${mounted.join(', ')},` : what;
  if (nodes.length > 0) return { kind: 'reachable', what: where, nodes, oneNode };
  const why = 'its node affinity, and a kubelet, which nodes of the node agent lack';
  return refuse('wait', `${where} can't be mounted on any node that has ${why}`);
};

const noSnapshotOf = ({ spec }: PersistentVolumeClaim, volume: PersistentVolume): string | undefined => {
  if (volume.spec?.csi === undefined)
    return `snapshots are taken of volumes of CSI drivers only, and ${volume.metadata?.name ?? 'its volume'} is none`;
  return (spec?.storageClassName ?? '') === ''
    ? 'it names no storage class, by which clones of a snapshot could be made'
    : undefined;
};

/** A clone is nobody else's: who uses the claim is in no one's way. A driver makes it where the volume itself may be. */
const clonePlaces = (what: string, volume: PersistentVolume, nodes: readonly Node[]): ClaimReach | ClaimRefusal => {
  const able = nodes.filter((node) => hasKubelet(node) && admits(volume, node)).map(nameOf);
  if (able.length > 0) return { kind: 'reachable', what: `a snapshot of ${what}`, nodes: able, oneNode: false };
  return refuse('wait', `a clone of ${what} can't be mounted on any node that has its node affinity, and a kubelet`);
};

/** Pods that have ended let go of it. */
const uses = ({ spec, status }: Pod, claim: string): boolean =>
  status?.phase !== 'Succeeded' &&
  status?.phase !== 'Failed' &&
  (spec?.volumes ?? []).some((volume) => volume.persistentVolumeClaim?.claimName === claim);

const nameOf = ({ metadata }: Node): string => metadata?.name ?? '';

/** The node agent labels its nodes as it taints them. */
const hasKubelet = ({ metadata }: Node): boolean => metadata?.labels?.[mediaServerTaint] === undefined;

/** @returns whether the volume's node affinity lets the node mount it */
export const admits = ({ spec }: PersistentVolume, node: Node): boolean => {
  const terms = spec?.nodeAffinity?.required?.nodeSelectorTerms;
  return terms === undefined || terms.some((term) => termHolds(term, node));
};

/** A term without any requirement matches nothing, as in the scheduler. */
const termHolds = ({ matchExpressions = [], matchFields = [] }: NodeSelectorTerm, node: Node): boolean =>
  matchExpressions.length + matchFields.length > 0 &&
  matchExpressions.every((one) => holdsFor(one, node.metadata?.labels?.[one.key])) &&
  matchFields.every((one) => holdsFor(one, one.key === 'metadata.name' ? nameOf(node) : undefined));

const holdsFor = ({ operator, values = [] }: NodeSelectorRequirement, value: string | undefined): boolean => {
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value);
    case 'NotIn':
      return value === undefined || !values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
    case 'Gt':
      return Number(value) > Number(values[0]);
    case 'Lt':
      return Number(value) < Number(values[0]);
  }
};

const unsupportedVolume = ({ metadata, spec }: PersistentVolume): string | undefined =>
  spec === undefined || pluginOf(spec) === undefined
    ? `volume ${metadata?.name ?? ''} is of a kind that this version can't read (csi, nfs, local and hostPath it can)`
    : undefined;

type VolumeSpec = NonNullable<PersistentVolume['spec']>;

const pluginOf = (spec: VolumeSpec): 'csi' | 'nfs' | 'local' | 'hostPath' | undefined =>
  (['csi', 'nfs', 'local', 'hostPath'] as const).find((plugin) => spec[plugin] !== undefined);

/**
 * Where a kubelet has mounted the volume for a pod (its volume plugins' GetPath). What a hostPath volume names is used in
 * its own place: the kubelet mounts it nowhere else.
 */
export const mountedAt = (volume: PersistentVolume, kubeletRoot: string, podUid: string): string => {
  const name = volume.metadata?.name ?? '';
  const spec = volume.spec ?? {};
  const volumes = `${kubeletRoot}/pods/${podUid}/volumes`;
  switch (pluginOf(spec)) {
    case 'csi':
      return `${volumes}/kubernetes.io~csi/${name}/mount`;
    case 'nfs':
      return `${volumes}/kubernetes.io~nfs/${name}`;
    case 'local':
      return `${volumes}/kubernetes.io~local-volume/${name}`;
    case 'hostPath':
      return spec.hostPath?.path ?? '';
    case undefined:
      throw new TypeError(`volume ${name} is of no kind that can be read`);
  }
};

/** What of the mount is meant: the claim's root is the prefix, and no link leads out of it. */
export const folderIn = ({ name, path }: ClaimWish): HostFolder => ({
  prefix: `claim ${name}:`,
  beneath: path.replace(/\/+$/, ''),
});

export type AnchorState = 'starting' | 'ready' | 'ended';

export interface AnchorFacts {
  readonly name: string;
  readonly uid: string;
  readonly node: string;
  /** Name of what it mounts. */
  readonly claim?: string;
  readonly state: AnchorState;
  readonly deleting: boolean;
  readonly ageMs: number;
  /** Why it does not run. */
  readonly why: string;
}

export const anchorFacts = (pod: Pod, why: string, nowMs: number): AnchorFacts => {
  const { metadata, spec, status } = pod;
  const [container] = status?.containerStatuses ?? [];
  const over =
    status?.phase === 'Failed' || status?.phase === 'Succeeded' || container?.state?.terminated !== undefined;
  const state = over ? 'ended' : container?.state?.running !== undefined ? 'ready' : 'starting';
  const { waiting, terminated } = container?.state ?? {};
  const told = [
    status?.reason,
    status?.message,
    waiting?.reason,
    waiting?.message,
    terminated?.reason,
    terminated?.message,
    why,
  ];
  return {
    name: metadata?.name ?? '',
    uid: metadata?.uid ?? '',
    node: spec?.nodeName ?? '',
    claim: spec?.volumes?.[0]?.persistentVolumeClaim?.claimName ?? '',
    state,
    deleting: metadata?.deletionTimestamp !== undefined,
    ageMs: Math.max(0, nowMs - Date.parse(metadata?.creationTimestamp ?? '')),
    why: told.filter((part) => part !== undefined && part !== '').join(': '),
  };
};

/** A pod that somebody else made may bear an anchor's name and labels: it is none, unless it mounts what is meant. */
export const anchorOf = (wish: ClaimWish, facts: AnchorFacts): AnchorFacts =>
  wish.snapshot === true || facts.claim === wish.name
    ? facts
    : { ...facts, state: 'ended', why: `it does not mount claim ${wish.name}` };

/**
 * The pod that keeps the claim mounted on the node; undefined while it does not.
 *
 * @param clone that is meant instead
 */
export const readyOn = (
  anchors: readonly AnchorFacts[],
  node: string,
  ownerUid: string,
  clone = '',
): AnchorFacts | undefined =>
  anchors.find(
    (one) =>
      one.name === anchorName(ownerUid, node, clone) &&
      (clone === '' || one.claim === clone) &&
      one.state === 'ready' &&
      !one.deleting,
  );

/** Any of the job's clones that is mounted on the node: they all show the same. */
export const readyCloneOn = (
  anchors: readonly AnchorFacts[],
  node: string,
  ownerUid: string,
): AnchorFacts | undefined =>
  anchors.find((one) => one.node === node && readyOn([one], node, ownerUid, one.claim) !== undefined);
