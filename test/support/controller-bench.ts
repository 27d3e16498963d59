/** Reconcilers against an API in memory: real caches, time that stands still, a fabric that only remembers its zones. */
import { makeCaches } from '../../src/controllers/caches.ts';
import type { Deps } from '../../src/controllers/deps.ts';
import type { Fabric, FabricZone } from '../../src/devices/fabric/fabric.ts';
import type { Api } from '../../src/kube/api.ts';
import type { Occurrence } from '../../src/kube/events.ts';
import { silentLog } from '../../src/kube/log.ts';
import { noMetrics } from '../../src/kube/metrics.ts';
import { makeManualClock, settle, type ManualClock } from '../manual-clock.ts';
import { makeMemoryApi, type MemoryApi } from '../unit/kube/memory-api.ts';

export interface ControllerBench {
  readonly memory: MemoryApi;
  readonly deps: Deps;
  readonly clock: ManualClock;
  readonly zones: Map<string, FabricZone>;
  readonly told: Occurrence[];
  /** The fabric rejects with this. */
  fabricError: Error | undefined;
  /** Lets the caches catch up. */
  settle(): Promise<void>;
  stop(): void;
}

export const namespace = 'twinreel-system';

/** @param wrap  what lies between the reconcilers and the API */
export const makeControllerBench = async (wrap: (api: Api) => Api = (api) => api): Promise<ControllerBench> => {
  const memory = makeMemoryApi();
  const clock = makeManualClock();
  const stopping = new AbortController();
  const random = (): number => 0;
  const watched = makeCaches({ api: memory, clock, random, log: silentLog, metrics: noMetrics }, namespace);
  void watched.run(stopping.signal);
  const zones = new Map<string, FabricZone>();
  const told: Occurrence[] = [];
  const fabric = (): Fabric => ({
    read: () =>
      bench.fabricError === undefined
        ? Promise.resolve({ logins: [], links: [], zones: [...zones.values()] })
        : Promise.reject(bench.fabricError),
    ensureZone: (zone) => Promise.resolve(void zones.set(zone.name, zone)),
    removeZone: (name) => Promise.resolve(void zones.delete(name)),
  });
  const ignore = (): void => undefined;
  const bench: ControllerBench = {
    memory,
    clock,
    zones,
    told,
    fabricError: undefined,
    deps: {
      api: wrap(memory),
      caches: watched.caches,
      clock,
      random,
      log: silentLog,
      events: { record: (occurrence) => void told.push(occurrence), flush: () => Promise.resolve() },
      metrics: {
        allocationWaited: ignore,
        failedOver: ignore,
        bytesRewritten: ignore,
        segmentsCommitted: ignore,
        ended: ignore,
        copiesVerified: ignore,
        backupSucceeded: ignore,
      },
      execInPod: () => Promise.reject(new Error('no pod runs here')),
      recordsHeardSinceMs: () => 0,
      settings: {
        namespace,
        image: { image: 'twinreel:test', pullPolicy: 'Never' },
        heartbeatMs: 10_000,
        fenceTimeoutMs: 120_000,
        progressMs: 5_000,
        podStartMs: 60_000,
        snapshotMs: 600_000,
        preparationMs: 600_000,
        filesMs: 900_000,
        graceSeconds: 30,
        catalogueEvery: 8,
        kubeletRoot: '/var/lib/kubelet',
        timeZone: 'Etc/UTC',
      },
      fabricOf: () => Promise.resolve(fabric()),
    },
    settle: async () => {
      for (let turn = 0; turn < 4; turn += 1) await settle();
    },
    stop: () => stopping.abort(new Error('the test is over')),
  };
  await bench.settle();
  return bench;
};
