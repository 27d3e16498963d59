/**
 * What a CSI driver's sidecars do, on folders of this machine: the snapshotter copies the folder that a volume's handle
 * names, the provisioner fills a volume from such a copy. Above it everything is real: CRDs, snapshot-controller, binder.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import path from 'node:path';
import type { Api, KubeObject, Resource } from '../../src/kube/api.ts';
import type { PersistentVolume, PersistentVolumeClaim } from '../../src/kube/core-types.ts';
import { persistentVolumeClaims, persistentVolumes, volumeSnapshots } from '../../src/kube/resources.ts';
import { playUntilAborted } from './kubelet-stand-in.ts';

export const driver = 'folders.twinreel.test';
export const storageClass = 'folders';
export const snapshotClass = 'folder-snapshots';

interface VolumeSnapshotContent extends KubeObject {
  readonly spec?: { readonly driver: string; readonly source: { readonly volumeHandle?: string } };
  readonly status?: {
    readonly snapshotHandle?: string;
    readonly readyToUse?: boolean;
    readonly error?: { readonly message?: string };
  };
}

export const volumeSnapshotContents: Resource<VolumeSnapshotContent> = {
  ...{ group: 'snapshot.storage.k8s.io', version: 'v1' },
  ...{ kind: 'VolumeSnapshotContent', plural: 'volumesnapshotcontents', namespaced: false },
};

export type Trouble =
  /** Every attempt fails. */
  | 'fails'
  /** Cut, and never readable. */
  | 'neverReady'
  /** Its clones are never filled. */
  | 'neverCloned';

const boundProtection = 'snapshot.storage.kubernetes.io/volumesnapshotcontent-bound-protection';
const selectedNode = 'volume.kubernetes.io/selected-node';
const size = '1Gi';

/** The part of a volume's spec by which a node mounts the folder. */
export type VolumeOf = (folder: string) => Partial<NonNullable<PersistentVolume['spec']>>;

/** Read in its own place: no kubelet has to mount it. */
const inPlace: VolumeOf = (folder) => ({ hostPath: { path: folder } });

/** Mounted by the driver's plugin of a node. */
export const byDriver: VolumeOf = (folder) => ({ csi: { driver, volumeHandle: folder } });

export class CsiStandIn {
  /** By the volume's folder. */
  readonly troubles = new Map<string, Trouble>();
  /** Called when a folder was cut. */
  onCut: (folder: string) => void = () => undefined;
  /** Names of clones that were filled, with the nodes that they were made for. */
  readonly filled = new Map<string, string>();
  /** Snapshots that were cut. */
  cuts = 0;
  readonly #api: Api;
  readonly #folder: string;
  readonly #volumeOf: VolumeOf;

  /** @param folder for its snapshots and clones */
  constructor(api: Api, folder: string, volumeOf = inPlace) {
    this.#api = api;
    this.#folder = folder;
    this.#volumeOf = volumeOf;
  }

