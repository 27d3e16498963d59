import { endProcesses } from '../processes/process-end.ts';
import type { Layout } from './layout.ts';
import { findOwn } from './marks.ts';
import { readProcessTable } from './process-table.ts';

/**
 * Kills whatever a supervisor that is gone, or has to go, left behind: what it recorded and what bears the mark. Worker
 * pods' processes are not among them; their agents know them.
 * @returns how many there were
 */
export async function endLeftovers(layout: Layout): Promise<number> {
  let count = 0;
  const recorded = readProcessTable(layout.processes).filter((entry) => entry.pid !== process.pid);
  // The supervisor first: it would start again whatever ends.
  await endProcesses(
    recorded.filter((entry) => entry.role === 'supervisor'),
    'SIGKILL',
    0,
  );
  // One that was killed may have started what it could not record any more, and what is being killed may start another.
  for (;;) {
    const left = findOwn(layout);
    if (left.length === 0) return count;
    count += left.length;
    await endProcesses(left, 'SIGKILL', 0);
  }
}
