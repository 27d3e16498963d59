/** Hardware as the API would give it, with defaults filled in; each call changes what it names. */
import type {
  BackupJob,
  BackupServer,
  FCSwitch,
  Grant,
  Holder,
  MediaPool,
  Tape,
  TapeLibrary,
} from '../../src/api/generated/index.ts';
import type { Node } from '../../src/kube/core-types.ts';

export const uid = '1a2b3c4d-0000-4000-8000-000000000001';

export const holder = (changes: Partial<Holder> = {}): Holder => ({
  kind: 'BackupJob',
  namespace: 'default',
  name: 'job',
  uid,
  epoch: 3,
  processNumber: 7,
  stream: 1,
  ...changes,
});

export const grant = (changes: Partial<Grant> = {}): Grant => ({
  number: 1,
  epoch: 3,
  role: 'Active',
  state: 'Running',
  server: 'server-0',
  library: 'library-0',
  drive: 'drive-0',
  tape: 'tape-0',
  switches: ['switch-0'],
  ...changes,
});

export const server = (name = 'server-0', status?: BackupServer['status'], spec: Partial<BackupServer['spec']> = {}) =>
  ({
    metadata: { name, uid: `uid-${name}`, resourceVersion: '1', generation: 1 },
    spec: { node: name, maxStreams: 2, hostPaths: [], ...spec },
    ...(status === undefined ? {} : { status }),
  }) satisfies BackupServer;

export const library = (status?: TapeLibrary['status'], changes: Partial<TapeLibrary['spec']> = {}): TapeLibrary => ({
  metadata: { name: 'library-0', uid: 'uid-library-0', resourceVersion: '1', generation: 1 },
  spec: {
    driver: { virtual: { folder: '/libraries/library-0' } },
    servers: ['server-0', 'server-1'],
    drives: [
      { name: 'drive-0', elementAddress: 256, disabled: false },
      { name: 'drive-1', elementAddress: 257, disabled: false },
    ],
    disabled: false,
    ...changes,
  },
  ...(status === undefined ? {} : { status }),
});

export const tape = (name = 'tape-0', status?: Tape['status'], spec: Partial<Tape['spec']> = {}): Tape => ({
  metadata: { name, uid: `uid-${name}`, resourceVersion: '1', generation: 1 },
  spec: { library: 'library-0', barcode: name.toUpperCase(), pool: 'default', worm: false, disabled: false, ...spec },
  ...(status === undefined ? {} : { status }),
});

export const pool = (name: string, spec: Partial<MediaPool['spec']> = {}): MediaPool => ({
  metadata: { name, resourceVersion: '1' },
  spec: { allowedNamespaces: ['*'], worm: false, ...spec },
});

export const fcSwitch = (status?: FCSwitch['status']): FCSwitch => ({
  metadata: { name: 'switch-0', uid: 'uid-switch-0', resourceVersion: '1', generation: 1 },
  spec: { driver: 'simulated', fabric: 'fabric-0', disabled: false },
  ...(status === undefined ? {} : { status }),
});

export const node = (name = 'server-0', ready: 'True' | 'False' | 'Unknown' = 'True', bootID = 'boot-1'): Node => ({
  metadata: { name },
  status: {
    conditions: [{ type: 'Ready', status: ready, reason: 'KubeletReady', message: 'as told' }],
    nodeInfo: {
      machineID: 'machine-1',
      bootID,
      systemUUID: '',
      kernelVersion: '',
      osImage: '',
      containerRuntimeVersion: '',
      kubeletVersion: '',
      kubeProxyVersion: '',
      operatingSystem: 'linux',
      architecture: 'amd64',
    },
  },
});

export const job = (status?: BackupJob['status'], metadata: Partial<BackupJob['metadata']> = {}): BackupJob => ({
  metadata: { namespace: 'default', name: 'job', uid, ...metadata },
  spec: {
    source: { hostPath: { path: '/data', shared: false }, include: [], exclude: [], oneFileSystem: true },
    routes: 2,
    minCopies: 1,
    mediaPool: 'default',
    disjointness: { server: 'Required', library: 'Preferred', switch: 'Preferred' },
    whenUnavailable: 'Wait',
    stallTimeout: '5m',
    maxReplacements: 4,
    priority: 0,
    retention: {},
    compression: 'None',
    verify: 'None',
    suspend: false,
    cancel: false,
  },
  ...(status === undefined ? {} : { status }),
});
