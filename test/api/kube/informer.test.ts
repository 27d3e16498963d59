import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ApiError, type Api } from '../../../src/kube/api.ts';
import type { ConfigMap } from '../../../src/kube/core-types.ts';
import { makeInformer } from '../../../src/kube/informer.ts';
import { noMetrics } from '../../../src/kube/metrics.ts';
import { configMaps } from '../../../src/kube/resources.ts';
import type { RestApi } from '../../../src/kube/rest-api.ts';
import { connect, follow, inParallel, makeNamespace, realDeps } from './connection.ts';

let api: RestApi;
beforeAll(async () => {
  api = await connect();
});
afterAll(() => api.close());

const soon = { timeout: 60_000, interval: 20 };

/** The API, but no watch can begin while `expired` says so: every version is as good as too old. */
const withExpiredWatches = (real: Api, expired: () => boolean): Api => ({
  ...real,
  watch: (resource, options, signal) => {
    if (!expired()) return real.watch(resource, options, signal);
    throw new ApiError({ code: 'Gone', message: 'expired', status: 410, retryable: false, outcomeUnknown: false });
  },
});

describe('an informer on a real API server', () => {
  test('holds 5,000 objects with their index, and a relist tells only what changed', { timeout: 240_000 }, async () => {
    const count = 5000;
    const namespace = await makeNamespace(api, 'many');
    const names = Array.from({ length: count }, (_, i) => `object-${i}`);
    const make = (name: string, i: number): ConfigMap => ({
      metadata: { namespace, name, labels: { group: `${i % 10}` } },
      data: { i: `${i}` },
    });
    await inParallel(names.slice(0, count / 2).entries(), 16, ([i, name]) => api.create(configMaps, make(name, i)));

    let expired = false;
    const lists: number[] = [];
    const restarts: string[] = [];
    const metrics = {
      ...noMetrics,
      listed: (_: string, __: number, objects: number) => void lists.push(objects),
      watchRestarted: (_: string, reason: string) => void restarts.push(reason),
    };
    const deps = realDeps(api, { api: withExpiredWatches(api, () => expired), metrics });
    const informer = makeInformer<ConfigMap>(deps, {
      resource: configMaps,
      namespace,
      labelSelector: 'group',
      indexes: { group: (object) => [object.metadata?.labels?.['group'] ?? ''] },
      watchSeconds: 2,
    });
    const told = await follow(informer);
    expect(informer.store.list()).toHaveLength(count / 2);

    const second = [...names.entries()].slice(count / 2);
    await inParallel(second, 16, ([i, name]) => api.create(configMaps, make(name, i)));
    await expect.poll(() => informer.store.list().length, soon).toBe(count);
    expect(informer.store.byIndex('group', '7')).toHaveLength(count / 10);
    expect(told.map((event) => event.kind)).toEqual(Array.from({ length: count / 2 }, () => 'added'));
    expect(lists).toEqual([count / 2]);
    told.length = 0;

    // Its next watches find their version expired: it lists again, with nothing changed.
    expired = true;
    await expect.poll(() => lists.length, soon).toBeGreaterThan(1);
    await expect.poll(() => restarts.includes('expired'), soon).toBe(true);
    expect(told).toEqual([]);

    // Changes made while it cannot watch are found by the next list.
    await api.delete(configMaps, { namespace, name: 'object-7' });
    await api.patch(
      configMaps,
      { namespace, name: 'object-8' },
      { metadata: { labels: { group: '7' } } },
      { type: 'merge' },
    );
    await expect
      .poll(() => told.map((event) => `${event.kind} ${event.object.metadata?.name}`).toSorted(), soon)
      .toEqual(['deleted object-7', 'updated object-8']);
    expired = false;
    expect(informer.store.byIndex('group', '7').map((object) => object.metadata?.name)).toContain('object-8');
    expect(informer.store.byIndex('group', '8')).toHaveLength(count / 10 - 1);
  });

  test('goes on without a list when its watches end again and again', async () => {
    const namespace = await makeNamespace(api, 'expiry');
    let lists = 0;
    let ends = 0;
    const metrics = {
      ...noMetrics,
      listed: () => void (lists += 1),
      watchRestarted: (_: string, reason: string) => void (ends += reason === 'ended' ? 1 : 100),
    };
    const informer = makeInformer<ConfigMap>(realDeps(api, { metrics }), {
      resource: configMaps,
      namespace,
      labelSelector: 'app=test',
      watchSeconds: 1,
    });
    const told = await follow(informer);
    const names: string[] = [];
    for (let i = 0; ends < 3; i += 1) {
      names.push(`added object-${i}`);
      await api.create(configMaps, { metadata: { namespace, name: `object-${i}`, labels: { app: 'test' } } });
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    await expect.poll(() => told.map((event) => `${event.kind} ${event.object.metadata?.name}`), soon).toEqual(names);
    expect(lists).toBe(1);
    expect(ends).toBeLessThan(100);
  });

  test('sees an object that leaves its selector as deleted', async () => {
    const namespace = await makeNamespace(api, 'selector');
    const ref = { namespace, name: 'leaves' };
    const informer = makeInformer<ConfigMap>(realDeps(api), {
      resource: configMaps,
      namespace,
      labelSelector: 'active=true',
    });
    const told = await follow(informer);
    await api.create(configMaps, { metadata: { ...ref, labels: { active: 'true' } } });
    await api.patch(configMaps, ref, { metadata: { labels: { active: null } } }, { type: 'merge' });
    await expect.poll(() => told.map((event) => event.kind), soon).toEqual(['added', 'deleted']);
    expect(informer.store.list()).toEqual([]);
  });
});
