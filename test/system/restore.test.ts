/** Restores from real virtual tapes: whole and in part, from either copy, from damaged ones, and what is refused. */
import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { BackupJob, Commit, Restore } from '../../src/api/generated/index.ts';
import { backupServers } from '../../src/api/resources.ts';
import { compareTrees } from '../support/compare-trees.ts';
import { corruptPayload } from '../support/corrupt-tape.ts';
import { eventually, LocalCluster } from '../support/local-cluster.ts';
import { makeTree } from '../support/make-tree.ts';
import { findUnrest } from '../support/rest-state.ts';

let cluster: LocalCluster;
let job: BackupJob;
let source: string;

beforeAll(async () => {
  cluster = await LocalCluster.start({ servers: 2, libraries: 2, drives: 2, slots: 6 });
  source = path.join(cluster.folder, 'source');
  makeTree(source, { files: 500, totalBytes: 48e6, seed: 21, filesPerFolder: 60 });
  mkdirSync(path.join(source, 'known', 'deep'), { recursive: true });
  writeFileSync(path.join(source, 'known', 'notes.txt'), 'from the backup\n');
  writeFileSync(path.join(source, 'known', 'deep', 'more.txt'), 'more\n');
  utimesSync(path.join(source, 'known', 'notes.txt'), 1_700_000_000, 1_700_000_000);
  await cluster.createJob('whole', source);
  job = await cluster.jobEnded('whole');
  expect(job.status?.phase, job.status?.message).toBe('Succeeded');
});
afterAll(() => cluster.stop());

const segments = (): number => (job.status?.plan?.linksSegment ?? 0) + 1;

const commitOf = async (stream: number, segment: number): Promise<Commit> => {
  const pages = (await cluster.pagesOf(job)).filter(({ spec }) => spec.type === 'Commits' && spec.stream === stream);
  const commit = pages.map(({ status }) => status?.commits?.[String(segment)]).find((one) => one !== undefined);
  if (commit === undefined) throw new Error(`segment ${String(segment)} of stream ${String(stream)} is not committed`);
  return commit;
};

const libraryOf = (commit: Pick<Commit, 'library'>): number => Number(/\d+$/.exec(commit.library)?.[0]);

/** Applies a restore into a folder named like it, and waits for its end. */
const restored = async (name: string, spec: object = {}): Promise<{ restore: Restore; target: string }> => {
  const target = cluster.makeFolder(`targets/${name}`);
  await cluster.createRestore(name, 'whole', target, spec);
  return { restore: await cluster.restoreEnded(name), target };
};

const expectSame = (target: string): void => {
  const compared = compareTrees(source, target);
  expect(compared.differences).toEqual([]);
  expect(compared.files).toBeGreaterThan(400);
};

describe('a restore of everything', () => {
  it.each([0, 1])('is identical from copy %i alone', async (stream) => {
    const { restore, target } = await restored(`copy-${String(stream)}`, { preferStreams: [stream] });
    expect(restore.status).toMatchObject({ phase: 'Succeeded', segmentsRead: segments(), failureCount: 0 });
    expect(restore.status?.areas?.map((area) => area.stream)).toEqual([stream]);
    expectSame(target);
    rmSync(target, { recursive: true });
  });
});

describe('a restore of chosen paths', () => {
  it('reads only the segments that hold them', async () => {
    const { restore, target } = await restored('chosen', { paths: ['known/notes.txt', 'known/deep'] });
    expect(restore.status?.phase, restore.status?.message).toBe('Succeeded');
    // One or two of data, and links.
    expect(restore.status?.segmentsRead).toBeLessThanOrEqual(3);
    expect(segments()).toBeGreaterThan(6);
    expect(readdirSync(target, { recursive: true }).sort()).toEqual([
      'known',
      path.join('known', 'deep'),
      path.join('known', 'deep', 'more.txt'),
      path.join('known', 'notes.txt'),
    ]);
    const compared = compareTrees(path.join(source, 'known'), path.join(target, 'known'), { rootAttributes: false });
    expect(compared.differences).toEqual([]);
  });

  it('says which path the backup does not hold', async () => {
    const { restore } = await restored('absent', { paths: ['known/notes.txt', 'known/nothing'] });
    expect(restore.status).toMatchObject({ phase: 'Failed', reason: 'PathNotFound' });
    expect(restore.status?.message).toContain('known/nothing');
  });
});

