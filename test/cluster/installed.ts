/** Twinreel on a cluster bench as its users have it: installed by Helm, with two libraries and two servers. */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'vitest';
import type { BackupJob, BackupServer, Restore, Tape, TapeLibrary } from '../../src/api/generated/index.ts';
import type { Pod, Volume } from '../../src/kube/core-types.ts';
import { goTool } from '../../dev/tools/go-tools.ts';
import { compareTrees } from '../support/compare-trees.ts';
import { makeTree } from '../support/make-tree.ts';
import { root, run } from '../support/shell.ts';
import { ClusterBench } from './bench.ts';

export const bench = new ClusterBench();
export const nodes = ['node-1', 'node-2'] as const;
export const image = 'twinreel:test';
export const team = 'team';
export const source = path.join(bench.state, 'source');
export const system = ['-n', 'twinreel-system'] as const;
export const apiVersion = 'twinreel.io/v1alpha1';
export const chart = path.join(root, 'charts/twinreel');

export const libraryFolder = (number: number): string => path.join(bench.state, 'libraries', `library-${number}`);

export const hardware = (): readonly object[] => [
  ...nodes.map((node) => ({
    apiVersion,
    kind: 'BackupServer',
    metadata: { name: node },
    spec: {
      node,
      maxStreams: 4,
      catalogueFolder: { hostPath: { path: path.join(bench.state, 'catalogue', node) } },
      hostPaths: [{ prefix: bench.state, namespaces: [team], readOnly: false }],
    },
  })),
  ...[0, 1].map((number) => ({
    apiVersion,
    kind: 'TapeLibrary',
    metadata: { name: `library-${number}` },
    spec: {
      driver: { virtual: { folder: libraryFolder(number) } },
      servers: nodes,
      drives: [0, 1].map((drive) => ({ name: `drive-${drive}`, elementAddress: 256 + drive })),
    },
  })),
  { apiVersion, kind: 'MediaPool', metadata: { name: 'default' }, spec: { allowedNamespaces: [team] } },
];

export const shopPort = 8080;

interface Application {
  readonly name: string;
  readonly app: string;
  /** What its Node runs. */
  readonly script: string;
  /** By name, at `/NAME`. */
  readonly volumes: readonly Volume[];
}

/** A pod of the team that has data, of the image that nodes have. */
export const applicationOf = ({ name, app, script, volumes }: Application): object => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace: team, labels: { app } },
  spec: {
    nodeName: 'node-1',
    terminationGracePeriodSeconds: 0,
    securityContext: { runAsUser: 0 },
    containers: [
      {
        name: 'main',
        image,
        imagePullPolicy: 'Never',
        args: ['-e', script],
        volumeMounts: volumes.map((volume) => ({ name: volume.name, mountPath: `/${volume.name}` })),
      },
    ],
    volumes,
  },
});

/** The application whose data is backed up: its hooks note that they ran, and it serves. */
export const application = (): object =>
  applicationOf({
    ...{ name: 'application', app: 'shop' },
    script: `require('http').createServer((_, answer) => answer.end('shop')).listen(${shopPort})`,
    volumes: [{ name: 'notes', hostPath: { path: path.join(bench.state, 'notes') } }],
  });

/** A volume that is a folder of the machine, and the team's claim on it. */
export const claimOf = (name: string, folder: string): readonly object[] => {
  const common = { accessModes: ['ReadWriteMany'], storageClassName: '' };
  return [
    {
      apiVersion: 'v1',
      kind: 'PersistentVolume',
      metadata: { name },
      spec: { ...common, capacity: { storage: '1Gi' }, hostPath: { path: folder } },
    },
    {
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      metadata: { name, namespace: team },
      spec: { ...common, volumeName: name, resources: { requests: { storage: '1Gi' } } },
    },
  ];
};

/** As docs/cluster.md makes one: by the CLI in the image. */
export const libraryMaker = (number: number): object => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: `make-library-${number}`, namespace: 'twinreel-system' },
  spec: {
    nodeName: 'node-1',
    restartPolicy: 'Never',
    securityContext: { runAsUser: 0 },
    containers: [
      {
        name: 'make',
        image,
        imagePullPolicy: 'Never',
        args: [
          ...['src/cli/main.ts', 'library', 'create', '--library', `/libraries/library-${number}`],
          ...['--tape-size', '2Gi', '--prefix', number === 0 ? 'A' : 'B'],
        ],
        volumeMounts: [{ name: 'libraries', mountPath: '/libraries' }],
      },
    ],
    volumes: [{ name: 'libraries', hostPath: { path: path.dirname(libraryFolder(0)), type: 'DirectoryOrCreate' } }],
  },
});

