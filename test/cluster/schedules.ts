/** A schedule beside a real CronJob with the same words, both run by the same cluster: what they make, keep and tell. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import type { BackupJob, BackupSchedule } from '../../src/api/generated/index.ts';
import { annotations, labels } from '../../src/api/names.ts';
import type { Pod } from '../../src/kube/core-types.ts';
import { makeTree } from '../support/make-tree.ts';
import { apiVersion, bench, image, nodes, team } from './installed.ts';

export const smallSource = path.join(bench.state, 'small');
export const minutely = 'minutely';
const paused = 'paused';
const minuteMs = 60_000;
/** After it, no minute ends while both are asked for something. */
const lateInMinuteMs = 45_000;
const scheduledAt = 'batch.kubernetes.io/cronjob-scheduled-timestamp';

interface CronJob {
  readonly status?: {
    readonly lastScheduleTime?: string;
    readonly lastSuccessfulTime?: string;
    readonly active?: readonly object[];
  };
}

interface BatchJob {
  readonly metadata: {
    readonly name: string;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly creationTimestamp?: string;
    readonly ownerReferences?: readonly { readonly name: string }[];
  };
  readonly status?: { readonly succeeded?: number; readonly completionTime?: string };
}

const words = { schedule: '* * * * *', concurrencyPolicy: 'Allow', successfulJobsHistoryLimit: 1 };
const container = { name: 'main', image, imagePullPolicy: 'Never', args: ['-e', '0'] };
const cronPod = { restartPolicy: 'Never', terminationGracePeriodSeconds: 0, containers: [container] };

const pairOf = (name: string, suspend: boolean): readonly object[] => [
  {
    apiVersion: 'batch/v1',
    kind: 'CronJob',
    metadata: { name, namespace: team },
    spec: { ...words, suspend, jobTemplate: { spec: { template: { spec: cronPod } } } },
  },
  {
    apiVersion,
    kind: 'BackupSchedule',
    metadata: { name, namespace: team },
    spec: {
      ...words,
      ...{ suspend, window: '5m' },
      jobTemplate: { spec: { source: { hostPath: { path: smallSource } }, routes: 1 } },
    },
  },
];

/** They go on while other tests run: minutes are what these tests wait for. */
export const startSchedules = async (): Promise<void> => {
  if (!existsSync(smallSource)) makeTree(smallSource, { files: 60, totalBytes: 2 ** 20, seed: 5 });
  await bench.apply(...pairOf(minutely, false), ...pairOf(paused, true));
};

/** With their jobs: nothing starts in what comes after. */
export const stopSchedules = async (): Promise<void> => {
  await bench.kubectl(
    'delete',
    'backupschedules,cronjobs',
    '--all',
    '-n',
    team,
    '--cascade=foreground',
    '--timeout=60s',
  );
};

export const readSchedule = async (name: string): Promise<BackupSchedule> =>
  bench.json<BackupSchedule>('backupschedule', name, '-n', team);

/** What the schedule has made and not deleted. */
export const scheduledJobs = async (name: string): Promise<readonly BackupJob[]> => {
  const { items } = await bench.json<{ items: BackupJob[] }>(
    'backupjobs',
    '-n',
    team,
    '-l',
    `${labels.schedule}=${name}`,
  );
  return items;
};

const batchJobs = async (name: string): Promise<readonly BatchJob[]> => {
  const { items } = await bench.json<{ items: BatchJob[] }>('jobs', '-n', team);
  return items.filter(({ metadata }) => metadata.ownerReferences?.some((owner) => owner.name === name) === true);
};

const namesOf = (jobs: readonly { readonly metadata: { readonly name: string } }[]): readonly string[] =>
  jobs.map(({ metadata }) => metadata.name).toSorted();

interface Pair {
  readonly theirs: CronJob;
  readonly ours: BackupSchedule;
}

const readPair = async (name: string): Promise<Pair> => {
  const [theirs, ours] = await Promise.all([bench.json<CronJob>('cronjob', name, '-n', team), readSchedule(name)]);
  return { theirs, ours };
};

const lastMs = ({ theirs, ours }: Pair): readonly [number, number] => [
  Date.parse(theirs.status?.lastScheduleTime ?? ''),
  Date.parse(ours.status?.lastScheduleTime ?? ''),
];

/**
 * Both have started for the running minute and for one before it, after whatever runNow made; and enough of the minute
 * is left to ask both for something.
 */
const bothInMinute = async (name: string): Promise<number> =>
  bench.until(
    `both of ${name} have started for this minute`,
    async () => {
      const pair = await readPair(name);
      const nowMs = Date.now();
      const minute = nowMs - (nowMs % minuteMs);
      const isSecond = minute - Date.parse(String(pair.ours.metadata.creationTimestamp)) > minuteMs;
      if (!isSecond || !lastMs(pair).every((ms) => ms === minute) || nowMs > minute + lateInMinuteMs) return undefined;
      const asked = (await scheduledJobs(name)).filter(({ metadata }) => metadata.annotations?.[annotations.runNow]);
      return asked.some(({ metadata }) => Date.parse(String(metadata.creationTimestamp)) >= minute)
        ? undefined
        : minute;
    },
    150,
  );

