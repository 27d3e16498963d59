/** A cgroup of version 1 in every hierarchy per member: no kubelet sees another's pods, and every process can be found. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { endProcesses } from '../processes/process-end.ts';
import { type ProcessIdentity, readIdentity } from '../processes/process-identity.ts';

const root = '/sys/fs/cgroup';

export class CgroupsError extends Error {
  readonly code = 'CGROUPS_UNSUPPORTED';
}

export function makeCgroups(name: string): void {
  if (!existsSync(path.join(root, 'pids'))) {
    throw new CgroupsError(
      `the cluster bench needs the cgroup version 1 hierarchies in ${root}; ${root}/pids is missing`,
    );
  }
  for (const hierarchy of readdirSync(root)) {
    const folder = path.join(root, hierarchy, name);
    mkdirSync(folder, { recursive: true });
    if (hierarchy !== 'cpuset') continue;
    // A new cpuset is empty, and no process may enter an empty one.
    for (const file of ['cpuset.cpus', 'cpuset.mems']) {
      writeFileSync(path.join(folder, file), readFileSync(path.join(root, hierarchy, file)));
    }
  }
}

/** Every process in the cgroup and in those below it. */
export function processesIn(name: string): readonly ProcessIdentity[] {
  const folder = path.join(root, 'pids', name);
  return foldersBelow(folder)
    .flatMap((one) => readFileSync(path.join(one, 'cgroup.procs'), 'utf8').split('\n'))
    .filter((line) => line !== '')
    .flatMap((line) => readIdentity(Number(line)) ?? []);
}

/** Kills what is left in it, whatever its parent, and removes it from every hierarchy. */
export async function removeCgroups(name: string): Promise<void> {
  for (let left = processesIn(name); left.length > 0; left = processesIn(name))
    await endProcesses(left, 'SIGKILL', 5_000);
  if (!existsSync(root)) return;
  for (const hierarchy of readdirSync(root)) {
    for (const folder of [...foldersBelow(path.join(root, hierarchy, name))].reverse()) await removeFolder(folder);
  }
}

/** A process that has ended counts until its parent has taken note of it. */
async function removeFolder(folder: string): Promise<void> {
  const end = performance.now() + 10_000;
  for (;;) {
    try {
      return rmdirSync(folder);
    } catch (error) {
      const busy = error instanceof Error && 'code' in error && error.code === 'EBUSY';
      if (!busy || performance.now() > end) throw error;
      await sleep(20);
    }
  }
}

/** Itself first, the deepest last; none when it does not exist. */
function foldersBelow(folder: string): readonly string[] {
  if (!existsSync(folder)) return [];
  const children = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return [folder, ...children.flatMap((entry) => foldersBelow(path.join(folder, entry.name)))];
}
