/** The reconciler of restores: observe → decide → act, one area after the other. */
import type { BackupSaveRecord, Grant, JobRef, Restore } from '../api/generated/index.ts';
import { annotations, finalizers, labels, planRecordName, restoreRecordName } from '../api/names.ts';
import { apiVersion, backupSaveRecords, restores } from '../api/resources.ts';
import type { WorkerOrder } from '../api/worker-order.ts';
import { grantName, holds } from '../decide/grant.ts';
import { nodeFacts, podFacts } from '../decide/pod-facts.ts';
import type { PodFacts } from '../decide/pod-facts.ts';
import { decideRestore, needsChoice } from '../decide/restore.ts';
import type { RestoreReport, RestoreStatus, RestoreStep, SeenRestore } from '../decide/restore.ts';
import { finaliseRestore, restoreIsTerminal, summariseRestore } from '../decide/restore-status.ts';
import { countOf } from '../decide/spans.ts';
import type { Span } from '../decide/spans.ts';
import { parseDurationMs } from '../decide/units.ts';
import { jobLabels } from '../decide/worker-pod.ts';
import { done, requeueAfter } from '../kube/controller.ts';
import type { Reconcile, Result } from '../kube/controller.ts';
import { referenceTo } from '../kube/events.ts';
import { keyOf } from '../kube/key.ts';
import { pods } from '../kube/resources.ts';
import { compareResourceVersions } from '../kube/resource-version.ts';
import {
  createIfAbsent,
  deleteIfPresent,
  getIfPresent,
  removeFinalizer,
  updateStatusIfChanged,
} from '../kube/writes.ts';
import { changeStatus } from './change-status.ts';
import type { Deps } from './deps.ts';
import { actOnGrant, busyLibraries, commonOrder, launch, mustAllow, placeOf } from './grant-acts.ts';
import type { ActContext, GrantStep } from './grant-acts.ts';
import { foldOutcomes } from './outcome.ts';
import type { Outcome } from './outcome.ts';
import { nextProcessNumber } from './process-number.ts';
import { escapedPathsOf, readChoice } from './restore-choice.ts';
import { resolveBackup } from './restore-source.ts';
import { makeSilenceMeter } from './silence.ts';
import type { SilenceMeter } from './silence.ts';

interface Memory {
  readonly meter: SilenceMeter;
  readonly written: Map<string, Restore>;
}

const busyMs = 2_000;
const conflictMs = 50;

export const makeRestoreReconciler = (deps: Deps): Reconcile => {
  const memory: Memory = { meter: makeSilenceMeter(), written: new Map() };
  return async (key, signal) => {
    const restore = newest(deps.caches.restores.get(key), memory.written.get(key));
    if (restore === undefined) {
      memory.written.delete(key);
      return done;
    }
    if (restoreIsTerminal(restore.status)) return settle(deps, memory, restore, signal);
    if (restore.status?.phase === undefined) return admit(deps, memory, restore, signal);
    return pass(deps, memory, restore, signal);
  };
};

const newest = (cached: Restore | undefined, written: Restore | undefined): Restore | undefined => {
  if (cached === undefined || written === undefined || written.metadata.uid !== cached.metadata.uid) return cached;
  const order = compareResourceVersions(written.metadata.resourceVersion, cached.metadata.resourceVersion);
  return (order ?? 0) > 0 ? written : cached;
};

const identity = (restore: Restore) => ({
  kind: 'Restore' as const,
  uid: restore.metadata.uid ?? '',
  namespace: restore.metadata.namespace ?? '',
  name: restore.metadata.name,
  processNumber: restore.status?.processNumber ?? 0,
});

/** R1 to R3: the request gets its number; what may not be restored is refused at once, with the reason. */
const admit = async (deps: Deps, memory: Memory, restore: Restore, signal: AbortSignal): Promise<Result> => {
  if (restore.metadata.deletionTimestamp !== undefined) return done;
  const { namespace } = deps.settings;
  const processNumber = restore.status?.processNumber ?? (await nextProcessNumber(deps.api, namespace, signal));
  const begun: RestoreStatus = {
    phase: 'Queued',
    processNumber,
    observedGeneration: restore.metadata.generation ?? 0,
    startTime: new Date(deps.clock.now()).toISOString(),
    streamsText: '0/1',
    record: restoreRecordName(restore.metadata.uid ?? '', processNumber),
  };
  return write(deps, memory, restore, { ...begun, ...(await firstLook(deps, restore, signal)) }, signal);
};