describe('a file that is there already', () => {
  const withFile = async (conflict: string, name: string, seconds: number) => {
    const target = cluster.makeFolder(`targets/${name}`);
    mkdirSync(path.join(target, 'known'));
    const file = path.join(target, 'known', 'notes.txt');
    writeFileSync(file, 'from before\n');
    utimesSync(file, seconds, seconds);
    await cluster.createRestore(name, 'whole', target, { paths: ['known'], conflict });
    const { status } = await cluster.restoreEnded(name);
    expect(existsSync(path.join(target, 'known', 'deep', 'more.txt'))).toBe(true);
    return { status, content: readFileSync(file, 'utf8') };
  };

  it('is left and reported under Fail', async () => {
    const { status, content } = await withFile('Fail', 'conflict-fail', 1_600_000_000);
    expect(content).toBe('from before\n');
    expect(status).toMatchObject({ phase: 'Failed', reason: 'FilesFailed', failureCount: 1 });
    expect(status?.failures?.[0]).toMatchObject({ path: 'known/notes.txt' });
  });

  it.each([
    ['Skip', 1_600_000_000, 'from before\n'],
    ['Overwrite', 1_800_000_000, 'from the backup\n'],
    ['KeepNewer', 1_800_000_000, 'from before\n'],
    ['KeepNewer', 1_600_000_000, 'from the backup\n'],
  ])('is treated as %s says, when its time is %i', async (conflict, seconds, content) => {
    const found = await withFile(conflict, `conflict-${conflict.toLowerCase()}-${String(seconds)}`, seconds);
    expect(found.status?.phase, found.status?.message).toBe('Succeeded');
    expect(found.content).toBe(content);
    const kept = content === 'from before\n' ? 1 : undefined;
    expect(found.status?.kept).toBe(kept);
    if (kept === 1) expect(found.status?.message).toContain('1 path already there and left by spec.conflict');
  });
});

describe('what leads out of the target', () => {
  it('is refused by the API when a path says so', async () => {
    const target = cluster.makeFolder('targets/dots');
    const refused = cluster.createRestore('dots', 'whole', target, { paths: ['known/../../etc'] });
    await expect(refused).rejects.toThrow("without a leading slash and without '..'");
  });

  it('is never followed when a link in the target does', async () => {
    const outside = cluster.makeFolder('outside');
    const target = cluster.makeFolder('targets/led-out');
    symlinkSync(outside, path.join(target, 'known'));
    await cluster.createRestore('led-out', 'whole', target, { paths: ['known'], conflict: 'Overwrite' });
    await cluster.restoreEnded('led-out');
    expect(readdirSync(outside)).toEqual([]);
  });
});

