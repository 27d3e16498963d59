import type { KubeObject, ObjectMeta, Resource } from './api.ts';
import type {
  ConfigMap,
  KubeEvent,
  Lease,
  Namespace,
  Node,
  PersistentVolume,
  PersistentVolumeClaim,
  Pod,
  Secret,
  ServiceAccount,
  VolumeSnapshot,
  VolumeSnapshotClass,
} from './core-types.ts';

const core = <T extends KubeObject>(kind: string, plural: string, namespaced = true): Resource<T> => ({
  group: '',
  version: 'v1',
  kind,
  plural,
  namespaced,
});

export const pods = core<Pod>('Pod', 'pods');
export const nodes = core<Node>('Node', 'nodes', false);
export const namespaces = core<Namespace>('Namespace', 'namespaces', false);
export const configMaps = core<ConfigMap>('ConfigMap', 'configmaps');
export const secrets = core<Secret>('Secret', 'secrets');
export const serviceAccounts = core<ServiceAccount>('ServiceAccount', 'serviceaccounts');
export const persistentVolumeClaims = core<PersistentVolumeClaim>('PersistentVolumeClaim', 'persistentvolumeclaims');
export const persistentVolumes = core<PersistentVolume>('PersistentVolume', 'persistentvolumes', false);

const snapshotGroup = { group: 'snapshot.storage.k8s.io', version: 'v1' };

export const volumeSnapshots: Resource<VolumeSnapshot> = {
  ...snapshotGroup,
  kind: 'VolumeSnapshot',
  plural: 'volumesnapshots',
  namespaced: true,
};

export const volumeSnapshotClasses: Resource<VolumeSnapshotClass> = {
  ...snapshotGroup,
  kind: 'VolumeSnapshotClass',
  plural: 'volumesnapshotclasses',
  namespaced: false,
};

export const leases: Resource<Lease> = {
  group: 'coordination.k8s.io',
  version: 'v1',
  kind: 'Lease',
  plural: 'leases',
  namespaced: true,
};

export const events: Resource<KubeEvent> = {
  group: 'events.k8s.io',
  version: 'v1',
  kind: 'Event',
  plural: 'events',
  namespaced: true,
};

/** An object of which only the metadata is known or kept. */
export interface MetadataOnly extends KubeObject {
  readonly metadata?: ObjectMeta;
}
