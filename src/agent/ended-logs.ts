/** The logs of the last pods that were removed, for whoever looks for the cause of a failure later. */
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { PodIdentity } from './core-objects.ts';

const kept = 100;

export const endedLogsFolder = (stateFolder: string): string => join(stateFolder, 'ended');

/** Moves a pod's log among the ended ones and drops the oldest beyond the bound. */
export const keepEndedLog = (stateFolder: string, pod: PodIdentity, log: string): void => {
  if (!existsSync(log)) return;
  const folder = endedLogsFolder(stateFolder);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  renameSync(log, join(folder, `${pod.name}-${pod.uid.slice(0, 8)}.log`));
  const byAge = readdirSync(folder)
    // Whoever reads them may remove one at any time.
    .map((name) => join(folder, name))
    .map((path) => ({ path, mtimeMs: statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0 }))
    .sort((a, b) => b.mtimeMs - a.mtimeMs);
  for (const old of byAge.slice(kept)) rmSync(old.path, { force: true });
};
