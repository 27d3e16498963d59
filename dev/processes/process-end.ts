import { setTimeout as sleep } from 'node:timers/promises';
import { isAlive, type ProcessIdentity, signal } from './process-identity.ts';

const pollMs = 50;

/** @returns whether it is gone within the bound */
export async function waitUntilGone(identity: ProcessIdentity, boundMs: number): Promise<boolean> {
  const end = performance.now() + boundMs;
  while (isAlive(identity)) {
    if (performance.now() >= end) return false;
    await sleep(pollMs, undefined, { ref: boundMs !== Infinity });
  }
  return true;
}

/**
 * Asks all to end, kills those that are still there after the bound, returns when none is left.
 * @throws Error when a process outlives SIGKILL by ten seconds (it hangs in the kernel)
 */
export async function endProcesses(
  processes: readonly ProcessIdentity[],
  first: 'SIGTERM' | 'SIGKILL',
  boundMs: number,
): Promise<void> {
  for (const one of processes) signal(one, first);
  await Promise.all(
    processes.map(async (one) => {
      if (await waitUntilGone(one, boundMs)) return;
      signal(one, 'SIGKILL');
      if (!(await waitUntilGone(one, 10_000))) throw new Error(`process ${one.pid} does not end, not even by SIGKILL`);
    }),
  );
}
