/** What the operator watches, and by what it looks things up. */
import type {
  BackupJob,
  BackupSaveRecord,
  BackupSchedule,
  BackupServer,
  FCSwitch,
  MediaPool,
  Restore,
  Tape,
  TapeLibrary,
} from '../api/generated/index.ts';
import { labels } from '../api/names.ts';
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
} from '../api/resources.ts';
import type { KubeObject, ObjectMeta } from '../kube/api.ts';
import type { Node, Pod } from '../kube/core-types.ts';
import { makeInformer, type Informer } from '../kube/informer.ts';
import type { ListWatchDeps } from '../kube/list-watch.ts';
import { nodes, pods } from '../kube/resources.ts';
import type { IndexFunction } from '../kube/store.ts';
import type { Caches } from './deps.ts';

/** One informer for each cache of `Caches`, under the same name. */
export interface Informers {
  readonly jobs: Informer<BackupJob>;
  readonly schedules: Informer<BackupSchedule>;
  readonly restores: Informer<Restore>;
  readonly records: Informer<BackupSaveRecord>;
  readonly servers: Informer<BackupServer>;
  readonly libraries: Informer<TapeLibrary>;
  readonly tapes: Informer<Tape>;
  readonly switches: Informer<FCSwitch>;
  readonly pools: Informer<MediaPool>;
  readonly pods: Informer<Pod>;
  readonly anchors: Informer<Pod>;
  readonly nodes: Informer<Node>;
}

export interface Watched {
  readonly informers: Informers;
  readonly caches: Caches;
  hasSynced(): boolean;
  /** Resolves when all have been listed once. Rejects with the signal's reason. */
  waitForSync(signal: AbortSignal): Promise<void>;
  /** Names of what has not been followed for so long: what is known of it is old. */
  brokenFor(ms: number): readonly string[];
  /** Follows everything until the signal is aborted; never rejects. Call once. */
  run(signal: AbortSignal): Promise<void>;
}

const byLabel =
  (label: string): IndexFunction<KubeObject> =>
  (object) => {
    const value = object.metadata?.labels?.[label];
    return value === undefined ? [] : [value];
  };

export const bySchedule: IndexFunction<KubeObject> = ({ metadata }) =>
  (metadata?.ownerReferences ?? []).filter(({ kind }) => kind === backupSchedules.kind).map(({ uid }) => uid);

/** Who wrote which field is half of an object's size, and nobody here asks. */
const withoutFieldOwners = <T extends KubeObject>(object: T): T => {
  const metadata: ObjectMeta & { managedFields?: unknown } = { ...object.metadata };
  delete metadata.managedFields;
  return { ...object, metadata };
};

/** @param namespace the operator's: of records and worker pods */
export const makeCaches = (deps: ListWatchDeps, namespace: string): Watched => {
  const transform = withoutFieldOwners;
  const informers: Informers = {
    jobs: makeInformer(deps, { resource: backupJobs, indexes: { schedule: bySchedule }, transform }),
    restores: makeInformer(deps, { resource: restores, transform }),
    schedules: makeInformer(deps, { resource: backupSchedules, transform }),
    records: makeInformer(deps, {
      resource: backupSaveRecords,
      namespace,
      labelSelector: `${labels.active}=true`,
      indexes: { job: byLabel(labels.jobUid) },
      transform,
    }),
    servers: makeInformer(deps, { resource: backupServers, transform }),
    libraries: makeInformer(deps, { resource: tapeLibraries, transform }),
    tapes: makeInformer(deps, { resource: tapes, transform }),
    switches: makeInformer(deps, { resource: fcSwitches, transform }),
    pools: makeInformer(deps, { resource: mediaPools, transform }),
    pods: makeInformer(deps, {
      resource: pods,
      namespace,
      labelSelector: `${labels.worker}=true`,
      indexes: { job: byLabel(labels.jobUid), library: byLabel(labels.library) },
      transform,
    }),
    anchors: makeInformer(deps, {
      resource: pods,
      labelSelector: `${labels.anchor}=true`,
      indexes: { job: byLabel(labels.jobUid) },
      transform,
    }),
    nodes: makeInformer(deps, { resource: nodes, transform }),
  };
  const all = Object.values(informers) as readonly Pick<
    Informer<KubeObject>,
    'name' | 'hasSynced' | 'waitForSync' | 'brokenMs' | 'run'
  >[];
  return {
    informers,
    caches: {
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
    },
    hasSynced: () => all.every((informer) => informer.hasSynced()),
    waitForSync: async (signal) => {
      await Promise.all(all.map((informer) => informer.waitForSync(signal)));
    },
    brokenFor: (ms) => all.filter((informer) => informer.brokenMs() >= ms).map(({ name }) => name),
    run: async (signal) => {
      await Promise.all(all.map((informer) => informer.run(signal)));
    },
  };
};
