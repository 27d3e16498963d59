import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { realClock } from '../../../src/kube/clock.ts';
import { changesOf, done, makeController, type Reconcile } from '../../../src/kube/controller.ts';
import type { ConfigMap } from '../../../src/kube/core-types.ts';
import { fencedApi } from '../../../src/kube/fenced-api.ts';
import { makeInformer } from '../../../src/kube/informer.ts';
import { refOfKey } from '../../../src/kube/key.ts';
import { makeLeaderElector, type Work } from '../../../src/kube/leader.ts';
import { silentLog } from '../../../src/kube/log.ts';
import { toSelf } from '../../../src/kube/mapping.ts';
import { configMaps, leases } from '../../../src/kube/resources.ts';
import type { RestApi } from '../../../src/kube/rest-api.ts';
import { LeadershipLost, type Leading } from '../../../src/kube/tenure.ts';
import { connect, makeNamespace, realDeps } from './connection.ts';

let api: RestApi;
let namespace: string;
beforeAll(async () => {
  api = await connect();
  namespace = await makeNamespace(api, 'controller');
});
afterAll(() => api.close());

const soon = { timeout: 20_000, interval: 20 };
const periods = { leaseDurationMs: 2000, renewDeadlineMs: 1200, retryPeriodMs: 200 };

const startController = (app: string, reconcile: Reconcile, signal: AbortSignal) => {
  const informer = makeInformer<ConfigMap>(realDeps(api), {
    resource: configMaps,
    namespace,
    labelSelector: `app=${app}`,
  });
  const controller = makeController({
    name: app,
    sources: [changesOf(informer, toSelf)],
    reconcile,
    concurrency: 4,
    clock: realClock,
    log: silentLog,
  });
  const following = informer.run(signal);
  const running = controller.run(signal);
  return { informer, ended: Promise.all([running, following]).then(([left]) => left) };
};

const createObject = (app: string, name: string): Promise<ConfigMap> =>
  api.create(configMaps, { metadata: { namespace, name, labels: { app } }, data: {} });

const makeCandidate = (lease: string, identity: string) =>
  makeLeaderElector({
    api,
    lease: { namespace, name: lease },
    identity,
    clock: realClock,
    random: Math.random,
    log: silentLog,
    ...periods,
  });

describe('a controller on a real API server', () => {
  test('brings every object where it shall be although its reconciler throws and meets conflicts', async () => {
    const stop = new AbortController();
    let throws = 0;
    const { informer, ended } = startController(
      'flaky',
      async (key, signal) => {
        const object = informer.store.get(key);
        if (object === undefined || object.data?.['count'] === '3') return done;
        const count = Number(object.data?.['count'] ?? 0) + 1;
        if (Math.random() < 0.3) {
          throws += 1;
          throw new Error('broken');
        }
        // The cache is often behind: then this is a conflict and comes again.
        await api.update(configMaps, { ...object, data: { count: `${count}` } }, signal);
        return done;
      },
      stop.signal,
    );
    const names = Array.from({ length: 30 }, (_, i) => `flaky-${i}`);
    await Promise.all(names.map((name) => createObject('flaky', name)));
    await expect
      .poll(() => informer.store.list().map((object) => object.data?.['count']), soon)
      .toEqual(names.map(() => '3'));
    expect(throws).toBeGreaterThan(0);
    stop.abort();
    expect(await ended).toEqual([]);
  });

  test('stops gracefully: a running reconcile is told and finishes its write', async () => {
    const stop = new AbortController();
    const begun = Promise.withResolvers<void>();
    const { ended } = startController(
      'graceful',
      async (key, signal) => {
        begun.resolve();
        await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
        await api.patch(configMaps, refOfKey(key), { data: { last: 'word' } }, { type: 'merge' });
        return done;
      },
      stop.signal,
    );
    await createObject('graceful', 'graceful');
    await begun.promise;
    stop.abort();
    expect(await ended).toEqual([]);
    expect((await api.get(configMaps, { namespace, name: 'graceful' })).data).toEqual({ last: 'word' });
  });
});

describe('leader election on a real API server', () => {
  test('lets one of two candidates lead at a time, and the other at once when the first stops', async () => {
    const leading: string[] = [];
    let most = 0;
    const candidates = ['one', 'two'].map((identity) => {
      const stop = new AbortController();
      onTestFinished(() => stop.abort());
      const outcome = makeCandidate('pair', identity).run(async ({ signal }) => {
        leading.push(identity);
        most = Math.max(most, leading.length);
        await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
        leading.splice(leading.indexOf(identity), 1);
        return 'ended';
      }, stop.signal);
      return { identity, stop, outcome };
    });
    await expect.poll(() => leading.length, soon).toBe(1);
    const first = candidates.find(({ identity }) => identity === leading[0]);
    const second = candidates.find((candidate) => candidate !== first);
    // Longer than the lease: it is renewed.
    await new Promise((resolve) => setTimeout(resolve, 2500));
    expect(leading).toEqual([first?.identity]);
    const stoppedAt = performance.now();
    first?.stop.abort();
    expect(await first?.outcome).toBe('stopped');
    await expect.poll(() => leading[0], soon).toBe(second?.identity);
    expect(performance.now() - stoppedAt).toBeLessThan(periods.leaseDurationMs);
    expect(most).toBe(1);
  });

  test('whose lease is stolen while a reconcile runs stops that, and nothing is written afterwards', async () => {
    const begun = Promise.withResolvers<void>();
    const goOn = Promise.withResolvers<void>();
    const refused: unknown[] = [];
    const told: unknown[] = [];
    const stop = new AbortController();
    onTestFinished(() => stop.abort());

    const lead = async (leading: Leading): Promise<Work> => {
      const fenced = fencedApi(api, leading.signal, () => leading.isLeading());
      const { ended } = startController(
        'stolen',
        async (key, signal) => {
          signal.addEventListener('abort', () => told.push(signal.reason), { once: true });
          begun.resolve();
          await goOn.promise;
          await fenced
            .patch(configMaps, refOfKey(key), { data: { written: 'late' } }, { type: 'merge' })
            .catch((error: unknown) => {
              refused.push(error);
              throw error;
            });
          return done;
        },
        leading.signal,
      );
      await ended;
      return 'ended';
    };
    const outcome = makeCandidate('stolen', 'first').run(lead, stop.signal);
    await createObject('stolen', 'stolen');
    await begun.promise;

    const ref = { namespace, name: 'stolen' };
    const thief = { spec: { holderIdentity: 'thief', leaseDurationSeconds: 15 } };
    await api.patch(leases, ref, thief, { type: 'merge' });
    await expect.poll(() => told.length, soon).toBe(1);
    goOn.resolve();
    expect(await outcome).toBe('lost');
    expect(told[0]).toBeInstanceOf(LeadershipLost);
    expect(refused[0]).toBeInstanceOf(LeadershipLost);
    expect((await api.get(configMaps, ref)).data).toBeUndefined();
    expect((await api.get(leases, ref)).spec?.holderIdentity).toBe('thief');
  });
});
