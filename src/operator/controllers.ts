/** The operator's control loops: which changes wake which reconciler. */
import type { BackupJob, FCSwitch, Restore } from '../api/generated/index.ts';
import { labels } from '../api/names.ts';
import { backupSchedules } from '../api/resources.ts';
import { allocationKey, makeAllocationReconciler } from '../controllers/allocation.ts';
import { makeBackupJobReconciler } from '../controllers/backup-job.ts';
import { makeBackupScheduleReconciler } from '../controllers/backup-schedule.ts';
import { makeBackupServerReconciler } from '../controllers/backup-server.ts';
import type { Informers } from '../controllers/caches.ts';
import type { Deps } from '../controllers/deps.ts';
import { makeFCSwitchReconciler } from '../controllers/fc-switch.ts';
import { makeMediaPoolReconciler } from '../controllers/media-pool.ts';
import { collectorKey, makeOrphanCollector } from '../controllers/orphan-collector.ts';
import { makeRestoreReconciler } from '../controllers/restore.ts';
import { makeTapeLibraryReconciler } from '../controllers/tape-library.ts';
import { makeTapeReconciler } from '../controllers/tape.ts';
import { libraryOf } from '../decide/hardware/tape-place.ts';
import type { KubeObject } from '../kube/api.ts';
import { changesOf, makeController, type Controller, type Source } from '../kube/controller.ts';
import type { InformerEvent } from '../kube/informer.ts';
import { jsonEqual } from '../kube/json-equal.ts';
import { keyOf, type Key } from '../kube/key.ts';
import { toController, toLabelled, toSelf, type Mapping } from '../kube/mapping.ts';
import type { KubeMetrics } from '../kube/metrics.ts';

const jobConcurrency = 4;
/** A job that fails for one stream has others to look after: silence is measured, and lost streams found, by looking. */
const jobBackoff = { baseMs: 50, maxMs: 5_000 };
const hardwareConcurrency = 2;

/** How long reconciles may take to end when the operator stops. */
const stopTimeoutMs = 5_000;

export const makeControllers = (deps: Deps, informers: Informers, metrics: KubeMetrics): readonly Controller[] => {
  const { clock, log } = deps;
  const common = { clock, log, metrics, stopTimeoutMs };
  const toOwner = toLabelled({ namespace: labels.jobNamespace, name: labels.jobName });
  const fromWorkers: readonly Source[] = [
    changesOf(informers.pods, toOwner),
    changesOf(informers.records, toOwner),
    changesOf(informers.anchors, toOwner),
  ];
  return [
    makeController({
      ...common,
      name: 'backup-job',
      sources: [changesOf(informers.jobs, toSelf), ...fromWorkers],
      reconcile: makeBackupJobReconciler(deps),
      concurrency: jobConcurrency,
      queue: { backoff: jobBackoff },
    }),
    makeController({
      ...common,
      name: 'restore',
      sources: [changesOf(informers.restores, toSelf), ...fromWorkers],
      reconcile: makeRestoreReconciler(deps),
      concurrency: jobConcurrency,
      queue: { backoff: jobBackoff },
    }),
    makeController({
      ...common,
      name: 'backup-schedule',
      sources: [changesOf(informers.schedules, toSelf), changesOf(informers.jobs, toController(backupSchedules))],
      reconcile: makeBackupScheduleReconciler(deps),
      concurrency: jobConcurrency,
    }),
    makeController({
      ...common,
      name: 'allocation',
      sources: allocationSources(informers),
      reconcile: makeAllocationReconciler(deps),
    }),
    ...hardwareControllers(deps, informers, common),
    makeController({
      ...common,
      name: 'orphan-collector',
      sources: collectorSources(deps, informers),
      reconcile: makeOrphanCollector(deps),
      concurrency: hardwareConcurrency,
    }),
  ];
};

/** There is one allocator, and it looks at everything. */
const allocationSources = (informers: Informers): readonly Source[] => {
  const toQueue: Mapping<KubeObject> = () => [allocationKey];
  return [
    changesOf(informers.jobs, toQueue),
    changesOf(informers.restores, toQueue),
    changesOf(informers.servers, toQueue),
    changesOf(informers.libraries, toQueue),
    changesOf(informers.tapes, toQueue),
    changesOf(informers.switches, toQueue),
    changesOf(informers.pools, toQueue),
  ];
};

type Common = Pick<Parameters<typeof makeController>[0], 'clock' | 'log' | 'stopTimeoutMs'> & {
  readonly metrics: KubeMetrics;
};

