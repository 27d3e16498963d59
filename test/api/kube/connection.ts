import { inject, onTestFinished, vi } from 'vitest';
import { realClock } from '../../../src/kube/clock.ts';
import type { Informer, InformerEvent } from '../../../src/kube/informer.ts';
import { loadKubeConfig } from '../../../src/kube/kube-config.ts';
import type { KubeObject } from '../../../src/kube/api.ts';
import type { ListWatchDeps } from '../../../src/kube/list-watch.ts';
import { silentLog } from '../../../src/kube/log.ts';
import { noMetrics } from '../../../src/kube/metrics.ts';
import { configMaps, namespaces, serviceAccounts } from '../../../src/kube/resources.ts';
import { makeRestApi, type RestApi } from '../../../src/kube/rest-api.ts';
import { getIfPresent } from '../../../src/kube/writes.ts';

/** As the administrator, to the control plane of the run or to another one. */
export const connect = async (kubeconfig = inject('kubeconfig')): Promise<RestApi> =>
  makeRestApi({ kubeConfig: await loadKubeConfig({ kubeconfig }) });

/** With all that the controller manager puts into a new namespace, so that nothing appears there later by itself. */
export const makeNamespace = async (api: RestApi, prefix: string): Promise<string> => {
  const { metadata } = await api.create(namespaces, { metadata: { generateName: `${prefix}-` } });
  const namespace = metadata?.name ?? '';
  const isFurnished = async (): Promise<boolean> => {
    const account = await getIfPresent(api, serviceAccounts, { namespace, name: 'default' });
    const authorities = await getIfPresent(api, configMaps, { namespace, name: 'kube-root-ca.crt' });
    return account !== undefined && authorities !== undefined;
  };
  await vi.waitUntil(isFurnished, { timeout: 60_000 });
  return namespace;
};

export const realDeps = (api: RestApi, more: Partial<ListWatchDeps> = {}): ListWatchDeps => ({
  api,
  clock: realClock,
  random: Math.random,
  log: silentLog,
  metrics: noMetrics,
  ...more,
});

/** Runs the informer for the length of the test; gives the events that it told after its first sync. */
export const follow = async <T extends KubeObject>(informer: Informer<T>): Promise<InformerEvent<T>[]> => {
  const stop = new AbortController();
  const running = informer.run(stop.signal);
  onTestFinished(async () => {
    stop.abort();
    await running;
  });
  await informer.waitForSync(stop.signal);
  const told: InformerEvent<T>[] = [];
  informer.addHandler((event) => told.push(event));
  told.length = 0;
  return told;
};

/** Runs `act` on each item, some at a time. */
export const inParallel = async <I>(
  items: Iterable<I>,
  width: number,
  act: (item: I) => Promise<unknown>,
): Promise<void> => {
  const iterator = items[Symbol.iterator]();
  const worker = async (): Promise<void> => {
    for (let next = iterator.next(); next.done !== true; next = iterator.next()) await act(next.value);
  };
  await Promise.all(Array.from({ length: width }, worker));
};
