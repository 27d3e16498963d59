import { afterEach, describe, expect, it } from 'vitest';
import type { BackupJob } from '../../../src/api/generated/index.ts';
import { backupJobs, backupServers, fcSwitches, mediaPools, tapeLibraries, tapes } from '../../../src/api/resources.ts';
import { makeBackupJobReconciler } from '../../../src/controllers/backup-job.ts';
import type { Deps } from '../../../src/controllers/deps.ts';
import { nodes, pods } from '../../../src/kube/resources.ts';
import { makeControllerBench, namespace, type ControllerBench } from '../../support/controller-bench.ts';
import {
  fcSwitch,
  grant,
  job as jobWith,
  library,
  node,
  pool,
  server,
  tape,
  uid,
} from '../../support/hardware-objects.ts';

const { signal } = new AbortController();
const key = 'default/job';
let bench: ControllerBench | undefined;
afterEach(() => bench?.stop());

const begin = async (job: BackupJob): Promise<ControllerBench> => {
  bench = await makeControllerBench();
  const { memory } = bench;
  memory.seed(backupJobs, job);
  for (const name of ['server-0', 'server-1']) {
    memory.seed(backupServers, server(name, { state: 'InUse' }));
    memory.seed(nodes, node(name));
  }
  memory.seed(tapeLibraries, library({ state: 'Usable' }));
  for (const name of ['tape-0', 'tape-1']) memory.seed(tapes, tape(name, { state: 'InUse' }));
  for (const name of ['switch-0', 'switch-1']) {
    memory.seed(fcSwitches, { ...fcSwitch({ state: 'Usable' }), metadata: { name } });
  }
  await bench.settle();
  return bench;
};

const read = ({ memory }: ControllerBench): BackupJob | undefined =>
  memory.read(backupJobs, { namespace: 'default', name: 'job' });

/** Switches of these names answer nothing. */
const withDeadSwitches = (deps: Deps, dead: readonly string[]): Deps => ({
  ...deps,
  fabricOf: (one, aborted) =>
    dead.includes(one.metadata.name) ? Promise.reject(new Error('no answer')) : deps.fabricOf(one, aborted),
});

describe('F4: a switch that dies under one stream', () => {
  const two = jobWith({
    phase: 'Preparing',
    allocatedAt: new Date(0).toISOString(),
    startTime: new Date(0).toISOString(),
    processNumber: 7,
    streams: [0, 1].map((number) =>
      grant({
        ...{ number, epoch: number + 1, state: 'Reserved', drive: `drive-${number}`, tape: `tape-${number}` },
        ...{ server: `server-${number}`, switches: [`switch-${number}`] },
        zones: [{ name: `tw_1a2b3c4d_s${number}_e${number + 1}_0`, switch: `switch-${number}` }],
      }),
    ),
  });

  it('keeps the other one from nothing, and is told in the status', async () => {
    const found = await begin(two);
    const reconcile = makeBackupJobReconciler(withDeadSwitches(found.deps, ['switch-0']));
    await expect(reconcile(key, signal)).rejects.toThrow('switch switch-0: no answer');
    const [dead, alive] = read(found)?.status?.streams ?? [];
    expect(dead).toMatchObject({ state: 'Preparing', reason: 'ZoneFailed', zones: [{ ready: false }] });
    expect(alive).toMatchObject({ state: 'Preparing', zoned: true });
    await found.settle();
    await expect(reconcile(key, signal)).rejects.toThrow('no answer');
    expect(found.memory.read(pods, { namespace, name: 'tw-1a2b3c4d-s1-e2-load' })).toBeDefined();
  });

  it('does not wake itself by what it writes', async () => {
    const found = await begin(two);
    const reconcile = makeBackupJobReconciler(withDeadSwitches(found.deps, ['switch-0', 'switch-1']));
    await expect(reconcile(key, signal)).rejects.toThrow();
    await found.settle();
    await expect(reconcile(key, signal)).rejects.toThrow();
    const version = read(found)?.metadata.resourceVersion;
    await found.settle();
    await expect(reconcile(key, signal)).rejects.toThrow();
    expect(read(found)?.metadata.resourceVersion).toBe(version);
  });
});

