/** A restore worker without Kubernetes, beside `local-backup.ts`: for benchmarks and tests. */
import { randomUUID } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import type { LocalBackup, LocalPlan } from './local-backup.ts';
import { localJob } from './local-backup.ts';
import type { SegmentCommit } from './ledger.ts';
import { SharedProgress } from './progress.ts';
import { RestorePipeline } from './restore-pipeline.ts';

/** Restores everything into the folder. @throws Error with the first copy that could not be used */
export const restoreLocally = async (
  { address, barcode, labelId }: Pick<LocalBackup, 'address' | 'barcode' | 'labelId'>,
  plan: Pick<LocalPlan, 'workFolder'>,
  commits: readonly SegmentCommit[],
  target: string,
): Promise<{ readonly bytes: number; readonly files: number }> => {
  mkdirSync(target, { recursive: true });
  const progress = new SharedProgress();
  const pipeline = new RestorePipeline(progress);
  await Promise.all([
    pipeline.openTape(address, { barcode, labelId }),
    pipeline.openTarget(target, { workFolder: plan.workFolder, restoreUid: randomUUID(), conflict: 'Overwrite' }),
  ]);
  for (const { segment, group, kind, sha256, encoding } of commits) {
    const wanted = { segment, group, kind, sha256, uid: localJob.uid };
    const outcome = await pipeline.restore(wanted, encoding.startsWith('Z') ? 'Z' : 'N', { kind: 'all' });
    if (outcome.kind === 'bad') throw new Error(`segment ${segment}: ${outcome.reason}: ${outcome.message}`);
  }
  await pipeline.finish();
  await pipeline.close();
  const { bytes, files } = progress.read();
  return { bytes, files };
};