describe('a restore from damaged tapes', () => {
  it('goes over to the other copy where a drive cannot read', async () => {
    const commit = await commitOf(0, 2);
    const fault = { kind: 'readError', afterBytes: 12_000_000 };
    cluster.setFaults(
      libraryOf(commit),
      [0, 1].map((drive) => ({ ...fault, drive })),
    );
    const { restore, target } = await restored('read-error', { preferStreams: [0] });
    cluster.setFaults(libraryOf(commit), []);
    expect(restore.status?.phase, restore.status?.message).toBe('Succeeded');
    expect((restore.status?.areas ?? []).length).toBeGreaterThan(1);
    expectSame(target);
    rmSync(target, { recursive: true });
  });

  it('gives up a drive that hangs, and goes over to the other copy', async () => {
    const library = libraryOf(await commitOf(0, 2));
    const target = cluster.makeFolder('targets/hanging');
    cluster.setFaults(
      library,
      [0, 1].map((drive) => ({ drive, kind: 'stall', afterBytes: 12_000_000 })),
    );
    await cluster.createRestore('hanging', 'whole', target, { preferStreams: [0], stallTimeout: '5s' });
    const lost = await eventually('the restore has given up its drive', async () => {
      const { status } = await cluster.restore('hanging');
      return (status?.replacements ?? 0) > 0 ? status : undefined;
    });
    expect(JSON.stringify(lost)).toContain('Stalled');
    cluster.setFaults(library, []);
    const { status } = await cluster.restoreEnded('hanging');
    expect(status?.phase, status?.message).toBe('Succeeded');
    expectSame(target);
    rmSync(target, { recursive: true });
  });

  it('mixes tapes when a segment of one copy is bad', async () => {
    const commit = await commitOf(0, 3);
    corruptPayload(cluster.library(libraryOf(commit)), commit.barcode, commit.group);
    const { restore, target } = await restored('mixed', { preferStreams: [0] });
    expect(restore.status?.phase, restore.status?.message).toBe('Succeeded');
    expect(restore.status?.badSegments).toMatchObject([{ segment: 3, tape: commit.tape }]);
    expect(new Set(restore.status?.areas?.map(({ stream }) => stream))).toEqual(new Set([0, 1]));
    expectSame(target);
    rmSync(target, { recursive: true });
  });

  it('fails with the segment named when no copy of it is good, and calls nothing a success', async () => {
    const commit = await commitOf(1, 3);
    corruptPayload(cluster.library(libraryOf(commit)), commit.barcode, commit.group);
    const { restore } = await restored('unreadable');
    expect(restore.status).toMatchObject({ phase: 'Failed', reason: 'SegmentsUnreadable' });
    expect(restore.status?.message).toContain('segment 3');
  });
});

describe('a restore is refused', () => {
  it('of a backup that is not there', async () => {
    await cluster.createRestore('of-nothing', 'no-such-job', cluster.makeFolder('targets/of-nothing'));
    const { status } = await cluster.restoreEnded('of-nothing');
    expect(status).toMatchObject({ phase: 'Failed', reason: 'NoBackup' });
  });

  it('of a backup that was cancelled', async () => {
    await cluster.createJob('cancelled', source, { cancel: true });
    expect((await cluster.jobEnded('cancelled')).status?.phase).toBe('Cancelled');
    await cluster.createRestore('of-cancelled', 'cancelled', cluster.makeFolder('targets/of-cancelled'));
    const { status } = await cluster.restoreEnded('of-cancelled');
    expect(status).toMatchObject({ phase: 'Failed', reason: 'BackupNotSucceeded' });
    expect(status?.conditions?.find(({ type }) => type === 'Failed')).toMatchObject({ status: 'True' });
  });

  it('into a folder that the owner of the hardware does not allow to be written', async () => {
    const hostPaths = [
      { prefix: cluster.folder, namespaces: ['default'], readOnly: true },
      { prefix: path.join(cluster.folder, 'targets'), namespaces: ['default'], readOnly: false },
    ];
    for (const name of ['server-0', 'server-1'])
      await cluster.api.patch(backupServers, { name }, { spec: { hostPaths } }, { type: 'merge' });
    const target = cluster.makeFolder('not-a-target');
    await cluster.createRestore('not-allowed', 'whole', target, { paths: ['known'] });
    const { status } = await cluster.restoreEnded('not-allowed');
    expect(status?.phase).toBe('Failed');
    expect(readdirSync(target)).toEqual([]);
    const { restore } = await restored('allowed', { paths: ['known'] });
    expect(restore.status?.phase, restore.status?.message).toBe('Succeeded');
  });
});

it('leaves nothing held, zoned, loaded or running', async () => {
  await expect.poll(() => findUnrest(cluster, ['server-0', 'server-1']), { timeout: 60_000 }).toEqual([]);
});
