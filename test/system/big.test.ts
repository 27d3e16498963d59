/** A tree as people have them: 4 GiB in more than 100,000 files of all kinds, on two tapes, back from each alone. */
import { rmSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { BackupJob } from '../../src/api/generated/index.ts';
import { extractByHand, findPayloads } from '../support/by-hand.ts';
import { LocalCluster } from '../support/local-cluster.ts';
import { shell } from '../support/shell.ts';
import { compareTreesElsewhere, makeTreeElsewhere } from '../support/tree-process.ts';

const wantedBytes = 4 * 2 ** 30;
const wantedFiles = 100_000;
const minutes = 60_000;

let cluster: LocalCluster;
let source: string;
let job: BackupJob;

beforeAll(async () => {
  cluster = await LocalCluster.start({ slots: 2, tapeSize: '8Gi' });
  source = path.join(cluster.folder, 'source');
  await makeTreeElsewhere(source, { files: 125_000, totalBytes: 1.28 * wantedBytes, seed: 4, filesPerFolder: 300 });
}, 10 * minutes);
afterAll(() => cluster.stop());

it('is backed up with two copies', { timeout: 20 * minutes }, async () => {
  await cluster.createJob('big', source, { segmentSize: '128Mi' });
  job = await cluster.jobEnded('big', 15 * minutes);
  expect(job.status).toMatchObject({ phase: 'Succeeded', reason: 'AllCopiesWritten' });
  expect(job.status?.plan?.bytes).toBeGreaterThanOrEqual(wantedBytes);
  expect(job.status?.plan?.files).toBeGreaterThanOrEqual(wantedFiles);
});

it.each([0, 1])('is restored identical from copy %i alone', { timeout: 20 * minutes }, async (stream) => {
  const target = cluster.makeFolder(`copy-${String(stream)}`);
  await cluster.createRestore(`copy-${String(stream)}`, 'big', target, { preferStreams: [stream] });
  const { status } = await cluster.restoreEnded(`copy-${String(stream)}`, 15 * minutes);
  expect(status?.phase, status?.message).toBe('Succeeded');
  expect(status?.areas?.map((area) => area.stream)).toEqual([stream]);
  const { differences, files, folders, others, hardLinks } = await compareTreesElsewhere(source, target);
  expect(differences).toEqual([]);
  expect(files).toBeGreaterThanOrEqual(wantedFiles);
  expect(folders).toBeGreaterThan(100);
  expect(others).toBeGreaterThan(1000);
  expect(hardLinks).toBeGreaterThan(1000);
  rmSync(target, { recursive: true });
});

it('is identical by GNU tar and cat alone from an exported tape', { timeout: 20 * minutes }, async () => {
  const { library = '', barcode = '' } = job.status?.streams?.[1] ?? {};
  const out = path.join(cluster.folder, 'exported');
  const folder = path.join(cluster.state, 'libraries', library);
  const line = `npm run -s twinreel -- tape export --library ${folder} --barcode ${barcode} --out ${out}`;
  expect(await shell(line, { env: cluster.env })).toMatchObject({ code: 0 });
  const target = cluster.makeFolder('by-hand');
  expect(await extractByHand(findPayloads([out], job.metadata.uid ?? ''), target)).toMatchObject({
    code: 0,
    stderr: '',
  });
  const { differences } = await compareTreesElsewhere(source, target, { rootAttributes: false });
  expect(differences).toEqual([]);
});
