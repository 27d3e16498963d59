import { join } from 'node:path';
import { expect } from 'vitest';
import type { BackupOrder, PlanOrder } from '../../../src/api/worker-order.ts';
import { backupOrder, grant, headIs, hold, loadOrder, patchHead, planOrder, readHead, type Stage } from './stage.ts';
import { runWorker, startWorker, type WorkerFolders } from './worker-process.ts';

export const foldersOf = (stage: Stage): WorkerFolders => ({
  library: stage.library.folder,
  source: stage.source,
  target: stage.target,
  catalogue: join(stage.folder, 'catalogue'),
});

/** The tape is loaded and labelled, the source is planned. @returns data segments; `links` has that number */
export const loadAndPlan = async (
  stage: Stage,
  segmentBytes: number,
  more: Partial<PlanOrder> = {},
): Promise<number> => {
  await hold(stage, stage.job, 1);
  const loaded = await runWorker(loadOrder(stage, 1), stage.kubeconfig, foldersOf(stage));
  expect(loaded).toMatchObject({ code: 0, message: { tape: { labelId: stage.labelId, groups: 0 } } });
  const planned = await runWorker({ ...planOrder(stage, segmentBytes), ...more }, stage.kubeconfig, foldersOf(stage));
  expect(planned).toMatchObject({ code: 0 });
  const { plan } = await readHead(stage, stage.planRecord);
  expect(plan).toMatchObject({ complete: true, segments: plan?.linksSegment });
  return plan?.segments ?? 0;
};

/** A whole backup by one worker, `links` and catalogue included. */
export const backUpAll = async (stage: Stage, segments: number, more: Partial<BackupOrder> = {}): Promise<void> => {
  await grant(stage, 1, [{ first: 0, last: segments }]);
  const worker = startWorker({ ...backupOrder(stage, 1), ...more }, stage.kubeconfig, foldersOf(stage));
  await headIs(stage, ({ totals }) => totals?.segments === segments + 1);
  await patchHead(stage, stage.record, { close: true });
  expect(await worker.ended).toMatchObject({ code: 0 });
};
