import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { BackupSaveRecord, SavePage } from '../../../src/api/generated/index.ts';
import {
  labels,
  operatorNamespace as namespace,
  pageName,
  planPodName,
  planRecordName,
  serviceAccounts,
  streamPodName,
  streamRecordName,
  uid8,
} from '../../../src/api/names.ts';
import { backupSaveRecords, savePages } from '../../../src/api/resources.ts';
import { withDefaults } from '../../../src/api/validate.ts';
import type { Api } from '../../../src/kube/api.ts';
import type { RestApi } from '../../../src/kube/rest-api.ts';
import { installRights, rbac, reasonOf, resource, untilRefused, type InstalledRights } from './installed-rights.ts';

const pods = resource('', 'Pod', true);
const accessReviews = resource('authorization.k8s.io', 'SubjectAccessReview', false);

const uid = randomUUID();
const job = { kind: 'BackupJob', namespace: 'default', name: 'rights', uid, processNumber: 1 } as const;
const ownPod = streamPodName(uid, 0, 1);
const otherPod = streamPodName(uid, 1, 2);
const planPod = planPodName(uid, 1);
const ownHead = streamRecordName(uid, job.processNumber, 0);
const merge = { type: 'merge' } as const;
const mergeStatus = { type: 'merge', subresource: 'status' } as const;

let rights: InstalledRights;
let admin: RestApi;
let worker: RestApi;
let planner: RestApi;
let operator: RestApi;

const makePod = async (name: string): Promise<{ readonly name: string; readonly uid: string }> => {
  const spec = { serviceAccountName: serviceAccounts.worker, containers: [{ name: 'worker', image: 'none' }] };
  const pod = await admin.create(pods, { metadata: { namespace, name }, spec });
  return { name, uid: pod.metadata?.uid ?? '' };
};

const makeRecord = async (name: string, status: object, more: Record<string, string> = {}): Promise<void> => {
  const metadata = { namespace, name, labels: more };
  const spec = { type: 'Stream', job, stream: 0 } as const;
  await admin.create(backupSaveRecords, withDefaults(backupSaveRecords, { metadata, spec }));
  await admin.patch(backupSaveRecords, { namespace, name }, { status }, mergeStatus);
};

/** Page `page` as the worker of stream 0 opens it, but for `more`. */
const newPage = (page: number, more: Partial<SavePage['spec']> = {}): SavePage => {
  const spec = { type: 'Commits', record: ownHead, page, job, stream: 0, epoch: 1, pod: ownPod, ...more } as const;
  const { record, type } = spec;
  const labelled = { [labels.jobUid]: spec.job.uid, [labels.record]: record, [labels.type]: type };
  return withDefaults(savePages, { metadata: { namespace, name: pageName(record, page), labels: labelled }, spec });
};

/** The same as its planner opens it. */
const newPlanPage = (page: number, more: Partial<SavePage['spec']> = {}): SavePage => {
  const { stream: _stream, epoch: _epoch, ...spec } = newPage(page).spec;
  const record = planRecordName(uid, job.processNumber);
  return newPage(page, { ...spec, type: 'Plan', record, pod: planPod, ...more });
};

const writeRecord = (api: Api, name: string, status: object): Promise<BackupSaveRecord> =>
  api.patch(backupSaveRecords, { namespace, name }, { status }, mergeStatus);

beforeAll(async () => {
  rights = await installRights();
  ({ admin } = rights);
  worker = await rights.actAs({ namespace, name: serviceAccounts.worker }, await makePod(ownPod));
  planner = await rights.actAs({ namespace, name: serviceAccounts.worker }, await makePod(planPod));
  operator = await rights.actAs({ namespace, name: serviceAccounts.operator });
  await makeRecord('rights-own', { pod: ownPod, epoch: 1 });
  await makeRecord('rights-other', { pod: otherPod, epoch: 2 });
  await makeRecord('rights-sealed', { pod: ownPod, epoch: 1, sealed: true });
  await makeRecord('rights-locked', { pod: ownPod }, { [labels.locked]: 'true' });
  await untilRefused(() => writeRecord(worker, 'rights-other', { pages: 1 }));
  let page = 1000;
  await untilRefused(() => worker.create(savePages, newPage((page += 1), { pod: otherPod })));
  await untilRefused(async () => {
    await lock();
    await unlock(admin);
  });
});

