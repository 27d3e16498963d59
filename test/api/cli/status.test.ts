import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import type { BackupJob, BackupSaveRecord, Restore } from '../../../src/api/generated/index.ts';
import { backupJobs, backupSaveRecords, restores } from '../../../src/api/resources.ts';
import type { RestApi } from '../../../src/kube/rest-api.ts';
import { operatorNamespace } from '../control-plane.setup.ts';
import { connect, makeNamespace } from '../kube/connection.ts';
import { runCli } from '../../unit/cli/run-cli.ts';
import { jobOf, restoreOf, runningGrant } from '../../unit/cli/work.ts';

describe('kubectl-twinreel status on a real API server', () => {
  let api: RestApi;
  let namespace: string;
  let empty: string;

  const status = async (...args: readonly string[]) =>
    // Operators and records of other tests are in the same cluster.
    runCli(['status', '--kubeconfig', inject('kubeconfig'), '--operator-namespace', operatorNamespace, ...args]);

  beforeAll(async () => {
    api = await connect();
    namespace = await makeNamespace(api, 'cli');
    empty = await makeNamespace(api, 'cli-empty');
    const recordName = `${namespace}-s0`;
    await makeJob('nightly', {
      phase: 'Failed',
      reason: 'TapeWriteError',
      processNumber: 17,
      streams: [runningGrant],
      streamsText: '1/2',
      failovers: 0,
      records: [recordName],
      progress: { bytesDone: 42, bytesTotal: 100, percent: '42%' },
    });
    await makeJob('orders', { phase: 'Succeeded', completionTime: '2026-11-23T12:00:00Z' });
    await makeRestore('back');
    await makeRecord(recordName);
  });

  afterAll(async () => {
    for (const name of ['nightly', 'orders']) await api.delete(backupJobs, { namespace, name });
    await api.delete(restores, { namespace, name: 'back' });
    await api.delete(backupSaveRecords, { namespace: operatorNamespace, name: `${namespace}-s0` });
    api.close();
  });

  const makeJob = async (name: string, seen: NonNullable<BackupJob['status']>): Promise<void> => {
    const work = jobOf(name);
    if (work.kind !== 'BackupJob') throw new Error('no job');
    await api.create(backupJobs, { ...work.object, metadata: { name, namespace } });
    await setStatus(name, seen);
  };

  // No operator runs here: each test that needs one has a control plane of its own.
  const setStatus = async (name: string, seen: NonNullable<BackupJob['status']>): Promise<unknown> =>
    api.patch(backupJobs, { namespace, name }, { status: seen }, { type: 'merge', subresource: 'status' });

  const makeRestore = async (name: string): Promise<void> => {
    const work = restoreOf(name);
    if (work.kind !== 'Restore') throw new Error('no restore');
    const restore: Restore = { ...work.object, metadata: { name, namespace } };
    await api.create(restores, restore);
    const body = { status: { phase: 'Cancelled' } };
    await api.patch(restores, { namespace, name }, body, { type: 'merge', subresource: 'status' });
  };

  const makeRecord = async (name: string): Promise<void> => {
    const job = { kind: 'BackupJob' as const, namespace, name: 'nightly', uid: crypto.randomUUID(), processNumber: 17 };
    const record: BackupSaveRecord = {
      metadata: { name, namespace: operatorNamespace },
      spec: { type: 'Stream', stream: 0, job },
    };
    const made = await api.create(backupSaveRecords, record);
    const area = { library: 'library-0', tape: 'a00000l9', barcode: 'A00000L9', labelId: 'ab'.repeat(16), epoch: 1 };
    const areas = [{ ...area, firstSegment: 0, lastSegment: 9, bytes: 2 ** 30 }];
    await api.updateStatus(backupSaveRecords, { ...made, status: { areas } });
  };

  it('shows the jobs and restores of a namespace', async () => {
    const { code, stdout, stderr } = await status('-n', namespace);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const [header, ...rows] = stdout.trimEnd().split('\n');
    expect(header).toMatch(/^NAME +PHASE +PROGRESS +STREAMS +FAILOVERS +REASON +STARTED +AGE$/);
    expect(rows).toEqual([
      expect.stringMatching(/^backupjob\/nightly +Failed +42% +1\/2 +0 +TapeWriteError +- +\d+/),
      expect.stringMatching(/^backupjob\/orders +Succeeded/),
      expect.stringMatching(/^restore\/back +Cancelled/),
    ]);
  });

  it('shows those of all namespaces, with the namespace', async () => {
    const { stdout } = await status('-A');
    expect(stdout).toMatch(new RegExp(`^${namespace} +backupjob/nightly +Failed`, 'm'));
  });

  it('says so when there is nothing', async () => {
    const { code, stdout } = await status('-n', empty);
    expect({ code, stdout }).toEqual({ code: 0, stdout: `no jobs and no restores in ${empty}\n` });
  });

  it('tells the story of one job, with the areas of its records', async () => {
    const { stdout } = await status('nightly', '-n', namespace);
    expect(stdout).toContain(`BackupJob ${namespace}/nightly   Failed`);
    expect(stdout).toContain('server-0 → switch-0,switch-1 → library-0/drive-1 → A00000L9');
    expect(stdout).toMatch(/stream 0 +segments 0–9 +library-0, tape A00000L9 +1\.0 GiB/);
  });

  it('gives the objects as they are', async () => {
    const one: unknown = JSON.parse((await status('backupjob/nightly', '-n', namespace, '-o', 'json')).stdout);
    expect(one).toMatchObject({ kind: 'BackupJob', metadata: { name: 'nightly' }, status: { processNumber: 17 } });
    const all: unknown = JSON.parse((await status('-n', namespace, '-o', 'json')).stdout);
    expect(all).toMatchObject({
      kind: 'List',
      items: [{ kind: 'BackupJob' }, { kind: 'BackupJob' }, { kind: 'Restore' }],
    });
    expect((await status('restore/back', '-n', namespace, '-o', 'yaml')).stdout).toMatch(/^kind: Restore$/m);
  });

  it('watches one job until it has ended, and tells only news where there is no terminal', async () => {
    let isOver = false;
    const watching = status('nightly', '-n', namespace, '--watch').finally(() => (isOver = true));
    // What a line does not show is no news.
    for (let change = 0; change < 12 && !isOver; change += 1) {
      await setStatus('nightly', { message: `change ${change}` });
      await sleep(200);
    }
    await setStatus('nightly', { phase: 'Succeeded', completionTime: '2026-11-23T12:00:00Z' });
    const { code, stdout } = await watching;
    expect(code).toBe(0);
    expect(stdout).toMatch(/backupjob\/nightly +Succeeded[^\n]*\n$/);
    expect(stdout.match(/^NAME /gm)).toHaveLength(1);
    const rows = stdout.trimEnd().split('\n').slice(1);
    expect(new Set(rows.map((row) => row.replace(/( +\S+){2}$/, '')))).toHaveProperty('size', rows.length);
  });

  it('names what is there when a job is not', async () => {
    const { code, stderr } = await status('nihgtly', '-n', namespace);
    expect(code).toBe(1);
    expect(stderr).toBe(
      `error: namespace ${namespace} has no BackupJob or Restore nihgtly; there are nightly, orders, back\n`,
    );
  });
});
