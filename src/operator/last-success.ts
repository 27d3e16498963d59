/** When backups last succeeded, by namespace and schedule: so many series as there are of these, not of jobs. */
import type { BackupJob } from '../api/generated/index.ts';
import { labels } from '../api/names.ts';

export interface Backed {
  readonly namespace: string;
  /** Empty for jobs that no schedule made. */
  readonly schedule: string;
}

export interface LastSuccess {
  note(backed: Backed, endedAtMs: number): void;
  /** Of jobs that are there, such as after a start of the operator. */
  noteAll(jobs: readonly BackupJob[]): void;
  list(): readonly (Backed & { readonly endedAtMs: number })[];
}

/** Remembers beyond the deletion of the jobs. */
export const makeLastSuccess = (): LastSuccess => {
  const latest = new Map<string, Backed & { readonly endedAtMs: number }>();
  const note = ({ namespace, schedule }: Backed, endedAtMs: number): void => {
    // A namespace has no slash.
    const key = `${namespace}/${schedule}`;
    if (endedAtMs > (latest.get(key)?.endedAtMs ?? 0)) latest.set(key, { namespace, schedule, endedAtMs });
  };
  return {
    note,
    noteAll: (jobs) => {
      for (const { metadata, status } of jobs) {
        const endedAtMs = Date.parse(status?.completionTime ?? '');
        if (status?.phase !== 'Succeeded' || Number.isNaN(endedAtMs)) continue;
        note({ namespace: metadata.namespace ?? '', schedule: metadata.labels?.[labels.schedule] ?? '' }, endedAtMs);
      }
    },
    list: () => [...latest.values()],
  };
};
