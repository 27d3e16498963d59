import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { BackupJob, BackupSchedule } from '../../../src/api/generated/index.ts';
import { findCondition } from '../../../src/api/conditions.ts';
import { backupJobs, backupSchedules } from '../../../src/api/resources.ts';
import { makeBackupScheduleReconciler } from '../../../src/controllers/backup-schedule.ts';
import type { Reconcile } from '../../../src/kube/controller.ts';
import { makeControllerBench, type ControllerBench } from '../../support/controller-bench.ts';
import { job as aJob } from '../../support/hardware-objects.ts';
import { apiError } from '../kube/memory-api.ts';

const ref = { namespace: 'default', name: 'nightly' };
const minuteMs = 60_000;
const hourMs = 60 * minuteMs;

let bench: ControllerBench;
let reconcile: Reconcile;

beforeEach(async () => {
  bench = await makeControllerBench();
  reconcile = makeBackupScheduleReconciler(bench.deps);
});
afterEach(() => bench.stop());

const put = async (spec: Partial<BackupSchedule['spec']> = {}, status?: BackupSchedule['status']): Promise<void> => {
  const creationTimestamp = new Date(bench.clock.now()).toISOString();
  bench.memory.seed(backupSchedules, {
    metadata: {
      ...ref,
      uid: 'schedule-uid',
      generation: 1,
      creationTimestamp,
      labels: { 'app.kubernetes.io/instance': 'app' },
    },
    spec: {
      schedule: '0 * * * *',
      concurrencyPolicy: 'Forbid',
      suspend: false,
      successfulJobsHistoryLimit: 3,
      failedJobsHistoryLimit: 1,
      jobTemplate: {
        metadata: { labels: { tier: 'gold', 'app.kubernetes.io/instance': 'app' } },
        spec: aJob().spec,
      },
      ...spec,
    },
    ...(status === undefined ? {} : { status }),
  });
  await bench.settle();
};

const pass = async () => {
  const result = await reconcile('default/nightly', new AbortController().signal);
  await bench.settle();
  return result;
};
const later = async (ms: number) => {
  bench.clock.step(ms);
  return pass();
};
const jobs = async (): Promise<readonly BackupJob[]> => (await bench.deps.api.list(backupJobs, {})).items;
const names = async () => (await jobs()).map(({ metadata }) => metadata.name);
const schedule = () => bench.memory.read(backupSchedules, ref);
const change = async (spec: Partial<BackupSchedule['spec']>) => {
  const seen = schedule();
  if (seen === undefined) throw new Error('no schedule');
  bench.memory.seed(backupSchedules, { ...seen, spec: { ...seen.spec, ...spec } });
  await bench.settle();
};
const end = async (name: string, phase: 'Succeeded' | 'Failed' | 'Cancelled') => {
  const seen = bench.memory.read(backupJobs, { namespace: 'default', name });
  if (seen === undefined) throw new Error(`no job ${name}`);
  const at = new Date(bench.clock.now()).toISOString();
  const released = { type: 'Released', status: 'True' as const, reason: 'x', message: '', lastTransitionTime: at };
  bench.memory.seed(backupJobs, { ...seen, status: { phase, completionTime: at, conditions: [released] } });
  await bench.settle();
};
/** The clock stands at 2030-01-01T00:00Z at the start. */
const nameAt = (hours: number): string => `nightly-${Date.UTC(2030, 0, 1, hours) / minuteMs}`;

