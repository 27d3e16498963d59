/** Schedules beside real CronJobs over a real minute: all cases at the same time, over the same minute. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { BackupJob } from '../../../src/api/generated/index.ts';
import { annotations } from '../../../src/api/names.ts';
import { backupJobs, backupSchedules } from '../../../src/api/resources.ts';
import { getIfPresent } from '../../../src/kube/writes.ts';
import { pods } from '../../../src/kube/resources.ts';
import { batchJobs, createPair, cronJobs, longLease, madeBy, namespace, type BatchJob } from './cron-pair.ts';
import { OperatorSite, waitFor } from './operator-harness.ts';

const minuteMs = 60_000;
/** By then all are made and have their first jobs, on a machine that does much else. */
const setUpMs = 20_000;
const scheduledAt = 'batch.kubernetes.io/cronjob-scheduled-timestamp';

let site: OperatorSite;
/** The minute whose start all of them see, and the one before it, of which some have a job that still runs. */
let minute: number;

beforeAll(async () => {
  site = await OperatorSite.open();
  await site.startOperator(...longLease);
  const leftNow = minuteMs - (Date.now() % minuteMs);
  if (leftNow < setUpMs) await sleep(leftNow);
  minute = Math.floor(Date.now() / minuteMs) + 1;
  await createPair(site, 'plain', { schedule: '* * * * *' });
  await createPair(site, 'zoned', { schedule: '* * * * *', timeZone: 'Asia/Kathmandu', concurrencyPolicy: 'Forbid' });
  for (const concurrencyPolicy of ['Allow', 'Forbid', 'Replace']) await startEarly(concurrencyPolicy);
  const left = minute * minuteMs - Date.now();
  expect(left, 'all is set up before the minute').toBeGreaterThan(0);
  // Here, not in the tests: the wait may take nearly all of a test's time.
  await sleep(left);
}, 180_000);
afterAll(() => site.close());

/** With a job of the running minute: both make up for it, as they go on from a start of long ago. */
const startEarly = async (concurrencyPolicy: string): Promise<void> => {
  const name = concurrencyPolicy.toLowerCase();
  const ref = { namespace, name };
  await createPair(site, name, { schedule: '* * * * *', concurrencyPolicy, suspend: true });
  await waitFor('followed times', async () => {
    const schedule = await getIfPresent(site.api, backupSchedules, ref);
    return schedule?.status?.followed === undefined ? undefined : true;
  });
  const lastScheduleTime = new Date((minute - 2) * minuteMs).toISOString().replace(/\.\d+/, '');
  const as = { type: 'merge', subresource: 'status' } as const;
  await site.api.patch(cronJobs, ref, { status: { lastScheduleTime } }, as);
  const followed = { since: lastScheduleTime };
  await site.api.patch(backupSchedules, ref, { status: { lastScheduleTime, followed } }, as);
  const resume = { spec: { suspend: false } };
  await site.api.patch(cronJobs, ref, resume, { type: 'merge' });
  await site.api.patch<object>(backupSchedules, ref, resume, { type: 'merge' });
  await bothMade(name, minute - 1);
};

const bothMade = async (name: string, at: number): Promise<readonly [BatchJob, BackupJob]> => {
  const jobName = `${name}-${at}`;
  const theirs = await waitFor(`job ${jobName} of the CronJob`, () =>
    getIfPresent(site.api, batchJobs, { namespace, name: jobName }),
  );
  const ours = await waitFor(`job ${jobName} of the schedule`, () =>
    getIfPresent(site.api, backupJobs, { namespace, name: jobName }),
  );
  return [theirs, ours];
};

const namesOf = async (name: string): Promise<readonly [readonly string[], readonly string[]]> => {
  const theirs = await madeBy(site, batchJobs, name);
  const ours = await madeBy(site, backupJobs, name);
  return [theirs.map(({ metadata }) => metadata?.name ?? ''), ours.map(({ metadata }) => metadata.name)];
};

/** What both tell of their last start, once both tell it of this minute. */
const lastStarts = (name: string, at: number): Promise<readonly [string, string]> =>
  waitFor(`status of ${name}`, async () => {
    const theirs = (await site.api.get(cronJobs, { namespace, name })).status?.lastScheduleTime ?? '';
    const ours = (await site.api.get(backupSchedules, { namespace, name })).status?.lastScheduleTime ?? '';
    return [theirs, ours].every((time) => Date.parse(time) === at * minuteMs) ? ([theirs, ours] as const) : undefined;
  });

