import { closeSync, openSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { tryFlock } from '../posix/flock.ts';

/** An exclusive lock between processes; the kernel gives it back when its holder dies. */
export interface FileLock {
  release(): void;
}

/** @returns nothing when somebody else (in whatever process) holds it */
export function tryLockFile(path: string): FileLock | undefined {
  const fd = openSync(path, 'a');
  if (!tryFlock(fd)) {
    closeSync(fd);
    return undefined;
  }
  let held = true;
  return {
    release: () => {
      if (held) closeSync(fd);
      held = false;
    },
  };
}

const pollMs = 10;

/** @returns nothing when somebody else still holds it after `patienceMs` */
export async function lockFile(
  path: string,
  patienceMs: number,
  signal: AbortSignal | undefined,
): Promise<FileLock | undefined> {
  for (let waitedMs = 0; ; waitedMs += pollMs) {
    signal?.throwIfAborted();
    const lock = tryLockFile(path);
    if (lock !== undefined || waitedMs >= patienceMs) return lock;
    await delay(pollMs, undefined, signal === undefined ? {} : { signal });
  }
}
