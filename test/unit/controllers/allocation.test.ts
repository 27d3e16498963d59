import { afterEach, describe, expect, it } from 'vitest';
import type {
  BackupJob,
  BackupSaveRecord,
  BackupServer,
  LibraryDriveStatus,
} from '../../../src/api/generated/index.ts';
import {
  backupJobs,
  backupSaveRecords,
  backupServers,
  mediaPools,
  tapeLibraries,
  tapes,
} from '../../../src/api/resources.ts';
import { allocationKey, makeAllocationReconciler } from '../../../src/controllers/allocation.ts';
import { makeControllerBench, namespace, type ControllerBench } from '../../support/controller-bench.ts';
import { textLimits } from '../../../src/api/status-text.ts';
import type { Api } from '../../../src/kube/api.ts';
import { holder, job as jobWith, library, pool, server, tape, uid } from '../../support/hardware-objects.ts';

const { signal } = new AbortController();
let bench: ControllerBench | undefined;
afterEach(() => bench?.stop());

const now = '2030-01-01T00:00:00.000Z';

const waiting = (numbers: readonly number[] = [0, 1], since = now): NonNullable<BackupJob['status']> => ({
  phase: 'Queued',
  processNumber: 7,
  streams: numbers.map((number) => ({ number, epoch: 0, role: 'Active', state: 'Waiting', startedAt: since })),
});

const usable = (name: string, machineID: string): BackupServer =>
  server(
    name,
    { state: 'Usable', machineID, bootID: 'boot' },
    { hostPaths: [{ prefix: '/data', namespaces: ['*'], readOnly: true }] },
  );

/** Two servers, a library of two drives, two tapes: all usable and free. */
const begin = async (
  jobs: readonly BackupJob[],
  servers: readonly BackupServer[],
  drives: readonly Partial<LibraryDriveStatus>[] = [{}, {}],
  wrap?: (api: Api) => Api,
): Promise<ControllerBench> => {
  bench = await makeControllerBench(wrap);
  const { memory } = bench;
  for (const one of servers) memory.seed(backupServers, one);
  const seen = drives.map((drive, index) => ({ name: `drive-${index}`, state: 'Usable' as const, ...drive }));
  memory.seed(tapeLibraries, library({ state: 'Usable', lastInventory: now, drives: seen }));
  for (const name of ['tape-0', 'tape-1']) memory.seed(tapes, tape(name, { state: 'Scratch', freeState: 'Scratch' }));
  memory.seed(mediaPools, pool('default'));
  for (const job of jobs) memory.seed(backupJobs, { ...job, metadata: { creationTimestamp: now, ...job.metadata } });
  await bench.settle();
  return bench;
};

const pass = async (site: ControllerBench): Promise<void> => {
  await makeAllocationReconciler(site.deps)(allocationKey, signal);
  await site.settle();
};

const jobOf = ({ memory }: ControllerBench, name = 'job'): BackupJob['status'] =>
  memory.read(backupJobs, { namespace: 'default', name })?.status;

const ago = (minutes: number): string => new Date(Date.parse(now) - minutes * 60_000).toISOString();

describe('the folder of one machine', () => {
  const apart = [usable('server-0', 'machine-0'), usable('server-1', 'machine-1')];
  const together = [usable('server-0', 'machine-0'), usable('server-1', 'machine-0')];

  it('is never read on two machines: the job says so and ends', async () => {
    const site = await begin([jobWith(waiting())], apart);
    await pass(site);
    expect(jobOf(site)?.streams?.map(({ state }) => state)).toEqual(['Waiting', 'Waiting']);
    expect(jobOf(site)?.ending).toMatchObject({ result: 'Failed', reason: 'SourceNotReachable' });
    expect(jobOf(site)?.ending?.message).toMatch(/machine-0 \(server-0\); machine-1 \(server-1\)/);
  });

  it('is read by two servers of its machine, which is noted', async () => {
    const site = await begin([jobWith(waiting())], together);
    await pass(site);
    expect(jobOf(site)?.streams?.map(({ server }) => server)).toEqual(['server-0', 'server-1']);
    expect(jobOf(site)?.machineID).toBe('machine-0');
  });

  it('may be read on any machines where it is shared', async () => {
    const job = jobWith(waiting());
    const source = { ...job.spec.source, hostPath: { path: '/data', shared: true } };
    const site = await begin([{ ...job, spec: { ...job.spec, source } }], apart);
    await pass(site);
    expect(jobOf(site)?.streams?.map(({ server }) => server)).toEqual(['server-0', 'server-1']);
    expect(jobOf(site)?.machineID).toBeUndefined();
  });

  it('is not bound to the machine of an intent that came to nothing', async () => {
    const site = await begin([jobWith({ ...waiting(), machineID: 'machine-9' })], together);
    await pass(site);
    expect(jobOf(site)?.machineID).toBe('machine-0');
  });

  it('stays where it was planned when the job is resumed', async () => {
    const planned = { ...waiting(), machineID: 'machine-9', plan: { record: 'plan', complete: false } };
    const site = await begin([jobWith(planned)], together);
    await pass(site);
    expect(jobOf(site)?.streams?.map(({ state }) => state)).toEqual(['Waiting', 'Waiting']);
  });
});

