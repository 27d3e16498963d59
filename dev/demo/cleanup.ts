/** The demo's own folder, and how nothing of it is left. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { layoutOf } from '../local/layout.ts';
import { stopCluster } from './cluster.ts';
import { DemoError } from './demo-error.ts';

export interface DemoFolder {
  readonly root: string;
  /** Of the local installation. */
  readonly state: string;
  readonly source: string;
  /** For what is restored, exported and applied. */
  at(...names: readonly string[]): string;
}

export function makeDemoFolder(): DemoFolder {
  const root = realpathSync(mkdtempSync(path.join(tmpdir(), 'twinreel-demo-')));
  const at = (...names: readonly string[]): string => path.join(root, ...names);
  return { root, state: at('state'), source: at('source'), at };
}

/** Ends all processes of the demo and removes its folder. @throws DemoError when something can't be removed */
export async function leaveNothing({ root, state }: DemoFolder): Promise<void> {
  if (existsSync(layoutOf(state).options)) await stopCluster(state);
  remove(root);
}

/**
 * Removes a folder with all in it, whatever its modes and names.
 * @throws DemoError when something is mounted in it, which removing would empty
 */
export function remove(folder: string): void {
  if (!existsSync(folder)) return;
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[4] ?? '')
    .filter((mount) => mount.startsWith(`${folder}/`));
  if (mounts.length > 0) throw new DemoError(`not removed, since something is mounted there: ${mounts.join(', ')}`);
  // Folders that nobody may write to hold root up no more than others, but do hold up everybody else.
  if (process.getuid?.() !== 0) execFileSync('chmod', ['-R', 'u+rwX', folder]);
  rmSync(folder, { recursive: true, force: true });
  if (existsSync(folder)) throw new DemoError(`${folder} could not be removed`);
}
