/** Carries out the steps of a restore: the head on which its workers report, and the pods that read for it. */
import type { BackupSaveRecord, BackupServer, Grant, JobRef, Restore } from '../api/generated/index.ts';
import { labels, restoreRecordName } from '../api/names.ts';
import { apiVersion, backupSaveRecords } from '../api/resources.ts';
import type { HostFolder, WorkerOrder } from '../api/worker-order.ts';
import { claimWishOf } from '../decide/claim/anchors.ts';
import { grantName } from '../decide/grant/grant.ts';
import type { RestoreStep } from '../decide/restore/restore-view.ts';
import type { Span } from '../decide/spans.ts';
import { jobLabels } from '../decide/grant/worker-pod.ts';
import type { Volume } from '../kube/core-types.ts';
import { createIfAbsent, deleteIfPresent } from '../kube/writes.ts';
import { changeStatus } from './change-status.ts';
import { claimMount, dropAnchor, dropAnchors, ensureAnchor } from './claims.ts';
import type { Deps } from './deps.ts';
import { actOnGrant, commonOrder, launch, mustAllow, placeOf } from './grant-acts.ts';
import type { ActContext, GrantStep } from './grant-acts.ts';
import { noteVerified } from './note-verified.ts';
import type { Outcome } from './outcome.ts';
import { escapedPathsOf } from './restore-choice.ts';

export const headRef = (deps: Deps, restore: Restore) => ({
  namespace: deps.settings.namespace,
  name: restoreRecordName(restore.metadata.uid ?? '', restore.status?.processNumber ?? 0),
});

export const identity = (restore: Restore) => ({
  kind: 'Restore' as const,
  uid: restore.metadata.uid ?? '',
  namespace: restore.metadata.namespace ?? '',
  name: restore.metadata.name,
  processNumber: restore.status?.processNumber ?? 0,
});

export const actOnRestore = async (
  context: ActContext,
  restore: Restore,
  step: RestoreStep,
): Promise<Outcome | undefined> => {
  switch (step.kind) {
    case 'openHead':
      return openHead(context, restore, step.grant, step.assigned);
    case 'launchRestore':
      return launchRestore(context, restore, step);
    case 'sealHead':
      return seal(context, restore, step.grant, step.reason);
    case 'ensureAnchor':
      await ensureAnchor(context, restore, step);
      return undefined;
    case 'dropAnchor':
      await dropAnchor(context, step.pod, step.uid);
      return undefined;
    case 'finishRecords':
      if (restore.spec.target.discard !== undefined)
        await noteVerified(context, restore, headRef(context.deps, restore));
      await dropAnchors(context, restore);
      await deleteIfPresent(context.deps.api, backupSaveRecords, headRef(context.deps, restore), {}, context.signal);
      return { kind: 'recordsFinished' };
    case 'launchPlan':
    case 'launchBackup':
    case 'assign':
    case 'closeHead':
    case 'runHook':
    case 'takeSnapshot':
    case 'ensureClone':
    case 'dropClone':
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

interface TargetMount {
  readonly targetFolder: HostFolder;
  readonly target: Volume;
}

const targetOn = async (
  context: ActContext,
  pod: string,
  server: BackupServer,
  restore: Restore,
): Promise<TargetMount> => {
  const wish = claimWishOf(restore);
  if (wish !== undefined) {
    const { folder, volume } = await claimMount(context, wish, server.spec.node);
    return { targetFolder: folder, target: { ...volume, name: 'target' } };
  }
  const path = restore.spec.target.hostPath?.path ?? '';
  const targetFolder = mustAllow(pod, server, restore, { path, write: true });
  const hostPath = { path: targetFolder.prefix, type: 'DirectoryOrCreate' as const };
  return { targetFolder, target: { name: 'target', hostPath } };
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
  const reading = {
    ...commonOrder(context, grant, grantName(job.uid, grant)),
    tape: { name: grant.tape ?? '', barcode: grant.barcode ?? '', labelId: grant.labelId ?? '' },
    record: headRef(deps, restore).name,
    backup: { ...backup, kind: 'BackupJob' as const },
    planRecord: restore.status?.planRecord ?? '',
    commitRecords: restore.status?.records ?? [],
    segments: [...segments],
    heartbeatMs: deps.settings.heartbeatMs,
  };
  if (restore.spec.target.discard !== undefined) {
    await launch(context, { order: { role: 'verify', ...reading }, ...place, job, fence: true });
    return undefined;
  }
  const { targetFolder, target } = await targetOn(context, reading.pod, place.server, restore);
  const order: WorkerOrder = {
    role: 'restore',
    ...reading,
    targetFolder,
    paths: escapedPathsOf(restore),
    conflict: restore.spec.conflict ?? 'Fail',
    finish,
  };
  await launch(context, { order, ...place, target, job, fence: true });
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
