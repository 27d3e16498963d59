import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTcpServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { KubeObject, WatchEvent } from '../../../src/kube/api.ts';
import { tokenFile, type KubeConfig } from '../../../src/kube/kube-config.ts';
import { configMaps, nodes, pods, serviceAccounts } from '../../../src/kube/resources.ts';
import { makeRestApi } from '../../../src/kube/rest-api.ts';

type Answer = (request: IncomingMessage, response: ServerResponse, body: string) => void;

const plain = (server: string, headers: Record<string, string> = {}): KubeConfig => ({
  server,
  namespace: undefined,
  credentials: async () => ({ headers, tls: {} }),
});

/** An HTTP server on loopback that answers with `answer`, and an API on it. */
const begin = async (answer: Answer, more: object = {}) => {
  const requests: { method: string; url: string; body: string; type: string | undefined }[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks).toString();
      const { method = '', url = '' } = request;
      requests.push({ method, url, body, type: request.headers['content-type'] });
      answer(request, response, body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const api = makeRestApi({ kubeConfig: plain(`http://127.0.0.1:${port}`), ...more });
  onTestFinished(async () => {
    api.close();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return { api, server, requests, port };
};

const json = (response: ServerResponse, value: object, status = 200, headers: Record<string, string> = {}): void => {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(JSON.stringify(value));
};

const status = (code: number, reason: string, details: object = {}): object => ({
  kind: 'Status',
  apiVersion: 'v1',
  code,
  reason,
  message: `it is ${reason}`,
  details,
});

const ref = { namespace: 'ns', name: 'a' };
const config = { metadata: ref };

describe('calls', () => {
  test('go where the kind, the name and the options say', async () => {
    const { api, requests } = await begin((_, response) =>
      json(response, { items: null, metadata: { resourceVersion: '7' } }),
    );
    await api.get(nodes, { name: 'n' });
    await api.list(pods, {
      namespace: 'ns',
      labelSelector: 'a=b,c',
      limit: 5,
      continueToken: 'next',
      resourceVersion: '0',
    });
    await api.create(configMaps, config);
    await api.updateStatus(pods, { metadata: ref });
    await api.patch(pods, ref, { x: 1 }, { type: 'merge', subresource: 'status' });
    await api.patch(pods, ref, { x: 1 }, { type: 'apply', fieldManager: 'me', force: true });
    await api.delete(pods, ref, { uid: 'u', gracePeriodSeconds: 0, propagationPolicy: 'Foreground' });
    await api.createSubresource(serviceAccounts, ref, 'token', { spec: {} });
    expect(requests.map(({ method, url }) => `${method} ${url}`)).toEqual([
      'GET /api/v1/nodes/n',
      'GET /api/v1/namespaces/ns/pods?labelSelector=a%3Db%2Cc&limit=5&continue=next',
      'POST /api/v1/namespaces/ns/configmaps',
      'PUT /api/v1/namespaces/ns/pods/a/status',
      'PATCH /api/v1/namespaces/ns/pods/a/status',
      'PATCH /api/v1/namespaces/ns/pods/a?fieldManager=me&force=true',
      'DELETE /api/v1/namespaces/ns/pods/a',
      'POST /api/v1/namespaces/ns/serviceaccounts/a/token',
    ]);
    expect(requests.map(({ type }) => type).slice(4, 6)).toEqual([
      'application/merge-patch+json',
      'application/apply-patch+yaml',
    ]);
    expect(JSON.parse(requests[2]?.body ?? '')).toEqual({ apiVersion: 'v1', kind: 'ConfigMap', metadata: ref });
    expect(JSON.parse(requests[6]?.body ?? '')).toEqual({
      apiVersion: 'v1',
      kind: 'DeleteOptions',
      gracePeriodSeconds: 0,
      propagationPolicy: 'Foreground',
      preconditions: { uid: 'u' },
    });
  });

  test('give list items the kind that the server leaves out', async () => {
    const { api } = await begin((_, response) =>
      json(response, { metadata: { resourceVersion: '7', continue: 'more' }, items: [{ metadata: { name: 'n' } }] }),
    );
    expect(await api.list(nodes, {})).toEqual({
      items: [{ apiVersion: 'v1', kind: 'Node', metadata: { name: 'n' } }],
      resourceVersion: '7',
      continueToken: 'more',
    });
  });

  const answers = [
    { name: 'not found', status: 404, reason: 'NotFound', code: 'NotFound', retryable: false, unknown: false },
    {
      name: 'a name taken',
      status: 409,
      reason: 'AlreadyExists',
      code: 'AlreadyExists',
      retryable: false,
      unknown: false,
    },
    {
      name: 'a lost compare-and-swap',
      status: 409,
      reason: 'Conflict',
      code: 'Conflict',
      retryable: true,
      unknown: false,
    },
    { name: 'an expired version', status: 410, reason: 'Expired', code: 'Gone', retryable: false, unknown: false },
    { name: 'an invalid object', status: 422, reason: 'Invalid', code: 'Invalid', retryable: false, unknown: false },
    { name: 'a bad request', status: 400, reason: 'BadRequest', code: 'Invalid', retryable: false, unknown: false },
    { name: 'no right', status: 403, reason: 'Forbidden', code: 'Forbidden', retryable: false, unknown: false },
    {
      name: 'no credentials',
      status: 401,
      reason: 'Unauthorized',
      code: 'Unauthorized',
      retryable: false,
      unknown: false,
    },
    {
      name: 'a server in trouble',
      status: 500,
      reason: 'InternalError',
      code: 'ServerError',
      retryable: true,
      unknown: true,
    },
    {
      name: 'a time-out in the server',
      status: 504,
      reason: 'Timeout',
      code: 'ServerError',
      retryable: true,
      unknown: true,
    },
  ] as const;

  test.each(answers)('tell $name by its code', async ({ status: http, reason, code, retryable, unknown }) => {
    const { api } = await begin((_, response) => json(response, status(http, reason), http));
    await expect(api.update(configMaps, config)).rejects.toMatchObject({
      code,
      status: http,
      retryable,
      outcomeUnknown: unknown,
      message: expect.stringContaining(`it is ${reason}`) as string,
    });
    await expect(api.get(configMaps, ref)).rejects.toMatchObject({ code, outcomeUnknown: false });
  });

  test('tell when a throttling server wants to be asked again, by header or body', async () => {
    const { api } = await begin((request, response) => {
      if (request.method === 'GET') json(response, status(429, 'TooManyRequests'), 429, { 'retry-after': '3' });
      else json(response, status(503, 'ServiceUnavailable', { retryAfterSeconds: 5 }), 503);
    });
    await expect(api.get(configMaps, ref)).rejects.toMatchObject({ code: 'TooManyRequests', retryAfterMs: 3000 });
    await expect(api.update(configMaps, config)).rejects.toMatchObject({ code: 'ServerError', retryAfterMs: 5000 });
  });

  test("pass a proxy's plain text on", async () => {
    const { api } = await begin((_, response) => response.writeHead(502).end('upstream gone'));
    await expect(api.get(configMaps, ref)).rejects.toMatchObject({
      code: 'ServerError',
      message: expect.stringContaining('upstream gone') as string,
    });
  });

  test('that were refused a connection have surely not taken place', async () => {
    const { api, server } = await begin(() => undefined);
    await new Promise((resolve) => server.close(resolve));
    await expect(api.create(configMaps, config)).rejects.toMatchObject({
      code: 'Unreachable',
      outcomeUnknown: false,
      retryable: true,
    });
  });

  test('cut off without an answer may have taken place, reads have no outcome', async () => {
    const { api } = await begin((request) => request.socket.destroy());
    await expect(api.create(configMaps, config)).rejects.toMatchObject({ code: 'Unreachable', outcomeUnknown: true });
    await expect(api.get(configMaps, ref)).rejects.toMatchObject({ code: 'Unreachable', outcomeUnknown: false });
  });

  test('whose answer breaks off may have taken place', async () => {
    const { api } = await begin((request, response) => {
      response.writeHead(200, { 'content-length': '1000' });
      response.write('{"half":');
      setImmediate(() => request.socket.destroy());
    });
    await expect(api.create(configMaps, config)).rejects.toMatchObject({ code: 'Unreachable', outcomeUnknown: true });
  });

  test('end when there is no answer in time', async () => {
    const { api } = await begin(() => undefined, { requestTimeoutMs: 50 });
    await expect(api.create(configMaps, config)).rejects.toMatchObject({
      code: 'Unreachable',
      outcomeUnknown: true,
      message: expect.stringContaining('no answer within 50 ms') as string,
    });
  });

  test('end in time when the answer never becomes whole', async () => {
    const { api } = await begin((_, response) => response.writeHead(200).write('{'), { requestTimeoutMs: 100 });
    await expect(api.get(configMaps, ref)).rejects.toMatchObject({ code: 'Unreachable' });
  });

  test('end with the reason of their signal, before or while they run', async () => {
    const arrived = Promise.withResolvers<void>();
    const { api, requests } = await begin(() => arrived.resolve());
    const stop = new AbortController();
    const call = api.get(configMaps, ref, stop.signal);
    await arrived.promise;
    stop.abort(new Error('enough'));
    await expect(call).rejects.toThrow('enough');
    await expect(api.get(configMaps, ref, stop.signal)).rejects.toThrow('enough');
    expect(requests).toHaveLength(1);
  });

  test('use one connection after the other, and a read tries again when the kept one was closed', async () => {
    const ports = new Set<number | undefined>();
    let closeAfter = false;
    const { api } = await begin((request, response) => {
      ports.add(request.socket.remotePort);
      if (closeAfter && ports.size === 1) request.socket.destroy();
      else json(response, config);
    });
    for (let i = 0; i < 5; i += 1) await api.get(configMaps, ref);
    expect(ports.size).toBe(1);
    closeAfter = true;
    expect(await api.get(configMaps, ref)).toEqual(config);
    expect(ports.size).toBe(2);
  });

  test('are made again with the new token when the old one was refused, writes too', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'twinreel-token-'));
    onTestFinished(() => rm(dir, { recursive: true }));
    const file = join(dir, 'token');
    await writeFile(file, 'old\n');
    const { port, requests } = await begin((request, response) => {
      if (request.headers.authorization === 'Bearer new') json(response, config);
      else json(response, status(401, 'Unauthorized'), 401);
    });
    const token = tokenFile(file);
    const api = makeRestApi({
      kubeConfig: {
        server: `http://127.0.0.1:${port}`,
        namespace: undefined,
        credentials: async (fresh) => ({ headers: { authorization: `Bearer ${await token(fresh)}` }, tls: {} }),
      },
    });
    await expect(api.create(configMaps, config)).rejects.toMatchObject({ code: 'Unauthorized' });
    await writeFile(file, 'new\n');
    expect(await api.create(configMaps, config)).toEqual(config);
    expect(requests).toHaveLength(4);
    api.close();
  });

  test('survive characters cut across chunks', async () => {
    const text = 'Bänder – 磁带 – 💾'.repeat(100);
    const { api } = await begin((_, response) => {
      const bytes = Buffer.from(JSON.stringify({ ...config, data: { text } }));
      const write = (at: number): void => {
        if (at >= bytes.length) response.end();
        else response.write(bytes.subarray(at, at + 333), () => write(at + 333));
      };
      write(0);
    });
    expect((await api.get(configMaps, ref)).data?.['text']).toBe(text);
  });
});