export const hook = (text: string): object => ({
  podSelector: { matchLabels: { app: 'shop' } },
  command: ['node', '-e', `require('fs').appendFileSync('/notes/hooks', '${text}\\n')`],
});

export interface JobWish {
  readonly name: string;
  readonly spec?: object;
}

export const jobOf = ({ name, spec = {} }: JobWish): object => ({
  apiVersion,
  kind: 'BackupJob',
  metadata: { name, namespace: team },
  spec: { source: { hostPath: { path: source } }, routes: 2, copies: 2, segmentSize: '16Mi', ...spec },
});

export const readJob = async (name: string): Promise<BackupJob> => bench.json<BackupJob>('backupjob', name, '-n', team);

export const ended = async (name: string): Promise<BackupJob> =>
  bench.until(
    `${name} has ended`,
    async () => {
      const job = await readJob(name);
      return ['Succeeded', 'Failed', 'Cancelled'].includes(job.status?.phase ?? '') ? job : undefined;
    },
    240,
  );

export const setFaults = (library: number, faults: string): void => {
  writeFileSync(path.join(libraryFolder(library), 'faults.yaml'), faults);
};

const slowly = 6_000_000;

export const slowDrives = (library: number, bytesPerSecond = slowly): void => {
  const slow = (drive: number): string => `- {drive: ${drive}, kind: slow, bytesPerSecond: ${bytesPerSecond}}\n`;
  setFaults(library, [0, 1].map(slow).join(''));
};

/** Nothing is held: neither in the status of hardware nor by a pod of a job. */
export const atRest = async (): Promise<true> =>
  bench.until('nothing is held any more', async () => {
    const { items: servers } = await bench.json<{ items: BackupServer[] }>('backupservers');
    const { items: libraries } = await bench.json<{ items: TapeLibrary[] }>('tapelibraries');
    const { items: pods } = await bench.json<{ items: Pod[] }>('pods', ...system, '-l', 'twinreel.io/job-uid');
    const holders = servers.flatMap((one) => one.status?.holders ?? []);
    const drives = libraries.flatMap((one) => one.status?.drives ?? []).filter(({ holder }) => holder !== undefined);
    return holders.length + drives.length + pods.length === 0 ? true : undefined;
  });

/** What of the hardware the job has: nothing, once it has ended and let go. */
export const heldBy = async (uid: string): Promise<readonly string[]> => {
  const [servers, libraries, tapes] = await Promise.all([
    bench.json<{ items: BackupServer[] }>('backupservers'),
    bench.json<{ items: TapeLibrary[] }>('tapelibraries'),
    bench.json<{ items: Tape[] }>('tapes'),
  ]);
  const holds = (holder: { readonly uid: string } | undefined): boolean => holder?.uid === uid;
  return [
    ...servers.items.filter(({ status }) => status?.holders?.some(holds)),
    ...libraries.items.filter(({ status }) => status?.drives?.some(({ holder }) => holds(holder))),
    ...tapes.items.filter(({ status }) => holds(status?.holder)),
  ].map(({ metadata }) => metadata.name);
};

/** @param like what has to come back */
export const restoreAndCompare = async (
  job: string,
  name: string,
  spec: object = {},
  like = source,
): Promise<Restore> => {
  const target = path.join(bench.state, 'targets', name);
  mkdirSync(target, { recursive: true });
  const from = { backupJob: job };
  await bench.apply({
    apiVersion,
    kind: 'Restore',
    metadata: { name, namespace: team },
    spec: { from, target: { hostPath: { path: target } }, ...spec },
  });
  await bench.kubectl('wait', '--for=condition=Complete', `restore/${name}`, '-n', team, '--timeout=120s');
  const { differences } = compareTrees(like, target);
  expect(differences).toEqual([]);
  return bench.json<Restore>('restore', name, '-n', team);
};

/** Started, with at least `segments` on tape, and far from its end: drives are slow. */
export const underWay = async (name: string, segments = 2): Promise<BackupJob> =>
  bench.until(`${name} is under way`, async () => {
    const job = await readJob(name);
    if (job.status?.completionTime !== undefined) throw new Error(`${name} has ended already`);
    return (job.status?.progress?.segmentsDone ?? 0) >= segments ? job : undefined;
  });

export const start = async (wish: JobWish, bytesPerSecond = slowly): Promise<BackupJob> => {
  for (const library of [0, 1]) slowDrives(library, bytesPerSecond);
  await bench.apply(jobOf(wish));
  return underWay(wish.name);
};