afterAll(async () => {
  await unlock(operator);
  for (const name of ['own', 'other', 'sealed', 'locked']) {
    await admin.delete(backupSaveRecords, { namespace, name: `rights-${name}` }).catch(() => undefined);
  }
  for (const { metadata } of (await admin.list(savePages, { namespace })).items) {
    if (metadata.name.includes(uid8(uid))) await admin.delete(savePages, { namespace, name: metadata.name });
  }
  for (const name of [ownPod, planPod]) await admin.delete(pods, { namespace, name }, { gracePeriodSeconds: 0 });
  rights.close();
});

const lock = (): Promise<unknown> =>
  admin.patch(
    backupSaveRecords,
    { namespace, name: 'rights-locked' },
    { metadata: { labels: { [labels.locked]: 'true' } } },
    merge,
  );

const unlock = (api: Api): Promise<unknown> =>
  api.patch(
    backupSaveRecords,
    { namespace, name: 'rights-locked' },
    { metadata: { labels: { [labels.locked]: null } } },
    merge,
  );

describe('a worker', () => {
  it('writes to the record that names its pod', async () => {
    await expect(writeRecord(worker, 'rights-own', { activity: 'Writing', openSegment: 3 })).resolves.toMatchObject({
      status: { activity: 'Writing', openSegment: 3 },
    });
  });

  it('does not write to a record that names another pod', async () => {
    expect(await reasonOf(writeRecord(worker, 'rights-other', { activity: 'Writing' }))).toContain(
      `status.pod: this record is written by pod ${otherPod}, not by ${ownPod}`,
    );
  });

  it('does not write to a record by a token that belongs to no pod', async () => {
    const podless = await rights.actAs({ namespace, name: serviceAccounts.worker });
    expect(await reasonOf(writeRecord(podless, 'rights-own', { activity: 'Writing' }))).toContain(
      'not by a token without a pod',
    );
  });

  it.each([
    ['pod', otherPod],
    ['epoch', 9],
    ['assigned', [{ first: 0 }]],
    ['close', true],
    ['retainUntil', '2027-01-01T00:00:00Z'],
  ])('does not write what the operator writes: %s', async (field, value) => {
    expect(await reasonOf(writeRecord(worker, 'rights-own', { [field]: value }))).toContain(
      'status: pod, epoch, assigned, close and retainUntil are written by the operator only',
    );
  });

  it('does not write to a sealed record, nor opens the seal, nor seals', async () => {
    const says = 'status.sealed: a sealed record is not written any more, and only the operator seals';
    expect(await reasonOf(writeRecord(worker, 'rights-sealed', { openSegment: 4 }))).toContain(says);
    expect(await reasonOf(writeRecord(worker, 'rights-sealed', { sealed: false }))).toContain(says);
    expect(await reasonOf(writeRecord(worker, 'rights-own', { sealed: true }))).toContain(says);
  });

  it('opens pages in its own name, and writes to them until they are sealed', async () => {
    await expect(worker.create(savePages, newPage(0))).resolves.toMatchObject({ spec: { pod: ownPod } });
    const ref = { namespace, name: pageName(ownHead, 0) };
    await expect(worker.patch(savePages, ref, { status: { closed: true } }, mergeStatus)).resolves.toMatchObject({
      status: { closed: true },
    });
    await operator.patch(savePages, ref, { status: { sealed: true } }, mergeStatus);
    expect(await reasonOf(worker.patch(savePages, ref, { status: { closed: false } }, mergeStatus))).toContain(
      'status.sealed: a sealed page is not written any more',
    );
  });

  it('opens pages of its own plan', async () => {
    await expect(planner.create(savePages, newPlanPage(0))).resolves.toMatchObject({ spec: { pod: planPod } });
  });

  it('opens no page in the name of another, nor writes to such a page', async () => {
    const says = `spec.pod: this page is written by pod ${otherPod}, not by ${ownPod}`;
    expect(await reasonOf(worker.create(savePages, newPage(1, { pod: otherPod })))).toContain(says);
    await admin.create(savePages, newPage(2, { pod: otherPod }));
    const ref = { namespace, name: pageName(ownHead, 2) };
    expect(await reasonOf(worker.patch(savePages, ref, { status: { closed: true } }, mergeStatus))).toContain(says);
  });

  const otherUid = randomUUID();
  const otherJob = { ...job, uid: otherUid };
  const notOwn = `spec: job, stream, epoch and record must be those of pod ${ownPod}`;
  const notOwnPlan = `spec: job and record must be those of pod ${planPod}`;
  const relabelled = (page: SavePage, more: Record<string, string>): SavePage => ({
    ...page,
    metadata: { ...page.metadata, labels: { ...page.metadata.labels, ...more } },
  });
  const renamed = (page: SavePage, name: string): SavePage => ({ ...page, metadata: { ...page.metadata, name } });
  const badLabels = 'metadata.labels: job-uid, record and type must say the same as spec';
  const badName = 'metadata.name: a page is named after its record and its number';
  const badType = 'spec.type: a worker opens pages of type Commits and Plan only';
  it.each([
    ['of another job', newPage(3, { job: otherJob, record: streamRecordName(otherUid, 1, 0) }), notOwn],
    ['of another job in its own record', newPage(3, { job: otherJob }), notOwn],
    ['of another process number', newPage(3, { job: { ...job, processNumber: 2 } }), notOwn],
    ['of another stream', newPage(3, { stream: 1, record: streamRecordName(uid, 1, 1) }), notOwn],
    ['of another grant', newPage(3, { epoch: 2 }), notOwn],
    ['of another record', newPage(3, { record: streamRecordName(uid, 1, 1) }), notOwn],
    ['of a job without a whole uid', newPage(3, { job: { ...job, uid: 'x' } }), 'is forbidden'],
    ['of a plan', newPage(3, { type: 'Plan', record: planRecordName(uid, 1) }), 'spec: job and record'],
    ['of an inventory', newPage(3, { type: 'Inventory', library: 'a' }), badType],
    ['under the label of another job', relabelled(newPage(3), { [labels.jobUid]: otherUid }), badLabels],
    ['under the label of another record', relabelled(newPage(3), { [labels.record]: 'other' }), badLabels],
    ['under the label of another type', relabelled(newPage(3), { [labels.type]: 'Plan' }), badLabels],
    ['under another name', renamed(newPage(3), pageName(ownHead, 4)), badName],
  ])('opens no page %s', async (_what, page, says) => {
    expect(await reasonOf(worker.create(savePages, page))).toContain(says);
  });

  it.each([
    ['another plan', newPlanPage(3, { job: otherJob, record: planRecordName(otherUid, 1) }), notOwnPlan],
    ['its plan in another record', newPlanPage(3, { record: ownHead }), notOwnPlan],
    ['commits', newPage(3, { pod: planPod }), 'spec: job, stream, epoch and record must be those of pod'],
  ])('that plans opens no page of %s', async (_what, page, says) => {
    expect(await reasonOf(planner.create(savePages, page))).toContain(says);
  });
});

