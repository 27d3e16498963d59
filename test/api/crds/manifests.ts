/** One right manifest of every kind, and a way to make it wrong in one place. */

export type Manifest = Readonly<Record<string, unknown>>;

const job = {
  kind: 'BackupJob',
  namespace: 'default',
  name: 'a',
  uid: '1a2b3c4d-0000-4000-8000-000000000000',
  processNumber: 1,
};
const jobSpec = { source: { hostPath: { path: '/data' } }, routes: 2, copies: 2, segmentSize: '64Mi' };
const wwpn = '10:00:00:05:1e:0a:00:01';

const specs = {
  BackupJob: jobSpec,
  BackupSchedule: { schedule: '0 2 * * *', timeZone: 'Europe/Berlin', jobTemplate: { spec: jobSpec } },
  Restore: { from: { backupJob: 'a' }, target: { hostPath: { path: '/out' } } },
  BackupSaveRecord: { type: 'Stream', job, stream: 0 },
  SavePage: { type: 'Commits', record: 'a', job, stream: 0, pod: 'tw-1a2b3c4d-s0-e1' },
  BackupServer: {
    node: 'a',
    ports: [{ wwpn, switch: 'a', port: 1 }],
    hostPaths: [{ prefix: '/data', namespaces: ['*'] }],
  },
  TapeLibrary: {
    driver: { virtual: { folder: '/library' } },
    servers: ['a'],
    drives: [
      { name: 'drive-0', elementAddress: 0 },
      { name: 'drive-1', elementAddress: 1 },
    ],
  },
  Tape: { library: 'a', barcode: 'TW0001L9' },
  FCSwitch: {
    driver: 'brocade',
    endpoint: 'https://a',
    secretRef: { name: 'a' },
    fabric: 'a',
    ports: [{ index: 1, wwpn }],
  },
  CopyDevice: { driver: { simulated: {} }, servers: ['a'], commandSize: '16Mi' },
  MediaPool: { allowedNamespaces: ['default'], barcodePattern: 'TW*', verification: { schedule: '@daily' } },
} as const;

export type Kind = keyof typeof specs;

export const kinds = Object.keys(specs) as readonly Kind[];

const namespaces: Partial<Record<Kind, string>> = {
  BackupJob: 'default',
  BackupSchedule: 'default',
  Restore: 'default',
  BackupSaveRecord: 'twinreel-system',
  SavePage: 'twinreel-system',
};

export const right = (kind: Kind, name = 'a'): Manifest => {
  const namespace = namespaces[kind];
  return {
    apiVersion: 'twinreel.io/v1alpha1',
    kind,
    metadata: { name, ...(namespace === undefined ? {} : { namespace }) },
    spec: structuredClone(specs[kind]),
  };
};

/** The manifest with one value put at a path such as `spec.drives.0.name`; undefined takes the field away. */
export const changed = (manifest: Manifest, path: string, value: unknown): Manifest => {
  const copy = structuredClone(manifest) as Record<string, unknown>;
  const steps = path.split('.');
  const last = steps.pop() ?? '';
  let at: Record<string, unknown> = copy;
  for (const step of steps) {
    at[step] ??= {};
    at = at[step] as Record<string, unknown>;
  }
  if (value === undefined) Reflect.deleteProperty(at, last);
  else at[last] = value;
  return copy;
};
