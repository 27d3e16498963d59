import { describe, expect, it } from 'vitest';
import { runHook } from '../../../src/controllers/hook-runner.ts';
import type { ExecInPod, ExecRequest } from '../../../src/controllers/hook-runner.ts';
import type { HookSpec } from '../../../src/decide/job/hooks.ts';
import { pods } from '../../../src/kube/resources.ts';
import type { Pod } from '../../../src/kube/core-types.ts';
import { makeMemoryApi } from '../kube/memory-api.ts';

const hook: HookSpec = {
  podSelector: { matchLabels: { app: 'db' } },
  command: ['psql', '-c', 'checkpoint'],
  timeout: '50ms',
  onError: 'Fail',
};

const pod = (name: string, phase: 'Running' | 'Succeeded'): Pod => ({
  metadata: { name, namespace: 'shop', labels: { app: 'db' } },
  spec: { containers: [{ name: 'postgres' }, { name: 'sidecar' }] },
  status: { phase },
});

const run = async (exec: ExecInPod, ...all: readonly Pod[]) => {
  const api = makeMemoryApi();
  for (const one of all) await api.create(pods, one);
  return runHook({ api, exec }, 'shop', hook, new AbortController().signal);
};

describe('a hook', () => {
  it('runs in the first container of every running pod that its selector finds', async () => {
    const asked: ExecRequest[] = [];
    const result = await run(
      (request) => {
        asked.push(request);
        return Promise.resolve({ exitCode: 0, output: '' });
      },
      pod('db-0', 'Running'),
      pod('db-1', 'Running'),
      pod('old', 'Succeeded'),
    );
    expect(result).toMatchObject({ ok: true, pods: 'db-0,db-1' });
    expect(asked).toEqual(
      ['db-0', 'db-1'].map((name) => ({ namespace: 'shop', pod: name, container: 'postgres', command: hook.command })),
    );
  });

  it('says with which code and words a command failed', async () => {
    const result = await run(() => Promise.resolve({ exitCode: 3, output: 'no such table' }), pod('db-0', 'Running'));
    expect(result).toMatchObject({
      ok: false,
      message: expect.stringContaining('exit code 3: no such table') as string,
    });
  });

  it('fails when it finds no pod: nothing was quiesced', async () => {
    const result = await run(() => Promise.resolve({ exitCode: 0, output: '' }));
    expect(result).toEqual({ ok: false, pods: '', message: 'no running pod in shop matches app=db' });
  });

  it('is given up after its time', async () => {
    const never: ExecInPod = (_, signal) =>
      new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(new Error('closed'))));
    expect(await run(never, pod('db-0', 'Running'))).toMatchObject({
      ok: false,
      message: expect.stringContaining('not done within 50ms') as string,
    });
  });
});
