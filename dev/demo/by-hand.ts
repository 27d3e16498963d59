/** Restores copy 0 without Twinreel: its tapes exported file by file, then `by-hand.sh`, which is GNU tar and cat. */
import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import type { Backup } from './backup.ts';
import { remove } from './cleanup.ts';
import { requireSame } from './compare.ts';
import { DemoError } from './demo-error.ts';
import type { Stage } from './stage.ts';

const root = path.join(import.meta.dirname, '..', '..');
const script = path.join('dev', 'demo', 'by-hand.sh');
const owners = process.getuid?.() === 0;
const execute = promisify(execFile);

/** @throws DemoError */
export async function restoreByHand(stage: Stage, backup: Backup): Promise<void> {
  const { teller, folder, times } = stage;
  const tapes = await times.measure(
    'export tapes of copy 0',
    () => exportTapes(stage, backup),
    (exported) => exported.map((one) => path.basename(one)).join(', '),
  );
  const target = folder.at('restored-by-hand');
  const args = [script, backup.job.metadata.uid ?? '', target, ...tapes];
  const output = await times.measure('tar by hand: copy 0', () => run('sh', args, stage.signal));
  teller.command(`sh ${args.join(' ')}`, output);
  // The target's own time is that of the last change in it: the script's work folder was there.
  const order = { left: stage.source, right: target, options: { owners, rootAttributes: false, limit: 1000 } };
  await requireSame(stage, 'GNU tar alone', order, backup.appliedAt);
  for (const one of [target, ...tapes]) remove(one);
}

/** By the command line that a user has. @returns the folders of the tapes, each with one file per tape file */
async function exportTapes(stage: Stage, { heads }: Backup): Promise<readonly string[]> {
  const areas = heads.find(({ spec }) => spec.stream === 0)?.status?.areas ?? [];
  const folders: string[] = [];
  for (const { library, barcode } of areas) {
    const out = stage.folder.at('export', barcode);
    if (folders.includes(out)) continue;
    const args = ['tape', 'export', '--library', stage.cluster.libraryFolder(library), '--barcode', barcode];
    const main = path.join('src', 'cli', 'main.ts');
    const output = await run(process.execPath, [main, ...args, '--out', out], stage.signal);
    stage.teller.command(`npm run -s twinreel -- ${args.join(' ')} --out ${out}`, output);
    folders.push(out);
  }
  return folders;
}

/** @returns what it printed. @throws DemoError on any exit code but 0 */
async function run(command: string, args: readonly string[], signal: AbortSignal): Promise<string> {
  try {
    const { stdout, stderr } = await execute(command, args, { cwd: root, signal });
    return stdout + stderr;
  } catch (error) {
    signal.throwIfAborted();
    throw new DemoError(`${command} ${args.join(' ')}: ${error instanceof Error ? error.message : String(error)}`);
  }
}
