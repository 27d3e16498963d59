/** What tokens of tenants and workers may not do on the whole cluster, with the rights that the chart brings. */
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import type { BackupJob, BackupSaveRecord, Restore } from '../../src/api/generated/index.ts';
import { streamOn } from './fault-bench.ts';
import { apiVersion, atRest, bench, ended, goFast, image, source, start, system, team } from './installed.ts';

const stranger = 'other-team';

/** Runs kubectl with a token of the account, and with nothing else. */
type Account = (input: object | undefined, ...args: readonly string[]) => Promise<string>;

const accountOf = async (namespace: string, name: string, pod?: string): Promise<Account> => {
  const bound = pod === undefined ? [] : ['--bound-object-kind', 'Pod', '--bound-object-name', pod];
  const token = (await bench.kubectl('create', 'token', name, '-n', namespace, ...bound)).trim();
  const { clusters } = JSON.parse(await bench.kubectl('config', 'view', '--raw', '-o', 'json')) as {
    clusters: { name: string }[];
  };
  const file = path.join(bench.state, `${pod ?? `${namespace}-${name}`}.kubeconfig`);
  const context = { cluster: clusters[0]?.name, user: name };
  const config = {
    ...{ apiVersion: 'v1', kind: 'Config', 'current-context': 'it', clusters },
    contexts: [{ name: 'it', context }],
    users: [{ name, user: { token } }],
  };
  writeFileSync(file, JSON.stringify(config), { mode: 0o600 });
  return async (input, ...args) =>
    bench.fed(input === undefined ? '' : JSON.stringify(input), 'kubectl', '--kubeconfig', file, ...args);
};

/** A team with the usual rights in a namespace of its own, to which nothing of the first team is allowed. */
const makeStranger = async (): Promise<Account> => {
  const subject = { kind: 'ServiceAccount', name: 'user', namespace: stranger };
  const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'edit' };
  const rbac = 'rbac.authorization.k8s.io/v1';
  await bench.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: stranger } });
  await bench.apply(
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'user', namespace: stranger } },
    {
      ...{ apiVersion: rbac, kind: 'RoleBinding', metadata: { name: 'user', namespace: stranger } },
      ...{ roleRef, subjects: [subject] },
    },
  );
  return accountOf(stranger, 'user');
};

const recordsOf = async (job: BackupJob): Promise<readonly BackupSaveRecord[]> => {
  const label = `twinreel.io/job-uid=${job.metadata.uid}`;
  const { items } = await bench.json<{ items: BackupSaveRecord[] }>('backupsaverecords', ...system, '-l', label);
  return items;
};

const recordOf = (records: readonly BackupSaveRecord[], pod: string): string => {
  const found = records.find(({ status }) => status?.pod === pod);
  if (found === undefined) throw new Error(`no record names pod ${pod}`);
  return found.metadata.name;
};

/** What it may not touch: each with what the API server says about it. */
const forbidden: readonly (readonly [string, readonly string[]])[] = [
  ["another team's backups", ['get', 'backupjobs', '-n', team]],
  ['the records', ['get', 'backupsaverecords', ...system]],
  ['a drive', ['patch', 'tapelibrary', 'library-0', '--type=merge', '-p', '{"spec":{"disabled":true}}']],
  ['a tape', ['delete', 'tapes', '--all']],
  ['who may read what', ['patch', 'backupserver', 'node-1', '--type=merge', '-p', '{"spec":{"hostPaths":[]}}']],
  ["the workers' account", ['create', 'token', 'twinreel-worker', ...system]],
  ["the workers' namespace", ['run', 'intruder', `--image=${image}`, ...system]],
];

export const rightsTests = (): void => {
  describe('rights on a whole cluster', () => {
    workerTest();
    tenantTest();
  });
};

const workerTest = (): void => {
  test("a worker's token writes its own record only, and nobody deletes what is locked", async () => {
    const lockUntil = new Date(Date.now() + 3_600_000).toISOString().replace(/\.\d+/, '');
    const job = await start({ name: 'locked', spec: { retention: { keepFor: '1h', lockUntil } } }, 3_000_000);
    const [mine, others] = [streamOn(job, 'node-1'), streamOn(job, 'node-2')];
    const worker = await accountOf('twinreel-system', 'twinreel-worker', mine.pod);
    const records = await recordsOf(job);
    const patch = ['patch', 'backupsaverecord', ...system, '--subresource=status', '--type=merge'];
    const beat = ['-p', JSON.stringify({ status: { activity: 'Writing' } })];
    await worker(undefined, ...patch, recordOf(records, mine.pod), ...beat, '--dry-run=server');
    await expect(worker(undefined, ...patch, recordOf(records, others.pod), ...beat)).rejects.toThrow(
      `this record is written by pod ${others.pod}, not by ${mine.pod}`,
    );
    for (const args of [
      ['get', 'secrets', ...system],
      ['delete', 'pod', others.pod, ...system],
    ])
      await expect(worker(undefined, ...args)).rejects.toThrow(/forbidden.*twinreel-worker/i);
    goFast();
    expect((await ended('locked')).status).toMatchObject({ phase: 'Succeeded' });
    const doomed = [
      'delete',
      'backupsaverecords,savepages',
      ...system,
      '-l',
      `twinreel.io/job-uid=${job.metadata.uid}`,
    ];
    await expect(bench.kubectl(...doomed)).rejects.toThrow(/twinreel-locked/);
    expect((await recordsOf(job)).map(({ metadata }) => metadata.name)).toEqual(
      expect.arrayContaining(records.map(({ metadata }) => metadata.name)),
    );
    await atRest();
  });
};

const tenantTest = (): void => {
  test("a tenant reaches neither a host path nor a backup of another's, nor drives", async () => {
    const user = await makeStranger();
    for (const [, args] of forbidden) await expect(user(undefined, ...args)).rejects.toThrow(/forbidden/i);
    const target = path.join(bench.state, 'targets', 'stolen');
    mkdirSync(target, { recursive: true });
    const [record] = await recordsOf(await bench.json<BackupJob>('backupjob', 'locked', '-n', team));
    const theft = {
      ...{ apiVersion, kind: 'Restore', metadata: { name: 'theft', namespace: stranger } },
      spec: { from: { record: record?.metadata.name }, target: { hostPath: { path: target } } },
    };
    const job = { apiVersion, kind: 'BackupJob', metadata: { name: 'theft', namespace: stranger } };
    await user({ ...job, spec: { source: { hostPath: { path: source } } } }, 'apply', '-f', '-');
    await user(theft, 'apply', '-f', '-');
    const failed = await bench.until('the backup is refused', async () => {
      const found = await bench.json<BackupJob>('backupjob', 'theft', '-n', stranger);
      return found.status?.completionTime === undefined ? undefined : found;
    });
    expect(failed.status).toMatchObject({ phase: 'Failed', reason: 'SourceNotReachable' });
    expect(failed.status?.message).toContain(`no BackupServer allows ${source} to be read for namespace ${stranger}`);
    const refused = await bench.until('the restore is refused', async () => {
      const found = await bench.json<Restore>('restore', 'theft', '-n', stranger);
      return found.status?.completionTime === undefined ? undefined : found;
    });
    expect(refused.status).toMatchObject({ phase: 'Failed' });
    expect(readdirSync(target)).toEqual([]);
    await atRest();
  });
};
