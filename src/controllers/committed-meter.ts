/** How much of running jobs was committed since this process looks at them, each copy counted. */
import type { BackupSaveRecord } from '../api/generated/index.ts';

export interface Committed {
  readonly segments: number;
  readonly bytes: number;
}

export interface CommittedMeter {
  /** What has come since the last look at this job; nothing at the first, which another process may have counted. */
  look(uid: string, heads: Iterable<BackupSaveRecord>): Committed;
  forget(uid: string): void;
}

export const makeCommittedMeter = (): CommittedMeter => {
  const jobs = new Map<string, Map<string, Committed>>();
  return {
    look: (uid, heads) => {
      const known = jobs.get(uid);
      const counted = known ?? new Map<string, Committed>();
      jobs.set(uid, counted);
      let [segments, bytes] = [0, 0];
      for (const { metadata, status } of heads) {
        const before = counted.get(metadata.name) ?? { segments: 0, bytes: 0 };
        // A worker that takes a stream over counts its pages anew: until it has done so the head may say less.
        const now = {
          segments: Math.max(before.segments, status?.totals?.segments ?? 0),
          bytes: Math.max(before.bytes, status?.totals?.bytes ?? 0),
        };
        counted.set(metadata.name, now);
        segments += now.segments - before.segments;
        bytes += now.bytes - before.bytes;
      }
      return known === undefined ? { segments: 0, bytes: 0 } : { segments, bytes };
    },
    forget: (uid) => void jobs.delete(uid),
  };
};
