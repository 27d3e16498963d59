import { spawn } from 'node:child_process';
import { once } from 'node:events';

export interface Measured {
  readonly seconds: number;
  /** User and system, of all processes. */
  readonly cpuSeconds: number;
  /** Absent where the run does not tell. */
  readonly peakBytes?: number;
}

/** Runs a shell script and measures it with all its children, as bash's own `time` does. @throws Error when it fails */
export const measure = async (script: string, env: NodeJS.ProcessEnv = {}): Promise<Measured> => {
  const timed = `TIMEFORMAT='%R %U %S'; set -o pipefail; time { ${script}\n}`;
  const child = spawn('bash', ['-c', timed], { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  await once(child, 'close');
  if (child.exitCode !== 0) throw new Error(`${script}\n${stderr}`);
  const [seconds = NaN, user = NaN, system = NaN] = (stderr.trim().split('\n').at(-1) ?? '').split(' ').map(Number);
  const peak = /"peakBytes":(\d+)/.exec(stdout)?.[1];
  return { seconds, cpuSeconds: user + system, ...(peak !== undefined && { peakBytes: Number(peak) }) };
};

export const median = (values: readonly number[]): number => {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? NaN) + upper) / 2;
};

/** For a shell: one word, whatever is in it. */
export const quote = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;