describe('a job behind one that has waited long', () => {
  const servers = [usable('server-0', 'machine-0'), usable('server-1', 'machine-0')];
  const drives = [{}, { state: 'InUse' as const, holder: holder({ uid: 'another', name: 'another' }) }];
  const big = jobWith(waiting([0, 1], ago(60)), { name: 'big', uid: 'big' });
  const small = (since: string, spec: Partial<BackupJob['spec']> = {}): BackupJob => {
    const job = jobWith(waiting([0], since), { name: 'small', uid: 'small' });
    return { ...job, spec: { ...job.spec, routes: 1, priority: -1, ...spec } };
  };

  it('is told its place, why, and behind whom', async () => {
    const site = await begin([big, small(now)], servers, drives);
    await pass(site);
    expect(jobOf(site, 'small')).toMatchObject({
      reason: 'HeldBack',
      queue: { position: 2, blockedBy: [{ kind: 'BackupJob', name: 'default/big' }] },
    });
  });

  it('gives up by its own deadline', async () => {
    const site = await begin([big, small(ago(6), { allocationDeadline: '5m' })], servers, drives);
    await pass(site);
    expect(jobOf(site, 'small')?.ending).toMatchObject({ result: 'Failed', reason: 'HeldBack' });
  });

  it('is served where the other could not be, whatever is let go', async () => {
    const broken = [{}, { state: 'NotUsable' as const }];
    const site = await begin([big, small(now)], servers, broken);
    await pass(site);
    expect(jobOf(site, 'small')?.streams?.[0]?.state).toBe('Reserved');
    expect(jobOf(site, 'big')?.reason).toBe('NoUsableDrive');
  });
});

describe('two jobs of the same second', () => {
  it('stand in the queue in the order of their numbers', async () => {
    const made = (name: string, uid: string, processNumber: number): BackupJob =>
      jobWith({ ...waiting(), processNumber }, { name, uid });
    const held = [{}, {}].map(() => ({ state: 'InUse' as const, holder: holder({ uid: 'another' }) }));
    const site = await begin(
      [made('later', 'a', 8), made('first', 'b', 7)],
      [usable('server-0', 'machine-0'), usable('server-1', 'machine-0')],
      held,
    );
    await pass(site);
    expect(['first', 'later'].map((name) => jobOf(site, name)?.queue?.position)).toEqual([1, 2]);
  });
});

describe('the rest of a first set, with fewer than all routes secured', () => {
  const servers = [usable('server-0', 'machine-0'), usable('server-1', 'machine-0')];
  const drives = [{}, { state: 'InUse' as const, holder: holder({ uid: 'another', name: 'another' }) }];
  const begun = (streams?: NonNullable<BackupJob['status']>['streams']): BackupJob => {
    const job = jobWith({ ...waiting([0, 1], ago(11)), ...(streams === undefined ? {} : { streams }) });
    return { ...job, spec: { ...job.spec, minRoutes: 1 } };
  };
  const states = (site: ControllerBench): unknown => jobOf(site)?.streams?.map(({ state }) => state);

  it('begins to wait only then, however long the job has queued', async () => {
    const site = await begin([begun()], servers, drives);
    await pass(site);
    expect(states(site)).toEqual(['Reserved', 'Waiting']);
    await pass(site);
    expect(states(site)).toEqual(['Reserved', 'Waiting']);
    expect(jobOf(site)?.reason).toBe('NoUsableDrive');
  });

  it('is given up stream by stream, each by its own age', async () => {
    const streams = [0, 1, 2].map((number) => ({
      ...{ number, epoch: 0, role: 'Active' as const, lostEpoch: 0, startedAt: ago(number === 1 ? 11 : 1) },
      state: number === 0 ? ('Running' as const) : ('Waiting' as const),
    }));
    const held = [{}, {}].map(() => ({ state: 'InUse' as const, holder: holder({ uid: 'another' }) }));
    const site = await begin([begun(streams)], servers, held);
    await pass(site);
    expect(states(site)).toEqual(['Running', 'Failed', 'Waiting']);
  });
});