  play(signal: AbortSignal): Promise<void> {
    return playUntilAborted(() => this.#pass(), signal);
  }

  async #pass(): Promise<void> {
    for (const content of (await this.#api.list(volumeSnapshotContents, {})).items) {
      if (content.spec?.driver !== driver) continue;
      if (content.metadata?.deletionTimestamp === undefined) await this.#cut(content);
      else await this.#remove(content);
    }
    for (const claim of (await this.#api.list(persistentVolumeClaims, {})).items) await this.#fill(claim);
    for (const volume of (await this.#api.list(persistentVolumes, {})).items) await this.#reclaim(volume);
  }

  #copyOf(content: VolumeSnapshotContent): string {
    return path.join(this.#folder, `snapshot-${content.metadata?.uid ?? ''}`);
  }

  async #cut(content: VolumeSnapshotContent): Promise<void> {
    const isDone = content.status?.readyToUse === true || content.status?.error !== undefined;
    if (isDone) return;
    const folder = content.spec?.source.volumeHandle ?? '';
    const trouble = this.troubles.get(folder);
    if (trouble === 'fails') {
      const error = { time: new Date().toISOString(), message: 'rpc error: code = Internal desc = no space left' };
      return this.#tell(content, { readyToUse: false, error });
    }
    if (content.status?.snapshotHandle !== undefined) {
      if (trouble === undefined) await this.#tell(content, { readyToUse: true });
      return;
    }
    const snapshotHandle = this.#copyOf(content);
    if (!existsSync(snapshotHandle)) {
      copyFolder(folder, snapshotHandle);
      this.cuts += 1;
      this.onCut(folder);
    }
    const [creationTime, restoreSize] = [Date.now() * 1_000_000, 2 ** 30];
    await this.#tell(content, { snapshotHandle, creationTime, restoreSize, readyToUse: trouble !== 'neverReady' });
  }

  async #tell({ metadata }: VolumeSnapshotContent, status: object): Promise<void> {
    const ref = { name: metadata?.name ?? '' };
    await this.#api.patch(volumeSnapshotContents, ref, { status }, { type: 'merge', subresource: 'status' });
  }

  /** As the snapshotter does it: the copy, then the finalizer. */
  async #remove(content: VolumeSnapshotContent): Promise<void> {
    rmSync(this.#copyOf(content), { recursive: true, force: true });
    const finalizers = (content.metadata?.finalizers ?? []).filter((one) => one !== boundProtection);
    const change = { metadata: { finalizers } };
    await this.#api.patch(volumeSnapshotContents, { name: content.metadata?.name ?? '' }, change, { type: 'merge' });
  }

  /** Of a class that waits for its first consumer: only for the node that was chosen. */
  async #fill(claim: PersistentVolumeClaim): Promise<void> {
    const { name = '', namespace = '', uid = '', annotations, deletionTimestamp } = claim.metadata ?? {};
    const from = claim.spec?.dataSource;
    const node = annotations?.[selectedNode];
    const isOver = deletionTimestamp !== undefined || claim.status?.phase !== 'Pending';
    if (isOver || claim.spec?.storageClassName !== storageClass || from?.kind !== 'VolumeSnapshot') return;
    const copy = await this.#readable(namespace, from.name);
    const volume = `pvc-${uid}`;
    if (copy === undefined || node === undefined || this.filled.has(name)) return;
    const folder = path.join(this.#folder, volume);
    copyFolder(copy, folder);
    await this.#api.create(persistentVolumes, {
      metadata: { name: volume },
      spec: {
        capacity: { storage: size },
        accessModes: claim.spec.accessModes ?? [],
        storageClassName: storageClass,
        persistentVolumeReclaimPolicy: 'Retain',
        ...this.#volumeOf(folder),
        claimRef: { kind: 'PersistentVolumeClaim', apiVersion: 'v1', namespace, name, uid },
        nodeAffinity: onNode(node),
      },
    });
    this.filled.set(name, node);
  }

  async #readable(namespace: string, name: string): Promise<string | undefined> {
    const snapshots = (await this.#api.list(volumeSnapshots, { namespace })).items;
    const snapshot = snapshots.find(({ metadata }) => metadata?.name === name);
    const contents = (await this.#api.list(volumeSnapshotContents, {})).items;
    const content = contents.find(({ metadata }) => metadata?.name === `snapcontent-${snapshot?.metadata?.uid ?? ''}`);
    const trouble = this.troubles.get(content?.spec?.source.volumeHandle ?? '');
    return content?.status?.readyToUse === true && trouble !== 'neverCloned'
      ? content.status.snapshotHandle
      : undefined;
  }

  async #reclaim({ metadata, status }: PersistentVolume): Promise<void> {
    const name = metadata?.name ?? '';
    if (status?.phase !== 'Released' || !name.startsWith('pvc-') || metadata?.deletionTimestamp !== undefined) return;
    rmSync(path.join(this.#folder, name), { recursive: true, force: true });
    await this.#api.delete(persistentVolumes, { name });
  }
}

/** With owners, modes and times to the nanosecond. */
export const copyFolder = (from: string, to: string): void => void execFileSync('cp', ['-a', from, to]);

/** By a label, as drivers say it: kubelets and schedulers do not look at the names of nodes here. */
export const onNode = (name: string) => ({
  required: {
    nodeSelectorTerms: [
      { matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In' as const, values: [name] }] },
    ],
  },
});

export const snapshotClassObject = {
  apiVersion: 'snapshot.storage.k8s.io/v1',
  kind: 'VolumeSnapshotClass',
  metadata: { name: snapshotClass },
  driver,
  deletionPolicy: 'Delete',
};

/** What an administrator makes for the driver. */
export const driverObjects = [
  {
    apiVersion: 'storage.k8s.io/v1',
    kind: 'CSIDriver',
    metadata: { name: driver },
    spec: { attachRequired: false },
  },
  {
    apiVersion: 'storage.k8s.io/v1',
    kind: 'StorageClass',
    metadata: { name: storageClass },
    provisioner: driver,
    volumeBindingMode: 'WaitForFirstConsumer',
  },
  snapshotClassObject,
];

/** A claim and its volume, which is the folder. */
export const claimObjects = (name: string, folder: string, namespace = 'default') => [
  {
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: { name: `pv-${name}` },
    spec: {
      capacity: { storage: size },
      accessModes: ['ReadWriteOnce'],
      storageClassName: storageClass,
      ...byDriver(folder),
      claimRef: { namespace, name },
    },
  },
  {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name, namespace },
    spec: {
      accessModes: ['ReadWriteOnce'],
      storageClassName: storageClass,
      volumeName: `pv-${name}`,
      resources: { requests: { storage: size } },
    },
  },
];
