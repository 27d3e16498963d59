/** Carries out the steps of backup streams: plan and stream heads, the pods that work for them, the work handed out. */
import type { BackupJob, BackupSaveRecord, BackupServer, Grant, HookRun } from '../api/generated/index.ts';
import { labels, planPodName, planRecordName, streamRecordName } from '../api/names.ts';
import { apiVersion, backupSaveRecords, savePages } from '../api/resources.ts';
import type { HostFolder, SourceOrder, WorkerOrder } from '../api/worker-order.ts';
import { claimWishOf } from '../decide/claim/anchors.ts';
import { effectiveSpec } from '../decide/job/effective-spec.ts';
import { consistency } from '../decide/job/job-status.ts';
import { grantName } from '../decide/grant/grant.ts';
import type { Span } from '../decide/spans.ts';
import type { Step } from '../decide/step.ts';
import { jobLabels } from '../decide/grant/worker-pod.ts';
import type { Volume } from '../kube/core-types.ts';
import { createIfAbsent, patchMetadata } from '../kube/writes.ts';
import { changeStatus } from './change-status.ts';
import { claimMount, dropAnchor, dropAnchors, ensureAnchor } from './claims.ts';
import { commonOrder, launch, mustAllow, placeOf, tapeOrder } from './grant-acts.ts';
import type { ActContext } from './grant-acts.ts';
import { runHook } from './hook-runner.ts';
import type { HookTasks } from './hook-tasks.ts';
import { isLockedNow, retainUntilOf } from './job-retention.ts';
import type { Outcome } from './outcome.ts';
import { dropClone, dropSnapshots, ensureClone, takeSnapshot } from './snapshots.ts';

export type StreamStep = Extract<
  Step,
  {
    kind:
      | 'launchPlan'
      | 'openHead'
      | 'launchBackup'
      | 'assign'
      | 'closeHead'
      | 'sealHead'
      | 'ensureAnchor'
      | 'dropAnchor'
      | 'takeSnapshot'
      | 'ensureClone'
      | 'dropClone'
      | 'finishRecords';
  }
>;

export const actOnStream = async (
  context: ActContext,
  job: BackupJob,
  step: StreamStep,
): Promise<Outcome | undefined> => {
  switch (step.kind) {
    case 'launchPlan':
      return launchPlan(context, job, step.server);
    case 'openHead':
      return openHead(context, job, step.grant, step.assigned);
    case 'launchBackup':
      return launchBackup(context, job, step.grant);
    case 'assign':
      return changeHead(context, step.grant, (status) => ({ ...status, assigned: assignedOf(step.assigned) }));
    case 'closeHead':
      return changeHead(context, step.grant, (status) => ({ ...status, close: true }));
    case 'sealHead':
      return seal(context, step.grant, step.reason);
    case 'ensureAnchor':
      await ensureAnchor(context, job, step);
      return undefined;
    case 'dropAnchor':
      await dropAnchor(context, step.pod, step.uid);
      return undefined;
    case 'takeSnapshot':
      return takeSnapshot(context, job);
    case 'ensureClone':
      return ensureClone(context, job, step.grant);
    case 'dropClone':
      await dropClone(context, step.claim, step.uid);
      return undefined;
    case 'finishRecords':
      await dropAnchors(context, job);
      await dropSnapshots(context, job);
      await finishRecords(context, job.status?.ending?.result);
      return { kind: 'recordsFinished' };
  }
};

export const sourceOrder = ({ spec, status }: BackupJob): SourceOrder => {
  const { source } = spec;
  const common = {
    include: source.include ?? [],
    exclude: source.exclude ?? [],
    oneFileSystem: source.oneFileSystem ?? true,
    shared: source.hostPath?.shared ?? false,
  };
  if (source.command !== undefined) return { kind: 'command', command: source.command.command ?? [], ...common };
  if (source.persistentVolumeClaim !== undefined) {
    const { claimName, path } = source.persistentVolumeClaim;
    const snapshot = status?.snapshot?.name;
    return {
      ...{ kind: 'persistentVolumeClaim', claim: claimName, ...common },
      ...(path === undefined ? {} : { path }),
      ...(source.snapshot === undefined || snapshot === undefined ? {} : { snapshot }),
    };
  }
  return { kind: 'hostPath', path: source.hostPath?.path ?? '', ...common };
};

interface SourceMount {
  readonly sourceFolder: HostFolder;
  readonly source: Volume;
}

/**
 * @param pod   that is to read it
 * @param grant whose clone of a snapshot is meant; without one any will do
 */
const sourceOn = async (
  context: ActContext,
  pod: string,
  server: BackupServer,
  job: BackupJob,
  grant?: Grant,
): Promise<SourceMount> => {
  const wish = claimWishOf(job);
  if (wish !== undefined) {
    const { folder, volume } = await claimMount(context, wish, server.spec.node, grant);
    return { sourceFolder: folder, source: { ...volume, name: 'source' } };
  }
  const path = job.spec.source.hostPath?.path ?? '';
  const sourceFolder = mustAllow(pod, server, job, { path, write: false });
  return { sourceFolder, source: { name: 'source', hostPath: { path: sourceFolder.prefix, type: 'Directory' } } };
};

