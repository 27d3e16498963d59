import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
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

/** Sends a request line as it is: clients that are well-behaved would not. @returns the status line of the answer */
const say = async (requestLine: string): Promise<string> => {
  const socket = connect(server?.port ?? 0, '127.0.0.1');
  socket.write(`${requestLine} HTTP/1.1\r\nhost: operator\r\nconnection: close\r\n\r\n`);
  return (await text(socket)).split('\r\n', 1)[0] ?? '';
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

  it.each([
    ['GET //', 'HTTP/1.1 400 Bad Request'],
    ['GET //?', 'HTTP/1.1 400 Bad Request'],
    ['GET http://', 'HTTP/1.1 400 Bad Request'],
    ['GET http://[::/metrics', 'HTTP/1.1 400 Bad Request'],
    ['GET *', 'HTTP/1.1 404 Not Found'],
    ['GET mailto:nobody', 'HTTP/1.1 400 Bad Request'],
    ['GET http://elsewhere/healthz', 'HTTP/1.1 200 OK'],
    ['HEAD /healthz', 'HTTP/1.1 200 OK'],
    ['POST /healthz', 'HTTP/1.1 405 Method Not Allowed'],
    ['DELETE //', 'HTTP/1.1 405 Method Not Allowed'],
    ['OPTIONS *', 'HTTP/1.1 405 Method Not Allowed'],
    ['CONNECT //', ''],
  ])('outlives %s', async (requestLine, statusLine) => {
    const get = await start();
    expect(await say(requestLine)).toBe(statusLine);
    expect((await get('/healthz')).status).toBe(200);
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
