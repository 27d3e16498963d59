import { randomBytes } from 'node:crypto';
import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import type { BackupSaveRecordStatus } from '../../../src/api/generated/backup-save-record.ts';
import { surveyGroups, type SurveyedGroup } from '../../../src/tape/survey.ts';
import { makeCutLine } from './cut-line.ts';
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
import { describeTree, makeTree } from './trees.ts';
import { runWorker, startWorker } from './worker-process.ts';

const MiB = 2 ** 20;

// Each starts a dozen processes; nothing in them waits for a time.
vi.setConfig({ testTimeout: 300_000 });

const survey = (stage: Stage): readonly SurveyedGroup[] => {
  const drive = stage.library.openDrive(0);
  try {
    return [...surveyGroups(drive)];
  } finally {
    drive.close();
  }
};

const setFaults = (stage: Stage, ...faults: readonly object[]): void =>
  writeFileSync(join(stage.library.folder, 'faults.yaml'), JSON.stringify(faults));

/** Numbers of segments in whole data and links groups, in the order in which they stand on the tape. */
const written = (groups: readonly SurveyedGroup[]): readonly number[] =>
  groups.flatMap((group) => (group.kind === 'whole' && group.header.kind !== 'catalogue' ? [group.header.number] : []));

describe('a stream worker that is killed', () => {
  test('at random moments loses no committed segment; at most the open one is written again', async () => {
    const stage = await makeStage();
    makeTree(stage.source, 120);
    const segments = await loadAndPlan(stage, 8 * MiB);
    const kills = 5;
    for (let epoch = 1; epoch <= kills; epoch += 1) {
      await grant(stage, epoch);
      const before = await readCommits(stage);
      const worker = startWorker(backupOrder(stage, epoch), stage.kubeconfig, foldersOf(stage));
      const enough = before.size + 1 + Math.floor(Math.random() * 2);
      await headIs(stage, ({ openSegment = 0 }) => openSegment >= Math.min(enough, segments - 1));
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 120));
      worker.kill('SIGKILL');
      await worker.ended;
      const after = await readCommits(stage);
      for (const [segment, commit] of before) expect(after.get(segment)).toEqual(commit);
    }
    await grant(stage, kills + 1, [{ first: 0, last: segments }]);
    const worker = startWorker(backupOrder(stage, kills + 1), stage.kubeconfig, foldersOf(stage));
    await headIs(stage, ({ totals }) => totals?.segments === segments + 1);
    await patchHead(stage, stage.record, { close: true });
    expect(await worker.ended).toMatchObject({ code: 0 });

    const groups = survey(stage);
    const whole = written(groups);
    expect(whole.length).toBe(new Set(whole).size);
    expect(new Set(whole).size).toBe(segments + 1);
    const notWhole = groups.filter(({ kind }) => kind !== 'whole');
    expect(notWhole.length).toBeLessThanOrEqual(kills);
    expect(notWhole.every(({ kind }) => kind === 'abandoned')).toBe(true);
    const restore = await makeRestore(stage);
    expect(await runWorker(restoreOrder(stage, restore), stage.kubeconfig, foldersOf(stage))).toMatchObject({
      code: 0,
    });
    expect(describeTree(stage.target)).toBe(describeTree(stage.source));
  });

  test('between flush and commit leaves a whole group, which the next one adopts', async () => {
    const stage = await makeStage();
    makeTree(stage.source, 40);
    const segments = await loadAndPlan(stage, 8 * MiB);
    const line = await makeCutLine(stage.kubeconfig);
    await grant(stage, 1);
    const worker = startWorker(backupOrder(stage, 1), line.kubeconfig, foldersOf(stage));
    await headIs(stage, ({ openSegment }) => openSegment !== undefined && openSegment >= 2);
    line.cut();
    await new Promise((resolve) => setTimeout(resolve, 6_000));
    worker.kill('SIGKILL');
    await worker.ended;
    const unrecorded = written(survey(stage));
    const before = await readCommits(stage);
    expect(unrecorded.length).toBeGreaterThan(before.size);

    await grant(stage, 2, [{ first: 0, last: segments }]);
    const next = startWorker(backupOrder(stage, 2), stage.kubeconfig, foldersOf(stage));
    await headIs(stage, ({ totals }) => totals?.segments === segments + 1);
    await patchHead(stage, stage.record, { close: true });
    expect(await next.ended).toMatchObject({ code: 0 });
    const whole = written(survey(stage));
    expect(whole.length).toBe(segments + 1);
    const adopted = [...(await readCommits(stage)).values()].filter(({ epoch }) => epoch === 1);
    expect(adopted.length).toBe(unrecorded.length);
  });
});

