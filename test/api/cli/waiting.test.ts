/** What a script reads of a backup that it waits for: on a real API server, with the test in place of the operator. */
import { afterAll, beforeAll, describe, expect, inject, it, vi } from 'vitest';
import type { BackupJob } from '../../../src/api/generated/index.ts';
import { annotations, labels } from '../../../src/api/names.ts';
import { backupJobs, backupSchedules } from '../../../src/api/resources.ts';
import type { KubeObject, Resource } from '../../../src/kube/api.ts';
import type { RestApi } from '../../../src/kube/rest-api.ts';
import { getIfPresent } from '../../../src/kube/writes.ts';
import { runCli } from '../../unit/cli/run-cli.ts';
import { connect, makeNamespace } from '../kube/connection.ts';

const spec = { source: { hostPath: { path: '/data' } } };
const patience = { timeout: 30_000, interval: 100 };

describe('a backup that a script waits for', { timeout: 60_000 }, () => {
  let api: RestApi;
  let namespace: string;

  const backup = async (...args: readonly string[]) =>
    runCli(['backup', ...args, '-n', namespace, '--kubeconfig', inject('kubeconfig')]);
  // What is not said, the server fills in.
  const make = async (resource: Resource, object: KubeObject & { readonly spec: object }): Promise<KubeObject> =>
    api.create(resource, object);
  const end = async (name: string, status: BackupJob['status']): Promise<void> => {
    const body = { status: { ...status, completionTime: '2026-11-23T12:00:00Z' } };
    await api.patch(backupJobs, { namespace, name }, body, { type: 'merge', subresource: 'status' });
  };
  const makeSchedule = async (name: string, suspend: boolean): Promise<void> => {
    const wish = { schedule: '0 2 * * *', suspend, jobTemplate: { spec } };
    await make(backupSchedules, { metadata: { namespace, name }, spec: wish });
  };
  const askedOf = async (name: string): Promise<string> =>
    vi.waitUntil(async () => {
      const found = await getIfPresent(api, backupSchedules, { namespace, name });
      return found?.spec.runNow;
    }, patience);
  const makeJobOf = async (schedule: string, name: string, why: Readonly<Record<string, string>>): Promise<void> => {
    const metadata = { namespace, name, labels: { [labels.schedule]: schedule }, annotations: why };
    await make(backupJobs, { metadata, spec });
  };

  beforeAll(async () => {
    api = await connect();
    namespace = await makeNamespace(api, 'cli-waiting');
  });
  afterAll(async () => {
    for (const { metadata } of (await api.list(backupJobs, { namespace })).items)
      await api.delete(backupJobs, { namespace, name: metadata.name });
    for (const { metadata } of (await api.list(backupSchedules, { namespace })).items)
      await api.delete(backupSchedules, { namespace, name: metadata.name });
    api.close();
  });

  it.each([
    { name: 'good', phase: 'Succeeded', code: 0 },
    { name: 'bad', phase: 'Failed', code: 1 },
  ] as const)('is one object on standard output, as it has ended: $phase', async ({ name, phase, code }) => {
    const ran = backup('--path', '/data', '--name', name, '--wait', '-o', 'json');
    await vi.waitUntil(async () => getIfPresent(api, backupJobs, { namespace, name }), patience);
    await end(name, { phase, message: 'so it was' });
    const ended = await ran;
    expect(ended.code).toBe(code);
    expect(JSON.parse(ended.stdout)).toMatchObject({ kind: 'BackupJob', metadata: { name }, status: { phase } });
    expect(ended.stderr).toMatch(new RegExp(`^backupjob/${name} created\n`));
    expect(ended.stderr).toContain(`backupjob/${name}  ${phase}`);
  });

  it("is the one that was asked for, not one of the schedule's own times that comes first", async () => {
    await makeSchedule('hourly', false);
    const ran = backup('--from-schedule', 'hourly', '--wait', '-o', 'json');
    const token = await askedOf('hourly');
    await makeJobOf('hourly', 'hourly-29411', { [annotations.plannedStart]: '2026-11-23T12:00:00Z' });
    await end('hourly-29411', { phase: 'Failed' });
    await makeJobOf('hourly', 'hourly-now-abc', { [annotations.runNow]: token });
    await end('hourly-now-abc', { phase: 'Succeeded' });
    const ended = await ran;
    expect(ended).toMatchObject({ code: 0 });
    expect(JSON.parse(ended.stdout)).toMatchObject({ metadata: { name: 'hourly-now-abc' } });
    expect(ended.stderr).toContain('backupschedule/hourly is asked to run now');
  });

  it('says of a suspended schedule that it has to be resumed first', async () => {
    await makeSchedule('paused', true);
    const { code, stdout, stderr } = await backup('--from-schedule', 'paused');
    expect(code).toBe(0);
    expect(stdout).toContain(`is asked to run now (spec.runNow: ${await askedOf('paused')})`);
    expect(stderr).toBe('paused is suspended: the job is made when spec.suspend is false again\n');
  });
});
