import { afterEach, describe, expect, it } from 'vitest';
import type { BackupJob, Grant } from '../../../src/api/generated/index.ts';
import { backupJobs, backupSaveRecords, backupServers, tapeLibraries, tapes } from '../../../src/api/resources.ts';
import { makeOrphanCollector } from '../../../src/controllers/orphan-collector.ts';
import type { Api } from '../../../src/kube/api.ts';
import type { Pod } from '../../../src/kube/core-types.ts';
import { pods } from '../../../src/kube/resources.ts';
import { makeControllerBench, namespace, type ControllerBench } from '../../support/controller-bench.ts';
import { grant, holder, job as jobWith, library, server, tape, uid } from '../../support/hardware-objects.ts';
import type { MemoryApi } from '../kube/memory-api.ts';

const { signal } = new AbortController();
let bench: ControllerBench | undefined;
afterEach(() => bench?.stop());

const job = (streams: Grant[], phase: NonNullable<BackupJob['status']>['phase'] = 'Running'): BackupJob =>
  jobWith(phase === undefined ? { streams } : { phase, streams });

const workerPod = (name: string, state: 'running' | 'terminated'): Pod => ({
  metadata: {
    namespace,
    name,
    finalizers: ['twinreel.io/fence'],
    labels: {
      'twinreel.io/worker': 'true',
      'twinreel.io/job-uid': uid,
      'twinreel.io/job-namespace': 'default',
      'twinreel.io/job-name': 'job',
    },
  },
  status: {
    containerStatuses: [
      {
        name: 'worker',
        image: '',
        imageID: '',
        ready: false,
        restartCount: 0,
        state: state === 'running' ? { running: {} } : { terminated: { exitCode: 0 } },
      },
    ],
  },
});

const begin = async (seed: (memory: MemoryApi) => void, wrap?: (api: Api) => Api): Promise<ControllerBench> => {
  bench = await makeControllerBench(wrap);
  seed(bench.memory);
  await bench.settle();
  return bench;
};

describe('a holder', () => {
  it('of a live grant stays, and costs no read', async () => {
    const { memory, deps } = await begin((api) => {
      api.seed(backupJobs, job([grant()]));
      api.seed(backupServers, server('server-0', { state: 'InUse', holders: [holder()] }));
    });
    const before = memory.calls.length;
    await makeOrphanCollector(deps)('server:server-0', signal);
    expect(memory.read(backupServers, { name: 'server-0' })?.status?.holders).toEqual([holder()]);
    expect(memory.calls.length).toBe(before);
  });

  it('of a released grant is freed; others keep what they hold', async () => {
    const other = holder({ epoch: 4, stream: 2 });
    const { memory, deps } = await begin((api) => {
      api.seed(backupJobs, job([grant({ state: 'Released' }), grant({ number: 2, epoch: 4 })]));
      api.seed(backupServers, server('server-0', { state: 'InUse', holders: [holder(), other] }));
      const drives = [{ name: 'drive-0', state: 'InUse' as const, holder: holder() }];
      api.seed(tapeLibraries, library({ state: 'Usable', drives }));
    });
    const collect = makeOrphanCollector(deps);
    await collect('server:server-0', signal);
    await collect('library:library-0', signal);
    expect(memory.read(backupServers, { name: 'server-0' })?.status?.holders).toEqual([other]);
    const drive = memory.read(tapeLibraries, { name: 'library-0' })?.status?.drives?.[0];
    expect(drive).toEqual({ name: 'drive-0', state: 'Usable' });
  });

  it('whose job is gone is freed, and what it left behind is looked at before it is offered', async () => {
    const { memory, deps, zones } = await begin((api) => {
      const drives = [{ name: 'drive-0', state: 'InUse' as const, holder: holder() }];
      api.seed(tapeLibraries, library({ state: 'Usable', drives }));
      api.seed(tapes, tape('tape-0', { state: 'InUse', freeState: 'Scratch', holder: holder() }));
    });
    zones.set('tw_1a2b3c4d_s1_e3_0', { name: 'tw_1a2b3c4d_s1_e3_0', members: [] });
    const collect = makeOrphanCollector(deps);
    await collect('library:library-0', signal);
    await collect('tape:tape-0', signal);
    const drive = memory.read(tapeLibraries, { name: 'library-0' })?.status?.drives?.[0];
    expect(drive).toMatchObject({ state: 'Unknown', reason: 'HolderGone' });
    expect(drive).not.toHaveProperty('holder');
    const left = memory.read(tapes, { name: 'tape-0' })?.status;
    expect(left).toMatchObject({ state: 'Unknown', reason: 'HolderGone' });
    expect(left).not.toHaveProperty('freeState');
  });

  it('whose job is gone stays while a pod of its grant runs, and that is ended', async () => {
    const { memory, deps } = await begin((api) => {
      api.seed(backupServers, server('server-0', { state: 'InUse', holders: [holder()] }));
      api.seed(pods, workerPod('tw-1a2b3c4d-s1-e3', 'running'));
    });
    const collect = makeOrphanCollector(deps);
    expect(await collect('server:server-0', signal)).toEqual({ kind: 'requeue', afterMs: 2_000 });
    expect(memory.read(backupServers, { name: 'server-0' })?.status?.holders).toEqual([holder()]);
    expect(memory.calls).toContain('delete');
  });
});

