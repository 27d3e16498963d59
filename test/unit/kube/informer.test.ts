import { describe, expect, onTestFinished, test } from 'vitest';
import type { Pod } from '../../../src/kube/core-types.ts';
import { makeInformer, makePartialInformer, type InformerEvent } from '../../../src/kube/informer.ts';
import { silentLog } from '../../../src/kube/log.ts';
import { noMetrics } from '../../../src/kube/metrics.ts';
import { pods } from '../../../src/kube/resources.ts';
import { makeManualClock, settle } from '../../manual-clock.ts';
import { apiError, makeMemoryApi } from './memory-api.ts';

const pod = (name: string, nodeName = 'n1'): Pod => ({
  metadata: { namespace: 'ns', name },
  spec: { nodeName, containers: [] },
});

const begin = (more: object = {}) => {
  const api = makeMemoryApi();
  const clock = makeManualClock();
  const restarts: string[] = [];
  const logged: string[] = [];
  const log = { ...silentLog, error: (_: object, message: string) => void logged.push(message) };
  const metrics = { ...noMetrics, watchRestarted: (_: string, reason: string) => void restarts.push(reason) };
  const deps = { api, clock, random: () => 0.5, log, metrics };
  const informer = makeInformer<Pod>(deps, { resource: pods, freeze: true, ...more });
  const seen: string[] = [];
  const told = (event: InformerEvent<Pod>): void => void seen.push(`${event.kind} ${event.object.metadata?.name}`);
  const stop = new AbortController();
  const start = async (): Promise<void> => {
    informer.addHandler(told);
    const running = informer.run(stop.signal);
    onTestFinished(async () => {
      stop.abort();
      await running;
    });
    await settle();
  };
  const lists = (): number => api.calls.filter((method) => method === 'list').length;
  return { api, clock, informer, seen, stop, start, lists, restarts, logged, deps };
};