const ensureRecord = async (
  { deps, job, signal }: ActContext,
  name: string,
  owner: BackupJob,
  spec: Pick<BackupSaveRecord['spec'], 'type' | 'stream'>,
): Promise<void> => {
  const { shared: _shared, ...source } = sourceOrder(owner);
  const schedule = owner.metadata.labels?.[labels.schedule];
  const record: BackupSaveRecord = {
    apiVersion,
    kind: 'BackupSaveRecord',
    metadata: {
      name,
      namespace: deps.settings.namespace,
      labels: {
        ...jobLabels(job),
        [labels.active]: 'true',
        [labels.type]: spec.type,
        ...(isLockedNow(deps, owner) ? { [labels.locked]: 'true' } : {}),
      },
    },
    spec: {
      ...spec,
      job,
      source: {
        ...source,
        include: [...source.include],
        exclude: [...source.exclude],
        command: [...(source.command ?? [])],
      },
      ...(schedule === undefined ? {} : { schedule }),
    },
  };
  const { object } = await createIfAbsent(deps.api, backupSaveRecords, record, signal);
  if (object.metadata.labels?.[labels.active] === 'true') return;
  // A job that goes on after a suspension has records that were closed.
  const written = await patchMetadata(
    deps.api,
    backupSaveRecords,
    object,
    { labels: { [labels.active]: 'true' } },
    signal,
  );
  if (written.conflict) throw new Error(`record ${name} changed while it was taken up again`);
};

const launchPlan = async (context: ActContext, job: BackupJob, serverName: string): Promise<undefined> => {
  const { deps, signal } = context;
  const server = deps.caches.servers.get(serverName);
  if (server === undefined) throw new Error(`BackupServer ${serverName} does not exist`);
  const record = planRecordName(context.job.uid, context.job.processNumber);
  const pod = planPodName(context.job.uid, job.status?.plan?.epoch ?? 0);
  await ensureRecord(context, record, job, { type: 'Plan' });
  const namesPod = (head: BackupSaveRecord): BackupSaveRecord['status'] =>
    head.status?.pod === pod ? undefined : { ...head.status, pod, epoch: job.status?.plan?.epoch ?? 0, sealed: false };
  await changeStatus(
    deps.api,
    backupSaveRecords,
    { namespace: deps.settings.namespace, name: record },
    namesPod,
    signal,
  );
  const { segmentBytes } = effectiveSpec(job);
  const { sourceFolder, source } = await sourceOn(context, pod, server, job);
  const order: WorkerOrder = {
    v: 1,
    role: 'plan',
    pod,
    operatorNamespace: deps.settings.namespace,
    server: serverName,
    job: context.job,
    record,
    source: sourceOrder(job),
    sourceFolder,
    ...(segmentBytes === undefined ? {} : { segmentBytes }),
    lockPages: isLockedNow(deps, job),
  };
  await launch(context, { order, server, source, job: context.job, fence: false });
  return undefined;
};

const headRef = ({ deps, job }: ActContext, grant: Grant) => ({
  namespace: deps.settings.namespace,
  name: streamRecordName(job.uid, job.processNumber, grant.number),
});

const assignedOf = (spans: readonly Span[]): { first: number; last?: number }[] =>
  spans.map(({ first, last }) => (Number.isFinite(last) ? { first, last } : { first }));

/** From here on the head belongs to this grant's pod; whatever older grant comes back finds a foreign epoch. */
const openHead = async (
  context: ActContext,
  job: BackupJob,
  grant: Grant,
  assigned: readonly Span[],
): Promise<undefined> => {
  const { deps, signal } = context;
  const ref = headRef(context, grant);
  await ensureRecord(context, ref.name, job, { type: 'Stream', stream: grant.number });
  const open = ({ status }: BackupSaveRecord): BackupSaveRecord['status'] => {
    if (status?.epoch !== undefined && status.epoch >= grant.epoch) return undefined;
    const { openSegment: _open, currentPage: _page, endTime: _end, ...rest } = status ?? {};
    return {
      ...rest,
      epoch: grant.epoch,
      pod: grantName(context.job.uid, grant),
      sealed: false,
      close: false,
      activity: 'Starting',
      openBytes: 0,
      assigned: assignedOf(assigned),
      outcome: 'Running',
      reason: '',
      message: '',
      startTime: status?.startTime ?? new Date(deps.clock.now()).toISOString(),
      ...retainUntilOf(deps, job),
    };
  };
  await changeStatus(deps.api, backupSaveRecords, ref, open, signal);
  return undefined;
};