describe('a job that ends while a switch does not take its zone away', () => {
  it('ends, and says what stands', async () => {
    const ending = { result: 'Failed', reason: 'ZoneFailed', message: 'no answer' } as const;
    const since = new Date(0).toISOString();
    const stuck = grant({
      ...{ state: 'Releasing', zoned: true, loaded: true, unloaded: true, outcome: 'Failed', stateSince: since },
      zones: [{ name: 'tw_1a2b3c4d_s1_e3_0', switch: 'switch-0' }],
    });
    const found = await begin(
      jobWith({ phase: 'Releasing', ending, processNumber: 7, startTime: since, streams: [], retired: [stuck] }),
    );
    const reconcile = makeBackupJobReconciler(withDeadSwitches(found.deps, ['switch-0']));
    await found.clock.advance(found.deps.settings.fenceTimeoutMs + 1);
    for (let pass = 0; pass < 3; pass += 1) {
      await expect(reconcile(key, signal)).rejects.toThrow('no answer');
      await found.settle();
    }
    expect(read(found)?.status?.phase).toBe('Failed');
    expect(read(found)?.status?.conditions).toContainEqual(
      expect.objectContaining({ type: 'Released', status: 'False', reason: 'ZoneStands' }),
    );
  });
});

describe('a suspended job', () => {
  const ending = { result: 'Suspended', reason: 'Suspended', message: 'spec.suspend is set' } as const;
  const fencing = grant({ state: 'Fencing', zoned: true, stateSince: new Date(0).toISOString(), outcome: 'Unused' });
  const suspended = (annotated: boolean): BackupJob => {
    const job = jobWith(
      { phase: 'Suspended', ending, processNumber: 7, streams: [], retired: [fencing] },
      { finalizers: ['twinreel.io/held'], annotations: annotated ? { 'twinreel.io/fenced': '3' } : {} },
    );
    return { ...job, spec: { ...job.spec, suspend: true } };
  };
  const loading = { namespace, name: 'tw-1a2b3c4d-s1-e3-load' };
  const withPod = async (annotated: boolean): Promise<ControllerBench> => {
    const found = await begin(suspended(annotated));
    found.memory.seed(pods, {
      metadata: {
        ...loading,
        labels: { 'twinreel.io/worker': 'true', 'twinreel.io/role': 'load', 'twinreel.io/job-uid': uid },
        deletionTimestamp: new Date(0).toISOString(),
        finalizers: ['twinreel.io/fence'],
      },
      spec: { nodeName: 'server-0', containers: [] },
    });
    await found.settle();
    return found;
  };

  it('keeps its finalizer and stays Suspended while a fence is outstanding', async () => {
    const found = await withPod(false);
    await makeBackupJobReconciler(found.deps)(key, signal);
    expect(read(found)).toMatchObject({
      status: { phase: 'Suspended' },
      metadata: { finalizers: ['twinreel.io/held'] },
    });
    expect(found.memory.read(tapeLibraries, { name: 'library-0' })).toBeDefined();
  });

  it('unloads what it still holds once the fence is vouched for', async () => {
    const found = await withPod(true);
    await makeBackupJobReconciler(found.deps)(key, signal);
    expect(found.memory.read(pods, { namespace, name: 'tw-1a2b3c4d-s1-e3-unload-0' })).toBeDefined();
    expect(read(found)?.status?.phase).toBe('Suspended');
  });
});

describe('activeDeadline', () => {
  it.each([
    ['is over for a job that was never suspended', 0, 'DeadlineExceeded'],
    ['is not for one that was suspended for most of its life', 3_600, undefined],
  ] as const)('%s', async (_name, suspendedSeconds, reason) => {
    bench = await makeControllerBench();
    const startTime = new Date(bench.clock.now() - 3_610_000).toISOString();
    const job = jobWith({ phase: 'Queued', processNumber: 7, startTime, suspendedSeconds, streams: [] });
    bench.memory.seed(backupJobs, { ...job, spec: { ...job.spec, activeDeadline: '60s' } });
    await bench.settle();
    await makeBackupJobReconciler(bench.deps)(key, signal);
    expect(read(bench)?.status?.ending?.reason).toBe(reason);
  });
});

describe('the retention of a job', () => {
  it('is counted from its end', async () => {
    const ending = { result: 'Succeeded', reason: 'AllCopiesWritten', message: '', copies: 1 } as const;
    const status = {
      phase: 'Releasing',
      ending,
      processNumber: 7,
      streams: [],
      expires: '1970-01-02T00:00:00.000Z',
    } as const;
    const job = jobWith({ ...status, streams: [] });
    const found = await begin({ ...job, spec: { ...job.spec, retention: { keepFor: '1d' } } });
    found.memory.seed(mediaPools, pool('default', { retention: { keepFor: '1d' } }));
    await found.clock.advance(3_600_000);
    await found.settle();
    await makeBackupJobReconciler(found.deps)(key, signal);
    const ended = read(found)?.status;
    expect(ended?.phase).toBe('Succeeded');
    expect(Date.parse(ended?.expires ?? '') - Date.parse(ended?.completionTime ?? '')).toBe(86_400_000);
    expect(ended?.expires).not.toBe(status.expires);
  });
});