/** Between the first two reads of the collector a leader grants the server to epoch 5: intent first, then the claim. */
const grantedMeanwhile = (api: Api, grantNow: () => void): Api => {
  let reads = 0;
  const after = async <R>(read: Promise<R>): Promise<R> => {
    const answer = await read;
    reads += 1;
    if (reads === 1) grantNow();
    return answer;
  };
  return {
    ...api,
    get: (resource, ref, own) =>
      resource.plural === 'backupservers' ? after(api.get(resource, ref, own)) : api.get(resource, ref, own),
    list: (resource, options, own) =>
      resource.plural === 'backupjobs' ? after(api.list(resource, options, own)) : api.list(resource, options, own),
  };
};

describe('a grant that is made while the collector looks', () => {
  const fresh = holder({ epoch: 5, stream: 0 });

  const collect = async (options: { readJobFirst?: boolean }) => {
    const old = holder({ epoch: 2 });
    const claimed = server('server-0', { state: 'InUse', holders: [old, fresh] });
    const found = await begin(
      (api) => {
        api.seed(backupJobs, job([]));
        api.seed(backupServers, server('server-0', { state: 'InUse', holders: [old] }));
      },
      (api) =>
        grantedMeanwhile(api, () => {
          bench?.memory.seed(backupJobs, job([grant({ number: 0, epoch: 5, state: 'Allocating' })]));
          bench?.memory.seed(backupServers, claimed);
        }),
    );
    await makeOrphanCollector(found.deps, options)('server:server-0', signal);
    return found.memory.read(backupServers, { name: 'server-0' })?.status?.holders;
  };

  it('keeps what it claimed', async () => {
    expect(await collect({})).toEqual([fresh]);
  });

  it('would lose it to a collector that reads the job before the resource', async () => {
    expect(await collect({ readJobFirst: true })).toEqual([]);
  });
});

describe('what is labelled with a job', () => {
  const record = {
    metadata: {
      namespace,
      name: 'record',
      labels: { ...workerPod('x', 'running').metadata?.labels, 'twinreel.io/active': 'true' },
    },
    spec: {
      type: 'Stream',
      job: { kind: 'BackupJob', namespace: 'default', name: 'job', uid, processNumber: 7 },
    },
  } as const;
  const seedRecord = (api: MemoryApi): void => void api.seed(backupSaveRecords, record);

  it('is watched no longer once the job has ended', async () => {
    const { memory, deps } = await begin((api) => {
      api.seed(backupJobs, job([grant({ state: 'Succeeded' })], 'Succeeded'));
      seedRecord(api);
    });
    await makeOrphanCollector(deps)(`record:${namespace}/record`, signal);
    const labels = memory.read(backupSaveRecords, { namespace, name: 'record' })?.metadata.labels;
    expect(labels).not.toHaveProperty('twinreel.io/active');
  });

  it('stays while the job is at work', async () => {
    const { memory, deps } = await begin((api) => {
      api.seed(backupJobs, job([grant()]));
      seedRecord(api);
    });
    await makeOrphanCollector(deps)(`record:${namespace}/record`, signal);
    const labels = memory.read(backupSaveRecords, { namespace, name: 'record' })?.metadata.labels;
    expect(labels).toHaveProperty('twinreel.io/active', 'true');
  });

  it.each([
    { state: 'running', fence: ['twinreel.io/fence'] },
    { state: 'terminated', fence: undefined },
  ] as const)('a $state pod of a job that is gone: deleted, its fence is $fence', async ({ state, fence }) => {
    const name = 'tw-1a2b3c4d-s1-e3';
    const found = await begin((api) => api.seed(pods, workerPod(name, state)));
    // As the API does it: a finalizer keeps the object.
    found.memory.seed(pods, {
      ...workerPod(name, state),
      metadata: { ...workerPod(name, state).metadata, deletionTimestamp: 'x' },
    });
    await found.settle();
    await makeOrphanCollector(found.deps)(`pod:${namespace}/${name}`, signal);
    expect(found.memory.read(pods, { namespace, name })?.metadata?.finalizers).toEqual(fence);
  });
});

it('refuses a key that names no kind', async () => {
  const { deps } = await begin(() => undefined);
  await expect(makeOrphanCollector(deps)('server-0', signal)).rejects.toThrow('no key');
});