const createdMs = ({ metadata }: BatchJob | BackupJob): number => Date.parse(metadata?.creationTimestamp ?? '');

/** As a kubelet reports the end of its pod, and as a user cancels. */
const endBoth = async (name: string, at: number): Promise<void> => {
  const jobName = `${name}-${at}`;
  const labelSelector = `batch.kubernetes.io/job-name=${jobName}`;
  const pod = await waitFor(`the pod of ${jobName}`, async () => {
    const { items } = await site.api.list(pods, { namespace, labelSelector });
    return items[0]?.metadata?.name;
  });
  const as = { type: 'merge', subresource: 'status' } as const;
  await site.api.patch(pods, { namespace, name: pod }, { status: { phase: 'Succeeded' } }, as);
  await site.api.patch(backupJobs, { namespace, name: jobName }, { spec: { cancel: true } }, { type: 'merge' });
};

describe.concurrent('at the full minute a schedule and a CronJob with the same line', () => {
  it.each(['plain', 'zoned', 'allow'])('start for the same time, on time, and tell it alike: %s', async (name) => {
    const [theirs, ours] = await bothMade(name, minute);
    for (const job of [theirs, ours]) {
      expect(createdMs(job)).toBeGreaterThanOrEqual(minute * minuteMs);
      expect(createdMs(job)).toBeLessThan((minute + 1) * minuteMs);
    }
    const planned = [
      theirs.metadata?.annotations?.[scheduledAt],
      ours.metadata.annotations?.[annotations.plannedStart],
    ];
    expect(planned.map((time) => Date.parse(time ?? ''))).toEqual([minute * minuteMs, minute * minuteMs]);
    const [theirLast, ourLast] = await lastStarts(name, minute);
    expect(Date.parse(ourLast)).toBe(Date.parse(theirLast));
    const [theirNames, ourNames] = await namesOf(name);
    expect(ourNames).toEqual(theirNames);
    expect(ourNames).toHaveLength(name === 'allow' ? 2 : 1);
  });

  it('start nothing beside a running job with Forbid, and the same start late once it has ended', async () => {
    // Others have had their start by now.
    await bothMade('plain', minute);
    const waits = await waitFor('the condition that says so', async () => {
      const { status } = await site.api.get(backupSchedules, { namespace, name: 'forbid' });
      return status?.conditions?.find(({ type, reason }) => type === 'Ready' && reason === 'WaitsForJob');
    });
    expect(waits.message).toContain(`forbid-${minute - 1}`);
    const before = [`forbid-${minute - 1}`];
    expect(await namesOf('forbid')).toEqual([before, before]);
    await lastStarts('forbid', minute - 1);
    await endBoth('forbid', minute - 1);
    await bothMade('forbid', minute);
    await lastStarts('forbid', minute);
    const [theirs, ours] = await namesOf('forbid');
    expect(ours).toEqual(theirs);
    expect(ours).toEqual([...before, `forbid-${minute}`]);
  });

  it('end the running job with Replace and start the next; ours only when the old one has ended', async () => {
    const [, ours] = await bothMade('replace', minute);
    await lastStarts('replace', minute);
    // The CronJob deletes what it replaces, the schedule keeps it in its history.
    await waitFor('the end of the old job', async () =>
      (await getIfPresent(site.api, batchJobs, { namespace, name: `replace-${minute - 1}` })) === undefined
        ? true
        : undefined,
    );
    const old = await site.api.get(backupJobs, { namespace, name: `replace-${minute - 1}` });
    expect(old.status?.phase).toBe('Cancelled');
    const endedMs = Date.parse(old.status?.completionTime ?? '');
    expect(createdMs(ours)).toBeGreaterThanOrEqual(Math.floor(endedMs / 1000) * 1000);
    const { status } = await site.api.get(backupSchedules, { namespace, name: 'replace' });
    expect(status?.activeCount).toBe(1);
    const theirs = (await site.api.get(cronJobs, { namespace, name: 'replace' })).status;
    expect(theirs?.active?.map(({ name }) => name)).toEqual(status?.active?.map(({ name }) => name));
  });
});
