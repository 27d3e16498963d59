import { afterEach, describe, expect, it } from 'vitest';
import { silentLog } from '../../../src/kube/log.ts';
import { startHealthServer, type HealthServer } from '../../../src/operator/health.ts';

let server: HealthServer | undefined;
afterEach(async () => server?.close());

const start = async (waitingFor: readonly string[] = [], metrics = (): Promise<string> => Promise.resolve('a 1\n')) => {
  server = await startHealthServer({
    host: '127.0.0.1',
    port: 0,
    waitingFor: () => waitingFor,
    metrics,
    metricsContentType: 'text/plain; version=0.0.4',
    log: silentLog,
  });
  const { port } = server;
  return (path: string): Promise<Response> => fetch(`http://127.0.0.1:${port}${path}`);
};

describe('the health server', () => {
  it('is alive, and ready when nothing is waited for', async () => {
    const get = await start();
    expect((await get('/healthz')).status).toBe(200);
    expect((await get('/readyz')).status).toBe(200);
  });

  it('says what it waits for', async () => {
    const get = await start(['the caches to be filled']);
    expect((await get('/healthz')).status).toBe(200);
    const ready = await get('/readyz');
    expect([ready.status, await ready.text()]).toEqual([503, 'waiting for the caches to be filled\n']);
  });

  it('gives metrics in their own format', async () => {
    const response = await (await start())('/metrics');
    expect(response.headers.get('content-type')).toContain('version=0.0.4');
    expect(await response.text()).toBe('a 1\n');
  });

  it('outlives a scrape that fails', async () => {
    const get = await start([], () => Promise.reject(new Error('no metrics')));
    await expect(get('/metrics')).rejects.toThrow();
    expect((await get('/healthz')).status).toBe(200);
  });

  it('knows nothing else', async () => {
    expect((await (await start())('/')).status).toBe(404);
  });

  it('fails when its port is taken', async () => {
    await start();
    const options = {
      host: '127.0.0.1',
      port: server?.port ?? 0,
      waitingFor: () => [],
      metrics: () => Promise.resolve(''),
      metricsContentType: '',
      log: silentLog,
    };
    await expect(startHealthServer(options)).rejects.toThrow('EADDRINUSE');
  });
});