describe('a job that comes before its hardware is known', () => {
  it('waits for the first inventory and is served after it', async () => {
    const servers = [usable('server-0', 'machine-0'), usable('server-1', 'machine-0')];
    const site = await begin([jobWith(waiting())], servers);
    const { memory } = site;
    const looked = memory.read(tapeLibraries, { name: 'library-0' });
    for (const name of ['tape-0', 'tape-1']) memory.remove(tapes, { name });
    memory.seed(tapeLibraries, library({ state: 'Unknown' }));
    await site.settle();
    await pass(site);
    expect(jobOf(site)).toMatchObject({ phase: 'Queued', reason: 'HardwareUnknown' });
    expect(jobOf(site)?.ending).toBeUndefined();
    if (looked !== undefined) memory.seed(tapeLibraries, library(looked.status));
    for (const name of ['tape-0', 'tape-1']) memory.seed(tapes, tape(name, { state: 'Scratch', freeState: 'Scratch' }));
    await site.settle();
    await pass(site);
    expect(jobOf(site)?.streams?.map(({ state }) => state)).toEqual(['Reserved', 'Reserved']);
  });
});

describe('a job that is resumed', () => {
  const servers = [usable('server-0', 'machine-0'), usable('server-1', 'machine-0')];
  const avoid = { tapes: ['tape-0', 'tape-1'] };
  const record = (stream: number, tape: string): BackupSaveRecord => ({
    metadata: {
      ...{ namespace, name: `record-${stream}` },
      labels: { 'twinreel.io/job-uid': uid, 'twinreel.io/type': 'Stream' },
    },
    spec: {
      ...{ type: 'Stream', stream },
      job: { kind: 'BackupJob', namespace: 'default', name: 'job', uid, processNumber: 7 },
    },
    status: {
      areas: [
        { ...{ library: 'library-0', tape, barcode: tape, labelId: '', epoch: 1 }, firstSegment: 0, lastSegment: 1 },
      ],
    },
  });

  it('goes on with the tapes that it has begun, each stream with its own', async () => {
    const site = await begin([jobWith({ ...waiting(), avoid })], servers);
    site.memory.seed(backupSaveRecords, record(0, 'tape-1'));
    site.memory.seed(backupSaveRecords, record(1, 'tape-0'));
    await pass(site);
    expect(jobOf(site)?.streams?.map(({ state, tape }) => [state, tape])).toEqual([
      ['Reserved', 'tape-1'],
      ['Reserved', 'tape-0'],
    ]);
  });

  it('gives no stream the tape of another', async () => {
    const site = await begin([jobWith({ ...waiting(), avoid })], servers);
    site.memory.seed(backupSaveRecords, record(0, 'tape-1'));
    await pass(site);
    expect(jobOf(site)?.ending).toMatchObject({ result: 'Failed', reason: 'NoUsableTape' });
  });

  it('replaces a lost stream on another tape all the same', async () => {
    const lost = [0, 1].map((number) => ({
      ...{ number, epoch: 1, role: 'Active' as const, startedAt: now, lostEpoch: number },
      state: number === 0 ? ('Running' as const) : ('Waiting' as const),
    }));
    const site = await begin([jobWith({ ...waiting(), avoid, allocatedAt: now, streams: lost })], servers);
    site.memory.seed(backupSaveRecords, record(1, 'tape-0'));
    await pass(site);
    expect(jobOf(site)?.streams?.map(({ state }) => state)).toEqual(['Running', 'Failed']);
  });
});

