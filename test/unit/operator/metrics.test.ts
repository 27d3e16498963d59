import { describe, expect, it } from 'vitest';
import type { Caches } from '../../../src/controllers/deps.ts';
import type { KubeObject } from '../../../src/kube/api.ts';
import { makeStore, type ReadStore } from '../../../src/kube/store.ts';
import { makeOperatorMetrics } from '../../../src/operator/metrics.ts';
import { job, library, pool, server, tape } from '../../support/hardware-objects.ts';

const storeOf = <T extends KubeObject>(...objects: readonly T[]): ReadStore<T> => {
  const store = makeStore<T>();
  for (const object of objects) store.set(object);
  return store;
};

const caches = (changes: Partial<Caches>): Caches => ({
  jobs: storeOf(),
  schedules: storeOf(),
  restores: storeOf(),
  records: storeOf(),
  servers: storeOf(),
  libraries: storeOf(),
  tapes: storeOf(),
  switches: storeOf(),
  pools: storeOf(),
  pods: storeOf(),
  anchors: storeOf(),
  nodes: storeOf(),
  ...changes,
});

const linesOf = async ({ registry }: ReturnType<typeof makeOperatorMetrics>): Promise<readonly string[]> =>
  (await registry.metrics()).split('\n');

describe('the metrics', () => {
  it('tell phases of jobs, states of hardware, free bytes and last successes from the caches', async () => {
    const metrics = makeOperatorMetrics();
    metrics.watch(
      caches({
        jobs: storeOf(
          job(
            { phase: 'Succeeded', completionTime: '2030-01-01T00:00:00Z' },
            { name: 'a', labels: { 'twinreel.io/schedule': 'nightly' } },
          ),
          job({ phase: 'Running' }, { name: 'b' }),
          job(undefined, { name: 'c' }),
        ),
        servers: storeOf(server('server-0', { state: 'Usable' }), server('server-1')),
        libraries: storeOf(library({ state: 'Usable', drives: [{ name: 'drive-0', state: 'NotUsable' }] })),
        tapes: storeOf(tape('tape-0', { state: 'Full' })),
        pools: storeOf({ ...pool('default'), status: { freeBytes: 42 } }),
      }),
    );
    metrics.kube.leading('ns/lease', true);
    const lines = await linesOf(metrics);
    expect(lines).toEqual(
      expect.arrayContaining([
        'twinreel_jobs{kind="BackupJob",phase="Succeeded"} 1',
        'twinreel_jobs{kind="BackupJob",phase="Running"} 1',
        'twinreel_jobs{kind="BackupJob",phase="New"} 1',
        'twinreel_resources{kind="BackupServer",state="Usable"} 1',
        'twinreel_resources{kind="BackupServer",state="Unknown"} 1',
        'twinreel_resources{kind="Drive",state="NotUsable"} 1',
        'twinreel_resources{kind="Tape",state="Full"} 1',
        'twinreel_pool_free_bytes{pool="default"} 42',
        'twinreel_last_success_timestamp_seconds{namespace="default",schedule="nightly"} 1893456000',
      ]),
    );
  });

  it('count what reconcilers and control loops report', async () => {
    const { registry, jobs, kube } = makeOperatorMetrics();
    jobs.failedOver('TapeWriteError');
    jobs.bytesRewritten(10);
    jobs.segmentsCommitted(2, 20);
    jobs.ended('BackupJob', 'Succeeded');
    jobs.allocationWaited('BackupJob', 2_000);
    kube.queueDepth('backup-job', 3);
    kube.reconciled('backup-job', 0.2, 'error');
    kube.reconciled('backup-job', 0.2, 'done');
    kube.leading('ns/lease', true);
    const lines = (await registry.metrics()).split('\n');
    expect(lines).toEqual(
      expect.arrayContaining([
        'twinreel_failovers_total{reason="TapeWriteError"} 1',
        'twinreel_rewritten_bytes_total 10',
        'twinreel_segments_total 2',
        'twinreel_bytes_total 20',
        'twinreel_ended_total{kind="BackupJob",outcome="Succeeded"} 1',
        'twinreel_allocation_wait_seconds_sum{kind="BackupJob"} 2',
        'twinreel_queue_depth{queue="backup-job"} 3',
        'twinreel_reconcile_errors_total{controller="backup-job"} 1',
        'twinreel_reconcile_seconds_count{controller="backup-job",outcome="done"} 1',
        'twinreel_leader{lease="ns/lease"} 1',
      ]),
    );
  });

  it('of a standby tell that it does not lead, and nothing that the leader tells', async () => {
    const metrics = makeOperatorMetrics();
    metrics.watch(
      caches({
        jobs: storeOf(job({ phase: 'Succeeded', completionTime: '2030-01-01T00:00:00Z' }, { name: 'a' })),
        servers: storeOf(server('server-0', { state: 'Usable' })),
        pools: storeOf({ ...pool('default'), status: { freeBytes: 42 } }),
      }),
    );
    metrics.kube.leading('ns/lease', false);
    const lines = await linesOf(metrics);
    expect(lines).toContain('twinreel_leader{lease="ns/lease"} 0');
    const told = /^twinreel_(jobs|resources|pool_free_bytes|last_success_timestamp_seconds)\{/;
    expect(lines.filter((line) => told.test(line))).toEqual([]);
  });
});

describe('the last success', () => {
  const series = async (metrics: ReturnType<typeof makeOperatorMetrics>): Promise<readonly string[]> =>
    (await linesOf(metrics)).filter((line) => line.startsWith('twinreel_last_success_timestamp_seconds{'));
  const ended = (name: string, at: string, labels = {}) =>
    job({ phase: 'Succeeded', completionTime: at }, { name, labels });

  it('outlives the job, and the newest of a schedule counts', async () => {
    const metrics = makeOperatorMetrics();
    const jobs = makeStore<ReturnType<typeof job>>();
    metrics.watch(caches({ jobs }));
    metrics.kube.leading('ns/lease', true);
    const nightly = { 'twinreel.io/schedule': 'nightly' };
    jobs.set(ended('nightly-2', '2030-01-02T00:00:00Z', nightly));
    jobs.set(ended('nightly-1', '2030-01-01T00:00:00Z', nightly));
    const newest = 'twinreel_last_success_timestamp_seconds{namespace="default",schedule="nightly"} 1893542400';
    expect(await series(metrics)).toEqual([newest]);
    for (const key of jobs.keys()) jobs.delete(key);
    expect(await series(metrics)).toEqual([newest]);
    metrics.jobs.backupSucceeded('default', 'nightly', Date.parse('2030-01-03T00:00:00Z'));
    expect(await series(metrics)).toEqual([newest.replace('1893542400', '1893628800')]);
  });

  it('has one series for all jobs of a namespace that no schedule made', async () => {
    const metrics = makeOperatorMetrics();
    const byHand = Array.from({ length: 20 }, (_, n) => ended(`by-hand-${n}`, `2030-01-01T00:00:${10 + n}Z`));
    metrics.watch(caches({ jobs: storeOf(...byHand) }));
    metrics.kube.leading('ns/lease', true);
    expect(await series(metrics)).toEqual([
      'twinreel_last_success_timestamp_seconds{namespace="default",schedule=""} 1893456029',
    ]);
  });
});