const launchBackup = async (context: ActContext, job: BackupJob, grant: Grant): Promise<undefined> => {
  const { deps } = context;
  const place = placeOf(context, grant);
  const pod = grantName(context.job.uid, grant);
  const { sourceFolder, source } = await sourceOn(context, pod, place.server, job, grant);
  const order: WorkerOrder = {
    role: 'backup',
    ...commonOrder(context, grant, pod),
    tape: { ...tapeOrder(context, grant), labelId: grant.labelId ?? '' },
    source: sourceOrder(job),
    sourceFolder,
    record: headRef(context, grant).name,
    planRecord: planRecordName(context.job.uid, context.job.processNumber),
    lockPages: isLockedNow(deps, job),
    compression: job.spec.compression ?? 'None',
    consistent: consistency(job.status ?? {}, effectiveSpec(job)).consistent,
    ...retainUntilOf(deps, job),
    catalogueEvery: deps.settings.catalogueEvery,
    fenceTimeoutMs: deps.settings.fenceTimeoutMs,
    heartbeatMs: deps.settings.heartbeatMs,
  };
  await launch(context, { order, ...place, source, job: context.job, fence: true });
  return undefined;
};

/** Only while the head is this grant's and open. */
const changeHead = async (
  context: ActContext,
  grant: Grant,
  change: (status: NonNullable<BackupSaveRecord['status']>) => NonNullable<BackupSaveRecord['status']>,
): Promise<undefined> => {
  const guarded = ({ status }: BackupSaveRecord): BackupSaveRecord['status'] =>
    status?.epoch === grant.epoch && status.sealed !== true ? change(status) : undefined;
  await changeStatus(context.deps.api, backupSaveRecords, headRef(context, grant), guarded, context.signal);
  return undefined;
};

/** The head, then the page that it names: no commit of this grant counts from here on. */
const seal = async (context: ActContext, grant: Grant, reason: string): Promise<undefined> => {
  const { deps, signal } = context;
  let page: string | undefined;
  const sealed = ({ status }: BackupSaveRecord): BackupSaveRecord['status'] => {
    if (status?.epoch !== grant.epoch) return undefined;
    page = status.currentPage;
    const outcome = grant.outcome === 'Succeeded' ? ('Succeeded' as const) : ('Abandoned' as const);
    const { activity: _last, ...rest } = status;
    return {
      ...rest,
      sealed: true,
      outcome,
      reason,
      endTime: status.endTime ?? new Date(deps.clock.now()).toISOString(),
    };
  };
  await changeStatus(deps.api, backupSaveRecords, headRef(context, grant), sealed, signal);
  if (page === undefined || page === '') return undefined;
  const ref = { namespace: deps.settings.namespace, name: page };
  await changeStatus(deps.api, savePages, ref, ({ status }) => ({ ...status, sealed: true }), signal);
  return undefined;
};

/** Begins the hook, or sees what became of it. */
export const actOnHook = (
  { deps, job: { uid }, signal }: ActContext,
  tasks: HookTasks,
  job: BackupJob,
  run: HookRun,
): Outcome | undefined => {
  const specs = run.when === 'Before' ? job.spec.hooks?.before : job.spec.hooks?.after;
  const spec = specs?.[run.index];
  if (spec === undefined) return { kind: 'hookRan', run, ok: true, pods: '', message: 'the hook is gone' };
  const { api, execInPod: exec } = deps;
  const begin = (stopping: AbortSignal) =>
    runHook({ api, exec }, job.metadata.namespace ?? '', spec, AbortSignal.any([signal, stopping]));
  const result = tasks.poll(uid, run, begin);
  return result === undefined ? undefined : { kind: 'hookRan', run, ...result };
};

/** The operator watches the records of living jobs only. How the job ended stands in them when the job is deleted. */
/** What was done last is done no more. */
const withResult =
  (result: 'Succeeded' | 'Failed' | 'Cancelled') =>
  ({ status }: BackupSaveRecord): BackupSaveRecord['status'] => {
    const { activity: _last, ...rest } = status ?? {};
    return { ...rest, result };
  };

const finishRecords = async (
  { deps, job, signal }: ActContext,
  result: NonNullable<NonNullable<BackupJob['status']>['ending']>['result'] | undefined,
): Promise<void> => {
  for (const record of deps.caches.records.byIndex('job', job.uid)) {
    const written = await patchMetadata(
      deps.api,
      backupSaveRecords,
      record,
      { labels: { [labels.active]: null } },
      signal,
    );
    if (written.conflict) throw new Error(`record ${record.metadata.name} changed while its job was being finished`);
  }
  if (result === undefined || result === 'Suspended') return;
  // By name and last: after a crash in between the cache shows the record no more, and this is done again.
  const plan = { namespace: deps.settings.namespace, name: planRecordName(job.uid, job.processNumber) };
  await changeStatus(deps.api, backupSaveRecords, plan, withResult(result), signal);
};
