/** Twinreel as its users have it: installed by Helm on a whole Kubernetes, its pods run by kubelets. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { BackupJob, BackupServer, Restore, TapeLibrary } from '../../src/api/generated/index.ts';
import type { Pod } from '../../src/kube/core-types.ts';
import { goTool } from '../../dev/tools/go-tools.ts';
import { compareTrees } from '../support/compare-trees.ts';
import { makeTree } from '../support/make-tree.ts';
import { root, run } from '../support/shell.ts';
import { ClusterBench } from './bench.ts';

const bench = new ClusterBench();
const nodes = ['node-1', 'node-2'] as const;
const image = 'twinreel:test';
const team = 'team';
const source = path.join(bench.state, 'source');
const system = ['-n', 'twinreel-system'] as const;
const apiVersion = 'twinreel.io/v1alpha1';

const libraryFolder = (number: number): string => path.join(bench.state, 'libraries', `library-${number}`);

const hardware = (): readonly object[] => [
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

/** The application whose data is backed up: its hooks note that they ran. */
const application = (): object => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'application', namespace: team, labels: { app: 'shop' } },
  spec: {
    nodeName: 'node-1',
    terminationGracePeriodSeconds: 0,
    securityContext: { runAsUser: 0 },
    containers: [
      {
        name: 'main',
        image,
        imagePullPolicy: 'Never',
        args: ['-e', 'setInterval(() => undefined, 1e6)'],
        volumeMounts: [{ name: 'notes', mountPath: '/notes' }],
      },
    ],
    volumes: [{ name: 'notes', hostPath: { path: path.join(bench.state, 'notes') } }],
  },
});

