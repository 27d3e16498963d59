import { describe, expect, it } from 'vitest';
import { anchorName, labels, mediaServerTaint } from '../../../../src/api/names.ts';
import {
  admits,
  anchorFacts,
  anchorOf,
  boundVolume,
  folderIn,
  mountedAt,
  reachOf,
  readyOn,
} from '../../../../src/decide/claim/claims.ts';
import type { AnchorFacts, ClaimWish, SeenClaim } from '../../../../src/decide/claim/claims.ts';
import type {
  AccessMode,
  Node,
  PersistentVolume,
  PersistentVolumeClaim,
  Pod,
} from '../../../../src/kube/core-types.ts';

const wish: ClaimWish = { namespace: 'shop', name: 'data', path: '', block: false, write: false, awaited: false };

const claim = (modes: readonly AccessMode[], changes: Partial<PersistentVolumeClaim> = {}): PersistentVolumeClaim => ({
  metadata: { namespace: 'shop', name: 'data' },
  spec: { accessModes: modes, volumeName: 'pv-1' },
  status: { phase: 'Bound' },
  ...changes,
});

const volume = (spec: PersistentVolume['spec'] = { csi: { driver: 'd', volumeHandle: 'h' } }): PersistentVolume => ({
  metadata: { name: 'pv-1' },
  spec,
});

const node = (name: string, more: Readonly<Record<string, string>> = {}): Node => ({
  metadata: { name, labels: { 'kubernetes.io/hostname': name, ...more } },
});

const user = (name: string, nodeName: string, jobUid?: string, phase: 'Running' | 'Succeeded' = 'Running'): Pod => ({
  metadata: { name, namespace: 'shop', ...(jobUid === undefined ? {} : { labels: { [labels.jobUid]: jobUid } }) },
  spec: { nodeName, containers: [], volumes: [{ name: 'v', persistentVolumeClaim: { claimName: 'data' } }] },
  status: { phase },
});

const seen = (changes: Partial<SeenClaim> = {}): SeenClaim => ({
  claim: claim(['ReadWriteOnce']),
  volume: volume(),
  pods: [],
  nodes: [node('n0'), node('n1')],
  ownerUid: 'me',
  heldOn: [],
  ...changes,
});

const affinity = (...names: readonly string[]): NonNullable<NonNullable<PersistentVolume['spec']>['nodeAffinity']> => ({
  required: {
    nodeSelectorTerms: [{ matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values: names }] }],
  },
});

describe('where a claim can be mounted', () => {
  it.each([
    { name: 'ReadWriteOnce that nobody uses: on any one node', changes: {}, nodes: ['n0', 'n1'], oneNode: true },
    {
      name: 'ReadWriteOnce in use: on the node that has it',
      changes: { pods: [user('db', 'n1')] },
      nodes: ['n1'],
      oneNode: true,
    },
    {
      name: 'ReadWriteOnce that an own anchor failed to mount: on any one node',
      changes: {
        pods: [{ ...user('anchor', 'n1', 'me'), status: { phase: 'Pending' as const } }],
      },
      nodes: ['n0', 'n1'],
      oneNode: true,
    },
    {
      name: 'ReadWriteOnce that an own anchor has mounted: on that node',
      changes: { pods: [user('anchor', 'n1', 'me')] },
      nodes: ['n1'],
      oneNode: true,
    },
    {
      name: 'ReadWriteOnce whose user has ended: on any one node',
      changes: { pods: [user('db', 'n1', undefined, 'Succeeded')] },
      nodes: ['n0', 'n1'],
      oneNode: true,
    },
    { name: 'ReadWriteOnce with a grant held: there', changes: { heldOn: ['n0'] }, nodes: ['n0'], oneNode: true },
    {
      name: 'ReadWriteMany in use: on all nodes',
      changes: { claim: claim(['ReadWriteMany']), pods: [user('db', 'n1')] },
      nodes: ['n0', 'n1'],
      oneNode: false,
    },
    {
      name: 'a volume with node affinity: on those nodes',
      changes: {
        claim: claim(['ReadWriteMany']),
        volume: volume({ local: { path: '/x' }, nodeAffinity: affinity('n1') }),
      },
      nodes: ['n1'],
      oneNode: false,
    },
    {
      name: 'not on nodes of the node agent',
      changes: { nodes: [node('n0', { [mediaServerTaint]: 'true' }), node('n1')] },
      nodes: ['n1'],
      oneNode: true,
    },
    {
      name: 'ReadWriteOncePod that only the own anchor uses: there',
      changes: { claim: claim(['ReadWriteOncePod']), pods: [user('anchor', 'n0', 'me')] },
      nodes: ['n0'],
      oneNode: true,
    },
  ])('$name', ({ changes, nodes, oneNode }) => {
    expect(reachOf(wish, seen(changes))).toMatchObject({ kind: 'reachable', nodes, oneNode });
  });
});

