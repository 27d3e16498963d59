import type { BackupJob, Grant, Restore } from '../../../src/api/generated/index.ts';
import type { Work } from '../../../src/cli/observe.ts';

export const nowMs = Date.parse('2026-11-23T12:00:00Z');
export const ago = (seconds: number): string => new Date(nowMs - seconds * 1000).toISOString();

const jobSpec: BackupJob['spec'] = {
  source: { hostPath: { path: '/data', shared: false }, include: [], exclude: [], oneFileSystem: true },
  routes: 2,
  minCopies: 1,
  mediaPool: 'default',
  disjointness: { server: 'Required', library: 'Required', switch: 'Preferred' },
  whenUnavailable: 'Wait',
  stallTimeout: '2m',
  maxReplacements: 3,
  priority: 0,
  retention: {},
  compression: 'None',
  verify: 'None',
  suspend: false,
  cancel: false,
};

export const jobOf = (name: string, status?: BackupJob['status'], namespace = 'default'): Work => ({
  kind: 'BackupJob',
  object: {
    metadata: { name, namespace, creationTimestamp: ago(300) },
    spec: jobSpec,
    ...(status !== undefined && { status }),
  },
});

export const restoreOf = (name: string, status?: Restore['status']): Work => ({
  kind: 'Restore',
  object: {
    metadata: { name, namespace: 'default', creationTimestamp: ago(90) },
    spec: {
      from: { backupJob: 'nightly' },
      paths: ['docs'],
      escapedPaths: [],
      target: { hostPath: { path: '/out' } },
      conflict: 'Fail',
      preferStreams: [],
      whenUnavailable: 'Wait',
      priority: 100,
      stallTimeout: '2m',
      cancel: false,
    },
    ...(status !== undefined && { status }),
  },
});

export const runningGrant: Grant = {
  number: 0,
  epoch: 1,
  role: 'Active',
  state: 'Running',
  server: 'server-0',
  switches: ['switch-0', 'switch-1'],
  library: 'library-0',
  drive: 'drive-1',
  tape: 'a00000l9',
  barcode: 'A00000L9',
  activity: 'Writing',
  activitySince: ago(3),
  bytesPerSecond: 100 * 2 ** 20,
  segmentsCommitted: 12,
  bytesDone: 3 * 2 ** 30,
};
