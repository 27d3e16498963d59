import { afterEach, describe, expect, it } from 'vitest';
import type { Restore } from '../../../src/api/generated/index.ts';
import { backupServers, fcSwitches, restores, tapeLibraries, tapes } from '../../../src/api/resources.ts';
import { makeRestoreReconciler } from '../../../src/controllers/restore.ts';
import type { Deps } from '../../../src/controllers/deps.ts';
import type { Pod } from '../../../src/kube/core-types.ts';
import { nodes, pods } from '../../../src/kube/resources.ts';
import { makeControllerBench, namespace, type ControllerBench } from '../../support/controller-bench.ts';
import { fcSwitch, grant, holder, library, node, server, tape, uid } from '../../support/hardware-objects.ts';

const { signal } = new AbortController();
let bench: ControllerBench | undefined;
afterEach(() => bench?.stop());

const held = holder({ kind: 'Restore', name: 'restore', stream: 0, epoch: 1 });
const worker = 'tw-1a2b3c4d-s0-e1';

const restore = (spec: Partial<Restore['spec']>, status: Restore['status']): Restore => ({
  metadata: { namespace: 'default', name: 'restore', uid, generation: 1, finalizers: ['twinreel.io/held'] },
  spec: {
    ...{ from: { backupJob: 'job' }, target: { hostPath: { path: '/target' } }, conflict: 'Fail', cancel: false },
    ...{ paths: [], escapedPaths: [], preferStreams: [], whenUnavailable: 'Wait', priority: 1000, stallTimeout: '60s' },
    ...spec,
  },
  status: { phase: 'Running', processNumber: 7, ...status },
});

const running = grant({
  ...{ number: 0, epoch: 1, state: 'Running', node: 'server-0', pod: worker, podStarted: true, bootID: 'boot-1' },
  ...{ zoned: true, loaded: true, switches: [], zones: [] },
});

const podOf = (name: string, state: object): Pod => ({
  metadata: {
    ...{ namespace, name, uid: `uid of ${name}` },
    labels: { 'twinreel.io/worker': 'true', 'twinreel.io/job-uid': uid },
  },
  spec: { nodeName: 'server-0', containers: [] },
  status: {
    containerStatuses: [{ ...{ name: 'worker', image: '', imageID: '', ready: false, restartCount: 0 }, state }],
  },
});

const begin = async (object: Restore): Promise<ControllerBench> => {
  bench = await makeControllerBench();
  const { memory } = bench;
  memory.seed(restores, object);
  memory.seed(nodes, node());
  memory.seed(backupServers, server('server-0', { state: 'InUse', holders: [held] }));
  const drives = [{ name: 'drive-0', state: 'InUse' as const, holder: held, loadedTape: 'TAPE-0' }];
  memory.seed(tapeLibraries, library({ state: 'Usable', drives }));
  memory.seed(tapes, tape('tape-0', { state: 'InUse', freeState: 'Usable', holder: held, drive: 'drive-0' }));
  await bench.settle();
  return bench;
};

describe('a restore that is cancelled while its drive hangs', () => {
  it('ends, keeps its finalizer until everything is freed, and says so', async () => {
    const begun = await begin(restore({ cancel: true }, { streams: [running] }));
    const { memory, clock, deps } = begun;
    memory.seed(pods, podOf(worker, { running: {} }));
    await begun.settle();
    const reconcile = makeRestoreReconciler(deps);
    const passes = async (count: number): Promise<Restore | undefined> => {
      for (let pass = 0; pass < count; pass += 1) {
        await reconcile('default/restore', signal);
        await begun.settle();
      }
      return memory.read(restores, { namespace: 'default', name: 'restore' });
    };
    expect((await passes(4))?.status?.phase).toBe('Releasing');
    await clock.advance(deps.settings.fenceTimeoutMs + 1);
    const ended = await passes(3);
    expect(ended?.status?.phase).toBe('Cancelled');
    expect(ended?.metadata.finalizers).toEqual(['twinreel.io/held']);
    expect(ended?.status?.conditions).toContainEqual(
      expect.objectContaining({ type: 'Released', status: 'False', reason: 'UnloadOutstanding' }),
    );
    const message = JSON.stringify({
      v: 1,
      role: 'unload',
      outcome: 'succeeded',
      reason: 'Done',
      message: '',
      slot: 1,
    });
    memory.seed(pods, podOf(`${worker}-unload-0`, { terminated: { exitCode: 0, message } }));
    await begun.settle();
    const freed = await passes(5);
    expect(freed?.status?.phase).toBe('Cancelled');
    expect(freed?.metadata.finalizers ?? []).toEqual([]);
    expect(freed?.status?.conditions).toContainEqual(expect.objectContaining({ type: 'Released', status: 'True' }));
    expect(memory.read(tapes, { name: 'tape-0' })?.status?.holder).toBeUndefined();
    expect(memory.read(backupServers, { name: 'server-0' })?.status?.holders).toEqual([]);
  });
});

