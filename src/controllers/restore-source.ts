/** R1, R2: which backup a restore means, and whether it may be restored: only one's own, and only what succeeded. */
import type { BackupJob, BackupSaveRecord, JobRef, Restore } from '../api/generated/index.ts';
import { labels } from '../api/names.ts';
import { backupJobs, backupSaveRecords } from '../api/resources.ts';
import { backupsIn, candidatesFor, firstMissing } from '../decide/restore/backup-result.ts';
import type { BackupResult, RecordedBackup } from '../decide/restore/backup-result.ts';
import type { Api } from '../kube/api.ts';
import { getIfPresent } from '../kube/writes.ts';
import { readCopies } from './restore-choice.ts';

export type Resolved =
  | {
      readonly ok: true;
      readonly backup: JobRef;
      /** Job or records say that it succeeded; else the commits have to prove it. */
      readonly vouched: boolean;
    }
  | { readonly ok: false; readonly reason: string; readonly message: string };

const refuse = (reason: string, message: string): Resolved => ({ ok: false, reason, message });

export const resolveBackup = async (
  api: Api,
  namespace: string,
  restore: Restore,
  signal: AbortSignal,
): Promise<Resolved> => {
  const { backupJob, record, latest } = restore.spec.from;
  const own = restore.metadata.namespace ?? '';
  if (backupJob !== undefined) return ofJob(api, namespace, own, backupJob, signal);
  if (record !== undefined) return ofRecord(api, namespace, own, record, signal);
  const found = await recordsOf(api, namespace, `${labels.jobNamespace}=${own}`, signal);
  for (const candidate of candidatesFor(latest ?? {}, found)) {
    if (await hasSucceeded(api, namespace, candidate, signal))
      return { ok: true, vouched: true, backup: candidate.job };
  }
  return refuse('NoBackup', 'no backup that succeeded fits spec.from.latest');
};

/** As its records say; else as the job says; where that is gone, every segment of the plan has to be on some tape. */
const hasSucceeded = async (
  api: Api,
  namespace: string,
  { job, result }: RecordedBackup,
  signal: AbortSignal,
): Promise<boolean> => {
  if (result !== undefined) return result === 'Succeeded';
  const living = await getIfPresent(api, backupJobs, { namespace: job.namespace, name: job.name }, signal);
  if (living?.metadata.uid === job.uid) return living.status?.phase === 'Succeeded';
  const found = await readCopies(api, namespace, job, signal);
  return found.ok && firstMissing(found.linksSegment, found.copies) === undefined;
};

const recordsOf = async (
  api: Api,
  namespace: string,
  labelSelector: string,
  signal: AbortSignal,
): Promise<readonly BackupSaveRecord[]> => {
  const { items } = await api.list(backupSaveRecords, { namespace, labelSelector }, signal);
  return items;
};

/** @param uid absent: the newest job of that name */
const ofJob = async (
  api: Api,
  namespace: string,
  own: string,
  name: string,
  signal: AbortSignal,
  uid?: string,
): Promise<Resolved> => {
  const job = await getIfPresent(api, backupJobs, { namespace: own, name }, signal);
  if (job !== undefined && (uid === undefined || uid === job.metadata.uid)) {
    const { phase, message = '', processNumber = 0 } = job.status ?? {};
    const backup = { kind: 'BackupJob' as const, namespace: own, name, uid: job.metadata.uid ?? '', processNumber };
    switch (phase) {
      case 'Succeeded':
      case 'Failed':
      case 'Cancelled':
        return ended(backup, phase, message);
      default:
        return notEnded(backup, job.status);
    }
  }
  const selector = `${labels.jobNamespace}=${own},${labels.jobName}=${name.slice(0, 63)}`;
  const backups = backupsIn(await recordsOf(api, namespace, selector, signal));
  const newest = backups.find(({ job }) => job.name === name && (uid === undefined || job.uid === uid));
  if (newest === undefined) return refuse('NoBackup', `no backup job ${own}/${name}, and no record of one`);
  if (newest.result !== undefined) return ended(newest.job, newest.result, 'so its records say');
  return { ok: true, vouched: false, backup: newest.job };
};

const notEnded = (backup: JobRef, status: BackupJob['status']): Resolved => {
  const { phase = 'Queued', ending } = status ?? {};
  if (ending?.result === 'Failed' || ending?.result === 'Cancelled')
    return ended(backup, ending.result, ending.message);
  const how = phase === 'Suspended' ? 'set its spec.suspend to false, and restore when' : 'restore when';
  const message = `backup job ${backup.namespace}/${backup.name} is ${phase}: ${how} it has succeeded`;
  return refuse('BackupNotFinished', message);
};

const ended = (backup: JobRef, result: BackupResult, message: string): Resolved =>
  result === 'Succeeded'
    ? { ok: true, vouched: true, backup }
    : refuse('BackupNotSucceeded', `backup job ${backup.namespace}/${backup.name} is ${result}: ${message}`);

const ofRecord = async (
  api: Api,
  namespace: string,
  own: string,
  name: string,
  signal: AbortSignal,
): Promise<Resolved> => {
  const record = await getIfPresent(api, backupSaveRecords, { namespace, name }, signal);
  // One answer for "not there" and "not yours": names of other tenants' backups are not told.
  if (record === undefined || record.spec.job.namespace !== own || record.spec.job.kind !== 'BackupJob') {
    return refuse('NoBackup', `no record ${name} of a backup of namespace ${own}`);
  }
  return ofJob(api, namespace, own, record.spec.job.name, signal, record.spec.job.uid);
};