describe('an informer', () => {
  test('lists all pages, then follows the watch', async () => {
    const { api, informer, seen, start } = begin({ pageSize: 2 });
    for (const name of ['a', 'b', 'c']) api.seed(pods, pod(name));
    expect(informer.hasSynced()).toBe(false);
    await start();
    expect(informer.hasSynced()).toBe(true);
    expect(informer.store.list()).toHaveLength(3);
    api.seed(pods, pod('b', 'n2'));
    api.remove(pods, { namespace: 'ns', name: 'a' });
    api.seed(pods, pod('d'));
    await settle();
    expect(seen).toEqual(['added a', 'added b', 'added c', 'updated b', 'deleted a', 'added d']);
    expect(informer.store.get('ns/b')?.spec?.nodeName).toBe('n2');
  });

  test('lists everything at once when the moment of the first page expires before the last', async () => {
    const { api, informer, start, lists } = begin({ pageSize: 1 });
    for (const name of ['a', 'b']) api.seed(pods, pod(name));
    const list = api.list.bind(api);
    let pages = 0;
    api.list = (resource, options, signal) => {
      pages += 1;
      if (pages === 2) api.fail('list', { error: apiError('Gone') });
      return list(resource, options, signal);
    };
    await start();
    expect(lists()).toBe(3);
    expect(informer.store.list()).toHaveLength(2);
  });

  test('watches again from where it was when a watch ends, and misses nothing in between', async () => {
    const { api, clock, seen, start, lists, restarts } = begin();
    api.seed(pods, pod('a'));
    await start();
    await clock.advance(60_000);
    api.endWatches();
    api.seed(pods, pod('b'));
    await clock.advance(100);
    expect(seen).toEqual(['added a', 'added b']);
    expect(lists()).toBe(1);
    expect(restarts).toEqual(['ended']);
  });

  test('lists again at once when its version has expired, and tells only what changed', async () => {
    const { api, clock, seen, start, restarts } = begin();
    for (const name of ['same', 'changes', 'vanishes']) api.seed(pods, pod(name));
    await start();
    seen.length = 0;
    api.fail('watch', { error: apiError('Gone') });
    await clock.advance(60_000);
    api.endWatches(apiError('Gone'));
    api.seed(pods, pod('changes', 'n2'));
    api.remove(pods, { namespace: 'ns', name: 'vanishes' });
    api.seed(pods, pod('new'));
    await settle();
    expect(restarts).toContain('expired');
    await clock.advance(1000);
    expect(seen.toSorted()).toEqual(['added new', 'deleted vanishes', 'updated changes']);
  });

  test('does not list in a tight loop when every version has expired', async () => {
    const { api, clock, start, lists } = begin({ backoff: { baseMs: 1000, maxMs: 1000 } });
    for (let i = 0; i < 100; i += 1) api.fail('watch', { error: apiError('Gone') });
    await start();
    await clock.advance(5000);
    expect(lists()).toBeGreaterThan(3);
    expect(lists()).toBeLessThan(10);
  });

  test('takes a deletion and a creation that it did not see apart for what they are', async () => {
    const { api, clock, seen, start } = begin();
    api.seed(pods, pod('a'));
    await start();
    api.fail('watch', { error: apiError('Gone') });
    api.endWatches(apiError('Gone'));
    api.remove(pods, { namespace: 'ns', name: 'a' });
    api.seed(pods, pod('a'));
    await clock.advance(1000);
    expect(seen).toEqual(['added a', 'deleted a', 'added a']);
  });

  test('backs off from a server that fails, waits as long as that asks, and comes back', async () => {
    const { api, clock, informer, start, lists } = begin({ backoff: { baseMs: 100, maxMs: 400 } });
    api.fail('list', { error: apiError('ServerError') });
    api.fail('list', { error: apiError('ServerError') });
    api.fail('list', { error: apiError('TooManyRequests', { retryAfterMs: 7000 }) });
    await start();
    await clock.advance(1000);
    expect(lists()).toBe(3);
    expect(informer.hasSynced()).toBe(false);
    await clock.advance(6225);
    expect(informer.hasSynced()).toBe(true);
  });

  test('keeps its version while the server is unreachable, and lists again after any other failure', async () => {
    const { api, clock, start, lists } = begin({ backoff: { baseMs: 10, maxMs: 10 } });
    await start();
    api.fail('watch', { error: apiError('Unreachable') });
    api.endWatches(apiError('Unreachable'));
    await clock.advance(100);
    expect(lists()).toBe(1);
    api.endWatches(apiError('ServerError'));
    await clock.advance(100);
    expect(lists()).toBe(2);
  });

  test('never goes back to an older version of an object, nor brings back a deleted one', async () => {
    const { api, informer, seen, start } = begin();
    const old = api.seed(pods, pod('a', 'old'));
    const newer = api.seed(pods, pod('a', 'new'));
    await start();
    api.inject({ type: 'MODIFIED', object: old });
    api.inject({ type: 'MODIFIED', object: newer });
    await settle();
    expect(seen).toEqual(['added a']);
    expect(informer.store.get('ns/a')?.spec?.nodeName).toBe('new');
    api.remove(pods, { namespace: 'ns', name: 'a' });
    api.inject({ type: 'ADDED', object: newer });
    await settle();
    expect(seen).toEqual(['added a', 'deleted a']);
    expect(informer.store.list()).toEqual([]);
  });

  test('ignores a late deletion of a predecessor of the same name', async () => {
    const { api, informer, start } = begin();
    const first = api.seed(pods, pod('a'));
    api.remove(pods, { namespace: 'ns', name: 'a' });
    api.seed(pods, pod('a', 'n2'));
    await start();
    api.inject({ type: 'DELETED', object: first });
    await settle();
    expect(informer.store.get('ns/a')?.spec?.nodeName).toBe('n2');
  });

  test('takes a list as it is, even when its versions are older: etcd may have been restored', async () => {
    const { api, clock, informer, start } = begin();
    api.seed(pods, pod('a', 'new'));
    await start();
    const metadata = { namespace: 'ns', name: 'a', uid: informer.store.get('ns/a')?.metadata?.uid ?? '' };
    const restored: Pod = { ...pod('a', 'restored'), metadata: { ...metadata, resourceVersion: '7' } };
    const list = api.list.bind(api);
    api.list = async (resource, options, signal) => {
      const page = await list(resource, options, signal);
      return { ...page, items: page.items.map((item) => ({ ...item, ...restored })) };
    };
    api.endWatches(apiError('ServerError'));
    await clock.advance(1000);
    expect(informer.store.get('ns/a')?.spec?.nodeName).toBe('restored');
  });

  test('survives a handler that throws, tells the others and logs it', async () => {
    const { api, informer, seen, start, logged } = begin();
    informer.addHandler(() => {
      throw new Error('broken');
    });
    api.seed(pods, pod('a'));
    await start();
    api.seed(pods, pod('b'));
    await settle();
    expect(seen).toEqual(['added a', 'added b']);
    expect(logged).toEqual(['informer handler threw', 'informer handler threw']);
  });

  test('survives an object that an index or transform cannot take', async () => {
    const { api, informer, start, logged } = begin({
      indexes: {
        fragile: (object: Pod) => {
          if (object.metadata?.name === 'bad') throw new Error('broken');
          return [];
        },
      },
    });
    api.seed(pods, pod('bad'));
    api.seed(pods, pod('good'));
    await start();
    api.seed(pods, pod('later'));
    await settle();
    expect(informer.store.list().map((each) => each.metadata?.name)).toEqual(['good', 'later']);
    expect(logged).toEqual(['object cannot be cached']);
  });

  test('tells a handler that comes late what is there already, and a removed one nothing more', async () => {
    const { api, informer, start } = begin();
    api.seed(pods, pod('a'));
    await start();
    const late: string[] = [];
    const remove = informer.addHandler((event) => late.push(`${event.kind} ${event.object.metadata?.name}`));
    expect(late).toEqual(['added a']);
    remove();
    api.seed(pods, pod('b'));
    await settle();
    expect(late).toEqual(['added a']);
  });

  test('keeps only what its transform keeps', async () => {
    const { api, deps } = begin();
    api.seed(pods, pod('a'));
    const informer = makePartialInformer(deps, {
      resource: pods,
      transform: ({ metadata }: Pod) => ({ ...(metadata === undefined ? {} : { metadata }), short: true }),
    });
    const stop = new AbortController();
    const running = informer.run(stop.signal);
    await informer.waitForSync(stop.signal);
    expect(informer.store.get('ns/a')).toEqual({
      metadata: expect.objectContaining({ name: 'a' }) as object,
      short: true,
    });
    stop.abort();
    await running;
  });

  test('ends when it is told to, in whatever state', async () => {
    const { api, clock, informer, stop } = begin();
    for (let i = 0; i < 10; i += 1) api.fail('list', { error: apiError('Unreachable') });
    const running = informer.run(stop.signal);
    const synced = informer.waitForSync(stop.signal);
    await clock.advance(100);
    stop.abort(new Error('enough'));
    await running;
    await expect(synced).rejects.toThrow('enough');
    expect(clock.timers()).toBe(0);
  });
});

