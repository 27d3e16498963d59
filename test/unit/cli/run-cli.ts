import { execFile } from 'node:child_process';
import { join } from 'node:path';

const main = join(import.meta.dirname, '../../../src/cli/main.ts');

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The real main, as a child whose output is no terminal. */
export const runCli = async (
  args: readonly string[],
  options: { readonly cwd?: string; readonly env?: Readonly<Record<string, string>> } = {},
): Promise<Ran> => {
  const { FORCE_COLOR: _color, INIT_CWD: _cwd, KUBECONFIG: _kubeconfig, ...env } = process.env;
  return new Promise((resolve) => {
    const spawned = { cwd: options.cwd, env: { ...env, ...options.env } };
    execFile(process.execPath, [main, ...args], spawned, (error, stdout, stderr) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : error === null ? 0 : -1, stdout, stderr });
    });
  });
};
