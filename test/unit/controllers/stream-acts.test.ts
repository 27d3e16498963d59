import { afterEach, describe, expect, it } from 'vitest';
import type { BackupJob, MediaPool } from '../../../src/api/generated/index.ts';
import { labels, planPodName, planRecordName, streamPodName, streamRecordName } from '../../../src/api/names.ts';
import { backupSaveRecords, backupServers, mediaPools, tapeLibraries } from '../../../src/api/resources.ts';
import type { ActContext } from '../../../src/controllers/grant-acts.ts';
import { actOnStream } from '../../../src/controllers/stream-acts.ts';
import { pods } from '../../../src/kube/resources.ts';
import { parseOrder } from '../../../src/worker/order.ts';
import { makeControllerBench, namespace, type ControllerBench } from '../../support/controller-bench.ts';
import { grant, job as aJob, library, pool, server, uid } from '../../support/hardware-objects.ts';

const { signal } = new AbortController();
const processNumber = 7;
let bench: ControllerBench;
let context: ActContext;
afterEach(() => bench.stop());

const hostPaths = [
  { prefix: '/srv', namespaces: ['*'], readOnly: true },
  { prefix: '/srv/team-a', namespaces: ['default'], readOnly: true },
];

const begin = async (aPool: MediaPool = pool('default')): Promise<void> => {
  bench = await makeControllerBench();
  bench.memory.seed(backupServers, server('server-0', { state: 'InUse' }, { hostPaths }));
  bench.memory.seed(tapeLibraries, library());
  bench.memory.seed(mediaPools, aPool);
  await bench.settle();
  const identity = { kind: 'BackupJob', uid, namespace: 'default', name: 'job', processNumber } as const;
  context = { deps: bench.deps, job: identity, labelsBlankTapes: true, signal };
};

const jobWith = (change: Partial<BackupJob['spec']>): BackupJob => {
  const { spec, ...rest } = aJob({ plan: { epoch: 1 } });
  const hostPath = { path: '/srv/team-a/x/y', shared: false };
  return { ...rest, spec: { ...spec, source: { ...spec.source, hostPath }, ...change } };
};

/** Everything that begins a stream: the plan with its pod, a head with its pod. */
const beginStream = async (job: BackupJob): Promise<void> => {
  const granted = grant({ labelId: 'ab'.repeat(16), barcode: 'TW0001L9', driveElement: 256 });
  await actOnStream(context, job, { kind: 'launchPlan', server: 'server-0' });
  await actOnStream(context, job, { kind: 'openHead', grant: granted, assigned: [] });
  await actOnStream(context, job, { kind: 'launchBackup', grant: granted });
};

const records = [planRecordName(uid, processNumber), streamRecordName(uid, processNumber, 1)];
const podNames = [planPodName(uid, 1), streamPodName(uid, 1, 3)];

const podOf = (name: string) => {
  const spec = bench.memory.read(pods, { namespace, name })?.spec;
  const order = spec?.containers[0]?.env?.find((one) => one.name === 'TWINREEL_ORDER')?.value;
  return { volumes: spec?.volumes ?? [], order: parseOrder(order) };
};

const locks = (): readonly (string | boolean | undefined)[] => [
  ...records.map((name) => bench.memory.read(backupSaveRecords, { namespace, name })?.metadata.labels?.[labels.locked]),
  ...podNames.map((name) => {
    const { order } = podOf(name);
    return 'lockPages' in order ? order.lockPages : undefined;
  }),
];

describe('the pods of a stream', () => {
  it('mount what the owner allows, and are told what of it is meant', async () => {
    await begin();
    await beginStream(jobWith({}));
    for (const name of podNames) {
      const { volumes, order } = podOf(name);
      expect(volumes).toContainEqual({ name: 'source', hostPath: { path: '/srv/team-a', type: 'Directory' } });
      expect(order).toMatchObject({
        source: { path: '/srv/team-a/x/y' },
        sourceFolder: { prefix: '/srv/team-a', beneath: 'x/y' },
      });
    }
  });

  const run = { when: 'Before', index: 0, attempts: 1 } as const;
  it.each<readonly [string, BackupJob['status'], boolean]>([
    ['a live source is not', {}, false],
    ['one whose application could not be put to rest is not', { hooks: [{ ...run, state: 'Failed' }] }, false],
    ['one whose application is at rest is', { hooks: [{ ...run, state: 'Succeeded' }] }, true],
    ['a snapshot is', { snapshot: { name: 'a', takenAt: '2030-01-01T00:00:00Z' } }, true],
    [
      'what is read after a suspension is not',
      { snapshot: { name: 'a', takenAt: '2030-01-01T00:00:00Z' }, interrupted: true },
      false,
    ],
  ])('are told whether what they read belongs to one moment: %s', async (_name, status, consistent) => {
    await begin();
    const hook = { podSelector: {}, container: 'db', command: ['sync'], onError: 'Continue', timeout: '1m' } as const;
    const job = jobWith({ hooks: { before: [{ ...hook, command: [...hook.command] }] } });
    await beginStream({ ...job, status: { ...job.status, ...status } });
    expect(podOf(streamPodName(uid, 1, 3)).order).toMatchObject({ role: 'backup', consistent });
  });

  it('are not made where the owner does not allow the path any more', async () => {
    await begin();
    const hostPath = { path: '/etc', shared: false };
    const job = jobWith({ source: { hostPath, include: [], exclude: [], oneFileSystem: true } });
    await expect(beginStream(job)).rejects.toThrow('BackupServer server-0 does not allow /etc to job any more');
    expect(bench.memory.read(pods, { namespace, name: planPodName(uid, 1) })).toBeUndefined();
  });
});

describe('the records of a stream that has ended', () => {
  it('say how it ended, and no more what was done last', async () => {
    await begin();
    const job = jobWith({});
    await beginStream(job);
    const as = { type: 'merge', subresource: 'status' } as const;
    for (const name of records) {
      await bench.deps.api.patch(backupSaveRecords, { namespace, name }, { status: { activity: 'Writing' } }, as);
    }
    const ended = grant({ labelId: 'ab'.repeat(16), outcome: 'Succeeded' });
    await actOnStream(context, job, { kind: 'sealHead', grant: ended, reason: 'Released' });
    await bench.settle();
    const ending = { result: 'Succeeded', reason: 'AllCopiesWritten', message: '' } as const;
    await actOnStream(context, { ...job, status: { ...job.status, ending } }, { kind: 'finishRecords' });
    const told = records.map((name) => bench.memory.read(backupSaveRecords, { namespace, name })?.status);
    expect(told).toMatchObject([{ result: 'Succeeded' }, { outcome: 'Succeeded', sealed: true }]);
    for (const status of told) expect(status).not.toHaveProperty('activity');
  });
});

describe('a retention lock', () => {
  const later = '2099-01-01T00:00:00Z';

  it('lies on records from the start, and on pages by the order of their workers', async () => {
    await begin();
    await beginStream(jobWith({ retention: { lockUntil: later } }));
    expect(locks()).toEqual(['true', 'true', true, true]);
  });

  it('may be asked for by the pool', async () => {
    await begin(pool('default', { retention: { lockUntil: later } }));
    await beginStream(jobWith({}));
    expect(locks()).toEqual(['true', 'true', true, true]);
  });

  it('is not made where nobody asks for one, or its time is over', async () => {
    await begin();
    await beginStream(jobWith({ retention: { lockUntil: '1960-01-01T00:00:00Z' } }));
    expect(locks()).toEqual([undefined, undefined, false, false]);
  });
});