/** A volume that is a folder of the machine, and the team's claim on it. */
const claimOf = (name: string, folder: string): readonly object[] => {
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
const libraryMaker = (number: number): object => ({
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

const hook = (text: string): object => ({
  podSelector: { matchLabels: { app: 'shop' } },
  command: ['node', '-e', `require('fs').appendFileSync('/notes/hooks', '${text}\\n')`],
});

interface JobWish {
  readonly name: string;
  readonly spec?: object;
}

const jobOf = ({ name, spec = {} }: JobWish): object => ({
  apiVersion,
  kind: 'BackupJob',
  metadata: { name, namespace: team },
  spec: { source: { hostPath: { path: source } }, routes: 2, copies: 2, segmentSize: '16Mi', ...spec },
});

const readJob = async (name: string): Promise<BackupJob> => bench.json<BackupJob>('backupjob', name, '-n', team);

const ended = async (name: string): Promise<BackupJob> =>
  bench.until(
    `${name} has ended`,
    async () => {
      const job = await readJob(name);
      return ['Succeeded', 'Failed', 'Cancelled'].includes(job.status?.phase ?? '') ? job : undefined;
    },
    240,
  );

const setFaults = (library: number, faults: string): void => {
  writeFileSync(path.join(libraryFolder(library), 'faults.yaml'), faults);
};

const slowDrives = (library: number): void => {
  setFaults(library, [0, 1].map((drive) => `- {drive: ${drive}, kind: slow, bytesPerSecond: 6000000}\n`).join(''));
};

/** Nothing is held: neither in the status of hardware nor by a pod of a job. */
const atRest = async (): Promise<true> =>
  bench.until('nothing is held any more', async () => {
    const { items: servers } = await bench.json<{ items: BackupServer[] }>('backupservers');
    const { items: libraries } = await bench.json<{ items: TapeLibrary[] }>('tapelibraries');
    const { items: pods } = await bench.json<{ items: Pod[] }>('pods', ...system, '-l', 'twinreel.io/job-uid');
    const holders = servers.flatMap((one) => one.status?.holders ?? []);
    const drives = libraries.flatMap((one) => one.status?.drives ?? []).filter(({ holder }) => holder !== undefined);
    return holders.length + drives.length + pods.length === 0 ? true : undefined;
  });

const restoreAndCompare = async (job: string, name: string, spec: object = {}): Promise<Restore> => {
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
  const { differences } = compareTrees(source, target);
  expect(differences).toEqual([]);
  return bench.json<Restore>('restore', name, '-n', team);
};

/** Started, with at least `segments` on tape, and far from its end: drives are slow. */
const underWay = async (name: string, segments = 2): Promise<BackupJob> =>
  bench.until(`${name} is under way`, async () => {
    const job = await readJob(name);
    if (job.status?.completionTime !== undefined) throw new Error(`${name} has ended already`);
    return (job.status?.progress?.segmentsDone ?? 0) >= segments ? job : undefined;
  });

const start = async (wish: JobWish): Promise<BackupJob> => {
  for (const library of [0, 1]) slowDrives(library);
  await bench.apply(jobOf(wish));
  return underWay(wish.name);
};

const goFast = (): void => {
  for (const library of [0, 1]) setFaults(library, '[]\n');
};

const leaderOf = async (): Promise<string> => {
  const lease = await bench.json<{ spec: { holderIdentity?: string } }>('lease', 'twinreel-operator', ...system);
  return lease.spec.holderIdentity ?? '';
};

const pidOf = (name: string): number => {
  const known = JSON.parse(readFileSync(path.join(bench.state, 'processes.json'), 'utf8')) as {
    name: string;
    pid: number;
  }[];
  const found = known.find((one) => one.name === name);
  if (found === undefined) throw new Error(`${name} is not written down`);
  return found.pid;
};

beforeAll(async () => {
  makeTree(source, { files: 1500, totalBytes: 160 * 2 ** 20, seed: 11 });
  for (const folder of ['notes', 'targets']) mkdirSync(path.join(bench.state, folder));
  const archive = path.join(bench.state, 'image.tar');
  const [built] = await Promise.all([
    run('npm', ['run', '-s', 'image', '--', '--out', archive, '--tag', image]),
    bench.verb('up'),
  ]);
  expect(built.code, built.stdout + built.stderr).toBe(0);
  await bench.verb('load', [archive]);
  const set = ['image.repository=twinreel', 'image.tag=test', 'image.pullPolicy=Never'].flatMap((one) => [
    '--set',
    one,
  ]);
  const chart = path.join(root, 'charts/twinreel');
  await goTool('helm');
  await bench.exec('helm', 'install', 'twinreel', chart, '-n', 'twinreel-system', '--create-namespace', ...set);
  await bench.kubectl('rollout', 'status', 'deployment/twinreel-operator', ...system, '--timeout=120s');
  await bench.kubectl('create', 'namespace', team);
  await bench.apply(libraryMaker(0), libraryMaker(1));
  for (const number of [0, 1])
    await bench.kubectl(
      ...['wait', '--for=jsonpath={.status.phase}=Succeeded', `pod/make-library-${number}`, ...system, '--timeout=60s'],
    );
  await bench.apply(...hardware(), application());
  await bench.kubectl('wait', '--for=jsonpath={.status.state}=Usable', 'backupservers', '--all', '--timeout=60s');
  await bench.kubectl('wait', '--for=jsonpath={.status.state}=Usable', 'tapelibraries', '--all', '--timeout=120s');
  await bench.kubectl('wait', '--for=condition=Ready', 'pod/application', '-n', team, '--timeout=60s');
});
afterAll(async () => bench.close());

describe('on a whole cluster', () => {
  test('two operators run, one of which leads', async () => {
    const { items } = await bench.json<{ items: Pod[] }>(
      'pods',
      ...system,
      '-l',
      'app.kubernetes.io/component=operator',
    );
    expect(items).toHaveLength(2);
    expect(items.map((pod) => pod.metadata?.name)).toContain((await leaderOf()).replace(/_.*/, ''));
  });

  test('a backup with hooks survives a drive failure and is restored from either copy', async () => {
    setFaults(
      0,
      '- {drive: 0, kind: writeError, afterBytes: 30000000}\n- {drive: 1, kind: writeError, afterBytes: 30000000}\n',
    );
    await bench.apply(jobOf({ name: 'first', spec: { hooks: { before: [hook('before')], after: [hook('after')] } } }));
    await bench.kubectl('wait', '--for=condition=Complete', 'backupjob/first', '-n', team, '--timeout=240s');
    const job = await readJob('first');
    expect(job.status).toMatchObject({ phase: 'Succeeded' });
    expect(job.status?.failovers).toBeGreaterThan(0);
    expect(readFileSync(path.join(bench.state, 'notes/hooks'), 'utf8')).toBe('before\nafter\n');
    const wide = await bench.kubectl('get', 'backupjobs', '-n', team, '-o', 'wide');
    expect(wide).toMatch(/^NAME +PHASE +PROGRESS +STREAMS +FAILOVERS +REASON +STARTED +AGE +TAPES +MESSAGE/);
    expect(wide).toMatch(/^first +Succeeded +100% +2\/2 +[1-9]/m);
    goFast();
    for (const stream of [0, 1]) await restoreAndCompare('first', `first-${stream}`, { preferStreams: [stream] });
    await atRest();
  });

  test('a claim of another namespace is backed up and restored into a claim', async () => {
    const target = path.join(bench.state, 'targets', 'claim');
    mkdirSync(target);
    await bench.apply(...claimOf('data', source), ...claimOf('restored', target));
    const spec = { source: { persistentVolumeClaim: { claimName: 'data' } } };
    await bench.apply(jobOf({ name: 'claimed', spec }));
    expect(await ended('claimed')).toMatchObject({ status: { phase: 'Succeeded', failovers: 0 } });
    await bench.apply({
      apiVersion,
      kind: 'Restore',
      metadata: { name: 'claimed', namespace: team },
      spec: { from: { backupJob: 'claimed' }, target: { persistentVolumeClaim: { claimName: 'restored' } } },
    });
    await bench.kubectl('wait', '--for=condition=Complete', 'restore/claimed', '-n', team, '--timeout=120s');
    expect(compareTrees(source, target).differences).toEqual([]);
    await atRest();
    const anchors = await bench.json<{ items: Pod[] }>('pods', '-n', team, '-l', 'twinreel.io/anchor=true');
    expect(anchors.items).toEqual([]);
  });

  test('the leading operator is deleted in the middle', async () => {
    await start({ name: 'leaderless' });
    await bench.kubectl('delete', 'pod', (await leaderOf()).replace(/_.*/, ''), ...system, '--wait=false');
    goFast();
    expect(await ended('leaderless')).toMatchObject({ status: { phase: 'Succeeded', failovers: 0 } });
    await atRest();
  });

  test('a kubelet stands still: the job goes on elsewhere at once, the tape is freed when it is back', async () => {
    const before = await start({ name: 'frozen' });
    const stream = before.status?.streams?.find((one) => one.server === 'node-2');
    expect(stream?.tape).toBeDefined();
    process.kill(pidOf('kubelet-node-2'), 'SIGSTOP');
    try {
      await bench.kubectl('wait', '--for=condition=Ready=Unknown', 'node/node-2', '--timeout=60s');
      const lost = await bench.until('the stream is given up', async () => {
        const job = await readJob('frozen');
        return (job.status?.failovers ?? 0) > 0 ? job : undefined;
      });
      // The pod may still write: its tape is nobody else's.
      expect(lost.status?.streams?.map(({ tape, state }) => ({ tape, state }))).not.toContainEqual({
        tape: stream?.tape,
        state: 'Running',
      });
      goFast();
      await bench.until('every segment has its copies', async () => {
        const job = await readJob('frozen');
        return (job.status?.progress?.segmentsDone ?? 0) === job.status?.progress?.segmentsTotal ? job : undefined;
      });
    } finally {
      process.kill(pidOf('kubelet-node-2'), 'SIGCONT');
    }
    expect(await ended('frozen')).toMatchObject({ status: { phase: 'Succeeded' } });
    await atRest();
    await bench.kubectl('wait', '--for=condition=Ready', 'node/node-2', '--timeout=60s');
  });

  test('a node is drained in the middle', async () => {
    await start({ name: 'drained' });
    await bench.kubectl(
      'drain',
      'node-2',
      '--force',
      '--ignore-daemonsets',
      '--delete-emptydir-data',
      '--timeout=120s',
    );
    goFast();
    try {
      const job = await ended('drained');
      expect(job.status?.phase).toBe('Succeeded');
      expect(job.status?.failovers).toBeGreaterThan(0);
    } finally {
      await bench.kubectl('uncordon', 'node-2');
    }
    await atRest();
    await restoreAndCompare('drained', 'drained');
  });
});