const hardwareControllers = (deps: Deps, informers: Informers, common: Common): readonly Controller[] => {
  const { caches } = deps;
  const concurrency = hardwareConcurrency;
  const names = (objects: readonly { readonly metadata: { readonly name: string } }[]): readonly Key[] =>
    objects.map(({ metadata }) => metadata.name);
  const serversOfNode: Mapping<KubeObject> = (node) =>
    names(caches.servers.list().filter(({ spec }) => spec.node === node.metadata?.name));
  const librariesOfServer: Mapping<KubeObject> = (server) =>
    names(caches.libraries.list().filter(({ spec }) => spec.servers.includes(server.metadata?.name ?? '')));
  return [
    makeController({
      ...common,
      name: 'backup-server',
      sources: [changesOf(informers.servers, toSelf), changesOf(informers.nodes, serversOfNode)],
      reconcile: makeBackupServerReconciler(deps),
      concurrency,
    }),
    makeController({
      ...common,
      name: 'tape-library',
      sources: [
        changesOf(informers.libraries, toSelf),
        changesOf(informers.pods, toLabelled({ name: labels.library })),
        changesOf(informers.servers, librariesOfServer, stateChanged),
        changesOf(informers.tapes, (tape) => [libraryOf(tape) ?? []].flat(), stateChanged),
      ],
      reconcile: makeTapeLibraryReconciler(deps),
      concurrency,
    }),
    makeController({
      ...common,
      name: 'tape',
      sources: [changesOf(informers.tapes, toSelf)],
      reconcile: makeTapeReconciler(deps),
      concurrency,
    }),
    makeController({
      ...common,
      name: 'fc-switch',
      sources: [changesOf(informers.switches, toSelf, needsLook)],
      reconcile: makeFCSwitchReconciler(deps),
      concurrency,
    }),
    makeController({
      ...common,
      name: 'media-pool',
      sources: [changesOf(informers.pools, toSelf), changesOf(informers.tapes, ({ spec }) => [spec.pool])],
      reconcile: makeMediaPoolReconciler(deps),
      concurrency,
    }),
  ];
};

const stateChanged = (event: InformerEvent<{ readonly status?: { readonly state?: string } }>): boolean =>
  event.kind !== 'updated' || event.object.status?.state !== event.before.status?.state;

/** Reading a switch takes a session of it: what was mirrored from it a moment ago is no reason. */
const needsLook = (event: InformerEvent<FCSwitch>): boolean => {
  if (event.kind !== 'updated') return true;
  const { object, before } = event;
  return (
    object.metadata.generation !== before.metadata.generation ||
    object.status?.state === undefined ||
    object.status.state === 'Unknown' ||
    !jsonEqual(object.metadata.annotations ?? {}, before.metadata.annotations ?? {}) ||
    !jsonEqual(object.status.holders ?? [], before.status?.holders ?? [])
  );
};

/** What is held, labelled or run for a job wakes the collector, and so does the end of the job. */
const collectorSources = (deps: Deps, informers: Informers): readonly Source[] => {
  const { caches } = deps;
  const to =
    (kind: Parameters<typeof collectorKey>[0]): Mapping<KubeObject> =>
    (object) => [collectorKey(kind, keyOf(object))];
  const added = (event: { readonly kind: string }): boolean => event.kind === 'added';
  const heldAnew = (event: InformerEvent<{ readonly status?: object }>): boolean => event.kind !== 'deleted';
  const ofOwner: Mapping<BackupJob | Restore> = ({ metadata, status }) => [
    ...[...(status?.streams ?? []), ...(status?.retired ?? [])].flatMap((grant) => [
      ...(grant.server === undefined ? [] : [collectorKey('server', grant.server)]),
      ...(grant.library === undefined ? [] : [collectorKey('library', grant.library)]),
      ...(grant.tape === undefined ? [] : [collectorKey('tape', grant.tape)]),
      ...(grant.switches ?? []).map((name) => collectorKey('switch', name)),
    ]),
    ...caches.records.byIndex('job', metadata.uid ?? '').map((record) => collectorKey('record', keyOf(record))),
    ...caches.pods.byIndex('job', metadata.uid ?? '').map((pod) => collectorKey('pod', keyOf(pod))),
    ...caches.anchors.byIndex('job', metadata.uid ?? '').map((pod) => collectorKey('anchor', keyOf(pod))),
  ];
  const over = (event: InformerEvent<BackupJob | Restore>): boolean =>
    event.kind === 'deleted' || (event.kind === 'updated' && event.object.status?.phase !== event.before.status?.phase);
  return [
    changesOf(informers.servers, to('server'), heldAnew),
    changesOf(informers.libraries, to('library'), heldAnew),
    changesOf(informers.tapes, to('tape'), heldAnew),
    changesOf(informers.switches, to('switch'), heldAnew),
    changesOf(informers.records, to('record'), added),
    changesOf(informers.pods, to('pod'), (event) => event.kind !== 'deleted'),
    changesOf(informers.anchors, to('anchor'), (event) => event.kind !== 'deleted'),
    changesOf(informers.jobs, ofOwner, over),
    changesOf(informers.restores, ofOwner, over),
  ];
};
