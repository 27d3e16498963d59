/** Who a process is on this machine: a pid alone is given out again, a pid with its start time is not until a reboot. */
import { readFileSync, readdirSync } from 'node:fs';

export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks after boot, from /proc/PID/stat; text, because it may exceed 2^53. */
  readonly startTicks: string;
  readonly bootId: string;
}

const bootId = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();

/** @returns undefined when there is no such process, or only its zombie */
export function readIdentity(pid: number): ProcessIdentity | undefined {
  const stat = readProc(pid, 'stat');
  if (stat === undefined) return undefined;
  // The name in parentheses may hold anything, parentheses too; the fields count from after the last one (proc(5)).
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state] = fields;
  const startTicks = fields[19];
  if (startTicks === undefined || state === 'Z' || state === 'X') return undefined;
  return { pid, startTicks, bootId };
}

export function isAlive(identity: ProcessIdentity): boolean {
  const now = readIdentity(identity.pid);
  return now?.startTicks === identity.startTicks && now.bootId === identity.bootId;
}

/** Sends the signal only to the very process meant. @returns false when it is gone */
export function signal(identity: ProcessIdentity, name: NodeJS.Signals): boolean {
  if (!isAlive(identity)) return false;
  try {
    return process.kill(identity.pid, name);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ESRCH') return false;
    throw error;
  }
}

/** All live processes whose environment at their start held NAME=VALUE: what was started under a mark, and its children. */
export function findMarked(name: string, value: string): readonly ProcessIdentity[] {
  const entry = `${name}=${value}`;
  return readdirSync('/proc')
    .filter((folder) => /^\d+$/.test(folder))
    .flatMap((folder) => {
      const pid = Number(folder);
      if (!readProc(pid, 'environ')?.split('\0').includes(entry)) return [];
      return readIdentity(pid) ?? [];
    });
}

function readProc(pid: number, file: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return undefined; // gone, or not ours to read: in both cases none of our processes
  }
}
