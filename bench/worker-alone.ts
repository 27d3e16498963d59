/** One run of the worker's data path in a process of its own: `backup` or `restore`, told by one JSON argument. */
import { readFileSync, writeFileSync } from 'node:fs';
import { flushCompileCache } from 'node:module';
import type { SegmentCommit } from '../src/worker/ledger.ts';
import type { LocalBackup, LocalPlan } from '../src/worker/local-backup.ts';
import { widenThreadPool } from '../src/worker/thread-pool.ts';

export interface AloneRun {
  readonly action: 'backup' | 'restore';
  readonly backup: LocalBackup;
  /** Plan and commits: written by a backup, read by a restore. */
  readonly recordFile: string;
  readonly target: string;
}

interface Kept {
  readonly plan: Pick<LocalPlan, 'workFolder'>;
  readonly commits: readonly SegmentCommit[];
}

const isKept = (value: unknown): value is Kept => typeof value === 'object' && value !== null && 'commits' in value;

const backUp = async ({ backup, recordFile }: AloneRun): Promise<void> => {
  const { backUpLocally } = await import('../src/worker/local-backup.ts');
  const { plan, commits } = await backUpLocally(backup);
  writeFileSync(recordFile, JSON.stringify({ plan: { workFolder: plan.workFolder }, commits } satisfies Kept));
};

const restore = async ({ backup, recordFile, target }: AloneRun): Promise<void> => {
  const { restoreLocally } = await import('../src/worker/local-restore.ts');
  const kept: unknown = JSON.parse(readFileSync(recordFile, 'utf8'));
  if (!isKept(kept)) throw new TypeError(`${recordFile} is no record of a backup`);
  await restoreLocally(backup, kept.plan, kept.commits, target);
};

const isRun = (value: unknown): value is AloneRun =>
  typeof value === 'object' && value !== null && 'action' in value && 'backup' in value;

// As the worker's own `main.ts` has it.
widenThreadPool(process.env);
const run: unknown = JSON.parse(process.argv[2] ?? '{}');
if (!isRun(run)) throw new TypeError('the run is told by one JSON argument');
await (run.action === 'backup' ? backUp(run) : restore(run));
flushCompileCache();
// Kibibytes, threads included.
process.stdout.write(`${JSON.stringify({ peakBytes: process.resourceUsage().maxRSS * 1024 })}\n`);