describe('the operator', () => {
  it('writes to every record', async () => {
    await expect(writeRecord(operator, 'rights-other', { assigned: [{ first: 0 }] })).resolves.toMatchObject({
      status: { assigned: [{ first: 0 }] },
    });
  });
});

describe('a record under a retention lock', () => {
  it('is not deleted by anybody, and only the operator takes the lock away', async () => {
    const ref = { namespace, name: 'rights-locked' };
    const stands = 'metadata.labels[twinreel.io/locked]: the retention lock stands';
    expect(await reasonOf(admin.delete(backupSaveRecords, ref))).toContain(stands);
    expect(await reasonOf(operator.delete(backupSaveRecords, ref))).toContain(stands);
    expect(await reasonOf(unlock(admin))).toContain('only the operator takes away a retention lock');
    await expect(unlock(operator)).resolves.toMatchObject({ metadata: { name: 'rights-locked' } });
    await expect(operator.delete(backupSaveRecords, ref)).resolves.toBeUndefined();
    await makeRecord('rights-locked', {});
  });
});

describe('a page under a retention lock', () => {
  it('is made so by its worker, and then neither deleted nor unlocked by anybody but the operator', async () => {
    const page = newPage(9);
    const locked = { ...page.metadata.labels, [labels.locked]: 'true' };
    await worker.create(savePages, { ...page, metadata: { ...page.metadata, labels: locked } });
    const ref = { namespace, name: page.metadata.name };
    const lift = { metadata: { labels: { [labels.locked]: null } } };
    expect(await reasonOf(admin.delete(savePages, ref))).toContain('the retention lock stands');
    expect(await reasonOf(admin.patch(savePages, ref, lift, merge))).toContain('only the operator takes away');
    await operator.patch(savePages, ref, lift, merge);
    await expect(admin.delete(savePages, ref)).resolves.toBeUndefined();
  });
});

