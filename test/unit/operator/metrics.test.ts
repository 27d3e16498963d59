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
  restores: storeOf(),
  records: storeOf(),
  servers: storeOf(),
  libraries: storeOf(),
  tapes: storeOf(),
  switches: storeOf(),
  pools: storeOf(),
  pods: storeOf(),
  nodes: storeOf(),
  ...changes,
});

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
    const text = await metrics.registry.metrics();
    const lines = text.split('\n');
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
        'twinreel_last_success_timestamp_seconds{namespace="default",name="a",schedule="nightly"} 1893456000',
      ]),
    );
  });

  it('count what reconcilers and control loops report', async () => {
    const { registry, jobs, kube } = makeOperatorMetrics();
    jobs.failedOver('TapeWriteError');
    jobs.bytesRewritten(10);
    jobs.segmentsCommitted(2, 20);
    jobs.ended('BackupJob', 'Succeeded', 'default', 'a', 0);
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
});
