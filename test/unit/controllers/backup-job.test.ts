import { afterEach, describe, expect, it } from 'vitest';
import type { BackupJob } from '../../../src/api/generated/index.ts';
import { backupJobs, backupServers, fcSwitches, tapeLibraries, tapes } from '../../../src/api/resources.ts';
import { makeBackupJobReconciler } from '../../../src/controllers/backup-job.ts';
import type { Deps } from '../../../src/controllers/deps.ts';
import { nodes, pods } from '../../../src/kube/resources.ts';
import { makeControllerBench, namespace, type ControllerBench } from '../../support/controller-bench.ts';
import { fcSwitch, grant, job as jobWith, library, node, server, tape } from '../../support/hardware-objects.ts';

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
