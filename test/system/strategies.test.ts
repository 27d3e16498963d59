/** What needs more than two whole copies to be seen: small tapes, striping, and backups whose job is gone. */
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { BackupJob } from '../../src/api/generated/index.ts';
import { backupJobs } from '../../src/api/resources.ts';
import { compareTrees } from '../support/compare-trees.ts';
import { eventually, LocalCluster } from '../support/local-cluster.ts';
import { makeTree } from '../support/make-tree.ts';
import { findUnrest } from '../support/rest-state.ts';

let cluster: LocalCluster;
let source: string;

beforeAll(async () => {
  cluster = await LocalCluster.start({ servers: 2, libraries: 2, drives: 1, slots: 6, tapeSize: '64Mi' });
  source = path.join(cluster.folder, 'source');
  makeTree(source, { files: 300, totalBytes: 100e6, seed: 11, filesPerFolder: 60 });
});
afterAll(() => cluster.stop());

const succeeded = async (name: string, spec: object, labels: object = {}): Promise<BackupJob> => {
  await cluster.apply({
    ...{ apiVersion: 'twinreel.io/v1alpha1', kind: 'BackupJob' },
    metadata: { name, namespace: 'default', ...{ labels } },
    spec: { source: { hostPath: { path: source } }, segmentSize: '8Mi', ...spec },
  });
  const job = await cluster.jobEnded(name);
  expect(job.status?.phase, job.status?.message).toBe('Succeeded');
  return job;
};

const comesBack = async (name: string, from: object): Promise<void> => {
  const target = cluster.makeFolder(`targets/${name}`);
  await cluster.apply({
    ...{ apiVersion: 'twinreel.io/v1alpha1', kind: 'Restore' },
    metadata: { name, namespace: 'default' },
    spec: { from, target: { hostPath: { path: target } } },
  });
  const { status } = await cluster.restoreEnded(name);
  expect(status?.phase, status?.message).toBe('Succeeded');
  expect(compareTrees(source, target).differences).toEqual([]);
};

/** Segments by stream, each as often as it was committed. */
const segmentsOf = async (job: BackupJob): Promise<readonly (readonly [stream: number, segment: number])[]> =>
  (await cluster.pagesOf(job))
    .filter(({ spec }) => spec.type === 'Commits')
    .flatMap(({ spec, status }) =>
      Object.keys(status?.commits ?? {}).map((n) => [spec.stream ?? 0, Number(n)] as const),
    );

describe('a backup that is larger than a tape', () => {
  it('goes on with the next tape of the pool, which is no failover, and comes back whole', async () => {
    const job = await succeeded('spanning', { routes: 1, copies: 1 });
    expect(job.status).toMatchObject({ failovers: 0 });
    const record = (await cluster.recordsOf(job)).find(({ spec }) => spec.type === 'Stream');
    const tapes = new Set((record?.status?.areas ?? []).map(({ barcode }) => barcode));
    expect(tapes.size).toBeGreaterThan(1);
    await comesBack('of-spanning', { backupJob: 'spanning' });
  });
});

describe('striping', () => {
  it('shares the segments between the routes, each on one tape, and comes back whole', async () => {
    const job = await succeeded('striped', { routes: 2, copies: 1, activeRoutes: 2 });
    const written = await segmentsOf(job);
    expect(new Set(written.map(([stream]) => stream))).toEqual(new Set([0, 1]));
    const segments = written.map(([, segment]) => segment).sort((a, b) => a - b);
    expect(segments).toEqual(Array.from({ length: (job.status?.plan?.linksSegment ?? 0) + 1 }, (_, n) => n));
    await comesBack('of-striped', { backupJob: 'striped' });
  });
});

describe('a backup whose job was deleted', () => {
  it('is still there: by its name, by any of its records, and as the latest of its schedule', async () => {
    const job = await succeeded('gone', { routes: 2, copies: 2 }, { 'twinreel.io/schedule': 'nightly' });
    const records = await cluster.recordsOf(job);
    await cluster.api.delete(backupJobs, { namespace: 'default', name: 'gone' });
    await eventually('the job is gone', async () =>
      (await cluster.api.list(backupJobs, { namespace: 'default' })).items.some(
        ({ metadata }) => metadata.name === 'gone',
      )
        ? undefined
        : true,
    );
    expect((await cluster.recordsOf(job)).length).toBe(records.length);
    await comesBack('by-name', { backupJob: 'gone' });
    await comesBack('by-record', { record: records.find(({ spec }) => spec.stream === 1)?.metadata.name ?? '' });
    await comesBack('by-schedule', { latest: { schedule: 'nightly' } });
  });
});

it('leaves nothing held, zoned, loaded or running', async () => {
  await expect.poll(() => findUnrest(cluster, ['server-0', 'server-1']), { timeout: 60_000 }).toEqual([]);
});