describe('where a clone of a claim can be mounted', () => {
  const clones = { ...wish, snapshot: true };
  const classed = (modes: readonly AccessMode[], storageClassName = 'fast'): PersistentVolumeClaim =>
    claim(modes, { spec: { accessModes: modes, volumeName: 'pv-1', storageClassName } });

  it('is not bound by who uses the claim', () => {
    const inUse = { claim: classed(['ReadWriteOncePod']), pods: [user('db', 'n1')], heldOn: ['n1'] };
    expect(reachOf(clones, seen(inUse))).toMatchObject({ kind: 'reachable', nodes: ['n0', 'n1'], oneNode: false });
  });

  it('is where the volume may be', () => {
    const csi = { driver: 'd', volumeHandle: 'h' };
    const near = { claim: classed(['ReadWriteOnce']), volume: volume({ csi, nodeAffinity: affinity('n1') }) };
    expect(reachOf(clones, seen(near))).toMatchObject({ nodes: ['n1'] });
    const nowhere = { ...near, volume: volume({ csi, nodeAffinity: affinity('n9') }) };
    expect(reachOf(clones, seen(nowhere))).toMatchObject({ kind: 'wait' });
  });

  it.each([
    {
      name: 'no CSI driver has the volume',
      changes: { claim: classed(['ReadWriteOnce']), volume: volume({ hostPath: { path: '/x' } }) },
      says: 'snapshots are taken of volumes of CSI drivers only, and pv-1 is none',
    },
    { name: 'it has no class', changes: { claim: classed(['ReadWriteOnce'], '') }, says: 'it names no storage class' },
  ])('is nowhere when $name', ({ changes, says }) => {
    const refusal = reachOf(clones, seen(changes));
    expect(refusal).toMatchObject({ kind: 'never' });
    expect(JSON.stringify(refusal)).toContain(says);
  });
});

it('a claim that is not there yet is waited for by who waits', () => {
  expect(reachOf({ ...wish, awaited: true }, seen({ claim: undefined }))).toEqual({
    kind: 'wait',
    message: 'claim shop/data does not exist: it is waited for until it is made (whenUnavailable: Wait)',
  });
});