/** All that both made has ended. */
const bothQuiet = async (name: string): Promise<Pair> =>
  bench.until(`nothing of ${name} runs`, async () => {
    const pair = await readPair(name);
    const { status } = pair.ours;
    const isQuiet = (pair.theirs.status?.active ?? []).length === 0 && status?.activeCount === 0;
    return isQuiet && status.lastSuccessfulTime !== undefined ? pair : undefined;
  });

export const scheduleTests = (): void => {
  test('a schedule and a CronJob have started for the same minutes, and keep the same jobs', async () => {
    await bothInMinute(minutely);
    await bench.apply(...pairOf(minutely, true));
    const { ours } = await bothQuiet(minutely);
    const minute = Date.parse(ours.status?.lastScheduleTime ?? '');
    const [theirJobs, ourJobs] = await bench.until('one job is left of each', async () => {
      const found = [await batchJobs(minutely), await scheduledJobs(minutely)] as const;
      return found.every((jobs) => jobs.length === 1) ? found : undefined;
    });
    expect(namesOf(ourJobs)).toEqual(namesOf(theirJobs));
    expect(namesOf(ourJobs)).toEqual([`${minutely}-${minute / minuteMs}`]);
    expect(theirJobs[0]?.metadata.annotations?.[scheduledAt]).toBe(iso(minute).replace('.000Z', 'Z'));
    expect(ourJobs[0]?.metadata.annotations?.[annotations.plannedStart]).toBe(iso(minute));
    for (const { metadata } of [...theirJobs, ...ourJobs]) {
      const lateMs = Date.parse(String(metadata.creationTimestamp)) - minute;
      expect(lateMs, `${metadata.name} is made within its minute`).toBeGreaterThanOrEqual(0);
      expect(lateMs, `${metadata.name} is made within its minute`).toBeLessThan(minuteMs);
    }
    expect(theirJobs[0]?.status?.succeeded).toBe(1);
    const job = namesOf(theirJobs)[0] ?? '';
    const { items } = await bench.json<{ items: Pod[] }>('pods', '-n', team, '-l', `job-name=${job}`);
    expect(items).toMatchObject([{ status: { phase: 'Succeeded' } }]);
    expect(nodes).toContain(items[0]?.spec?.nodeName);
    await tellsTruth(minute, ourJobs[0]);
  });

  test('nothing starts while it is suspended; after it, both make up for the same start', async () => {
    expect([await batchJobs(paused), await scheduledJobs(paused)]).toEqual([[], []]);
    const before = await readPair(paused);
    expect(lastMs(before)).toEqual([NaN, NaN]);
    expect(before.ours.status).toMatchObject({ activeCount: 0 });
    expect(before.ours.status?.nextScheduleTime).toBeUndefined();
    await bench.until('the minute is not about to end', async () =>
      Promise.resolve(Date.now() % minuteMs < lateInMinuteMs ? true : undefined),
    );
    await bench.apply(...pairOf(paused, false));
    const pair = await bench.until('both have made up for a start', async () => {
      const found = await readPair(paused);
      return lastMs(found).some(Number.isNaN) ? undefined : found;
    });
    await bench.apply(...pairOf(paused, true));
    const [theirs, ours] = lastMs(pair);
    expect(ours).toBe(theirs);
    expect(namesOf(await scheduledJobs(paused))).toEqual(namesOf(await batchJobs(paused)));
    await bothQuiet(paused);
  });
};

const iso = (ms: number): string => new Date(ms).toISOString();

/** Of the last start, what the status and the columns say. */
const tellsTruth = async (minute: number, job: BackupJob | undefined): Promise<void> => {
  expect(job?.status?.phase).toBe('Succeeded');
  const { status } = await readSchedule(minutely);
  expect(Date.parse(status?.lastSuccessfulTime ?? '')).toBe(Date.parse(job?.status?.completionTime ?? ''));
  expect(status).toMatchObject({ windowMet: true, lastJudgedTime: iso(minute), activeCount: 0, active: [] });
  expect(status?.missed ?? 0).toBe(0);
  expect(status?.nextScheduleTime).toBeUndefined();
  const conditions = Object.fromEntries(
    (status?.conditions ?? []).map((one) => [one.type, `${one.status} ${one.reason}`]),
  );
  expect(conditions).toMatchObject({
    WindowMet: 'True DoneInTime',
    Suspended: expect.stringMatching(/^True /) as string,
  });
  const shown = await bench.kubectl('get', 'backupschedules', '-n', team);
  expect(shown).toMatch(/^NAME +SCHEDULE +TIMEZONE +SUSPEND +ACTIVE +LAST +NEXT +SUCCESS +AGE/);
  expect(shown).toMatch(/^minutely +\* \* \* \* \* +true +0 +\d+[sm]/m);
};