const firstLook = async (deps: Deps, restore: Restore, signal: AbortSignal): Promise<RestoreStatus> => {
  const failed = (reason: string, message: string): RestoreStatus => ({
    ending: { result: 'Failed', reason, message },
  });
  if (restore.spec.target.hostPath === undefined) {
    return failed(
      'NotSupported',
      'spec.target.persistentVolumeClaim is not supported by this version: use spec.target.hostPath',
    );
  }
  const resolved = await resolveBackup(deps.api, deps.settings.namespace, restore, signal);
  if (!resolved.ok) return failed(resolved.reason, resolved.message);
  const { backup } = resolved;
  const found = await readChoice(deps, restore, backup, signal);
  if (!found.ok) return failed(found.reason, found.message);
  if (!resolved.vouched) {
    const committed = new Set(found.choice.copies.map((copy) => copy.segment));
    for (let segment = 0; segment <= found.linksSegment; segment += 1) {
      if (!committed.has(segment))
        return failed('BackupNotSucceeded', `segment ${segment} of ${backup.name} was never committed`);
    }
  }
  // How much chosen paths hold is not known before they are read.
  const whole = escapedPathsOf(restore).length === 0 ? { bytesTotal: found.bytes } : {};
  return {
    backup,
    planRecord: planRecordName(backup.uid, backup.processNumber),
    records: [...found.records],
    progress: { segmentsDone: 0, segmentsTotal: countOf(found.choice.wanted), bytesDone: 0, percent: '0%', ...whole },
  };
};

const write = async (
  deps: Deps,
  memory: Memory,
  restore: Restore,
  status: RestoreStatus,
  signal: AbortSignal,
): Promise<Result> => {
  const written = await updateStatusIfChanged<RestoreStatus, Restore>(deps.api, restores, restore, status, signal);
  if (written.conflict) return requeueAfter(conflictMs);
  remember(deps, memory, restore, written.object);
  return requeueAfter(0);
};

const remember = (deps: Deps, memory: Memory, before: Restore, after: Restore): void => {
  memory.written.set(keyOf(after), after);
  const phase = after.status?.phase;
  if (phase === undefined || phase === before.status?.phase) return;
  const bad = phase === 'Failed' || phase === 'Cancelled';
  const said = after.status?.message ?? '';
  deps.events.record({
    regarding: referenceTo(restores, after),
    type: bad ? 'Warning' : 'Normal',
    reason: phase,
    action: 'Reconcile',
    note: said === '' ? `the restore is ${phase}` : `${phase}: ${said}`,
  });
  if (restoreIsTerminal(after.status)) {
    const { namespace = '', name } = after.metadata;
    deps.metrics.ended('Restore', phase, namespace, name, deps.clock.now());
  }
};

const pass = async (deps: Deps, memory: Memory, restore: Restore, signal: AbortSignal): Promise<Result> => {
  const { seen, head, refused } = await observe(deps, memory, restore, signal);
  const now = deps.clock.now();
  const decision =
    refused === undefined
      ? decideRestore(seen, now)
      : { status: { ...seen.status, ending: { result: 'Failed' as const, ...refused } }, steps: [] };
  const status = summariseRestore(decision.status, head);
  const written = await updateStatusIfChanged<RestoreStatus, Restore>(deps.api, restores, restore, status, signal);
  if (written.conflict) return requeueAfter(conflictMs);
  remember(deps, memory, restore, written.object);
  return carryOut(deps, memory, written.object, decision.steps, head, signal);
};

interface Observed {
  readonly seen: SeenRestore;
  readonly head: BackupSaveRecord | undefined;
  readonly refused: { readonly reason: string; readonly message: string } | undefined;
}

const observe = async (deps: Deps, memory: Memory, restore: Restore, signal: AbortSignal): Promise<Observed> => {
  const nowMs = deps.clock.now();
  const uid = restore.metadata.uid ?? '';
  const status = restore.status ?? {};
  const fresh = needsChoice(status);
  // What is done decides what is read next: not from a cache that lags.
  const head = fresh ? await readHead(deps, restore, signal) : cachedHead(deps, uid);
  const found =
    fresh && status.backup !== undefined ? await readChoice(deps, restore, status.backup, signal) : undefined;
  const facts = await podsOf(deps, restore, head, signal);
  const stallMs = parseDurationMs(restore.spec.stallTimeout ?? '60s');
  const { activeDeadline } = restore.spec;
  const said = head?.status;
  const seen: SeenRestore = {
    uid,
    status,
    paths: escapedPathsOf(restore),
    prefer: restore.spec.preferStreams ?? [],
    deleted: restore.metadata.deletionTimestamp !== undefined,
    cancelAsked: restore.spec.cancel === true,
    activeDeadlineMs: activeDeadline === undefined ? undefined : parseDurationMs(activeDeadline),
    startedAtMs: Date.parse(status.startTime ?? ''),
    view: {
      ownerUid: uid,
      pods: facts,
      busyLibraries: busyLibraries(deps),
      fenceVouched: (grant) => restore.metadata.annotations?.[annotations.fenced] === String(grant.epoch),
    },
    head:
      said === undefined
        ? undefined
        : {
            epoch: said.epoch ?? 0,
            sealed: said.sealed ?? false,
            closeAsked: false,
            activity: said.activity ?? 'Starting',
            openSegment: said.openSegment,
            openBytes: 0,
            bytesDone: said.restore?.bytesRestored ?? 0,
          },
    report: reportOf(head, status),
    choice: found?.ok === true ? found.choice : undefined,
    nodes: new Map(deps.caches.nodes.list().map((node) => [node.metadata?.name ?? '', nodeFacts(node)])),
    silence: () => memory.meter.look(`${uid}/${said?.epoch ?? 0}`, JSON.stringify(said ?? {}), signature(said), nowMs),
    patience: {
      stallMs,
      heartbeatMs: 4 * deps.settings.heartbeatMs + stallMs,
      preparationMs: deps.settings.preparationMs,
      filesMs: deps.settings.filesMs,
      startMs: deps.settings.podStartMs,
    },
  };
  return { seen, head, refused: found?.ok === false ? found : undefined };
};

