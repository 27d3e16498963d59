/** The objects of a snapshot and of its clones in the user's namespace, made and read. Pure. */
import { labels } from '../../api/names.ts';
import type { JobIdentity } from '../../api/worker-order.ts';
import type { ObjectMeta, OwnerReference } from '../../kube/api.ts';
import type { PersistentVolumeClaim, ResourceList, VolumeSnapshot } from '../../kube/core-types.ts';
import type { CloneFacts, SnapshotFacts } from './clones.ts';
import { parseQuantity } from '../units.ts';
import { jobLabels } from '../grant/worker-pod.ts';

interface Made {
  readonly name: string;
  readonly job: JobIdentity;
  readonly owner: OwnerReference;
}

const metadataOf = ({ name, job, owner }: Made): ObjectMeta => ({
  name,
  namespace: job.namespace,
  labels: { 'app.kubernetes.io/name': 'twinreel', [labels.snapshot]: 'true', ...jobLabels(job) },
  ownerReferences: [owner],
});

export interface SnapshotPlan extends Made {
  readonly claim: string;
  /** Undefined: the driver's default. */
  readonly className: string | undefined;
}

export const snapshotObject = (plan: SnapshotPlan): VolumeSnapshot => ({
  apiVersion: 'snapshot.storage.k8s.io/v1',
  kind: 'VolumeSnapshot',
  metadata: metadataOf(plan),
  spec: {
    source: { persistentVolumeClaimName: plan.claim },
    ...(plan.className === undefined ? {} : { volumeSnapshotClassName: plan.className }),
  },
});

export interface ClonePlan extends Made {
  readonly node: string;
  readonly source: PersistentVolumeClaim;
  readonly snapshot: VolumeSnapshot;
}

/**
 * What a scheduler writes for a class that binds when a pod uses the claim. The pod that uses this one comes past the
 * scheduler, and only when the claim is bound.
 */
const selectedNode = 'volume.kubernetes.io/selected-node';

export const cloneClaim = (plan: ClonePlan): PersistentVolumeClaim => {
  const { spec } = plan.source;
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { ...metadataOf(plan), annotations: { [selectedNode]: plan.node } },
    spec: {
      accessModes: spec?.accessModes ?? ['ReadWriteOnce'],
      ...(spec?.storageClassName === undefined ? {} : { storageClassName: spec.storageClassName }),
      resources: { requests: sizeOf(plan) },
      dataSource: {
        apiGroup: 'snapshot.storage.k8s.io',
        kind: 'VolumeSnapshot',
        name: plan.snapshot.metadata?.name ?? '',
      },
    },
  };
};

/** Drivers refuse a clone that is smaller than the snapshot; some do not say how large that is. */
const sizeOf = ({ source, snapshot }: ClonePlan): ResourceList => {
  const told = snapshot.status?.restoreSize ?? '';
  if (told !== '' && parseQuantity(told) > 0) return { storage: told };
  const storage = source.status?.capacity?.['storage'] ?? source.spec?.resources?.requests?.['storage'] ?? '1Gi';
  return { storage };
};

export const snapshotFacts = ({ metadata, status }: VolumeSnapshot): SnapshotFacts => ({
  uid: metadata?.uid ?? '',
  deleting: metadata?.deletionTimestamp !== undefined,
  ready: status?.readyToUse === true,
  ...(status?.creationTime === undefined ? {} : { takenAt: status.creationTime }),
  ...(status?.error === undefined ? {} : { error: status.error.message ?? 'its driver gives no reason' }),
});

/** @param why what its provisioner says */
export const cloneFacts = ({ metadata, status }: PersistentVolumeClaim, why: string, nowMs: number): CloneFacts => ({
  name: metadata?.name ?? '',
  uid: metadata?.uid ?? '',
  state: status?.phase === 'Bound' ? 'bound' : status?.phase === 'Lost' ? 'lost' : 'pending',
  deleting: metadata?.deletionTimestamp !== undefined,
  ageMs: Math.max(0, nowMs - Date.parse(metadata?.creationTimestamp ?? '')),
  why,
});
