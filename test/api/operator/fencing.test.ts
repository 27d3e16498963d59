/** A writer that nobody can prove to be gone, and the administrator who knows that it is. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findCondition } from '../../../src/api/conditions.ts';
import type { BackupJob, TapeLibrary } from '../../../src/api/generated/index.ts';
import { operatorNamespace, streamPodName } from '../../../src/api/names.ts';
import { backupJobs, tapeLibraries, tapes } from '../../../src/api/resources.ts';
import { pods } from '../../../src/kube/resources.ts';
import { getIfPresent } from '../../../src/kube/writes.ts';
import { OperatorSite, waitFor } from './operator-harness.ts';
import { Stagehand } from './stagehand.ts';

let site: OperatorSite;
let stagehand: Stagehand;

const ref = { namespace: 'default', name: 'unproven' };
const jobWhere = (what: string, is: (job: BackupJob) => boolean): Promise<BackupJob> =>
  waitFor(what, async () => {
    const job = await site.api.get(backupJobs, ref);
    return is(job) ? job : undefined;
  });

const libraryWhere = (what: string, is: (status: NonNullable<TapeLibrary['status']>) => boolean) =>
  waitFor(what, async () => {
    const { status } = await site.api.get(tapeLibraries, { name: 'library-0' });
    return status !== undefined && is(status) ? status : undefined;
  });

const annotate = (value: string): Promise<BackupJob> =>
  site.api.patch(backupJobs, ref, { metadata: { annotations: { 'twinreel.io/fenced': value } } }, { type: 'merge' });

/** A pass of the operator over the job: what it writes says that it has seen the newest spec. */
const seenAgain = async (priority: number): Promise<BackupJob> => {
  const { metadata } = await site.api.patch(backupJobs, ref, { spec: { priority } }, { type: 'merge' });
  return jobWhere('another pass', ({ status }) => status?.observedGeneration === metadata.generation);
};

beforeAll(async () => {
  site = await OperatorSite.open();
  await site.startOperator('--fence-timeout', '10s');
  stagehand = await Stagehand.open(site);
  await site.api.create(backupJobs, {
    metadata: ref,
    spec: { source: { hostPath: { path: '/data' } }, routes: 1 },
  } as BackupJob);
});
afterAll(async () => {
  await stagehand.close();
  await site.close();
});

describe('a writer whose end nobody reports', () => {
  let writer: string;
  let epoch: number;

  it('keeps drive and tape held beyond the end of its job, which says so', async () => {
    const running = await jobWhere('a writer', ({ status }) => status?.streams?.[0]?.state === 'Running');
    epoch = running.status?.streams?.[0]?.epoch ?? 0;
    writer = streamPodName(running.metadata.uid ?? '', 0, epoch);
    await site.waitForPod(writer);
    await stagehand.startPod(writer);
    await site.api.patch(backupJobs, ref, { spec: { cancel: true } }, { type: 'merge' });
    const { status } = await jobWhere('the end', (job) => job.status?.phase === 'Cancelled');
    expect(findCondition(status?.conditions, 'Released')).toMatchObject({
      status: 'False',
      reason: 'FencingUnconfirmed',
    });
    expect(status?.streams?.[0]).toMatchObject({ state: 'Fencing' });
    expect(status?.streams?.[0]).not.toHaveProperty('fencedBy');
    const library = await libraryWhere('a suspect', ({ drives = [] }) =>
      drives.some(({ state, reason }) => state === 'NotUsable' && reason === 'FencingUnconfirmed'),
    );
    expect(library.drives?.flatMap(({ holder }) => holder?.name ?? [])).toEqual(['unproven']);
  });

  it('is not taken for gone at the word about another epoch', async () => {
    await annotate(String(epoch + 1));
    const { status, metadata } = await seenAgain(1);
    expect(status?.streams?.[0]).toMatchObject({ state: 'Fencing', epoch });
    expect(metadata.finalizers).toEqual(['twinreel.io/held']);
    expect(await getIfPresent(site.api, pods, { namespace: operatorNamespace, name: writer })).toBeDefined();
  });

  it('is at the word about its own: everything is freed, and the job tells whose word it was', async () => {
    await annotate(String(epoch));
    const { status } = await jobWhere('the release', ({ metadata, status: now }) => {
      const released = findCondition(now?.conditions, 'Released')?.status === 'True';
      return released && (metadata.finalizers ?? []).length === 0;
    });
    expect(status).toMatchObject({ phase: 'Cancelled', streams: [{ fencedBy: 'Administrator', epoch }] });
    const library = await libraryWhere('free drives', ({ drives = [] }) =>
      drives.every(({ state, holder }) => state === 'Usable' && holder === undefined),
    );
    expect(library.drives).toHaveLength(2);
    const held = (await site.api.list(tapes, {})).items.filter((tape) => tape.status?.holder !== undefined);
    expect(held).toEqual([]);
  });
});
