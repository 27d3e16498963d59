/** Manifests that a GitOps controller applies, and prunes, on the whole cluster: with the operator and its workers at work. */
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import type { BackupJob, BackupSaveRecord } from '../../src/api/generated/index.ts';
import { compareTrees } from '../support/compare-trees.ts';
import {
  apiVersion,
  bench,
  ended,
  goFast,
  hardware,
  heldBy,
  readJob,
  slowDrives,
  source,
  system,
  team,
} from './installed.ts';
import { readSchedule, scheduledJobs, smallSource } from './schedules.ts';

const manager = ['--server-side', '--field-manager=argocd-controller'] as const;
const tracking = {
  labels: { 'app.kubernetes.io/instance': 'shop-backups' },
  annotations: { 'argocd.argoproj.io/tracking-id': 'shop-backups:twinreel.io' },
};
const name = 'from-git';
const small = { hostPath: { path: smallSource } };

const inGit = (kind: string, spec: object): object => ({
  apiVersion,
  kind,
  metadata: { name, namespace: team, ...tracking },
  spec,
});
/** The same as elsewhere, in spellings that nobody may make others of. */
const job = inGit('BackupJob', { source: small, routes: 1, segmentSize: 67_108_864, activeDeadline: '90m' });
const scheduleOf = (runNow: string, what = small): object =>
  inGit('BackupSchedule', {
    ...{ schedule: '0 2 * * *', timeZone: 'Europe/Berlin', jitter: '10m', startingDeadlineSeconds: 3600, window: '6h' },
    ...{ runNow, jobTemplate: { metadata: { labels: { tier: 'gold' } }, spec: { source: what, routes: 1 } } },
  });

const kubectl = async (objects: readonly object[], ...args: readonly string[]): Promise<string> => {
  const list = { apiVersion: 'v1', kind: 'List', items: objects };
  return bench.fed(JSON.stringify(list), ...args, '-f', '-');
};

/** Never by force: a conflict is an error. */
const apply = async (...objects: readonly object[]): Promise<string> =>
  kubectl(objects, 'kubectl', 'apply', ...manager);

/** As the tool says it: with exit code 1 where anything differs. */
const nothingDrifts = async (...objects: readonly object[]): Promise<void> => {
  // What the operator writes between its two looks counts as a difference: it does so for seconds at most.
  await bench.until(
    'nothing drifts',
    async () => {
      expect(await kubectl(objects, 'kubectl', 'diff', ...manager)).toBe('');
      return true;
    },
    20,
  );
};

/** By the set that kubectl keeps: what is no longer in it is deleted. */
const applySet = async (...objects: readonly object[]): Promise<string> =>
  kubectl(
    objects,
    ...['env', 'KUBECTL_APPLYSET=true', 'kubectl', 'apply', ...manager],
    ...['--applyset=shop-backups', '--prune', '-n', team],
  );

const jobFor = async (runNow: string): Promise<BackupJob> =>
  bench.until(`the job of ${runNow}`, async () =>
    (await scheduledJobs(name)).find(({ metadata }) => metadata.annotations?.['twinreel.io/run-now'] === runNow),
  );

const backupOf = async ({ metadata }: BackupJob) => {
  const label = `twinreel.io/job-uid=${metadata.uid}`;
  const records = await bench.json<{ items: BackupSaveRecord[] }>(
    'backupsaverecords,savepages',
    ...system,
    '-l',
    label,
  );
  return records.items.map((one) => `${one.kind}/${one.metadata.name}`).toSorted();
};

export const gitOpsTests = (): void => {
  test('what a GitOps controller applies again and again neither conflicts nor drifts', async () => {
    const all = [...hardware(), scheduleOf('first'), job];
    await apply(...all);
    await apply(...all);
    expect((await ended(name)).status).toMatchObject({ phase: 'Succeeded' });
    const made = await jobFor('first');
    expect((await ended(made.metadata.name)).status).toMatchObject({ phase: 'Succeeded' });
    await bench.until('the schedule tells of it', async () =>
      (await readSchedule(name)).status?.lastSuccessfulTime === undefined ? undefined : true,
    );
    await apply(...all);
    await nothingDrifts(...all);
    expect((await readJob(name)).metadata.generation).toBe(1);
    expect((await readSchedule(name)).metadata.generation).toBe(1);
    // It is the schedule that is tracked: by its marks on a job, that would be pruned.
    expect(made.metadata.labels).toEqual({ tier: 'gold', 'twinreel.io/schedule': name });
    expect(Object.keys(made.metadata.annotations ?? {})).toEqual(['twinreel.io/run-now']);
  });

  test('pruning a schedule takes its jobs with it, the one that runs too, and leaves every backup', async () => {
    await applySet(scheduleOf('first'), job);
    const done = await jobFor('first');
    const backup = await backupOf(done);
    expect(backup.length).toBeGreaterThan(0);
    for (const library of [0, 1]) slowDrives(library);
    await applySet(scheduleOf('second', { hostPath: { path: source } }), job);
    const running = await bench.until('the second job runs', async () => {
      const found = await readJob((await jobFor('second')).metadata.name);
      return found.status?.streams?.some(({ state }) => state === 'Running') === true ? found : undefined;
    });
    expect(await applySet(job)).toContain(`backupschedule.twinreel.io/${name} pruned`);
    goFast();
    await bench.until('its jobs are gone', async () => ((await scheduledJobs(name)).length === 0 ? true : undefined));
    expect(await heldBy(running.metadata.uid ?? '')).toEqual([]);
    expect((await readJob(name)).metadata.deletionTimestamp).toBeUndefined();
    expect(await backupOf(done)).toEqual(backup);
    const target = path.join(bench.state, 'targets', 'pruned');
    mkdirSync(target, { recursive: true });
    const record = done.status?.records?.[0];
    await bench.apply({
      ...{ apiVersion, kind: 'Restore', metadata: { name: 'pruned', namespace: team } },
      spec: { from: { record }, target: { hostPath: { path: target } } },
    });
    await bench.kubectl('wait', '--for=condition=Complete', 'restore/pruned', '-n', team, '--timeout=60s');
    expect(compareTrees(smallSource, target).differences).toEqual([]);
  });
};
