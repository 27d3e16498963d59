/** Hardware as the API shows it, for tests of decisions: all usable unless a test says otherwise. */
import type {
  BackupServer,
  Holder,
  LibraryDriveStatus,
  MediaPool,
  Tape,
  TapeLibrary,
} from '../../../src/api/generated/index.ts';
import type { Hardware, Need } from '../../../src/decide/allocation/hardware.ts';

export const holder = (name: string, stream = 0, epoch = 1): Holder => ({
  ...{ kind: 'BackupJob', namespace: 'default', name, uid: `uid of ${name}`, epoch, processNumber: 1, stream },
});

export const aServer = (name: string, status: BackupServer['status'] = {}): BackupServer => ({
  metadata: { name },
  spec: {
    node: `node of ${name}`,
    maxStreams: 1,
    hostPaths: [{ prefix: '/data', namespaces: ['default'], readOnly: true }],
  },
  status: { state: 'Usable', machineID: 'machine-0', bootID: 'b', ...status },
});

export const aLibrary = (name: string, drives: readonly Partial<LibraryDriveStatus>[] = [{}]): TapeLibrary => ({
  metadata: { name },
  spec: {
    driver: { virtual: { folder: '/x' } },
    servers: ['server-0', 'server-1'],
    drives: drives.map((_, index) => ({ name: `drive-${index}`, elementAddress: 256 + index, disabled: false })),
    disabled: false,
  },
  status: {
    state: 'Usable',
    lastInventory: '2030-01-01T00:00:00.000Z',
    drives: drives.map((more, index) => ({ name: `drive-${index}`, state: 'Usable', ...more })),
  },
});

export const aTape = (name: string, library: string, status: Tape['status'] = {}): Tape => ({
  metadata: { name },
  spec: { library, barcode: name.toUpperCase(), pool: 'default', worm: false, disabled: false },
  status: { state: 'Scratch', freeState: 'Scratch', ...status },
});

export const aPool = (namespaces: readonly string[] = ['default']): MediaPool =>
  ({ metadata: { name: 'default' }, spec: { allowedNamespaces: [...namespaces] } }) as unknown as MediaPool;

/** Two of everything. */
export const pair = (more: Partial<Hardware> = {}): Hardware => ({
  servers: [aServer('server-0'), aServer('server-1')],
  libraries: [aLibrary('lib-0'), aLibrary('lib-1')],
  tapes: [aTape('t0', 'lib-0'), aTape('t1', 'lib-1')],
  switches: [],
  pools: [aPool()],
  ...more,
});

export const aNeed = (more: Partial<Need> = {}): Need => ({
  owner: 'u',
  namespace: 'default',
  hostPath: { path: '/data/x', write: false },
  tapes: { kind: 'pool', pool: 'default' },
  avoid: {},
  ...more,
});
