/**
 * Bounds a log that a process holds open for appending. The process can't be asked to open another file, so the content
 * is copied away and the file cut to nothing; a line written between the two is lost.
 */
import { copyFileSync, statSync, truncateSync } from 'node:fs';

export const logLimitBytes = 10 * 1024 * 1024;

/** @returns whether the log was turned over; the old content is then in `PATH.1` */
export const rotateLog = (path: string, limitBytes: number = logLimitBytes): boolean => {
  const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  if (size <= limitBytes) return false;
  try {
    copyFileSync(path, `${path}.1`);
  } catch {
    // The bound holds also on a full disk: then the old lines are dropped.
  }
  truncateSync(path, 0);
  return true;
};
