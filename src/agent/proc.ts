/** Reads of `/proc`. A process is known by pid *and* start time, since pids are used again. */
import { readdirSync, readFileSync } from 'node:fs';

export interface ProcessStat {
  readonly pid: number;
  readonly parent: number;
  readonly session: number;
  /** Clock ticks since boot: field 22 of proc(5) `stat`. */
  readonly startTime: string;
  /** False for a zombie: it holds no file and does no work. */
  readonly alive: boolean;
}

/** Undefined when the process is gone. */
export const readProcess = (pid: number): ProcessStat | undefined => {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, 'latin1');
  } catch {
    return undefined;
  }
  // The name in parentheses may itself hold spaces and parentheses: the fields begin after the last one.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const [state, parent, , session] = fields;
  const startTime = fields[19];
  if (state === undefined || startTime === undefined) return undefined;
  return {
    pid,
    parent: Number(parent),
    session: Number(session),
    startTime,
    alive: !['Z', 'X', 'x'].includes(state),
  };
};

export const isAlive = (pid: number, startTime: string): boolean => {
  const seen = readProcess(pid);
  return seen !== undefined && seen.alive && seen.startTime === startTime;
};

/** Every living process that this agent may look at. */
export const listProcesses = (): readonly ProcessStat[] => {
  const found: ProcessStat[] = [];
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const seen = readProcess(Number(name));
    if (seen?.alive === true) found.push(seen);
  }
  return found;
};

/** True when the process was started with exactly these variables; false when it is gone or not ours to read. */
export const hasEnvironment = (pid: number, entries: readonly string[]): boolean => {
  try {
    const environment = `\0${readFileSync(`/proc/${pid}/environ`, 'utf8')}`;
    return entries.every((entry) => environment.includes(`\0${entry}\0`));
  } catch {
    return false;
  }
};

/** How often the kernel has killed for want of memory since boot. */
export const readOomKills = (): number => {
  try {
    return Number(/^oom_kill (\d+)$/m.exec(readFileSync('/proc/vmstat', 'latin1'))?.[1] ?? 0);
  } catch {
    return 0;
  }
};