describe('a schedule', () => {
  it('makes a job at the planned time, once, with a name that tells it, and not before', async () => {
    await put();
    await later(hourMs - 1);
    expect(await names()).toEqual([]);
    await later(1);
    await later(1);
    expect(await names()).toEqual([nameAt(1)]);
    expect(schedule()?.status).toMatchObject({
      lastScheduleTime: '2030-01-01T01:00:00.000Z',
      nextScheduleTime: '2030-01-01T02:00:00.000Z',
      activeCount: 1,
      active: [{ name: nameAt(1) }],
    });
  });

  it('owns its jobs, which bear its name and the labels of the template but not what tracks the schedule', async () => {
    await put();
    await later(hourMs);
    const [made] = await jobs();
    expect(made?.metadata.labels).toEqual({ tier: 'gold', 'twinreel.io/schedule': 'nightly' });
    expect(made?.metadata.ownerReferences).toMatchObject([
      { kind: 'BackupSchedule', uid: 'schedule-uid', controller: true },
    ]);
  });

  it('makes no second job when the operator died between job and status', async () => {
    await put();
    bench.memory.fail('updateStatus', { error: apiError('Unreachable') });
    await expect(later(hourMs)).rejects.toThrow();
    await end(nameAt(1), 'Succeeded');
    await pass();
    expect(await names()).toEqual([nameAt(1)]);
    expect(schedule()?.status?.lastScheduleTime).toBe('2030-01-01T01:00:00.000Z');
  });

  it('makes no second job when the answer to its creation was lost', async () => {
    await put();
    bench.memory.fail('create', { lost: true });
    await expect(later(hourMs)).rejects.toThrow();
    await pass();
    expect(await names()).toEqual([nameAt(1)]);
  });

  it('makes up for one start after a long outage, and counts the others', async () => {
    await put({ schedule: '* * * * *' });
    await later(500 * minuteMs);
    await pass();
    expect(await names()).toEqual([`nightly-${Date.UTC(2030, 0, 1, 0, 500) / minuteMs}`]);
    expect(schedule()?.status).toMatchObject({ missed: 499, lastMissedTime: '2030-01-01T08:19:00.000Z' });
    expect(bench.told.filter(({ reason }) => reason === 'StartMissed')).toHaveLength(1);
  });

  it('skips what is later than its deadline', async () => {
    await put({ startingDeadlineSeconds: 600 });
    await later(hourMs + 601_000);
    expect(await names()).toEqual([]);
    expect(schedule()?.status).toMatchObject({ missed: 1, lastMissedTime: '2030-01-01T01:00:00.000Z' });
    await pass();
    expect(schedule()?.status?.missed).toBe(1);
  });

  it('waits with Forbid until the running job has ended, then starts late', async () => {
    await put();
    await later(hourMs);
    await later(hourMs);
    expect(await names()).toEqual([nameAt(1)]);
    expect(findCondition(schedule()?.status?.conditions, 'Ready')).toMatchObject({ reason: 'WaitsForJob' });
    await end(nameAt(1), 'Succeeded');
    await pass();
    expect(await names()).toEqual([nameAt(1), nameAt(2)]);
  });

  it('cancels with Replace, and starts only when the old job has ended', async () => {
    await put({ concurrencyPolicy: 'Replace' });
    await later(hourMs);
    await later(hourMs);
    expect((await jobs()).map(({ spec }) => spec.cancel)).toEqual([true]);
    await later(minuteMs);
    expect(await names()).toEqual([nameAt(1)]);
    await end(nameAt(1), 'Cancelled');
    await pass();
    expect(await names()).toEqual([nameAt(1), nameAt(2)]);
  });

  it('starts beside a running job with Allow', async () => {
    await put({ concurrencyPolicy: 'Allow' });
    await later(hourMs);
    await later(hourMs);
    expect(await names()).toEqual([nameAt(1), nameAt(2)]);
    expect(schedule()?.status?.activeCount).toBe(2);
  });

  it('makes none while suspended, and one when that ends', async () => {
    await put({ suspend: true });
    await later(5 * hourMs);
    expect(await names()).toEqual([]);
    expect(schedule()?.status?.nextScheduleTime).toBeUndefined();
    await change({ suspend: false });
    await pass();
    expect(await names()).toEqual([nameAt(5)]);
  });

  it('runs once for a new token of runNow, also over a crash and when its job is gone', async () => {
    await put({ runNow: 'a' });
    bench.memory.fail('updateStatus', { error: apiError('Unreachable') });
    await expect(pass()).rejects.toThrow();
    await pass();
    const [name = ''] = await names();
    expect(name).toMatch(/^nightly-now-[0-9a-z]{6}$/);
    expect(schedule()?.status?.lastRunNow).toBe('a');
    bench.memory.remove(backupJobs, { namespace: 'default', name });
    await bench.settle();
    await pass();
    expect(await names()).toEqual([]);
    await change({ runNow: 'b' });
    await pass();
    expect(await names()).toHaveLength(1);
  });

  it('starts nothing for times before its schedule was changed', async () => {
    await put({ schedule: '0 2 1 1 *' });
    await later(12 * hourMs);
    await end(nameAt(2), 'Succeeded');
    await change({ schedule: '0 10 * * *' });
    await later(minuteMs);
    expect(await names()).toEqual([nameAt(2)]);
    await later(22 * hourMs);
    expect(await names()).toEqual([nameAt(2), nameAt(34)]);
  });

  it('keeps so many ended jobs as it is told', async () => {
    await put({ successfulJobsHistoryLimit: 1, failedJobsHistoryLimit: 0 });
    for (const [hour, phase] of [
      [1, 'Succeeded'],
      [2, 'Failed'],
      [3, 'Succeeded'],
    ] as const) {
      await later(hourMs);
      await end(nameAt(hour), phase);
      await pass();
    }
    expect(await names()).toEqual([nameAt(3)]);
  });

  it('tells whether the window was met, and still does when the job has left the history', async () => {
    await put({ window: '30m', failedJobsHistoryLimit: 0 });
    const windowMet = () => findCondition(schedule()?.status?.conditions, 'WindowMet')?.reason;
    await later(hourMs);
    await later(29 * minuteMs);
    await end(nameAt(1), 'Succeeded');
    await pass();
    expect([windowMet(), schedule()?.status?.windowMet]).toEqual(['DoneInTime', true]);
    await later(31 * minuteMs);
    await later(31 * minuteMs);
    expect([windowMet(), schedule()?.status?.windowMet]).toEqual(['StillRunning', false]);
    await end(nameAt(2), 'Failed');
    await pass();
    await pass();
    expect(await names()).toEqual([nameAt(1)]);
    expect([windowMet(), schedule()?.status?.windowMet]).toEqual(['JobFailed', false]);
    expect(schedule()?.status?.lastSuccessfulTime).toBe('2030-01-01T01:29:00.000Z');
  });

  it('puts its starts off by the same time always, and names jobs by the planned time', async () => {
    await put({ jitter: '30m' });
    await pass();
    const next = Date.parse(schedule()?.status?.nextScheduleTime ?? '');
    const jitterMs = next - Date.UTC(2030, 0, 1, 1);
    expect(jitterMs).toBeGreaterThan(0);
    expect(jitterMs).toBeLessThan(30 * minuteMs);
    await later(hourMs + jitterMs - 1000);
    expect(await names()).toEqual([]);
    await later(1000);
    expect(await names()).toEqual([nameAt(1)]);
  });

  it('says what is wrong with a date that never comes', async () => {
    await put({ schedule: '0 0 31 2 *' });
    await pass();
    expect(findCondition(schedule()?.status?.conditions, 'Ready')).toMatchObject({
      status: 'False',
      reason: 'InvalidSchedule',
      message: "'0 0 31 2 *' names a date that never comes",
    });
  });

  it('says that a job was refused, and tries again later', async () => {
    await put();
    bench.memory.fail('create', { error: apiError('Forbidden') });
    expect(await later(hourMs)).toEqual({ kind: 'requeue', afterMs: minuteMs });
    expect(findCondition(schedule()?.status?.conditions, 'Ready')).toMatchObject({
      status: 'False',
      reason: 'JobRefused',
    });
    await later(minuteMs);
    expect(await names()).toEqual([nameAt(1)]);
  });

  it('leaves a job of that name that is not its own alone, and skips the start', async () => {
    await put();
    bench.memory.seed(backupJobs, { ...aJob(), metadata: { namespace: 'default', name: nameAt(1), uid: 'other' } });
    await later(hourMs);
    await pass();
    expect(schedule()?.status).toMatchObject({ missed: 1, lastMissedTime: '2030-01-01T01:00:00.000Z' });
    expect((await jobs()).map(({ metadata }) => metadata.uid)).toEqual(['other']);
  });
});
