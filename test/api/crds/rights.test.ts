import { randomUUID } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import type { BackupSaveRecord, SavePage } from '../../../src/api/generated/index.ts';
import { labels, operatorNamespace as namespace, serviceAccounts } from '../../../src/api/names.ts';
import { backupSaveRecords, savePages } from '../../../src/api/resources.ts';
import { withDefaults } from '../../../src/api/validate.ts';
import type { Api, KubeObject, Resource } from '../../../src/kube/api.ts';
import { loadKubeConfig, type KubeConfig } from '../../../src/kube/kube-config.ts';
import { makeRestApi, type RestApi } from '../../../src/kube/rest-api.ts';

type Any = KubeObject & { readonly spec?: unknown; readonly status?: unknown };

const resource = (group: string, kind: string, namespaced: boolean): Resource<Any> => ({
  group,
  version: 'v1',
  plural: kind === 'ValidatingAdmissionPolicy' ? 'validatingadmissionpolicies' : `${kind.toLowerCase()}s`,
  kind,
  namespaced,
});
const rbac = 'rbac.authorization.k8s.io';
const admission = 'admissionregistration.k8s.io';
const applied = [
  resource('', 'Namespace', false),
  resource('', 'ServiceAccount', true),
  ...['Role', 'RoleBinding'].map((kind) => resource(rbac, kind, true)),
  ...['ClusterRole', 'ClusterRoleBinding'].map((kind) => resource(rbac, kind, false)),
  ...['ValidatingAdmissionPolicy', 'ValidatingAdmissionPolicyBinding'].map((kind) => resource(admission, kind, false)),
];
const pods = resource('', 'Pod', true);
const accounts = resource('', 'ServiceAccount', true);
const accessReviews = resource('authorization.k8s.io', 'SubjectAccessReview', false);

const folder = join(import.meta.dirname, '../../../config/rbac');
const manifests = readdirSync(folder).flatMap((file) =>
  parseAllDocuments(readFileSync(join(folder, file), 'utf8')).map((document) => document.toJS() as Any),
);

const job = { kind: 'BackupJob', namespace: 'default', name: 'rights', uid: 'rights', processNumber: 1 } as const;
const ownPod = 'tw-rights00-s0-e1';
const otherPod = 'tw-rights00-s1-e2';
const merge = { type: 'merge' } as const;
const mergeStatus = { type: 'merge', subresource: 'status' } as const;

let admin: RestApi;
let adminConfig: KubeConfig;
let worker: RestApi;
let operator: RestApi;
const opened: RestApi[] = [];

/** The API as a service account sees it, with a token bound to a pod as a kubelet gets it. */
const actAs = async (account: string, pod?: { readonly name: string; readonly uid: string }): Promise<RestApi> => {
  const boundObjectRef = pod === undefined ? {} : { boundObjectRef: { apiVersion: 'v1', kind: 'Pod', ...pod } };
  const request = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: { ...boundObjectRef } };
  const ref = { namespace, name: account };
  const answer = await admin.createSubresource<{ status: { token: string } }>(accounts, ref, 'token', request);
  const { server } = adminConfig;
  const { ca } = (await adminConfig.credentials(false)).tls;
  const headers = { authorization: `Bearer ${answer.status.token}` };
  const credentials = async () => ({ headers, tls: ca === undefined ? {} : { ca } });
  const api = makeRestApi({ kubeConfig: { server, namespace, credentials } });
  opened.push(api);
  return api;
};

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

const page = (name: string, pod: string): SavePage =>
  withDefaults(savePages, {
    metadata: { namespace, name },
    spec: { type: 'Commits', record: 'rights-own', job, stream: 0, epoch: 1, pod },
  });

const writeRecord = (api: Api, name: string, status: object): Promise<BackupSaveRecord> =>
  api.patch(backupSaveRecords, { namespace, name }, { status }, mergeStatus);

beforeAll(async () => {
  adminConfig = await loadKubeConfig({ kubeconfig: inject('kubeconfig') });
  admin = makeRestApi({ kubeConfig: adminConfig });
  opened.push(admin);
  for (const manifest of manifests) {
    const of = applied.find(({ kind }) => kind === manifest.kind);
    if (of === undefined) throw new Error(`config/rbac holds a ${String(manifest.kind)}`);
    const { name = '', namespace: at } = manifest.metadata ?? {};
    const ref = at === undefined ? { name } : { name, namespace: at };
    await admin.patch(of, ref, manifest, { type: 'apply', fieldManager: 'rights-test', force: true });
  }
  worker = await actAs(serviceAccounts.worker, await makePod(ownPod));
  operator = await actAs(serviceAccounts.operator);
  await makeRecord('rights-own', { pod: ownPod, epoch: 1 });
  await makeRecord('rights-other', { pod: otherPod, epoch: 2 });
  await makeRecord('rights-sealed', { pod: ownPod, epoch: 1, sealed: true });
  await makeRecord('rights-locked', { pod: ownPod }, { [labels.locked]: 'true' });
  // A policy takes a moment until the API server knows it.
  await untilRefused(() => writeRecord(worker, 'rights-other', { pages: 1 }));
  await untilRefused(() => worker.create(savePages, page(`rights-p-${randomUUID()}`, otherPod)));
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
    if (metadata.name.startsWith('rights-')) await admin.delete(savePages, { namespace, name: metadata.name });
  }
  await admin.delete(pods, { namespace, name: ownPod }, { gracePeriodSeconds: 0 });
  for (const api of opened) api.close();
});

/** Why a call was refused; empty when it was not. */
const reasonOf = (call: Promise<unknown>): Promise<string> =>
  call.then(
    () => '',
    (error: unknown) => String(error),
  );

const lock = (): Promise<unknown> =>
  admin.patch(
    backupSaveRecords,
    { namespace, name: 'rights-locked' },
    { metadata: { labels: { [labels.locked]: 'true' } } },
    merge,
  );

const untilRefused = async (call: () => Promise<unknown>): Promise<void> => {
  for (const giveUp = performance.now() + 60_000; (await reasonOf(call())) === ''; await sleep(100)) {
    if (performance.now() > giveUp) throw new Error('the policies never came into force');
  }
};

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
    const podless = await actAs(serviceAccounts.worker);
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
    await expect(worker.create(savePages, page('rights-p0', ownPod))).resolves.toMatchObject({ spec: { pod: ownPod } });
    const ref = { namespace, name: 'rights-p0' };
    await expect(worker.patch(savePages, ref, { status: { closed: true } }, mergeStatus)).resolves.toMatchObject({
      status: { closed: true },
    });
    await operator.patch(savePages, ref, { status: { sealed: true } }, mergeStatus);
    expect(await reasonOf(worker.patch(savePages, ref, { status: { closed: false } }, mergeStatus))).toContain(
      'status.sealed: a sealed page is not written any more',
    );
  });

  it('opens no page in the name of another, nor writes to such a page', async () => {
    const says = `spec.pod: this page is written by pod ${otherPod}, not by ${ownPod}`;
    expect(await reasonOf(worker.create(savePages, page('rights-p1', otherPod)))).toContain(says);
    await admin.create(savePages, page('rights-p2', otherPod));
    const ref = { namespace, name: 'rights-p2' };
    expect(await reasonOf(worker.patch(savePages, ref, { status: { closed: true } }, mergeStatus))).toContain(says);
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
