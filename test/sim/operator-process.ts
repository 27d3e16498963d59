/** One operator process: the real control loops over caches that lag and an API that fails. */
import type { FCSwitch } from '../../src/api/generated/index.ts';
import { labels } from '../../src/api/names.ts';
import {
  backupJobs,
  backupSaveRecords,
  backupSchedules,
  backupServers,
  fcSwitches,
  mediaPools,
  restores,
  tapeLibraries,
  tapes,
} from '../../src/api/resources.ts';
import { bySchedule, type Informers } from '../../src/controllers/caches.ts';
import type { Caches, Deps, Settings } from '../../src/controllers/deps.ts';
import { FabricError, type Fabric } from '../../src/devices/fabric/fabric.ts';
import type { KubeObject } from '../../src/kube/api.ts';
import type { Log } from '../../src/kube/log.ts';
import { noMetrics } from '../../src/kube/metrics.ts';
import { nodes, pods } from '../../src/kube/resources.ts';
import type { IndexFunction } from '../../src/kube/store.ts';
import { makeControllers } from '../../src/operator/controllers.ts';
import type { ApiServer } from './api-server.ts';
import type { Hardware } from './hardware.ts';
import { LaggingCache } from './lagging-cache.ts';
import { remoteApi, type Caller, type Network } from './network.ts';
import type { Random } from './random.ts';
import type { Timeline } from './timeline.ts';

export const settings: Settings = {
  namespace: 'twinreel-system',
  image: { image: 'twinreel', pullPolicy: 'Never' },
  heartbeatMs: 10_000,
  fenceTimeoutMs: 60_000,
  progressMs: 5_000,
  podStartMs: 60_000,
  snapshotMs: 600_000,
  preparationMs: 600_000,
  filesMs: 900_000,
  graceSeconds: 10,
  catalogueEvery: 4,
  kubeletRoot: '/var/lib/kubelet',
  timeZone: 'Etc/UTC',
};

export interface OperatorWorld {
  readonly server: ApiServer;
  readonly network: Network;
  readonly hardware: Hardware;
  readonly timeline: Timeline;
  readonly random: Random;
  readonly log: Log;
  readonly strikes: (probability: number) => boolean;
  readonly onZone: (caller: Caller, zone: string) => void;
}

const byLabel =
  (label: string): IndexFunction<KubeObject> =>
  ({ metadata }) => {
    const value = metadata?.labels?.[label];
    return value === undefined ? [] : [value];
  };

const ignore = (): void => undefined;

export class OperatorProcess implements Caller {
  readonly name: string;
  readonly caches: readonly LaggingCache<KubeObject>[];
  alive = true;
  replaced = false;
  readonly #leading = new AbortController();
  readonly #deps: Deps;
  readonly #informers: Informers;

  constructor(name: string, world: OperatorWorld) {
    this.name = name;
    const { server } = world;
    const job = byLabel(labels.jobUid);
    const informers = {
      jobs: new LaggingCache(server, backupJobs, { indexes: { schedule: bySchedule } }),
      schedules: new LaggingCache(server, backupSchedules),
      restores: new LaggingCache(server, restores),
      records: new LaggingCache(server, backupSaveRecords, {
        labelSelector: `${labels.active}=true`,
        indexes: { job },
      }),
      servers: new LaggingCache(server, backupServers),
      libraries: new LaggingCache(server, tapeLibraries),
      tapes: new LaggingCache(server, tapes),
      switches: new LaggingCache(server, fcSwitches),
      pools: new LaggingCache(server, mediaPools),
      pods: new LaggingCache(server, pods, {
        labelSelector: `${labels.worker}=true`,
        indexes: { job, library: byLabel(labels.library) },
      }),
      anchors: new LaggingCache(server, pods, { labelSelector: `${labels.anchor}=true`, indexes: { job } }),
      nodes: new LaggingCache(server, nodes),
    };
    this.#informers = informers;
    this.caches = Object.values(informers) as unknown as LaggingCache<KubeObject>[];
    const caches: Caches = {
      jobs: informers.jobs.store,
      schedules: informers.schedules.store,
      restores: informers.restores.store,
      records: informers.records.store,
      servers: informers.servers.store,
      libraries: informers.libraries.store,
      tapes: informers.tapes.store,
      switches: informers.switches.store,
      pools: informers.pools.store,
      pods: informers.pods.store,
      anchors: informers.anchors.store,
      nodes: informers.nodes.store,
    };
    this.#deps = {
      api: remoteApi(server, world.network, this),
      caches,
      clock: world.timeline.clockOf(() => this.alive),
      random: () => world.random.next(),
      log: world.log,
      events: { record: ignore, flush: () => Promise.resolve() },
      metrics: {
        allocationWaited: ignore,
        failedOver: ignore,
        bytesRewritten: ignore,
        segmentsCommitted: ignore,
        ended: ignore,
        copiesVerified: ignore,
        backupSucceeded: ignore,
      },
      recordsHeardSinceMs: () => 0,
      settings,
      execInPod: () => Promise.reject(new Error('no job here has hooks')),
      fabricOf: (fcSwitch) => Promise.resolve(this.#fabricOf(fcSwitch, world)),
    };
  }

  /** From now on it leads, until it is killed: it never notices that it has been replaced. */
  lead(): void {
    for (const controller of makeControllers(this.#deps, this.#informers, noMetrics)) {
      void controller.run(this.#leading.signal);
    }
  }

  kill(): void {
    this.alive = false;
  }

  #fabricOf({ metadata }: FCSwitch, { network, hardware, strikes, onZone }: OperatorWorld): Fabric {
    const { name } = metadata;
    const reach = () => {
      const found = hardware.switches.get(name);
      if (found === undefined) throw new FabricError('BadAnswer', `no switch ${name}`, { retryable: false });
      if (!found.reachable) throw new FabricError('Unreachable', 'no answer', { retryable: true });
      if (strikes(0.03)) throw new FabricError('Locked', 'another session', { retryable: true });
      return found;
    };
    /** Done, yet reported as failed. */
    const perhapsLost = (): void => {
      if (strikes(0.02)) throw new FabricError('Unreachable', 'no answer', { retryable: true, outcomeUnknown: true });
    };
    return {
      read: (signal) =>
        network.send(
          this,
          `read ${name}`,
          false,
          () => ({ logins: [], links: [], zones: [...reach().zones.values()] }),
          signal,
        ),
      ensureZone: (zone, signal) =>
        network.send(
          this,
          `zone ${zone.name}`,
          true,
          () => {
            const late = !this.alive || this.replaced;
            const { zones } = reach();
            if (!zones.has(zone.name)) zones.set(zone.name, { ...zone, late });
            onZone(this, zone.name);
            perhapsLost();
          },
          signal,
        ),
      removeZone: (zone, signal) =>
        network.send(
          this,
          `unzone ${zone}`,
          true,
          () => {
            reach().zones.delete(zone);
            perhapsLost();
          },
          signal,
        ),
    };
  }
}