describe('a claim that can not be reached', () => {
  it.each([
    { name: 'does not exist', changes: { claim: undefined }, kind: 'never', says: 'claim shop/data does not exist' },
    {
      name: 'has lost its volume',
      changes: { claim: claim(['ReadWriteOnce'], { status: { phase: 'Lost' } }) },
      kind: 'never',
      says: 'has lost its volume',
    },
    {
      name: 'is not bound yet',
      changes: { claim: claim(['ReadWriteOnce'], { status: { phase: 'Pending' } }), volume: undefined },
      kind: 'wait',
      says: 'claim shop/data (ReadWriteOnce) is not bound to a volume',
    },
    {
      name: 'is of volumeMode Block',
      changes: { claim: claim([], { spec: { volumeMode: 'Block' } }) },
      kind: 'never',
      says: 'volumeMode Block',
    },
    {
      name: 'is used by a pod and may be by one only',
      changes: { claim: claim(['ReadWriteOncePod']), pods: [user('db', 'n1')] },
      kind: 'wait',
      says: 'claim shop/data (ReadWriteOncePod) is in use by pod db on node n1',
    },
    {
      name: 'is mounted on a node that the volume does not admit',
      changes: { volume: volume({ local: { path: '/x' }, nodeAffinity: affinity('n9') }) },
      kind: 'wait',
      says: "can't be mounted on any node",
    },
    {
      name: 'lies on a volume of an unknown kind',
      changes: { volume: volume({ capacity: { storage: '1Gi' } }) },
      kind: 'never',
      says: 'volume pv-1 is of a kind',
    },
  ])('$name', ({ changes, kind, says }) => {
    const found = reachOf(wish, seen(changes));
    expect(found).toMatchObject({ kind });
    expect('message' in found ? found.message : '').toContain(says);
  });

  it('is asked for as a device', () => {
    expect(reachOf({ ...wish, block: true }, seen())).toMatchObject({ kind: 'never' });
  });

  it('is read-only and meant to be written', () => {
    const found = reachOf({ ...wish, write: true }, seen({ claim: claim(['ReadOnlyMany']) }));
    expect(found).toMatchObject({ kind: 'never', message: "claim shop/data (ReadOnlyMany) can't be written" });
  });
});

describe('node affinity', () => {
  it.each([
    { operator: 'In' as const, values: ['a'], label: 'a', holds: true },
    { operator: 'In' as const, values: ['a'], label: 'b', holds: false },
    { operator: 'NotIn' as const, values: ['a'], label: 'b', holds: true },
    { operator: 'Exists' as const, values: [], label: 'b', holds: true },
    { operator: 'DoesNotExist' as const, values: [], label: 'b', holds: false },
    { operator: 'Gt' as const, values: ['3'], label: '4', holds: true },
    { operator: 'Lt' as const, values: ['3'], label: '4', holds: false },
  ])('$operator $values of $label is $holds', ({ operator, values, label, holds }) => {
    const required = { nodeSelectorTerms: [{ matchExpressions: [{ key: 'zone', operator, values }] }] };
    expect(admits(volume({ nodeAffinity: { required } }), node('n0', { zone: label }))).toBe(holds);
  });

  it('knows a node by its name, and holds for nothing where a term is empty', () => {
    const byName = { matchFields: [{ key: 'metadata.name', operator: 'In' as const, values: ['n0'] }] };
    expect(admits(volume({ nodeAffinity: { required: { nodeSelectorTerms: [byName] } } }), node('n0'))).toBe(true);
    expect(admits(volume({ nodeAffinity: { required: { nodeSelectorTerms: [{}] } } }), node('n0'))).toBe(false);
  });
});

describe('the folder of a mounted claim', () => {
  it.each([
    { spec: { csi: { driver: 'd', volumeHandle: 'h' } }, path: '/k/pods/u/volumes/kubernetes.io~csi/pv-1/mount' },
    { spec: { nfs: { server: 's', path: '/' } }, path: '/k/pods/u/volumes/kubernetes.io~nfs/pv-1' },
    { spec: { local: { path: '/disk' } }, path: '/k/pods/u/volumes/kubernetes.io~local-volume/pv-1' },
    { spec: { hostPath: { path: '/srv/pv' } }, path: '/srv/pv' },
  ])('is $path', ({ spec, path }) => {
    expect(mountedAt(volume(spec), '/k', 'u')).toBe(path);
  });

  it('is resolved beneath the claim', () => {
    expect(folderIn({ ...wish, path: 'a/b/' })).toEqual({ prefix: 'claim data:', beneath: 'a/b' });
  });
});