export const goFast = (): void => {
  for (const library of [0, 1]) setFaults(library, '[]\n');
};

export const leaderOf = async (): Promise<string> => {
  const lease = await bench.json<{ spec: { holderIdentity?: string } }>('lease', 'twinreel-operator', ...system);
  return lease.spec.holderIdentity ?? '';
};

export const pidOf = (name: string): number => {
  const known = JSON.parse(readFileSync(path.join(bench.state, 'processes.json'), 'utf8')) as {
    name: string;
    pid: number;
  }[];
  const found = known.find((one) => one.name === name);
  if (found === undefined) throw new Error(`${name} is not written down`);
  return found.pid;
};

const startCluster = async (): Promise<void> => {
  const archive = path.join(bench.state, 'image.tar');
  const [built] = await Promise.all([
    run('npm', ['run', '-s', 'image', '--', '--out', archive, '--tag', image]),
    bench.verb('up'),
  ]);
  expect(built.code, built.stdout + built.stderr).toBe(0);
  await bench.verb('load', [archive]);
};

/** What former tests left on a cluster that was kept. */
const tidyUp = async (): Promise<void> => {
  const there = await bench.kubectl('get', 'namespace', team, '--ignore-not-found', '-o', 'name');
  if (there === '') return;
  await bench.kubectl('delete', 'backupschedules,cronjobs', '--all', '-n', team);
  await bench.kubectl('delete', 'restores,backupjobs', '--all', '-n', team, '--wait=true', '--timeout=120s');
  // It would keep the folder that is removed now.
  await bench.kubectl('delete', 'pod', 'application', '-n', team, '--ignore-not-found');
  if (existsSync(libraryFolder(1))) goFast();
  for (const folder of ['targets', 'notes']) rmSync(path.join(bench.state, folder), { recursive: true, force: true });
};

/** Namespace from where metrics may be read. */
export const monitoring = 'monitoring';

/** As docs say: the ports of the API server's endpoints, and who scrapes. */
const networkPolicy = async (): Promise<object> => {
  const slice = await bench.json<{ endpoints: { addresses: string[] }[]; ports: { port: number }[] }>(
    ...['endpointslice', 'kubernetes', '-n', 'default'],
  );
  return {
    enabled: true,
    apiServer: {
      ports: slice.ports.map(({ port }) => port),
      to: slice.endpoints
        .flatMap(({ addresses }) => addresses)
        .map((address) => ({ ipBlock: { cidr: `${address}/32` } })),
    },
    metricsFrom: [{ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': monitoring } } }],
  };
};

/** As docs/cluster.md has it, under the chart's NetworkPolicies. */
export const install = async (...verb: readonly string[]): Promise<void> => {
  const values = ['image.repository=twinreel', 'image.tag=test', 'image.pullPolicy=Never'];
  const policies = `networkPolicy=${JSON.stringify(await networkPolicy())}`;
  const set = [...values.flatMap((one) => ['--set', one]), '--set-json', policies];
  await goTool('helm');
  await bench.exec('helm', ...verb, 'twinreel', chart, '-n', 'twinreel-system', '--create-namespace', ...set);
  await bench.kubectl('rollout', 'status', 'deployment/twinreel-operator', ...system, '--timeout=120s');
};

export const setUp = async (): Promise<void> => {
  if (bench.isKept) await tidyUp();
  else await startCluster();
  if (!existsSync(source)) makeTree(source, { files: 1500, totalBytes: 160 * 2 ** 20, seed: 11 });
  for (const folder of ['notes', 'targets']) mkdirSync(path.join(bench.state, folder));
  await install(...(bench.isKept ? ['upgrade', '--install'] : ['install']));
  await bench.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: team } });
  if (!existsSync(libraryFolder(1))) await makeLibraries();
  await bench.apply(...hardware(), application());
  await bench.kubectl('wait', '--for=jsonpath={.status.state}=Usable', 'backupservers', '--all', '--timeout=60s');
  await bench.kubectl('wait', '--for=jsonpath={.status.state}=Usable', 'tapelibraries', '--all', '--timeout=120s');
  await bench.kubectl('wait', '--for=condition=Ready', 'pod/application', '-n', team, '--timeout=60s');
};

const makeLibraries = async (): Promise<void> => {
  await bench.apply(libraryMaker(0), libraryMaker(1));
  for (const number of [0, 1])
    await bench.kubectl(
      ...['wait', '--for=jsonpath={.status.phase}=Succeeded', `pod/make-library-${number}`, ...system, '--timeout=60s'],
    );
};
