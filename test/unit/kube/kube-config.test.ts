import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { KubeConfigError, loadKubeConfig } from '../../../src/kube/kube-config.ts';

let dir = '';
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'twinreel-kubeconfig-'));
});
afterAll(() => rm(dir, { recursive: true }));

const write = async (name: string, user: object, cluster: object = {}): Promise<string> => {
  const file = join(dir, name);
  const document = {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'here',
    contexts: [
      { name: 'here', context: { cluster: 'local', user: 'me', namespace: 'team' } },
      { name: 'there', context: { cluster: 'remote', user: 'me' } },
    ],
    clusters: [
      { name: 'local', cluster: { server: 'https://127.0.0.1:6443/', ...cluster } },
      { name: 'remote', cluster: { server: 'https://remote:6443' } },
    ],
    users: [{ name: 'me', user }],
  };
  await writeFile(file, stringify(document));
  return file;
};

describe('a kubeconfig file', () => {
  test('with a token', async () => {
    const config = await loadKubeConfig({ kubeconfig: await write('token', { token: 't' }) });
    expect(config).toMatchObject({ server: 'https://127.0.0.1:6443', namespace: 'team' });
    expect(await config.credentials(false)).toEqual({ headers: { authorization: 'Bearer t' }, tls: {} });
  });

  test('with a client certificate, in the file or beside it', async () => {
    await writeFile(join(dir, 'ca.crt'), 'CA');
    const base64 = (text: string): string => Buffer.from(text).toString('base64');
    const user = { 'client-certificate-data': base64('CERT'), 'client-key-data': base64('KEY') };
    const file = await write('certificate', user, { 'certificate-authority': 'ca.crt', 'tls-server-name': 'kube' });
    const { tls, headers } = await (await loadKubeConfig({ kubeconfig: file })).credentials(false);
    expect(headers).toEqual({});
    expect(tls).toEqual({
      ca: Buffer.from('CA'),
      cert: Buffer.from('CERT'),
      key: Buffer.from('KEY'),
      servername: 'kube',
    });
  });

  test('by another context, from the environment, without verification', async () => {
    const file = await write('env', { username: 'u', password: 'p' }, { 'insecure-skip-tls-verify': true });
    const here = await loadKubeConfig({ env: { KUBECONFIG: file } });
    expect(await here.credentials(false)).toEqual({
      headers: { authorization: `Basic ${Buffer.from('u:p').toString('base64')}` },
      tls: { rejectUnauthorized: false },
    });
    expect((await loadKubeConfig({ env: { KUBECONFIG: file }, context: 'there' })).server).toBe('https://remote:6443');
  });

  test('with a plugin that gives a token', async () => {
    const credential = {
      apiVersion: 'client.authentication.k8s.io/v1',
      kind: 'ExecCredential',
      status: { token: 'made' },
    };
    const exec = {
      apiVersion: 'client.authentication.k8s.io/v1',
      command: 'echo',
      args: [JSON.stringify(credential)],
      interactiveMode: 'Never',
    };
    const config = await loadKubeConfig({ kubeconfig: await write('exec', { exec }) });
    expect((await config.credentials(false)).headers).toEqual({ authorization: 'Bearer made' });
  });

  const broken = [
    { name: 'is missing', text: undefined, message: 'cannot be read' },
    { name: 'is no YAML', text: '{', message: 'cannot be read' },
    { name: 'is something else', text: '[]', message: 'is no kubeconfig' },
    { name: 'has no context', text: 'kind: Config', message: 'no current-context' },
    { name: 'names a context that it lacks', text: 'current-context: x', message: 'no "x" among its contexts' },
  ];
  test.each(broken)('that $name says so', async ({ name, text, message }) => {
    const file = join(dir, name.replaceAll(' ', '-'));
    if (text !== undefined) await writeFile(file, text);
    const loading = loadKubeConfig({ kubeconfig: file });
    await expect(loading).rejects.toThrow(KubeConfigError);
    await expect(loading).rejects.toThrow(message);
  });
});

describe('a service account', () => {
  const env = () => ({
    KUBERNETES_SERVICE_HOST: '::1',
    KUBERNETES_SERVICE_PORT: '6443',
    TWINREEL_SERVICE_ACCOUNT_DIR: dir,
  });

  test('is read from the folder that the environment names, and its token again when it was refused', async () => {
    await writeFile(join(dir, 'ca.crt'), 'CA');
    await writeFile(join(dir, 'namespace'), 'twinreel-system');
    await writeFile(join(dir, 'token'), 'first\n');
    const config = await loadKubeConfig({ env: env() });
    expect(config).toMatchObject({ server: 'https://[::1]:6443', namespace: 'twinreel-system' });
    expect((await config.credentials(false)).headers).toEqual({ authorization: 'Bearer first' });
    await writeFile(join(dir, 'token'), 'second\n');
    expect((await config.credentials(true)).headers).toEqual({ authorization: 'Bearer second' });
    await rm(join(dir, 'token'));
    expect((await config.credentials(true)).headers).toEqual({ authorization: 'Bearer second' });
  });

  test('without an authority of its own trusts those of the system', async () => {
    const folder = await mkdtemp(join(dir, 'public-'));
    await writeFile(join(folder, 'token'), 't');
    const config = await loadKubeConfig({ env: env(), serviceAccountDir: folder });
    expect(await config.credentials(false)).toEqual({ headers: { authorization: 'Bearer t' }, tls: {} });
  });

  test('whose authority cannot be read is refused, and not taken for one without', async () => {
    const folder = await mkdtemp(join(dir, 'broken-'));
    await writeFile(join(folder, 'token'), 't');
    await mkdir(join(folder, 'ca.crt'));
    await expect(loadKubeConfig({ env: env(), serviceAccountDir: folder })).rejects.toThrow(KubeConfigError);
  });

  test('that is not there says where it was looked for', async () => {
    await expect(loadKubeConfig({ env: env(), serviceAccountDir: '/nowhere' })).rejects.toThrow(
      'service account in /nowhere',
    );
  });
});

test('a worker loads neither client-node nor a YAML parser', async () => {
  const entry = new URL('../../../src/kube/rest-api.ts', import.meta.url).href;
  const config = new URL('../../../src/kube/kube-config.ts', import.meta.url).href;
  const program = `
    import { registerHooks } from 'node:module';
    registerHooks({ load: (url, context, next) => { console.log(url); return next(url, context); } });
    await import(${JSON.stringify(entry)});
    await import(${JSON.stringify(config)});
  `;
  const args = ['--input-type=module', '--eval', program];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  expect(stdout).toContain('rest-api.ts');
  expect(stdout).not.toContain('node_modules');
});