describe('two leaders', () => {
  it('do not add to the intent of one another', async () => {
    const job = jobWith(waiting());
    const site = await begin(
      [{ ...job, spec: { ...job.spec, minRoutes: 1 } }],
      [usable('server-0', 'machine-0'), usable('server-1', 'machine-0')],
    );
    const seen = site.memory.read(backupJobs, { namespace: 'default', name: 'job' }) ?? job;
    const [first, ...others] = seen.status?.streams ?? [];
    const intent = { number: 0, role: 'Active' as const, ...first, epoch: 1, state: 'Allocating' as const };
    const drive = { server: 'server-0', library: 'library-0', drive: 'drive-0', tape: 'tape-0' };
    const streams = [{ ...intent, ...drive }, ...others];
    // This leader's cache does not show it yet.
    site.memory.seed(backupJobs, { ...seen, status: { ...seen.status, nextEpoch: 2, streams } });
    await pass(site);
    expect(jobOf(site)?.streams?.map(({ state }) => state)).toEqual(['Allocating', 'Waiting']);
  });
});

describe('a job whose turn fails', () => {
  const servers = [usable('server-0', 'machine-0'), usable('server-1', 'machine-0')];
  const named = (name: string, numbers: readonly number[]): BackupJob => {
    const job = jobWith(waiting(numbers), { name, uid: name });
    return { ...job, spec: { ...job.spec, routes: numbers.length } };
  };
  /** The API server refuses whatever is written of one job. */
  const refusing =
    (refused: string) =>
    (api: Api): Api => ({
      ...api,
      updateStatus: (resource, object, stop) =>
        object.metadata?.name === refused
          ? Promise.reject(new Error('refused'))
          : api.updateStatus(resource, object, stop),
    });

  it.each<readonly [string, readonly number[]]>([
    ['it cannot be told why it waits', [0, 1, 2]],
    ['it cannot be given what it asks for', [0, 1]],
  ])('keeps nobody waiting who stands behind it: %s', async (_name, numbers) => {
    const site = await begin([named('a-first', numbers), named('behind', [0])], servers, [{}, {}], refusing('a-first'));
    await pass(site);
    expect(jobOf(site, 'behind')?.streams?.[0]?.state).toBe('Reserved');
  });

  it('is tried again with back-off where nothing else moved', async () => {
    const site = await begin([named('a-first', [0, 1, 2])], servers, [{}, {}], refusing('a-first'));
    await expect(makeAllocationReconciler(site.deps)(allocationKey, signal)).rejects.toThrow('refused');
  });
});

it('what a job is told of many long names fits into its status', async () => {
  const message = 'm'.repeat(textLimits.detail);
  const unseen = Array.from({ length: 5 }, (_, n) => {
    const one = usable(`server-${n}`, 'machine-0');
    return { ...one, status: { state: 'Unknown' as const, message } };
  });
  const site = await begin([jobWith(waiting([0, 1, 2]))], unseen);
  await pass(site);
  const { queue, message: told = '' } = jobOf(site) ?? {};
  expect(told.length).toBeLessThanOrEqual(textLimits.summary);
  expect(queue?.blockedBy).toHaveLength(5);
  for (const one of queue?.blockedBy ?? []) expect(one.message?.length).toBeLessThanOrEqual(textLimits.detail);
});

it('the wait for the first grants is measured once, not for those of a job that is resumed', async () => {
  const servers = [usable('server-0', 'machine-0'), usable('server-1', 'machine-0')];
  for (const [resumed, expected] of [
    [{}, 1],
    [{ suspendedSeconds: 60 }, 0],
    [{ allocatedAt: now }, 0],
  ] as const) {
    const site = await begin([jobWith({ ...waiting(), ...resumed })], servers);
    const waits: number[] = [];
    const metrics = { ...site.deps.metrics, allocationWaited: (_kind: string, ms: number) => void waits.push(ms) };
    await makeAllocationReconciler({ ...site.deps, metrics })(allocationKey, signal);
    await site.settle();
    expect(jobOf(site)?.streams?.[0]?.state).toBe('Reserved');
    expect(waits).toHaveLength(expected);
    site.stop();
  }
});
