import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { chooseKubeConfig, type KubeConfigSource } from '../../../src/kube/kube-config-source.ts';
import { makeExecInPod } from '../../../src/operator/exec-in-pod.ts';
import { startExecServer, type ExecServer, type ExecSession } from '../../support/exec-server.ts';

const request = { namespace: 'shop', pod: 'database-0', container: 'main', command: ['sh', '-c', 'freeze now'] };
const success = JSON.stringify({ kind: 'Status', status: 'Success' });
const exitCode = (code: number): string =>
  JSON.stringify({
    kind: 'Status',
    status: 'Failure',
    reason: 'NonZeroExitCode',
    message: `command terminated with non-zero exit code: ${code}`,
    details: { causes: [{ reason: 'ExitCode', message: `${code}` }] },
  });

let folder: string;
let server: ExecServer | undefined;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'twinreel-exec-'));
});
afterEach(async () => {
  await server?.close();
  rmSync(folder, { recursive: true, force: true });
});

const kubeconfigFor = (url: string): string => {
  const file = join(folder, 'kubeconfig');
  const cluster = { server: url, 'insecure-skip-tls-verify': true };
  writeFileSync(
    file,
    stringify({
      apiVersion: 'v1',
      kind: 'Config',
      'current-context': 'here',
      contexts: [{ name: 'here', context: { cluster: 'here', user: 'me' } }],
      clusters: [{ name: 'here', cluster }],
      users: [{ name: 'me', user: { token: 't' } }],
    }),
  );
  return file;
};

const serve = async (onExec: (session: ExecSession) => void): Promise<KubeConfigSource> => {
  server = await startExecServer(onExec);
  return chooseKubeConfig({ kubeconfig: kubeconfigFor(server.url) });
};

const never = new AbortController().signal;

describe('a command in a pod', () => {
  it('gives its output and exit code 0', async () => {
    let seen: ExecSession | undefined;
    const source = await serve((session) => {
      seen = session;
      session.accept();
      session.send(1, 'frozen ');
      session.send(2, 'with a warning');
      session.send(3, success);
    });
    expect(await makeExecInPod(source)(request, never)).toEqual({ exitCode: 0, output: 'frozen with a warning' });
    expect(seen?.protocols.slice(0, 2)).toEqual(['v5.channel.k8s.io', 'v4.channel.k8s.io']);
    expect(seen?.url.pathname).toBe('/api/v1/namespaces/shop/pods/database-0/exec');
    expect(seen?.url.searchParams.getAll('command')).toEqual(request.command);
    expect(seen?.url.searchParams.get('container')).toBe('main');
    await seen?.closed;
  });

  it('gives an exit code that is not 0, and the last 4 KiB of what it printed', async () => {
    const source = await serve((session) => {
      session.accept();
      for (let line = 0; line < 10; line += 1) session.send(1, `${line}`.repeat(1000));
      session.send(3, exitCode(23));
    });
    const { exitCode: code, output } = await makeExecInPod(source)(request, never);
    expect(code).toBe(23);
    expect(output).toBe(
      `${'5'.repeat(96)}${'6'.repeat(1000)}${'7'.repeat(1000)}${'8'.repeat(1000)}${'9'.repeat(1000)}`,
    );
  });

  it('rejects when it could not be run, was refused, or was cut off', async () => {
    const acts: ((session: ExecSession) => void)[] = [
      (session) => {
        session.accept();
        session.send(3, JSON.stringify({ status: 'Failure', message: 'no such container' }));
      },
      (session) => session.refuse(403),
      (session) => {
        session.accept();
        session.cut();
      },
    ];
    const source = await serve((session) => acts.shift()?.(session));
    const exec = makeExecInPod(source);
    await expect(exec(request, never)).rejects.toThrow('no such container');
    await expect(exec(request, never)).rejects.toThrow('403');
    await expect(exec(request, never)).rejects.toThrow('not seen to its end');
  });
});

describe('the limit of a command', () => {
  const limited = () => {
    const limit = new AbortController();
    const reached = Promise.withResolvers<ExecSession>();
    return { limit, reached };
  };

  it('holds while the API server does not answer, and the connection is given up', async () => {
    const { limit, reached } = limited();
    const source = await serve((session) => reached.resolve(session));
    const running = makeExecInPod(source)(request, limit.signal);
    const session = await reached.promise;
    limit.abort(new Error('time is up'));
    await expect(running).rejects.toThrow('time is up');
    await session.closed;
  });

  it('holds for a socket that opens in the moment in which time is up', async () => {
    const { limit, reached } = limited();
    const source = await serve((session) => {
      session.accept();
      limit.abort(new Error('time is up'));
      reached.resolve(session);
    });
    await expect(makeExecInPod(source)(request, limit.signal)).rejects.toThrow('time is up');
    const { closed } = await reached.promise;
    await closed;
  });

  it('holds while the command runs', async () => {
    const { limit, reached } = limited();
    const source = await serve((session) => {
      session.accept();
      session.send(1, 'begun');
      reached.resolve(session);
    });
    const running = makeExecInPod(source)(request, AbortSignal.any([limit.signal, AbortSignal.timeout(300)]));
    await expect(running).rejects.toMatchObject({ name: 'TimeoutError' });
    const { closed } = await reached.promise;
    await closed;
  });

  it('that has passed before lets nothing begin', async () => {
    let asked = 0;
    const source = await serve(() => (asked += 1));
    await expect(makeExecInPod(source)(request, AbortSignal.abort(new Error('stopped')))).rejects.toThrow('stopped');
    expect(asked).toBe(0);
  });
});

describe('the way to the API server', () => {
  it('is the same as for everything else: KUBECONFIG before the account of the pod', async () => {
    await serve((session) => {
      session.accept();
      session.send(3, success);
    });
    const env = { KUBECONFIG: join(folder, 'kubeconfig'), KUBERNETES_SERVICE_HOST: '192.0.2.1' };
    const exec = makeExecInPod(chooseKubeConfig({ env }));
    expect(await exec(request, never)).toEqual({ exitCode: 0, output: '' });
  });

  it('is the account of the pod where there is nothing else', () => {
    const env = { KUBERNETES_SERVICE_HOST: 'fd00::1', TWINREEL_SERVICE_ACCOUNT_DIR: '/account' };
    expect(chooseKubeConfig({ env })).toEqual({
      kind: 'serviceAccount',
      server: 'https://[fd00::1]:443',
      folder: '/account',
    });
  });
});
