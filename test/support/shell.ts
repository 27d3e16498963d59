import { spawn } from 'node:child_process';
import path from 'node:path';

/** The checkout: where the npm scripts are. */
export const root = path.join(import.meta.dirname, '..', '..');

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
}

/** Runs a command to its end; whatever its exit code, that is no error. */
export const run = async (command: string, args: readonly string[], options: RunOptions = {}): Promise<Ended> => {
  const child = spawn(command, args, { cwd: root, ...options, stdio: ['ignore', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  return { code, stdout, stderr };
};

/** A line as a user types it. */
export const shell = (line: string, options: RunOptions = {}): Promise<Ended> => run('sh', ['-c', line], options);
