import { afterEach, describe, expect, it } from 'vitest';
import type { BackupJob, BackupServer } from '../../../src/api/generated/index.ts';
import { backupJobs, backupServers, mediaPools, tapeLibraries, tapes } from '../../../src/api/resources.ts';
import { allocationKey, makeAllocationReconciler } from '../../../src/controllers/allocation.ts';
import { makeControllerBench, type ControllerBench } from '../../support/controller-bench.ts';
import { job as jobWith, library, pool, server, tape } from '../../support/hardware-objects.ts';

const { signal } = new AbortController();
let bench: ControllerBench | undefined;
afterEach(() => bench?.stop());

const now = '2030-01-01T00:00:00.000Z';

const waiting = (numbers: readonly number[] = [0, 1]): NonNullable<BackupJob['status']> => ({
  phase: 'Queued',
  processNumber: 7,
  streams: numbers.map((number) => ({ number, epoch: 0, role: 'Active', state: 'Waiting', startedAt: now })),
});

const usable = (name: string, machineID: string): BackupServer =>
  server(
    name,
    { state: 'Usable', machineID, bootID: 'boot' },
    { hostPaths: [{ prefix: '/data', namespaces: ['*'], readOnly: true }] },
  );

/** Two servers, a library of two drives, two tapes: all usable and free. */
const begin = async (job: BackupJob, servers: readonly BackupServer[]): Promise<ControllerBench> => {
  bench = await makeControllerBench();
  const { memory } = bench;
  for (const one of servers) memory.seed(backupServers, one);
  const drives = ['drive-0', 'drive-1'].map((name) => ({ name, state: 'Usable' as const }));
  memory.seed(tapeLibraries, library({ state: 'Usable', lastInventory: now, drives }));
  for (const name of ['tape-0', 'tape-1']) memory.seed(tapes, tape(name, { state: 'Scratch', freeState: 'Scratch' }));
  memory.seed(mediaPools, pool('default'));
  memory.seed(backupJobs, { ...job, metadata: { ...job.metadata, creationTimestamp: now } });
  await bench.settle();
  return bench;
};

const pass = async (site: ControllerBench): Promise<void> => {
  await makeAllocationReconciler(site.deps)(allocationKey, signal);
  await site.settle();
};

const jobOf = ({ memory }: ControllerBench): BackupJob['status'] =>
  memory.read(backupJobs, { namespace: 'default', name: 'job' })?.status;

describe('the folder of one machine', () => {
  const apart = [usable('server-0', 'machine-0'), usable('server-1', 'machine-1')];
  const together = [usable('server-0', 'machine-0'), usable('server-1', 'machine-0')];

  it('is never read on two machines: the job says so and ends', async () => {
    const site = await begin(jobWith(waiting()), apart);
    await pass(site);
    expect(jobOf(site)?.streams?.map(({ state }) => state)).toEqual(['Waiting', 'Waiting']);
    expect(jobOf(site)?.ending).toMatchObject({ result: 'Failed', reason: 'SourceNotReachable' });
    expect(jobOf(site)?.ending?.message).toMatch(/machine-0 \(server-0\); machine-1 \(server-1\)/);
  });

  it('is read by two servers of its machine, which is noted', async () => {
    const site = await begin(jobWith(waiting()), together);
    await pass(site);
    expect(jobOf(site)?.streams?.map(({ server }) => server)).toEqual(['server-0', 'server-1']);
    expect(jobOf(site)?.machineID).toBe('machine-0');
  });

  it('may be read on any machines where it is shared', async () => {
    const job = jobWith(waiting());
    const source = { ...job.spec.source, hostPath: { path: '/data', shared: true } };
    const site = await begin({ ...job, spec: { ...job.spec, source } }, apart);
    await pass(site);
    expect(jobOf(site)?.streams?.map(({ server }) => server)).toEqual(['server-0', 'server-1']);
    expect(jobOf(site)?.machineID).toBeUndefined();
  });

  it('is not bound to the machine of an intent that came to nothing', async () => {
    const site = await begin(jobWith({ ...waiting(), machineID: 'machine-9' }), together);
    await pass(site);
    expect(jobOf(site)?.machineID).toBe('machine-0');
  });

  it('stays where it was planned when the job is resumed', async () => {
    const planned = { ...waiting(), machineID: 'machine-9', plan: { record: 'plan', complete: false } };
    const site = await begin(jobWith(planned), together);
    await pass(site);
    expect(jobOf(site)?.streams?.map(({ state }) => state)).toEqual(['Waiting', 'Waiting']);
  });
});
