import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { startControlPlane, type ControlPlane } from '../../../dev/controlplane/control-plane.ts';
import { realClock } from '../../../src/kube/clock.ts';
import { changesOf, done, makeController } from '../../../src/kube/controller.ts';
import type { ConfigMap } from '../../../src/kube/core-types.ts';
import { makeInformer } from '../../../src/kube/informer.ts';
import { refOfKey } from '../../../src/kube/key.ts';
import { makeLeaderElector } from '../../../src/kube/leader.ts';
import { silentLog } from '../../../src/kube/log.ts';
import { toSelf } from '../../../src/kube/mapping.ts';
import { noMetrics } from '../../../src/kube/metrics.ts';
import { configMaps } from '../../../src/kube/resources.ts';
import type { RestApi } from '../../../src/kube/rest-api.ts';
import { connect, makeNamespace, realDeps } from './connection.ts';

let stateDir: string;
let controlPlane: ControlPlane;
let api: RestApi;
beforeAll(async () => {
  stateDir = await mkdtemp(join(tmpdir(), 'twinreel-restart-'));
  controlPlane = await startControlPlane({ stateDir });
  api = await connect(controlPlane.kubeconfig);
});
afterAll(async () => {
  api.close();
  await controlPlane.stop();
  await rm(stateDir, { recursive: true, force: true });
});

const watchFrom = async (resourceVersion: string): Promise<void> => {
  const options = { resourceVersion, timeoutSeconds: 5 };
  for await (const event of api.watch(configMaps, options, new AbortController().signal)) expect(event).toBeDefined();
};

const soon = { timeout: 30_000, interval: 50 };

describe('when the API server is killed and started again', () => {
  test('cache, controller and leader go on by themselves, and writes to it were known not to happen', async () => {
    const namespace = await makeNamespace(api, 'restart');
    const stop = new AbortController();
    const restarts: string[] = [];
    const metrics = { ...noMetrics, watchRestarted: (_: string, reason: string) => void restarts.push(reason) };
    const informer = makeInformer<ConfigMap>(realDeps(api, { metrics }), {
      resource: configMaps,
      namespace,
      labelSelector: 'app=test',
    });
    const told: string[] = [];
    informer.addHandler((event) => told.push(`${event.kind} ${event.object.metadata?.name}`));
    const controller = makeController({
      name: 'restart',
      sources: [changesOf(informer, toSelf)],
      reconcile: async (key, signal) => {
        if (informer.store.get(key)?.data?.['seen'] === 'yes') return done;
        await api.patch(configMaps, refOfKey(key), { data: { seen: 'yes' } }, { type: 'merge' }, signal);
        return done;
      },
      clock: realClock,
      log: silentLog,
    });
    const elector = makeLeaderElector({
      api,
      lease: { namespace, name: 'restart' },
      identity: 'test',
      leaseDurationMs: 60_000,
      renewDeadlineMs: 45_000,
      retryPeriodMs: 200,
      clock: realClock,
      random: Math.random,
      log: silentLog,
    });
    const following = informer.run(stop.signal);
    const outcome = elector.run(async (leading) => {
      await controller.run(leading.signal);
      return 'ended';
    }, stop.signal);
    onTestFinished(async () => {
      stop.abort();
      await Promise.all([following, outcome]);
    });

    const create = (name: string) => api.create(configMaps, { metadata: { namespace, name, labels: { app: 'test' } } });
    const seen = (): number => informer.store.list().filter((object) => object.data?.['seen'] === 'yes').length;
    await create('before');
    await expect.poll(seen, soon).toBe(1);

    const { resourceVersion } = await api.list(configMaps, { namespace });
    // A write after that version, so that it is not the one at which the new server begins.
    await api.create(configMaps, { metadata: { namespace, name: 'unrelated' } });

    await controlPlane.stopApiServer('SIGKILL');
    await expect(create('during')).rejects.toMatchObject({
      code: 'Unreachable',
      retryable: true,
      outcomeUnknown: false,
    });
    // A key that comes while the server is away is tried until it is back.
    controller.enqueue(`${namespace}/before`);
    await controlPlane.startApiServer();
    await create('after');
    // The new server knows no history from before its start: the informer's version has expired.
    await expect.poll(() => restarts, soon).toContain('expired');
    await expect(watchFrom(resourceVersion)).rejects.toMatchObject({ code: 'Gone', status: 410 });
    await expect.poll(seen, soon).toBe(2);
    expect(elector.isLeading()).toBe(true);
    expect(told).toEqual(['added before', 'updated before', 'added after', 'updated after']);
  });
});
