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
  traces,
} from './snapshot-bench.ts';

const spec = { ...snapshotSpec, segmentSize: '2Mi' };

/** For half a minute: as long as the tests look at a job that runs. */
const bytesPerSecond = 500_000;

const twice = (...kinds: readonly string[]): readonly string[] => kinds.flatMap((kind) => [kind, kind]);

/** Of one snapshot with two clones. */
const kindsOfTraces = [
  ...twice('Folder', 'PersistentVolume', 'PersistentVolumeClaim', 'Pod'),
  ...['Folder', 'VolumeSnapshot', 'VolumeSnapshotContent'],
].sort();

/** The application's last entry when the first snapshot was taken, as a hook has noted it. */
const entryAtCut = (): number => Number(/^before (\d+)$/.exec(order()[0] ?? '')?.[1]);

/** Two streams, each with a clone of its own that an anchor on its node has mounted. */
const expectClones = async (job: BackupJob): Promise<void> => {
  expect((await traces()).map((one) => one.split(' ')[0]).sort()).toEqual(kindsOfTraces);
  const claims = (await clones()).map(({ metadata }) => metadata?.name);
  const mounted = (await anchors()).map(({ spec: pod }) => [
    pod?.volumes?.[0]?.persistentVolumeClaim?.claimName,
    pod?.nodeName,
  ]);
  expect(mounted.map(([claim]) => claim).sort()).toEqual(claims.sort());
  expect(mounted.map(([, node]) => node).sort()).toEqual([...nodes]);
  expect(job.status?.streams?.map(({ node }) => node).sort()).toEqual([...nodes]);
};

export const snapshotTests = (): void => {
  describe('snapshots on a whole cluster', { timeout: 240_000 }, () => {
    beforeAll(startSnapshots);
    afterAll(async () => {
      await settle();
      await stopSnapshots();
    });

    test('a snapshot is cut between the hooks; the application goes on while clones of it are read', async () => {
      const job = await start({ name: 'shot', spec }, bytesPerSecond);
      const entry = entryAtCut();
      expect(order()).toEqual([`before ${entry}`, 'cut', `after ${entry}`]);
      await expectClones(job);
      await bench.until('the application writes on', async () => (lastEntry() > entry + 50 ? true : undefined), 30);
      expect((await readJob('shot')).status?.completionTime).toBeUndefined();
      goFast();
      const done = await ended('shot');
      expect(done.status).toMatchObject({ phase: 'Succeeded', failovers: 0 });
      expect(condition(done, 'Consistent')).toBe('True Snapshot');
      expect(done.status?.dataTime).toBe(done.status?.snapshot?.takenAt);
      await nothingLeft();
      await atRest();
    });

    test('either copy brings back what the claim was at the cut', async () => {
      const restore = async (stream: number) =>
        restoreAndCompare('shot', `shot-${stream}`, { preferStreams: [stream] }, asCut(1));
      await Promise.all([0, 1].map(restore));
      expect([lastEntry(asCut(1)), isWhole(asCut(1))]).toEqual([entryAtCut(), true]);
      await atRest();
    });

    test('snapshot and clones go with a job that is cancelled in the middle, and the application is awake', async () => {
      const job = await start({ name: 'unshot', spec }, bytesPerSecond);
      await expectClones(job);
      const cancel = '{"spec":{"cancel":true}}';
      await bench.kubectl('patch', 'backupjob', 'unshot', '-n', team, '--type=merge', '-p', cancel);
      expect((await ended('unshot')).status).toMatchObject({ phase: 'Cancelled' });
      await nothingLeft();
      const [, entry] = /^after (\d+)$/.exec(order().at(-1) ?? '') ?? [];
      expect(entry).toBeDefined();
      await bench.until('the application writes on', async () => (lastEntry() > Number(entry) ? true : undefined), 30);
      await atRest();
    });
  });
};
