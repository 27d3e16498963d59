import { mkdirSync, readdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { backUpAll, foldersOf, loadAndPlan } from './prepared.ts';
import {
  backupOrder,
  grant,
  headIs,
  makeRestore,
  makeStage,
  patchHead,
  readCommits,
  readHead,
  restoreOrder,
  type Stage,
} from './stage.ts';
import { labels, operatorNamespace, pageName } from '../../../src/api/names.ts';
import { savePages } from '../../../src/api/resources.ts';
import type { SegmentInfo } from '../../../src/archive/info.ts';
import { openSegment } from '../../../src/archive/segment-reader.ts';
import { openGroup } from '../../../src/tape/group-reader.ts';
import { describeTree, makeTree } from './trees.ts';
import { runWorker, startWorker } from './worker-process.ts';

const MiB = 2 ** 20;

vi.setConfig({ testTimeout: 300_000 });

/** What the segment in a group says about itself. */
const infoOnTape = (stage: Stage, group: number): SegmentInfo => {
  const drive = stage.library.openDrive(0);
  try {
    const opened = openGroup(drive, group);
    if (opened.kind !== 'group') throw new Error(opened.kind);
    const next = (): Buffer | undefined => {
      const block = opened.reader.next();
      return block && Buffer.from(block);
    };
    return openSegment({ next }, { compression: 'N' }).info;
  } finally {
    drive.close();
  }
};

describe('a stream worker', () => {
  test('writes and commits every segment, then links and the catalogue; a restore brings back the same tree', async () => {
    const stage = await makeStage();
    makeTree(stage.source, 60);
    const segments = await loadAndPlan(stage, 8 * MiB);
    expect(segments).toBeGreaterThan(6);
    await grant(stage, 1);
    const worker = startWorker(backupOrder(stage, 1), stage.kubeconfig, foldersOf(stage));
    await headIs(stage, ({ totals }) => totals?.segments === segments);
    await patchHead(stage, stage.record, { assigned: [{ first: 0, last: segments }] });
    await headIs(stage, ({ totals }) => totals?.segments === segments + 1);
    await patchHead(stage, stage.record, { close: true });
    expect(await worker.ended).toMatchObject({ code: 0, message: { outcome: 'succeeded', reason: 'Done' } });

    const commits = await readCommits(stage);
    expect([...commits.keys()].sort((a, b) => a - b)).toEqual(Array.from({ length: segments + 1 }, (_, n) => n));
    const head = await readHead(stage);
    expect(head.openSegment).toBeUndefined();
    expect(head.areas).toMatchObject([{ firstSegment: 0, lastSegment: segments, segments: segments + 1, epoch: 1 }]);
    expect(infoOnTape(stage, 0)).toMatchObject({ segment: 0, group: 0, stream: 0, epoch: 1, consistent: true });
    const kept = readdirSync(join(stage.folder, 'catalogue', stage.job.uid, 's0'));
    expect(kept).toHaveLength(segments + 1);

    const restore = await makeRestore(stage);
    const restored = await runWorker(restoreOrder(stage, restore), stage.kubeconfig, foldersOf(stage));
    expect(restored).toMatchObject({ code: 0 });
    const told = (await readHead(stage, restore.record)).restore;
    expect(told).toMatchObject({ segmentsRead: segments + 1, finished: true, done: [{ first: 0, last: segments }] });
    expect(told?.badSegments ?? []).toEqual([]);
    expect(describeTree(stage.target)).toBe(describeTree(stage.source));
  });

  test('reads only the segments that hold a chosen path, and restores nothing else', async () => {
    const stage = await makeStage();
    makeTree(stage.source, 40);
    const segments = await loadAndPlan(stage, 8 * MiB);
    await backUpAll(stage, segments);
    const restore = await makeRestore(stage);
    const order = restoreOrder(stage, restore, { segments: [{ first: 0, last: 1 }], paths: ['data-0'] });
    expect(await runWorker(order, stage.kubeconfig, foldersOf(stage))).toMatchObject({ code: 0 });
    expect((await readHead(stage, restore.record)).restore).toMatchObject({ segmentsRead: 2, filesRestored: 1 });
    expect(readdirSync(stage.target)).toEqual(['data-0']);
    expect(readFileSync(join(stage.target, 'data-0')).equals(readFileSync(join(stage.source, 'data-0')))).toBe(true);
  });

  test('restores beneath what the owner of the hardware allows, and follows no link out of it', async () => {
    const stage = await makeStage();
    makeTree(stage.source, 2);
    const segments = await loadAndPlan(stage, 8 * MiB);
    await backUpAll(stage, segments);
    const outside = join(stage.folder, 'outside');
    mkdirSync(outside);
    symlinkSync(outside, join(stage.target, 'x'));
    const into = async (beneath: string) => {
      const order = restoreOrder(stage, await makeRestore(stage), { targetFolder: { prefix: '/srv', beneath } });
      return runWorker(order, stage.kubeconfig, foldersOf(stage));
    };
    const refused = await into('x/made');
    expect(refused).toMatchObject({ code: 11, message: { reason: 'TargetNotAllowed', fault: 'target' } });
    expect(refused.message?.message).toContain('/srv/x is a symbolic link');
    expect(readdirSync(outside)).toEqual([]);
    expect(await into('made/here')).toMatchObject({ code: 0 });
    expect(describeTree(join(stage.target, 'made/here'))).toBe(describeTree(stage.source));
  });

  test('opens pages under a retention lock where it is told that one stands', async () => {
    const stage = await makeStage();
    makeTree(stage.source, 2);
    const segments = await loadAndPlan(stage, 8 * MiB, { lockPages: true });
    await backUpAll(stage, segments, { lockPages: true });
    for (const record of [stage.planRecord, stage.record]) {
      const page = await stage.api.get(savePages, { namespace: operatorNamespace, name: pageName(record, 0) });
      expect(page.metadata.labels).toMatchObject({ [labels.locked]: 'true', [labels.record]: record });
    }
  });

  test('compresses where it is asked to, and restores from that', async () => {
    const stage = await makeStage();
    makeTree(stage.source, 10);
    const segments = await loadAndPlan(stage, 8 * MiB);
    await backUpAll(stage, segments, { compression: 'Zstd' });
    const restore = await makeRestore(stage);
    expect(await runWorker(restoreOrder(stage, restore), stage.kubeconfig, foldersOf(stage))).toMatchObject({
      code: 0,
    });
    expect(describeTree(stage.target)).toBe(describeTree(stage.source));
  });
});
