/** Which backups there are, by their records, and which of them a restore of the latest one means. Pure. */
import type { BackupSaveRecord, JobRef } from '../../api/generated/index.ts';

export type BackupResult = NonNullable<NonNullable<BackupSaveRecord['status']>['result']>;

export interface RecordedBackup {
  readonly job: JobRef;
  /** Absent: the job has not ended, or it ended before records told it. */
  readonly result?: BackupResult;
}

export interface LatestWish {
  readonly schedule?: string;
  readonly persistentVolumeClaim?: string;
  /** RFC 3339 */
  readonly before?: string;
}

/** The backups of these records, the newest first. How single streams ended says nothing of the job as a whole. */
export const backupsIn = (records: readonly BackupSaveRecord[]): readonly RecordedBackup[] =>
  [...byJob(records).values()]
    .flatMap((mine) => {
      const [one] = mine;
      if (one === undefined) return [];
      const result = mine.find(({ spec }) => spec.type === 'Plan')?.status?.result;
      return [{ job: one.spec.job, ...(result === undefined ? {} : { result }) }];
    })
    .sort((a, b) => b.job.processNumber - a.job.processNumber);

/** The newest that may have succeeded first. */
export const candidatesFor = (wish: LatestWish, records: readonly BackupSaveRecord[]): readonly RecordedBackup[] => {
  const fitting = [...byJob(records).values()].filter((mine) => fits(wish, mine)).flat();
  return backupsIn(fitting).filter(({ result }) => result === undefined || result === 'Succeeded');
};

const byJob = (records: readonly BackupSaveRecord[]): ReadonlyMap<string, readonly BackupSaveRecord[]> =>
  Map.groupBy(
    records.filter(({ spec }) => spec.type === 'Plan' || spec.type === 'Stream'),
    ({ spec }) => spec.job.uid,
  );

const fits = (wish: LatestWish, mine: readonly BackupSaveRecord[]): boolean => {
  const { schedule, persistentVolumeClaim, before } = wish;
  const streams = mine.filter(({ spec }) => spec.type === 'Stream');
  const ends = streams.map(({ status }) => Date.parse(status?.endTime ?? '')).filter((ms) => !Number.isNaN(ms));
  return (
    streams.length > 0 &&
    (schedule === undefined || mine.some(({ spec }) => spec.schedule === schedule)) &&
    (persistentVolumeClaim === undefined || mine.some(({ spec }) => spec.source?.claim === persistentVolumeClaim)) &&
    (before === undefined || (ends.length > 0 && Math.max(...ends) < Date.parse(before)))
  );
};

/** The first segment of the plan of which there is no copy; undefined: the backup is whole. */
export const firstMissing = (
  linksSegment: number,
  copies: readonly { readonly segment: number }[],
): number | undefined => {
  const committed = new Set(copies.map(({ segment }) => segment));
  for (let segment = 0; segment <= linksSegment; segment += 1) if (!committed.has(segment)) return segment;
  return undefined;
};