describe('watches', () => {
  const options = { resourceVersion: '5', timeoutSeconds: 10, labelSelector: 'a=b' };
  const line = (type: string, object: object): string => `${JSON.stringify({ type, object })}\n`;

  const collect = async (events: AsyncIterable<WatchEvent<KubeObject>>): Promise<WatchEvent<KubeObject>[]> => {
    const all: WatchEvent<KubeObject>[] = [];
    for await (const event of events) all.push(event);
    return all;
  };

  test('give events and bookmarks and end quietly with the server', async () => {
    const { api, requests } = await begin((_, response) => {
      response.write(line('ADDED', config));
      response.write(line('BOOKMARK', { metadata: { resourceVersion: '9' } }) + line('DELETED', config));
      response.end();
    });
    expect(await collect(api.watch(configMaps, options, new AbortController().signal))).toEqual([
      { type: 'ADDED', object: config },
      { type: 'BOOKMARK', resourceVersion: '9' },
      { type: 'DELETED', object: config },
    ]);
    expect(requests[0]?.url).toBe(
      '/api/v1/configmaps?watch=true&allowWatchBookmarks=true&labelSelector=a%3Db&resourceVersion=5&timeoutSeconds=10',
    );
  });

  test('put objects of megabytes together, with characters cut across chunks', async () => {
    const big = { ...config, data: { text: '磁'.repeat(700_000) } };
    const { api } = await begin((_, response) => {
      const bytes = Buffer.from(line('ADDED', config) + line('ADDED', big) + line('MODIFIED', config));
      for (let at = 0; at < bytes.length; at += 10_007) response.write(bytes.subarray(at, at + 10_007));
      response.end();
    });
    const events = await collect(api.watch(configMaps, options, new AbortController().signal));
    expect(events.map((event) => event.type)).toEqual(['ADDED', 'ADDED', 'MODIFIED']);
    expect(events[1]).toEqual({ type: 'ADDED', object: big });
  });

  test('end with what an ERROR event says', async () => {
    const { api } = await begin((_, response) => {
      response.end(line('ADDED', config) + line('ERROR', status(410, 'Expired')));
    });
    const seen: string[] = [];
    const watching = (async () => {
      for await (const event of api.watch(configMaps, options, new AbortController().signal)) seen.push(event.type);
    })();
    await expect(watching).rejects.toMatchObject({ code: 'Gone', status: 410 });
    expect(seen).toEqual(['ADDED']);
  });

  test('that are refused say why', async () => {
    const { api } = await begin((_, response) => json(response, status(410, 'Expired'), 410));
    await expect(collect(api.watch(configMaps, options, new AbortController().signal))).rejects.toMatchObject({
      code: 'Gone',
    });
  });

  test('fail when the connection breaks, and drop the half line', async () => {
    const { api } = await begin((request, response) => {
      response.write(`${line('ADDED', config)}{"type":"ADD`);
      setTimeout(() => request.socket.destroy(), 20);
    });
    const seen: string[] = [];
    const watching = (async () => {
      for await (const event of api.watch(configMaps, options, new AbortController().signal)) seen.push(event.type);
    })();
    await expect(watching).rejects.toMatchObject({ code: 'Unreachable', outcomeUnknown: false });
    expect(seen).toEqual(['ADDED']);
  });

  test('fail when nothing comes for long, bookmarks count', async () => {
    const { api } = await begin(
      (_, response) => {
        const beat = setInterval(() => response.write(line('BOOKMARK', { metadata: { resourceVersion: '9' } })), 40);
        setTimeout(() => clearInterval(beat), 300);
      },
      { watchInactivityMs: 120 },
    );
    const seen: string[] = [];
    const watching = (async () => {
      for await (const event of api.watch(configMaps, options, new AbortController().signal)) seen.push(event.type);
    })();
    await expect(watching).rejects.toMatchObject({
      code: 'Unreachable',
      message: expect.stringContaining('silent for 120 ms') as string,
    });
    expect(seen.length).toBeGreaterThan(3);
  });

  test('do not count the time that their reader takes as silence', async () => {
    const { api } = await begin((_, response) => response.end(line('ADDED', config) + line('ADDED', config)), {
      watchInactivityMs: 30,
    });
    let seen = 0;
    for await (const event of api.watch(configMaps, options, new AbortController().signal)) {
      expect(event.type).toBe('ADDED');
      seen += 1;
      await new Promise((resolve) => setTimeout(resolve, 80));
    }
    expect(seen).toBe(2);
  });

  test('end with the reason of their signal and close the connection', async () => {
    const closed = Promise.withResolvers<void>();
    const { api } = await begin((request, response) => {
      request.socket.on('close', () => closed.resolve());
      response.write(line('ADDED', config));
    });
    const stop = new AbortController();
    const watching = (async () => {
      for await (const event of api.watch(configMaps, options, stop.signal)) {
        expect(event.type).toBe('ADDED');
        stop.abort(new Error('enough'));
      }
    })();
    await expect(watching).rejects.toThrow('enough');
    await closed.promise;
  });

  test('close the connection when their reader leaves', async () => {
    const closed = Promise.withResolvers<void>();
    const { api } = await begin((request, response) => {
      request.socket.on('close', () => closed.resolve());
      response.write(line('ADDED', config));
    });
    for await (const event of api.watch(configMaps, options, new AbortController().signal)) {
      expect(event.type).toBe('ADDED');
      break;
    }
    await closed.promise;
  });
});

describe('a server that does not speak TLS or HTTP', () => {
  test('is unreachable, and a write to it has not taken place', async () => {
    const server = createTcpServer((socket) => socket.end('nonsense\r\n\r\n', () => socket.destroy()));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(async () => void (await new Promise((resolve) => server.close(resolve))));
    const { port } = server.address() as AddressInfo;
    const api = makeRestApi({ kubeConfig: plain(`https://127.0.0.1:${port}`) });
    await expect(api.create(configMaps, config)).rejects.toMatchObject({ code: 'Unreachable', outcomeUnknown: false });
  });
});
