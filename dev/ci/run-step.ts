import { spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';

export interface Step {
  readonly name: string;
  readonly command: readonly [string, ...string[]];
  readonly limitMs: number;
}

/** Vitest and the control planes of its tests need some seconds to stop. */
const graceMs = 60_000;

/**
 * Runs a command with this process's output, in a process group of its own. Beyond its time it is asked to stop, then
 * killed with all its children.
 *
 * @returns its exit code; 128 or more when it was ended
 */
export const runStep = async (
  { name, command: [file, ...args], limitMs }: Step,
  signal: AbortSignal,
): Promise<number> => {
  const startedAt = performance.now();
  console.log(`\n== ${name}`);
  const child = spawn(file, args, { stdio: ['ignore', 'inherit', 'inherit'], detached: true });
  const ended = new Promise<number>((resolve) => {
    child.once('error', (error) => {
      console.error(`${file} can't be run: ${error.message}`);
      resolve(127);
    });
    child.once('exit', (code) => resolve(code ?? 128));
  });
  const stop = new AbortController();
  const tooLong = sleep(limitMs, 'tooLong' as const, { signal: AbortSignal.any([stop.signal, signal]) }).catch(
    () => 'tooLong' as const,
  );
  const first = await Promise.race([ended, tooLong]);
  if (first === 'tooLong' && child.pid !== undefined) {
    console.error(signal.aborted ? `${name} is stopped` : `${name} has taken ${seconds(limitMs)} and is stopped`);
    await endGroup(child.pid, ended);
  }
  stop.abort();
  const code = first === 'tooLong' ? 128 : first;
  console.log(
    `== ${name}: ${code === 0 ? 'done' : `failed with ${code}`} in ${seconds(performance.now() - startedAt)}`,
  );
  return code;
};

const endGroup = async (pid: number, ended: Promise<number>): Promise<void> => {
  killGroup(pid, 'SIGTERM');
  const stop = new AbortController();
  await Promise.race([ended, sleep(graceMs, undefined, { signal: stop.signal }).catch(() => undefined)]);
  stop.abort();
  killGroup(pid, 'SIGKILL');
};

const killGroup = (pid: number, signal: NodeJS.Signals): void => {
  try {
    process.kill(-pid, signal);
  } catch {
    // Nobody is left in the group.
  }
};

const seconds = (ms: number): string => `${Math.round(ms / 1000)} s`;
