/**
 * Snapshots of claims on the whole cluster: hooks by exec, anchors by kubelets, the CRDs and the snapshot-controller of
 * Kubernetes; only the CSI driver below them is a stand-in, which copies folders.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { BackupJob } from '../../src/api/generated/index.ts';
import { condition, settle } from './fault-bench.ts';
import { atRest, bench, ended, goFast, nodes, readJob, restoreAndCompare, start, team } from './installed.ts';
import {
  anchors,
  asCut,
  clones,
  isWhole,
  lastEntry,
  nothingLeft,
  order,
  snapshotSpec,
  startSnapshots,
  stopSnapshots,
} from './snapshot-bench.ts';

const spec = { ...snapshotSpec, segmentSize: '4Mi' };

/** Two streams, each with a clone of its own that an anchor on its node has mounted. */
const expectClones = async (job: BackupJob): Promise<void> => {
  const claims = (await clones()).map(({ metadata }) => metadata?.name);
  expect(claims).toHaveLength(2);
  const mounted = (await anchors()).map(({ spec: pod }) => [
    pod?.volumes?.[0]?.persistentVolumeClaim?.claimName,
    pod?.nodeName,
  ]);
  expect(mounted.map(([claim]) => claim).sort()).toEqual(claims.sort());
  expect(mounted.map(([, node]) => node).sort()).toEqual([...nodes]);
  expect(job.status?.streams?.map(({ node }) => node).sort()).toEqual([...nodes]);
};

export const snapshotTests = (): void => {
  describe('snapshots on a whole cluster', () => {
    beforeAll(startSnapshots);
    afterAll(async () => {
      await settle();
      await stopSnapshots();
    });

    test('a backup shows the moment of the cut, between the hooks; the application goes on while it is read', async () => {
      const job = await start({ name: 'shot', spec }, 3_000_000);
      const frozenAt = Number(/^before (\d+)$/.exec(order()[0] ?? '')?.[1]);
      expect(order()).toEqual([`before ${frozenAt}`, 'cut', `after ${frozenAt}`]);
      await expectClones(job);
      await bench.until('the application writes on', async () => (lastEntry() > frozenAt + 50 ? true : undefined), 30);
      expect((await readJob('shot')).status?.completionTime).toBeUndefined();
      goFast();
      const done = await ended('shot');
      expect(done.status).toMatchObject({ phase: 'Succeeded', failovers: 0 });
      expect(condition(done, 'Consistent')).toBe('True Snapshot');
      expect(done.status?.dataTime).toBe(done.status?.snapshot?.takenAt);
      await nothingLeft();
      for (const stream of [0, 1])
        await restoreAndCompare('shot', `shot-${stream}`, { preferStreams: [stream] }, asCut(1));
      expect([lastEntry(asCut(1)), isWhole(asCut(1))]).toEqual([frozenAt, true]);
      await atRest();
    });

    test('snapshot and clones go with a job that is cancelled in the middle, and the application is awake', async () => {
      const job = await start({ name: 'unshot', spec }, 1_000_000);
      await expectClones(job);
      const cancel = '{"spec":{"cancel":true}}';
      await bench.kubectl('patch', 'backupjob', 'unshot', '-n', team, '--type=merge', '-p', cancel);
      expect((await ended('unshot')).status).toMatchObject({ phase: 'Cancelled' });
      await nothingLeft();
      expect(order().at(-1)).toMatch(/^after \d+$/);
      const entry = lastEntry();
      await bench.until('the application writes on', async () => (lastEntry() > entry ? true : undefined), 30);
      await atRest();
    });
  });
};