describe('the rights', () => {
  const twinreel = 'twinreel.io';
  it.each([
    ['operator', true, 'patch', twinreel, 'backupjobs/status', 'default'],
    ['operator', true, 'update', twinreel, 'backupjobs', 'default'],
    ['operator', true, 'create', twinreel, 'backupsaverecords', namespace],
    ['operator', true, 'update', twinreel, 'tapelibraries/status', ''],
    ['operator', true, 'create', '', 'pods', namespace],
    ['operator', true, 'update', 'coordination.k8s.io', 'leases', namespace],
    ['operator', true, 'create', '', 'pods/exec', 'default'],
    ['operator', true, 'create', 'events.k8s.io', 'events', 'default'],
    ['operator', false, 'create', twinreel, 'backupsaverecords', 'default'],
    ['operator', false, 'get', '', 'secrets', 'default'],
    ['operator', false, 'update', twinreel, 'tapelibraries', ''],
    ['operator', false, 'delete', twinreel, 'tapes', ''],
    ['operator', false, 'update', '', 'nodes', ''],
    ['operator', false, 'create', rbac, 'roles', namespace],
    ['worker', true, 'get', twinreel, 'tapelibraries', ''],
    ['worker', true, 'patch', twinreel, 'savepages/status', namespace],
    ['worker', false, 'delete', twinreel, 'savepages', namespace],
    ['worker', false, 'patch', twinreel, 'backupsaverecords', namespace],
    ['worker', false, 'patch', twinreel, 'tapelibraries/status', ''],
    ['worker', false, 'get', twinreel, 'backupjobs', 'default'],
    ['worker', false, 'get', '', 'secrets', namespace],
    ['worker', false, 'create', '', 'pods', namespace],
    ['agent', true, 'create', '', 'nodes', ''],
    ['agent', true, 'patch', 'coordination.k8s.io', 'leases', 'kube-node-lease'],
    ['agent', true, 'patch', '', 'pods/status', namespace],
    ['agent', false, 'get', '', 'pods', 'default'],
    ['agent', false, 'patch', '', 'pods', namespace],
    ['agent', false, 'get', '', 'secrets', namespace],
    ['agent', false, 'delete', '', 'nodes', ''],
    ['agent', false, 'get', twinreel, 'backupsaverecords', namespace],
  ] as const)('%s may (%s) %s %s %s in %s', async (account, allowed, verb, group, path, at) => {
    const [name = '', subresource = ''] = path.split('/');
    const user = `system:serviceaccount:${namespace}:${serviceAccounts[account]}`;
    const groups = ['system:serviceaccounts', `system:serviceaccounts:${namespace}`, 'system:authenticated'];
    const resourceAttributes = { verb, group, resource: name, subresource, namespace: at };
    const review = await admin.create(accessReviews, { metadata: {}, spec: { user, groups, resourceAttributes } });
    expect(review.status).toMatchObject({ allowed });
  });
});