describe('a restore that meets a switch that answers nothing', () => {
  const zones = (epoch: number, name: string) => [{ name: `tw_1a2b3c4d_s0_e${epoch}_0`, switch: name }];
  const withDeadSwitch = (deps: Deps): Deps => ({
    ...deps,
    fabricOf: (one, aborted) =>
      one.metadata.name === 'switch-0' ? Promise.reject(new Error('no answer')) : deps.fabricOf(one, aborted),
  });
  const started = async (object: Restore): Promise<ControllerBench> => {
    const begun = await begin(object);
    for (const name of ['switch-0', 'switch-1']) {
      begun.memory.seed(fcSwitches, { ...fcSwitch({ state: 'Usable' }), metadata: { name } });
    }
    await begun.settle();
    return begun;
  };
  const read = ({ memory }: ControllerBench): Restore | undefined =>
    memory.read(restores, { namespace: 'default', name: 'restore' });
  const base = { number: 0, epoch: 1, node: 'server-0', stateSince: new Date(0).toISOString() } as const;
  const dead = grant({ ...base, switches: ['switch-0'], zones: zones(1, 'switch-0'), state: 'Preparing' });
  const retired = grant({
    ...{ ...dead, state: 'Releasing', zoned: true, loaded: true, unloaded: true, outcome: 'Failed' },
    ...{ fencedBy: 'Terminated', fault: 'route' },
  });

  it('loses the route after a while, says why, and does not take that switch again', async () => {
    const begun = await started(restore({}, { phase: 'Preparing', streams: [dead] }));
    const reconcile = makeRestoreReconciler(withDeadSwitch(begun.deps));
    await expect(reconcile('default/restore', signal)).rejects.toThrow('switch switch-0: no answer');
    expect(read(begun)?.status?.streams).toMatchObject([{ state: 'Preparing', reason: 'ZoneFailed' }]);
    await begun.settle();
    await begun.clock.advance(61_000);
    await reconcile('default/restore', signal).catch(() => undefined);
    expect(read(begun)?.status).toMatchObject({
      ...{ reason: 'ZoneFailed', avoid: { switches: ['switch-0'] }, replacements: 1 },
      streams: [{ state: 'Failed' }],
      retired: [{ epoch: 1 }],
    });
  });

  it('loads what comes next though the zone of what it lost can’t be removed', async () => {
    const next = grant({ ...base, epoch: 2, state: 'Preparing', zones: zones(2, 'switch-1'), zoned: true });
    const begun = await started(restore({}, { streams: [next], retired: [retired] }));
    const reconcile = makeRestoreReconciler(withDeadSwitch(begun.deps));
    await expect(reconcile('default/restore', signal)).rejects.toThrow('no answer');
    expect(begun.memory.read(pods, { namespace, name: 'tw-1a2b3c4d-s0-e2-load' })).toBeDefined();
  });

  it('ends though the zone stands, keeps its finalizer, and says so', async () => {
    const ending = { result: 'Failed', reason: 'SegmentsUnreadable', message: 'gone' } as const;
    const begun = await started(restore({}, { phase: 'Releasing', ending, streams: [], retired: [retired] }));
    const reconcile = makeRestoreReconciler(withDeadSwitch(begun.deps));
    await begun.clock.advance(begun.deps.settings.fenceTimeoutMs + 1);
    for (let pass = 0; pass < 3; pass += 1) {
      await expect(reconcile('default/restore', signal)).rejects.toThrow('no answer');
      await begun.settle();
    }
    expect(read(begun)?.status?.phase).toBe('Failed');
    expect(read(begun)?.status?.conditions).toContainEqual(
      expect.objectContaining({ type: 'Released', status: 'False', reason: 'ZoneStands' }),
    );
    expect(read(begun)?.metadata.finalizers).toEqual(['twinreel.io/held']);
  });
});