describe('a stream worker that has lost its grant', () => {
  const cases = [
    { name: 'a sealed head', patch: { sealed: true }, reason: 'Sealed' },
    { name: 'a foreign epoch', patch: { epoch: 9 }, reason: 'ForeignEpoch' },
    { name: 'another pod', patch: { pod: 'tw-other' }, reason: 'ForeignPod' },
  ];
  test.for(cases)('stops at once on $name', async ({ patch, reason }) => {
    const stage = await makeStage();
    makeTree(stage.source, 40);
    await loadAndPlan(stage, 8 * MiB);
    await grant(stage, 1, [{ first: 0, last: 1 }]);
    const worker = startWorker(backupOrder(stage, 1), stage.kubeconfig, foldersOf(stage));
    await headIs(stage, ({ totals }) => totals?.segments === 2);
    await patchHead(stage, stage.record, { ...patch, assigned: [{ first: 0 }] });
    const end = await worker.ended;
    expect(end).toMatchObject({ code: 143, message: { outcome: 'stopped', reason } });
    expect((await readCommits(stage)).size).toBe(2);
    expect(end.message?.tape?.groups).toBeGreaterThanOrEqual(2);
  });

  test('does not begin when drive and tape are held by somebody else', async () => {
    const stage = await makeStage();
    makeTree(stage.source, 4);
    await loadAndPlan(stage, 8 * MiB);
    await grant(stage, 2);
    await patchHead(stage, stage.record, { epoch: 3, pod: backupOrder(stage, 3).pod });
    const end = await runWorker(backupOrder(stage, 3), stage.kubeconfig, foldersOf(stage));
    expect(end).toMatchObject({ code: 2, message: { outcome: 'failed', reason: 'NotTheHolder' } });
    expect(survey(stage)).toEqual([]);
  });
});

describe('a stream worker whose API server is away', () => {
  test('writes on, queues its commits, and records them when it is back', async () => {
    const stage = await makeStage();
    makeTree(stage.source, 120);
    const segments = await loadAndPlan(stage, 8 * MiB);
    const line = await makeCutLine(stage.kubeconfig);
    await grant(stage, 1);
    const worker = startWorker(backupOrder(stage, 1), line.kubeconfig, foldersOf(stage));
    await headIs(stage, ({ openSegment }) => openSegment !== undefined && openSegment >= 2);
    line.cut();
    await new Promise((resolve) => setTimeout(resolve, 8_000));
    const away = await readCommits(stage);
    line.mend();
    await headIs(stage, ({ totals }) => totals?.segments === segments);
    expect((await readCommits(stage)).size).toBeGreaterThan(away.size);
    await patchHead(stage, stage.record, { close: true });
    expect(await worker.ended).toMatchObject({ code: 0 });
    expect((await readCommits(stage)).size).toBe(segments);
    expect(written(survey(stage))).toHaveLength(segments);
  });
});

