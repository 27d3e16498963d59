import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { BackupSaveRecord, SavePage } from '../../../src/api/generated/index.ts';
import { labels, serviceAccounts, streamRecordName } from '../../../src/api/names.ts';
import { backupSaveRecords, savePages } from '../../../src/api/resources.ts';
import { withDefaults } from '../../../src/api/validate.ts';
import type { RestApi } from '../../../src/kube/rest-api.ts';
import { installRights, rbac, reasonOf, resource, untilRefused, type InstalledRights } from './installed-rights.ts';

const namespace = `elsewhere-${randomUUID().slice(0, 8)}`;
const namespaces = resource('', 'Namespace', false);
const accounts = resource('', 'ServiceAccount', true);
const bindings = resource(rbac, 'RoleBinding', true);
const job = { kind: 'BackupJob', namespace: 'default', name: 'a', uid: randomUUID(), processNumber: 1 } as const;

let rights: InstalledRights;
let worker: RestApi;
let operator: RestApi;

/** Allowed everything in the namespace by its role: whatever is refused, a policy has refused. */
const actAs = async (name: string): Promise<RestApi> => {
  await rights.admin.create(accounts, { metadata: { namespace, name } });
  const binding = {
    metadata: { namespace, name },
    roleRef: { apiGroup: rbac, kind: 'ClusterRole', name: 'cluster-admin' },
    subjects: [{ kind: 'ServiceAccount', namespace, name }],
  };
  await rights.admin.create(bindings, binding);
  return rights.actAs({ namespace, name });
};

const newPage = (page: number): SavePage =>
  withDefaults(savePages, {
    metadata: { namespace, name: `p${page}` },
    spec: { type: 'Commits', record: streamRecordName(job.uid, 1, 0), page, job, stream: 0, epoch: 1, pod: 'other' },
  });

const newRecord: BackupSaveRecord = {
  metadata: { namespace, name: 'r', labels: { [labels.locked]: 'true' } },
  spec: { type: 'Stream', job, stream: 0 },
};

beforeAll(async () => {
  rights = await installRights();
  await rights.admin.create(namespaces, { metadata: { name: namespace } });
  worker = await actAs(serviceAccounts.worker);
  operator = await actAs(serviceAccounts.operator);
  await rights.admin.create(backupSaveRecords, withDefaults(backupSaveRecords, newRecord));
  let page = 0;
  await untilRefused(() => worker.create(savePages, newPage((page += 1))));
});

afterAll(async () => {
  await rights.admin.delete(namespaces, { name: namespace });
  rights.close();
});

describe('an operator in another namespace', () => {
  it('has workers that are held to their own pages and records', async () => {
    expect(await reasonOf(worker.create(savePages, newPage(99)))).toContain('spec.pod: this page is written by');
    const ref = { namespace, name: 'r' };
    const patch = worker.patch(
      backupSaveRecords,
      ref,
      { status: { pages: 1 } },
      { type: 'merge', subresource: 'status' },
    );
    expect(await reasonOf(patch)).toContain('status.pod: this record is written by');
  });

  it('takes away the locks of its own namespace', async () => {
    const ref = { namespace, name: 'r' };
    const lift = { metadata: { labels: { [labels.locked]: null } } };
    const says = 'only the operator takes away a retention lock';
    expect(await reasonOf(rights.admin.patch(backupSaveRecords, ref, lift, { type: 'merge' }))).toContain(says);
    expect(await reasonOf(worker.patch(backupSaveRecords, ref, lift, { type: 'merge' }))).toContain('is forbidden');
    await expect(operator.patch(backupSaveRecords, ref, lift, { type: 'merge' })).resolves.toBeDefined();
  });
});
