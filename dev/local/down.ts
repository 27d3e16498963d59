import { existsSync, realpathSync } from 'node:fs';
import { endProcesses } from '../processes/process-end.ts';
import { type Layout, layoutOf } from './layout.ts';
import { endLeftovers } from './leftovers.ts';
import { findWorkers } from './marks.ts';
import { readOptions } from './options.ts';
import { readProcessTable, writeProcessTable } from './process-table.ts';
import { writeStatus } from './status.ts';
import { withLocalLock } from './local-lock.ts';

// The supervisor stops everything in order, and each group has its own bound; see supervisor.ts.
const supervisorBoundMs = 90_000;

/** The folder is none that `up` made. */
export class NotLocalError extends Error {
  readonly code = 'NOT_LOCAL';
}

/**
 * Stops everything that was started on the folder, also when its supervisor was killed; nothing of it runs afterwards.
 * Data, libraries and tapes stay.
 * @throws NotLocalError
 */
export async function down(folder: string, log: (line: string) => void): Promise<void> {
  const layout = existsSync(folder) ? layoutOf(realpathSync(folder)) : undefined;
  if (layout === undefined || !existsSync(layout.options)) {
    throw new NotLocalError(`${folder} is no folder that "up" has made`);
  }
  await withLocalLock(layout, log, () => stopEverything(layout));
}

export async function stopEverything(layout: Layout): Promise<void> {
  const supervisors = readProcessTable(layout.processes).filter((entry) => entry.role === 'supervisor');
  await endProcesses(supervisors, 'SIGTERM', supervisorBoundMs);
  await endLeftovers(layout);
  const servers = readOptions(layout)?.servers ?? 0;
  for (let left = findWorkers(layout, servers); left.length > 0; left = findWorkers(layout, servers)) {
    await endProcesses(left, 'SIGKILL', 0);
  }
  writeProcessTable(layout.processes, []);
  writeStatus(layout, { phase: 'stopped' });
}