describe('a stream worker on a drive with faults', () => {
  test('ends at once on a write error and says whose fault it was', async () => {
    const stage = await makeStage();
    makeTree(stage.source, 40);
    await loadAndPlan(stage, 8 * MiB);
    setFaults(stage, { drive: 0, kind: 'writeError', afterBytes: 20 * MiB });
    await grant(stage, 1);
    const end = await runWorker(backupOrder(stage, 1), stage.kubeconfig, foldersOf(stage));
    expect(end).toMatchObject({ code: 20, message: { outcome: 'failed', reason: 'TapeWriteError', fault: 'drive' } });
    expect(end.message?.lostBytes).toBeGreaterThan(0);
    expect((await readCommits(stage)).size).toBeGreaterThan(0);
    setFaults(stage);
    expect(end.message?.tape?.groups).toBe(survey(stage).filter(({ kind }) => kind !== 'torn').length);
    expect(end.message?.tape?.usedBytes).toBeGreaterThan(8 * MiB);
  });

  test('beats on while its drive is stalled, and ends on SIGTERM nevertheless', async () => {
    const stage = await makeStage();
    makeTree(stage.source, 40);
    await loadAndPlan(stage, 8 * MiB);
    setFaults(stage, { drive: 0, kind: 'stall', afterBytes: 20 * MiB });
    await grant(stage, 1);
    const worker = startWorker(backupOrder(stage, 1), stage.kubeconfig, foldersOf(stage));
    await headIs(stage, ({ activity, openBytes = 0 }) => activity === 'Writing' && openBytes > 0);
    let before: BackupSaveRecordStatus = {};
    const stalled = await headIs(stage, (status) => {
      const beatsOnly = status.heartbeat !== before.heartbeat && status.progressCount === before.progressCount;
      before = status;
      return beatsOnly;
    });
    const beat = await headIs(stage, ({ heartbeat }) => heartbeat !== stalled.heartbeat);
    expect(beat).toMatchObject({ activity: 'Writing', progressCount: stalled.progressCount });
    const at = Date.now();
    worker.kill('SIGTERM');
    expect(await worker.ended).toMatchObject({ code: 143, message: { outcome: 'stopped', reason: 'Terminated' } });
    expect(Date.now() - at).toBeLessThan(5_000);
  });

  test('is Writing, not waiting for work, while its drive hangs at the first label of a group', async () => {
    const stage = await makeStage();
    makeTree(stage.source, 4);
    await loadAndPlan(stage, 8 * MiB);
    await grant(stage, 1, []);
    const worker = startWorker(backupOrder(stage, 1), stage.kubeconfig, foldersOf(stage));
    await headIs(stage, ({ activity }) => activity === 'WaitingForWork');
    setFaults(stage, { drive: 0, kind: 'stall' });
    await patchHead(stage, stage.record, { assigned: [{ first: 0 }] });
    expect(await headIs(stage, ({ activity }) => activity === 'Writing')).toMatchObject({ progressCount: 0 });
    worker.kill('SIGTERM');
    expect(await worker.ended).toMatchObject({ code: 143 });
    setFaults(stage);
    expect(survey(stage)).toEqual([]);
  });

  /** A restore that has begun in its target and gets no further. */
  const hangInRestore = async () => {
    const stage = await makeStage();
    makeTree(stage.source, 4);
    await backUpAll(stage, await loadAndPlan(stage, 8 * MiB));
    setFaults(stage, { drive: 0, kind: 'stall', afterBytes: 2 * MiB });
    const restore = await makeRestore(stage);
    const worker = startWorker(restoreOrder(stage, restore), stage.kubeconfig, foldersOf(stage));
    let before: BackupSaveRecordStatus = {};
    const stalled = await headIs(
      stage,
      (status) => {
        const standsStill = status.heartbeat !== before.heartbeat && status.progressCount === before.progressCount;
        before = status;
        return standsStill && (status.progressCount ?? 0) > 0;
      },
      restore.record,
    );
    const workFolders = () => readdirSync(stage.target).filter((name) => name.startsWith('.twinreel-restore-'));
    return { stage, restore, worker, stalled, workFolders };
  };

  test('is Reading while its drive hangs in a restore, and leaves what another one goes on with', async () => {
    const { worker, stalled, workFolders } = await hangInRestore();
    expect(stalled).toMatchObject({ activity: 'Reading' });
    expect(workFolders()).toHaveLength(1);
    worker.kill('SIGTERM');
    const { code, message } = await worker.ended;
    expect([code, message?.tidied]).toEqual([143, undefined]);
    expect(workFolders()).toHaveLength(1);
  });

  test('takes its working folder out of the target when the restore is given up', async () => {
    const { stage, restore, worker, workFolders } = await hangInRestore();
    await patchHead(stage, restore.record, { sealed: true, reason: 'RestoreEnded' });
    expect(await worker.ended).toMatchObject({ code: 143, message: { reason: 'Sealed', tidied: true } });
    expect(workFolders()).toEqual([]);
  });

  test('tells at the end of the tape that it is full; what was committed stands', async () => {
    const stage = await makeStage({ tapeSizeBytes: 32 * MiB });
    makeTree(stage.source, 60);
    const segments = await loadAndPlan(stage, 8 * MiB);
    await grant(stage, 1);
    const end = await runWorker(backupOrder(stage, 1), stage.kubeconfig, foldersOf(stage));
    expect(end).toMatchObject({ code: 22, message: { outcome: 'failed', reason: 'TapeFull', fault: 'tape' } });
    const commits = await readCommits(stage);
    expect(commits.size).toBeGreaterThan(0);
    expect(commits.size).toBeLessThan(segments);
    const groups = survey(stage);
    expect(written(groups)).toHaveLength(commits.size);
    expect(end.message?.tape?.groups).toBe(groups.filter(({ kind }) => kind !== 'torn').length);
    expect((await readHead(stage)).totals?.segments).toBe(commits.size);
  });

  test('tells that a segment is too large for an empty tape, which is no fault of the tape', async () => {
    const stage = await makeStage({ tapeSizeBytes: 16 * MiB });
    makeTree(stage.source, 60);
    expect(await loadAndPlan(stage, 1024 * MiB)).toBe(1);
    await grant(stage, 1);
    const end = await runWorker(backupOrder(stage, 1), stage.kubeconfig, foldersOf(stage));
    expect(end).toMatchObject({ code: 10, message: { reason: 'SegmentTooLarge', fault: 'source' } });
    expect(end.message?.tape?.usedBytes).toBeGreaterThan(8 * MiB);
    expect((await readCommits(stage)).size).toBe(0);
  });

  test('restores what can be read and tells which copies could not', async () => {
    const stage = await makeStage();
    makeTree(stage.source, 40);
    const segments = await loadAndPlan(stage, 8 * MiB);
    await backUpAll(stage, segments);
    setFaults(stage, { drive: 0, kind: 'readError', afterBytes: 10 * MiB });
    const restore = await makeRestore(stage);
    const first = restoreOrder(stage, restore, { finish: false });
    expect(await runWorker(first, stage.kubeconfig, foldersOf(stage))).toMatchObject({ code: 0 });
    const told = (await readHead(stage, restore.record)).restore;
    expect(told?.badSegments).toHaveLength(1);
    expect(told?.badSegments?.[0]).toMatchObject({ barcode: stage.barcode, reason: 'ReadError' });
    // `links` joins names of all segments: it waits for the one that is still missing.
    expect(told).toMatchObject({ segmentsRead: segments - 1 });
    expect(told?.finished).toBeUndefined();

    // The second try finds the same copy good: the fault has gone.
    rmSync(join(stage.library.folder, 'faults.yaml'));
    const again = await runWorker(restoreOrder(stage, restore), stage.kubeconfig, foldersOf(stage));
    expect(again).toMatchObject({ code: 0 });
    expect((await readHead(stage, restore.record)).restore).toMatchObject({ segmentsRead: segments + 1 });
    expect(describeTree(stage.target)).toBe(describeTree(stage.source));
  });
});

describe('a stream worker on another source than the planned one', () => {
  test('writes nothing', async () => {
    const stage = await makeStage();
    makeTree(stage.source, 4);
    await loadAndPlan(stage, 8 * MiB);
    await grant(stage, 1);
    writeFileSync(join(stage.target, 'other'), randomBytes(10));
    const elsewhere = { ...foldersOf(stage), source: stage.target };
    const end = await runWorker(backupOrder(stage, 1), stage.kubeconfig, elsewhere);
    expect(end).toMatchObject({ code: 10, message: { reason: 'SourceMismatch', fault: 'source' } });
    expect(survey(stage)).toEqual([]);
  });
});
