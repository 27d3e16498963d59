import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { backupJobs, backupServers, restores, tapeLibraries, tapes } from '../../../src/api/resources.ts';
import type { Resource } from '../../../src/kube/api.ts';
import type { RestApi } from '../../../src/kube/rest-api.ts';
import { runCli } from '../../unit/cli/run-cli.ts';
import { connect, makeNamespace } from '../kube/connection.ts';

describe('hardware and jobs by kubectl-twinreel on a real API server', () => {
  let api: RestApi;
  let namespace: string;
  let name: string;

  const cli = async (...args: readonly string[]) => runCli([...args, '--kubeconfig', inject('kubeconfig')]);

  beforeAll(async () => {
    api = await connect();
    namespace = await makeNamespace(api, 'cli-hw');
    name = namespace;
    await api.create(backupServers, { metadata: { name }, spec: { node: name, maxStreams: 2, hostPaths: [] } });
    const drive = (n: number) => ({ name: `drive-${String(n)}`, elementAddress: 256 + n, disabled: false });
    const driver = { virtual: { folder: '/nowhere' } };
    const spec = { driver, servers: [name], drives: [drive(0), drive(1)], disabled: false };
    await api.create(tapeLibraries, { metadata: { name }, spec });
    const tape = { library: name, barcode: 'X00000L9', pool: name, worm: false, disabled: false };
    await api.create(tapes, { metadata: { name }, spec: tape });
    const status = { state: 'Usable', usedBytes: 3 * 2 ** 30, capacityBytes: 4 * 2 ** 30, slot: 7 };
    await api.patch(tapes, { name }, { status }, { type: 'merge', subresource: 'status' });
  });

  afterAll(async () => {
    const resources: readonly Resource[] = [backupServers, tapeLibraries, tapes];
    for (const resource of resources) await api.delete(resource, { name });
    for (const job of ['adhoc', 'other']) await api.delete(backupJobs, { namespace, name: job }).catch(() => undefined);
    api.close();
  });

  it('lists tapes with what is used and free as people read it', async () => {
    const { code, stdout } = await cli('tapes');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^NAME +LIBRARY +PLACE +POOL +STATE +USED BY +USED +FREE/);
    expect(stdout).toMatch(new RegExp(`^${name} +${name} +slot 7 +${name} +\\S+ +- +3\\.0 GiB +1\\.0 GiB`, 'm'));
  });

  it('drains a server, a library and one drive, shows it, and takes it back', async () => {
    expect(await cli('drain', `server/${name}`)).toMatchObject({ code: 0 });
    expect((await api.get(backupServers, { name })).spec.disabled).toBe(true);
    expect((await cli('servers')).stdout).toMatch(new RegExp(`^${name} .*Disabled`, 'm'));
    expect(await cli('undrain', `server/${name}`)).toMatchObject({ code: 0 });
    expect((await api.get(backupServers, { name })).spec.disabled).toBe(false);

    expect((await cli('drain', `${name}/drive-1`)).stdout).toContain(`${name}/drive-1: no new streams start on it`);
    const { spec } = await api.get(tapeLibraries, { name });
    expect(spec.drives.map((drive) => drive.disabled)).toEqual([false, true]);
    expect((await cli('drives')).stdout).toMatch(new RegExp(`^${name} +drive-1 .*Disabled`, 'm'));
    expect((await cli('undrain', `${name}/drive-1`)).code).toBe(0);

    expect((await cli('drain', `library/${name}`)).code).toBe(0);
    expect((await api.get(tapeLibraries, { name })).spec.disabled).toBe(true);
  });

  it('asks which is meant where a name is of two things', async () => {
    const { code, stderr } = await cli('drain', name);
    expect(code).toBe(2);
    expect(stderr).toBe(`error: ${name} may mean server/${name} or library/${name}: write one of these\n`);
  });

  it('describes hardware, and names what there is where it is not', async () => {
    const { code, stdout } = await cli('describe', `tape/${name}`);
    expect(code).toBe(0);
    expect(stdout).toContain(`Tape ${name}`);
    expect(stdout).toMatch(/full +3\.0 GiB of 4\.0 GiB/);
    const missing = await cli('describe', 'server/none-of-this-name');
    expect(missing.code).toBe(1);
    expect(missing.stderr).toContain(name);
  });

  it('makes a job as sparse as it was said, once, and cancels it', async () => {
    const made = await cli('backup', '-n', namespace, '--path', '/data', '--routes', '1', '--name', 'adhoc');
    expect(made).toMatchObject({ code: 0, stdout: 'backupjob/adhoc created\n' });
    const job = await api.get(backupJobs, { namespace, name: 'adhoc' });
    expect(job.spec).toMatchObject({ source: { hostPath: { path: '/data' } }, routes: 1, whenUnavailable: 'Wait' });
    const again = await cli('backup', '-n', namespace, '--path', '/data', '--name', 'adhoc');
    expect(again).toMatchObject({ code: 1 });
    expect(again.stderr).toContain('another --name');
    const wrong = await cli('backup', '-n', namespace, '--path', 'data', '--name', 'other');
    expect(wrong.code).toBe(1);
    expect(wrong.stderr).toContain('spec.source.hostPath.path');
    expect((await cli('cancel', 'adhoc', '-n', namespace)).code).toBe(0);
    expect((await api.get(backupJobs, { namespace, name: 'adhoc' })).spec.cancel).toBe(true);
  });

  it('restores only what it is told, and lists only what has succeeded', async () => {
    const args = ['restore', '-n', namespace, '--name', 'back', '--from', 'adhoc', '--path', 'docs'];
    expect(await cli(...args, '--to', 'claim:db/restored')).toMatchObject({
      code: 0,
      stdout: 'restore/back created\n',
    });
    expect((await api.get(restores, { namespace, name: 'back' })).spec).toMatchObject({
      from: { backupJob: 'adhoc' },
      paths: ['docs'],
      target: { persistentVolumeClaim: { claimName: 'db', path: 'restored' } },
    });
    expect((await cli('restore', '-n', namespace, '--from', 'adhoc')).code).toBe(2);
    expect((await cli('restore', '-n', namespace, '--list')).stdout).toBe(
      `no backup job of ${namespace} has succeeded\n`,
    );
    const status = { phase: 'Succeeded', completionTime: new Date().toISOString() };
    await api.patch(backupJobs, { namespace, name: 'adhoc' }, { status }, { type: 'merge', subresource: 'status' });
    expect((await cli('restore', '-n', namespace, '--list')).stdout).toMatch(/^adhoc +\d+s ago +- +\/data/m);
    await api.delete(restores, { namespace, name: 'back' });
  });

  it('prints a job for Git without asking anybody', async () => {
    const { code, stdout } = await runCli(['backup', '--dry-run', '--claim', 'db:main', '--name', 'x', '-n', 'shop']);
    expect(code).toBe(0);
    expect(stdout).toContain('claimName: db\n');
    expect(stdout).toContain('namespace: shop\n');
  });

  it('prints a restore for Git without asking anybody, and asks for nothing that is left open', async () => {
    const args = ['restore', '--dry-run', '--from', 'job', '--path', 'docs', '-n', 'shop'];
    const { code, stdout } = await runCli([...args, '--to', 'claim:db/back', '-o', 'json']);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toEqual({
      ...{ apiVersion: 'twinreel.io/v1alpha1', kind: 'Restore' },
      metadata: { generateName: 'restore-', namespace: 'shop' },
      spec: {
        from: { backupJob: 'job' },
        paths: ['docs'],
        target: { persistentVolumeClaim: { claimName: 'db', path: 'back' } },
      },
    });
    expect(await runCli(args)).toMatchObject({ code: 2, stdout: '' });
    expect(await runCli(['restore', '--dry-run', '--list'])).toMatchObject({ code: 2, stdout: '' });
  });
});
