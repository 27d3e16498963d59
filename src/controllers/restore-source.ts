/** R1, R2: which backup a restore means, and whether it may be restored: only one's own, and only what succeeded. */
import type { BackupSaveRecord, JobRef, Restore } from '../api/generated/index.ts';
import { labels } from '../api/names.ts';
import { backupJobs, backupSaveRecords } from '../api/resources.ts';
import type { Api } from '../kube/api.ts';
import { getIfPresent } from '../kube/writes.ts';

export type Resolved =
  | {
      readonly ok: true;
      readonly backup: JobRef;
      /** The job itself says that it succeeded; else the commits have to prove it. */
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
  const before = latest?.before === undefined ? Infinity : Date.parse(latest.before);
  const fits = found.filter(
    ({ spec, status }) =>
      (latest?.schedule === undefined || spec.schedule === latest.schedule) &&
      (latest?.persistentVolumeClaim === undefined || spec.source?.claim === latest.persistentVolumeClaim) &&
      status?.outcome === 'Succeeded' &&
      Date.parse(status.endTime ?? '') < before,
  );
  const newest = fits.sort((a, b) => b.spec.job.processNumber - a.spec.job.processNumber)[0];
  if (newest === undefined) return refuse('NoBackup', 'no backup that succeeded fits spec.from.latest');
  return ofJob(api, namespace, own, newest.spec.job.name, signal, newest.spec.job.uid);
};

const recordsOf = async (
  api: Api,
  namespace: string,
  labelSelector: string,
  signal: AbortSignal,
): Promise<readonly BackupSaveRecord[]> => {
  const { items } = await api.list(backupSaveRecords, { namespace, labelSelector }, signal);
  return items.filter(({ spec }) => spec.type === 'Stream');
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
    const jobUid = job.metadata.uid ?? '';
    switch (phase) {
      case 'Succeeded':
        return {
          ok: true,
          vouched: true,
          backup: { kind: 'BackupJob', namespace: own, name, uid: jobUid, processNumber },
        };
      case 'Failed':
      case 'Cancelled':
        return refuse('BackupNotSucceeded', `backup job ${own}/${name} is ${phase}: ${message}`);
      default:
        return refuse(
          'BackupNotFinished',
          `backup job ${own}/${name} is ${phase ?? 'Queued'}: wait until it has succeeded`,
        );
    }
  }
  const selector = `${labels.jobNamespace}=${own},${labels.jobName}=${name.slice(0, 63)}`;
  const records = await recordsOf(api, namespace, selector, signal);
  const mine = records.filter(({ spec }) => spec.job.name === name && (uid === undefined || spec.job.uid === uid));
  const newest = [...mine].sort((a, b) => b.spec.job.processNumber - a.spec.job.processNumber)[0];
  if (newest === undefined) return refuse('NoBackup', `no backup job ${own}/${name}, and no record of one`);
  return { ok: true, vouched: false, backup: newest.spec.job };
};

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
