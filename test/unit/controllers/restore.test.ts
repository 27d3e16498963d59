import { afterEach, describe, expect, it } from 'vitest';
import type { Restore } from '../../../src/api/generated/index.ts';
import { backupServers, restores, tapeLibraries, tapes } from '../../../src/api/resources.ts';
import { makeRestoreReconciler } from '../../../src/controllers/restore.ts';
import type { Pod } from '../../../src/kube/core-types.ts';
import { nodes, pods } from '../../../src/kube/resources.ts';
import { makeControllerBench, namespace, type ControllerBench } from '../../support/controller-bench.ts';
import { grant, holder, library, node, server, tape, uid } from '../../support/hardware-objects.ts';

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