describe("a claim's volume", () => {
  const claim: PersistentVolumeClaim = {
    metadata: { namespace: 'shop', name: 'data', uid: 'c-1' },
    spec: { volumeName: 'pv-1' },
    status: { phase: 'Bound' },
  };
  const own = { namespace: 'shop', name: 'data', uid: 'c-1' };

  it('is the one that names the claim, once both are bound', () => {
    expect(boundVolume(claim, volume({ claimRef: own }))).toMatchObject({ metadata: { name: 'pv-1' } });
    expect(boundVolume({ ...claim, status: { phase: 'Pending' } }, volume({ claimRef: own }))).toBeUndefined();
    expect(boundVolume(undefined, volume({ claimRef: own }))).toBeUndefined();
    expect(boundVolume(claim, undefined)).toBeUndefined();
  });

  it.each([
    { whose: 'of another namespace', claimRef: { ...own, namespace: 'other' } },
    { whose: 'of another name', claimRef: { ...own, name: 'other' } },
    { whose: 'of a claim of this name that was there before', claimRef: { ...own, uid: 'c-0' } },
    { whose: 'that is meant for the claim and not bound yet', claimRef: { namespace: 'shop', name: 'data' } },
    { whose: "that is nobody's", claimRef: undefined },
  ])('is none $whose, whatever the claim names', ({ claimRef }) => {
    expect(boundVolume(claim, volume(claimRef === undefined ? {} : { claimRef }))).toBeUndefined();
  });
});

describe('an anchor', () => {
  const pod = (status: Pod['status'], deleted = false): Pod => ({
    metadata: {
      name: anchorName('me', 'n0'),
      uid: 'u',
      creationTimestamp: new Date(0).toISOString(),
      ...(deleted ? { deletionTimestamp: 'now' } : {}),
    },
    spec: { nodeName: 'n0', containers: [] },
    ...(status === undefined ? {} : { status }),
  });
  const container = (state: NonNullable<NonNullable<Pod['status']>['containerStatuses']>[number]['state']) => ({
    containerStatuses: [
      {
        name: 'anchor',
        image: '',
        imageID: '',
        ready: true,
        restartCount: 0,
        ...(state === undefined ? {} : { state }),
      },
    ],
  });

  it('is ready when its container runs, and counts no more once it is being deleted', () => {
    const running = container({ running: {} });
    expect(readyOn([anchorFacts(pod(running), '', 5)], 'n0', 'me')).toMatchObject({ uid: 'u', ageMs: 5 });
    expect(readyOn([anchorFacts(pod(running), '', 5)], 'n1', 'me')).toBeUndefined();
    expect(readyOn([anchorFacts(pod(running, true), '', 5)], 'n0', 'me')).toBeUndefined();
  });

  it('is none of the claim if it mounts another, or nothing', () => {
    const running = container({ running: {} });
    const mounting = (claimName: string): Pod => ({
      ...pod(running),
      spec: { nodeName: 'n0', containers: [], volumes: [{ name: 'claim', persistentVolumeClaim: { claimName } }] },
    });
    const seen = (one: Pod): AnchorFacts => anchorOf(wish, anchorFacts(one, '', 5));
    expect(seen(mounting('data')).state).toBe('ready');
    for (const other of [mounting('other'), pod(running)])
      expect(seen(other)).toMatchObject({ state: 'ended', why: 'it does not mount claim data' });
    expect(anchorOf({ ...wish, snapshot: true }, anchorFacts(mounting('tw-clone'), '', 5)).state).toBe('ready');
  });

  it('tells why it does not run', () => {
    const waiting = container({ waiting: { reason: 'ImagePullBackOff', message: 'no such image' } });
    expect(anchorFacts(pod(waiting), 'FailedMount: no', 5)).toMatchObject({
      state: 'starting',
      why: 'ImagePullBackOff: no such image: FailedMount: no',
    });
    expect(anchorFacts(pod({ phase: 'Failed', reason: 'Evicted' }), '', 5)).toMatchObject({
      state: 'ended',
      why: 'Evicted',
    });
    expect(anchorFacts(pod(undefined), '', 5).state).toBe('starting');
  });
});
