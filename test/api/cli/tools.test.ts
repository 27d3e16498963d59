import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { labels } from '../../../src/api/names.ts';
import { backupJobs, backupSaveRecords } from '../../../src/api/resources.ts';
import { deployments } from '../../../src/cli/operator-namespace.ts';
import type { KubeObject, Resource } from '../../../src/kube/api.ts';
import type { Container, Pod } from '../../../src/kube/core-types.ts';
import { pods, secrets } from '../../../src/kube/resources.ts';
import type { RestApi } from '../../../src/kube/rest-api.ts';
import { runCli } from '../../unit/cli/run-cli.ts';
import { connect, makeNamespace } from '../kube/connection.ts';

/** Planted wherever a secret may stand. */
const secret = 'hunter2-planted';

describe('debug and version of kubectl-twinreel on a real API server', { timeout: 60_000 }, () => {
  let api: RestApi;
  let namespace: string;
  let folder: string;

  const cli = async (...args: readonly string[]) => runCli([...args, '--kubeconfig', inject('kubeconfig')]);

  beforeAll(async () => {
    api = await connect();
    namespace = await makeNamespace(api, 'cli-tools');
    folder = mkdtempSync(join(tmpdir(), 'tw-debug-'));
    await api.create(secrets, { metadata: { namespace, name: 'planted' }, stringData: { password: secret } });
    const annotations = { 'kubectl.kubernetes.io/last-applied-configuration': `{"x":"${secret}"}` };
    const container: Container = {
      ...{ name: 'c', image: 'none', command: ['dump', `-p${secret}`], args: [secret] },
      env: [{ name: 'PASSWORD', value: secret }],
    };
    const metadata = { namespace, name: 'planted', annotations, labels: { [labels.jobUid]: 'x' } };
    await api.create<Pod>(pods, { metadata, spec: { containers: [container], restartPolicy: 'Never' } });
    const hook = {
      timeout: '1m',
      onError: 'Fail' as const,
      command: ['mysql', `-p${secret}`],
      podSelector: { matchLabels: { app: 'db' } },
    };
    // What is not said, the server fills in.
    await api.create<KubeObject & { readonly spec: object }>(backupJobs, {
      metadata: { namespace, name: 'hooked', annotations },
      spec: {
        source: { hostPath: { path: '/data' } },
        hooks: { before: [hook] },
      },
    });
    const message = `hook said: connect to db://root:${secret}@host failed, TOKEN=${secret}`;
    const status = { phase: 'Failed', reason: 'HookFailed', message };
    const ref = { namespace, name: 'hooked' };
    await api.patch(backupJobs, ref, { status }, { type: 'merge', subresource: 'status' });
  });

  afterAll(async () => {
    rmSync(folder, { recursive: true });
    await api.delete(pods, { namespace, name: 'planted' }, { gracePeriodSeconds: 0 });
    await api.delete(backupJobs, { namespace, name: 'hooked' });
    api.close();
  });

  it('gathers what there is into a folder that only its owner reads, without what is secret', async () => {
    const out = join(folder, 'bundle');
    expect(await cli('debug', '--out', out)).toMatchObject({ code: 0, stderr: '' });
    expect(readdirSync(out)).toEqual(
      expect.arrayContaining(['README.txt', 'backupjobs.yaml', 'pods.yaml', 'versions.yaml']),
    );
    const all = readdirSync(out).map((name) => readFileSync(join(out, name), 'utf8'));
    expect(
      all.filter((text) => text.includes(secret) || text.includes(Buffer.from(secret).toString('base64'))),
    ).toEqual([]);
    const podText = readFileSync(join(out, 'pods.yaml'), 'utf8');
    expect(podText).toContain('name: PASSWORD');
    expect(podText).toContain('- dump');
    expect(readFileSync(join(out, 'backupjobs.yaml'), 'utf8')).toContain(
      'hook said: connect to db://root:<removed>@host failed',
    );
    expect(statSync(out).mode & 0o777).toBe(0o700);
    expect(await cli('debug', '--out', out)).toMatchObject({ code: 1, stdout: '' });
  });

  it('packs it as one file', async () => {
    const out = join(folder, 'bundle.tar.gz');
    expect(await cli('debug', '--out', out)).toMatchObject({ code: 0 });
    expect(execFileSync('tar', ['-tzf', out], { encoding: 'utf8' })).toContain('bundle/backupjobs.yaml\n');
    expect(statSync(out).mode & 0o777).toBe(0o600);
  });

  it('tells the version of the API server', async () => {
    expect((await cli('version')).stdout).toMatch(/^API server +v1\.\d+/m);
    expect(JSON.parse((await cli('version', '-o', 'json')).stdout)).toMatchObject({
      server: expect.stringMatching(/^v1\./) as string,
    });
  });
});

describe("the operator's namespace on a real API server", { timeout: 60_000 }, () => {
  it('is where its Deployment is, the flag and the variable before it', async () => {
    const api = await connect();
    const namespace = await makeNamespace(api, 'operator-elsewhere');
    const labels = { 'app.kubernetes.io/name': 'twinreel', 'app.kubernetes.io/component': 'operator' };
    const template = { metadata: { labels }, spec: { containers: [{ name: 'operator', image: 'none' }] } };
    const record = { type: 'Restore', job: { kind: 'Restore', namespace, name: 'x', uid: 'x', processNumber: 1 } };
    const make = async (resource: Resource, object: KubeObject & { readonly spec: object }) =>
      api.create(resource, object);
    const selector = { matchLabels: labels };
    await make(deployments, { metadata: { namespace, name: 'twinreel', labels }, spec: { selector, template } });
    await make(backupSaveRecords, { metadata: { namespace, name: 'found-there' }, spec: record });
    const cli = async (args: readonly string[], env = {}) =>
      runCli(['describe', 'record/found-there', ...args, '--kubeconfig', inject('kubeconfig')], { env });
    try {
      expect(await cli([])).toMatchObject({ code: 0, stdout: expect.stringContaining('found-there') as string });
      expect(await cli(['--operator-namespace', 'nowhere'])).toMatchObject({ code: 1, stdout: '' });
      expect(await cli([], { TWINREEL_NAMESPACE: 'nowhere' })).toMatchObject({ code: 1, stdout: '' });
      expect(await cli(['--operator-namespace', namespace], { TWINREEL_NAMESPACE: 'nowhere' })).toMatchObject({
        code: 0,
      });
    } finally {
      await api.delete(deployments, { namespace, name: 'twinreel' });
      await api.delete(backupSaveRecords, { namespace, name: 'found-there' });
      api.close();
    }
  });
});