const signature = (said: BackupSaveRecord['status']): string =>
  [
    said?.activity,
    said?.progressCount,
    said?.openBytes,
    said?.restore?.bytesRestored,
    said?.restore?.segmentsRead,
  ].join();

const headRef = (deps: Deps, restore: Restore) => ({
  namespace: deps.settings.namespace,
  name: restoreRecordName(restore.metadata.uid ?? '', restore.status?.processNumber ?? 0),
});

const readHead = (deps: Deps, restore: Restore, signal: AbortSignal): Promise<BackupSaveRecord | undefined> =>
  getIfPresent(deps.api, backupSaveRecords, headRef(deps, restore), signal);

const cachedHead = (deps: Deps, uid: string): BackupSaveRecord | undefined =>
  deps.caches.records.byIndex('job', uid).find((record) => record.spec.type === 'Restore');

const podsOf = async (
  deps: Deps,
  restore: Restore,
  head: BackupSaveRecord | undefined,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, PodFacts>> => {
  const nowMs = deps.clock.now();
  const uid = restore.metadata.uid ?? '';
  const facts = new Map(
    deps.caches.pods.byIndex('job', uid).map((pod) => [pod.metadata?.name ?? '', podFacts(pod, nowMs)]),
  );
  const stream = restore.status?.streams?.[0];
  if (stream === undefined || facts.has(grantName(uid, stream)) || head?.status?.epoch !== stream.epoch) return facts;
  const name = grantName(uid, stream);
  const pod = await getIfPresent(deps.api, pods, { namespace: deps.settings.namespace, name }, signal);
  return pod === undefined ? facts : facts.set(name, podFacts(pod, nowMs));
};

const reportOf = (head: BackupSaveRecord | undefined, status: RestoreStatus): RestoreReport => {
  const told = head?.status?.restore;
  return {
    done: told?.done ?? [],
    bad: (told?.badSegments ?? []).map(({ segment, barcode, reason = 'Unreadable', message = '' }) => ({
      segment,
      tape: (status.areas ?? []).find((area) => area.barcode === barcode)?.tape ?? barcode.toLowerCase(),
      reason,
      message,
    })),
    failureCount: told?.failureCount ?? 0,
    found: told?.found ?? [],
  };
};

const carryOut = async (
  deps: Deps,
  memory: Memory,
  restore: Restore,
  steps: readonly RestoreStep[],
  head: BackupSaveRecord | undefined,
  signal: AbortSignal,
): Promise<Result> => {
  const context: ActContext = { deps, job: identity(restore), labelsBlankTapes: false, signal };
  const outcomes: Outcome[] = [];
  for (const step of steps) {
    const outcome = await actOn(context, restore, step);
    if (outcome !== undefined) outcomes.push(outcome);
  }
  if (outcomes.length === 0)
    return steps.length > 0 || stillHolds(restore) ? requeueAfter(busyMs) : requeueAfter(conflictMs);
  const now = new Date(deps.clock.now()).toISOString();
  const { streams } = foldOutcomes(restore.status ?? {}, outcomes, now);
  const folded: RestoreStatus = { ...restore.status, streams };
  const ended = outcomes.some(({ kind }) => kind === 'recordsFinished');
  const status = ended
    ? finaliseRestore(folded, restore.metadata.generation ?? 0, now)
    : summariseRestore(folded, head);
  return write(deps, memory, restore, status, signal);
};

const stillHolds = ({ status }: Restore): boolean =>
  (status?.streams ?? []).some((grant) => holds(grant) || grant.state === 'Waiting');

const actOn = async (context: ActContext, restore: Restore, step: RestoreStep): Promise<Outcome | undefined> => {
  switch (step.kind) {
    case 'openHead':
      return openHead(context, restore, step.grant, step.assigned);
    case 'launchRestore':
      return launchRestore(context, restore, step);
    case 'sealHead':
      return seal(context, restore, step.grant, step.reason);
    case 'finishRecords':
      await deleteIfPresent(context.deps.api, backupSaveRecords, headRef(context.deps, restore), {}, context.signal);
      return { kind: 'recordsFinished' };
    case 'launchPlan':
    case 'launchBackup':
    case 'assign':
    case 'closeHead':
    case 'runHook':
      throw new Error(`a restore takes no step ${step.kind}`);
    default:
      return actOnGrant(context, step satisfies GrantStep);
  }
};

/** Where the restore's workers report; what earlier ones reported stands. */
const openHead = async (
  { deps, job, signal }: ActContext,
  restore: Restore,
  grant: Grant,
  assigned: readonly Span[],
): Promise<undefined> => {
  const ref = headRef(deps, restore);
  const record: BackupSaveRecord = {
    apiVersion,
    kind: 'BackupSaveRecord',
    metadata: { ...ref, labels: { ...jobLabels(job), [labels.active]: 'true', [labels.type]: 'Restore' } },
    spec: { type: 'Restore', job, stream: 0 },
  };
  await createIfAbsent(deps.api, backupSaveRecords, record, signal);
  const open = ({ status }: BackupSaveRecord): BackupSaveRecord['status'] => {
    if (status?.epoch !== undefined && status.epoch >= grant.epoch) return undefined;
    const { openSegment: _open, ...rest } = status ?? {};
    return {
      ...rest,
      epoch: grant.epoch,
      pod: grantName(job.uid, grant),
      sealed: false,
      activity: 'Starting',
      assigned: [...assigned],
      outcome: 'Running',
    };
  };
  await changeStatus(deps.api, backupSaveRecords, ref, open, signal);
  return undefined;
};

const launchRestore = async (
  context: ActContext,
  restore: Restore,
  { grant, segments, finish }: Extract<RestoreStep, { kind: 'launchRestore' }>,
): Promise<undefined> => {
  const { deps, job } = context;
  const backup: JobRef | undefined = restore.status?.backup;
  if (backup === undefined) throw new Error(`restore ${restore.metadata.name} names no backup`);
  const place = placeOf(context, grant);
  const targetFolder = mustAllow(place.server, restore, {
    path: restore.spec.target.hostPath?.path ?? '',
    write: true,
  });
  const order: WorkerOrder = {
    role: 'restore',
    ...commonOrder(context, grant, grantName(job.uid, grant)),
    tape: { name: grant.tape ?? '', barcode: grant.barcode ?? '', labelId: grant.labelId ?? '' },
    record: headRef(deps, restore).name,
    backup: { ...backup, kind: 'BackupJob' },
    planRecord: restore.status?.planRecord ?? '',
    commitRecords: restore.status?.records ?? [],
    segments: [...segments],
    targetFolder,
    paths: escapedPathsOf(restore),
    conflict: restore.spec.conflict ?? 'Fail',
    finish,
    heartbeatMs: deps.settings.heartbeatMs,
  };
  const hostPath = { path: targetFolder.prefix, type: 'DirectoryOrCreate' as const };
  await launch(context, { order, ...place, target: { name: 'target', hostPath }, job, fence: true });
  return undefined;
};

const seal = async (
  { deps, signal }: ActContext,
  restore: Restore,
  grant: Grant,
  reason: string,
): Promise<undefined> => {
  const sealed = ({ status }: BackupSaveRecord): BackupSaveRecord['status'] =>
    status?.epoch === grant.epoch ? { ...status, sealed: true, reason } : undefined;
  await changeStatus(deps.api, backupSaveRecords, headRef(deps, restore), sealed, signal);
  return undefined;
};

const settle = async (deps: Deps, memory: Memory, restore: Restore, signal: AbortSignal): Promise<Result> => {
  const lifted = await removeFinalizer(deps.api, restores, restore, finalizers.held, signal);
  if (lifted.conflict) return requeueAfter(conflictMs);
  memory.meter.forget(restore.metadata.uid ?? '');
  const ttlSeconds = restore.spec.ttlSecondsAfterFinished;
  if (ttlSeconds === undefined || restore.status?.completionTime === undefined) return done;
  const leftMs = Date.parse(restore.status.completionTime) + 1000 * ttlSeconds - deps.clock.now();
  if (leftMs > 0) return requeueAfter(leftMs);
  const { namespace = '', name, uid = '' } = restore.metadata;
  await deleteIfPresent(deps.api, restores, { namespace, name }, { uid }, signal);
  return done;
};
