/** Schedules beside real CronJobs, each by its own controller: they start for the same minutes. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { BackupSchedule } from '../../../src/api/generated/index.ts';
import { backupJobs, backupSchedules } from '../../../src/api/resources.ts';
import type { KubeObject, Resource } from '../../../src/kube/api.ts';
import { getIfPresent } from '../../../src/kube/writes.ts';
import { batchJobs, createPair, cronJobs, longLease, madeBy, namespace, template } from './cron-pair.ts';
import { OperatorSite, waitFor } from './operator-harness.ts';

let site: OperatorSite;
beforeAll(async () => {
  site = await OperatorSite.open();
  await site.startOperator(...longLease);
}, 120_000);
afterAll(() => site.close());

/** Suspended at first, so that both go on from a start of long ago. */
const put = async (name: string, spec: object, lastScheduleTime: string): Promise<void> => {
  await createPair(site, name, { suspend: true, ...spec });
  const known = (schedule: BackupSchedule | undefined) =>
    schedule?.status?.followed === undefined ? undefined : schedule;
  const ref = { namespace, name };
  await waitFor('followed times', async () => known(await getIfPresent(site.api, backupSchedules, ref)));
  const status = { type: 'merge', subresource: 'status' } as const;
  const followed = { since: lastScheduleTime };
  await site.api.patch(cronJobs, ref, { status: { lastScheduleTime } }, status);
  await site.api.patch(backupSchedules, ref, { status: { lastScheduleTime, followed } }, status);
  for (const resource of [cronJobs, backupSchedules]) {
    await site.api.patch<KubeObject>(resource, ref, { spec: { suspend: false } }, { type: 'merge' });
  }
};

const namesOf = async (resource: Resource, name: string): Promise<readonly string[] | undefined> => {
  const made = await madeBy(site, resource, name);
  return made.length === 0 ? undefined : made.map(({ metadata }) => metadata?.name ?? '');
};

describe('after an outage a schedule starts for the same minute as a CronJob', () => {
  const lines = [
    { name: 'daily', schedule: '@daily', timeZone: 'Europe/Berlin' },
    { name: 'nightly', schedule: '30 2 * * *', timeZone: 'America/New_York' },
    { name: 'quarters', schedule: '5/15 6-23 * * *', timeZone: 'Asia/Kathmandu' },
    { name: 'hourly', schedule: '0 */1 * * *', timeZone: 'Australia/Lord_Howe' },
    { name: 'monthly', schedule: '0 3 1 * ?', timeZone: 'Etc/UTC' },
    { name: 'weekly', schedule: '0 4 * * SUN', timeZone: 'Asia/Beirut' },
  ];
  it.each(lines)('$schedule in $timeZone', async ({ name, ...spec }) => {
    await put(name, spec, new Date(Date.now() - 45 * 86_400_000).toISOString().replace(/\.\d+/, ''));
    const theirs = await waitFor('job of the CronJob', () => namesOf(batchJobs, name));
    const ours = await waitFor('job of the schedule', () => namesOf(backupJobs, name));
    expect(ours).toEqual(theirs);
    expect(ours).toHaveLength(1);
    const status = await waitFor('its status', async () => {
      const found = (await site.api.get(backupSchedules, { namespace, name })).status;
      return found?.activeCount === 1 ? found : undefined;
    });
    const minutes = Number(ours[0]?.split('-').at(-1));
    expect(Date.parse(status.lastScheduleTime ?? '')).toBe(minutes * 60_000);
    expect(status.active?.map((active) => active.name)).toEqual(ours);
  });
});

describe('a schedule', () => {
  it('is deleted with its jobs', async () => {
    const name = 'gone';
    const manifest = {
      apiVersion: 'twinreel.io/v1alpha1',
      kind: 'BackupSchedule',
      metadata: { namespace, name },
      spec: { schedule: '0 0 1 1 *', runNow: 'once', jobTemplate: template },
    };
    await site.api.create<KubeObject>(backupSchedules, manifest);
    const jobsOf = async () =>
      (await site.api.list(backupJobs, { namespace })).items.filter(({ metadata }) =>
        metadata.name.startsWith('gone-now-'),
      );
    const [job] = await waitFor('the job of runNow', async () =>
      (await jobsOf()).length === 1 ? jobsOf() : undefined,
    );
    expect(job?.metadata.labels).toEqual({ 'twinreel.io/schedule': name });
    await waitFor('the token in the status', async () =>
      (await site.api.get(backupSchedules, { namespace, name })).status?.lastRunNow === 'once' ? true : undefined,
    );
    await site.api.delete(backupSchedules, { namespace, name });
    await waitFor('the end of its job', async () => ((await jobsOf()).length === 0 ? true : undefined));
  });
});