describe('an informer whose watch is broken', () => {
  const outage = (api: ReturnType<typeof begin>['api']) => {
    for (let i = 0; i < 40; i += 1) api.fail('watch', { error: apiError('Unreachable') });
    api.endWatches(apiError('Unreachable'));
  };

  test('says for how long, and is well again when it hears something', async () => {
    const { api, clock, informer, start } = begin();
    await start();
    expect(informer.brokenMs()).toBe(0);
    outage(api);
    await clock.advance(30_000);
    expect(informer.brokenMs()).toBeGreaterThan(25_000);
    await clock.advance(40_000);
    expect(informer.brokenMs()).toBeGreaterThan(65_000);
    while (informer.brokenMs() > 0 && clock.now() < Date.UTC(2030, 0, 2)) {
      api.seed(pods, pod('a'));
      await clock.advance(10_000);
    }
    expect(informer.store.get('ns/a')).toBeDefined();
    expect(informer.brokenMs()).toBe(0);
  });

  test('is well again, too, when the watch holds and there is nothing to tell', async () => {
    const { api, clock, informer, start } = begin();
    await start();
    api.fail('watch', { error: apiError('Unreachable') });
    api.endWatches(apiError('Unreachable'));
    await clock.advance(59_000);
    expect(informer.brokenMs()).toBeLessThan(60_000);
    await clock.advance(5_000);
    expect(informer.brokenMs()).toBe(0);
  });

  test('that refuses to be listed is broken, too', async () => {
    const { api, clock, informer, start } = begin();
    for (let i = 0; i < 40; i += 1) api.fail('list', { error: apiError('Forbidden') });
    await start();
    await clock.advance(70_000);
    expect(informer.brokenMs()).toBeGreaterThan(65_000);
  });
});
