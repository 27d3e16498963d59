/** Records of all tenants lie in one namespace; which of them a restore may mean follows from where the restore stands. */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { BackupSaveRecord, Restore } from '../../../src/api/generated/index.ts';
import { labels, operatorNamespace as namespace, planRecordName, streamRecordName } from '../../../src/api/names.ts';
import { backupSaveRecords, restores } from '../../../src/api/resources.ts';
import { withDefaults } from '../../../src/api/validate.ts';
import { resolveBackup, type Resolved } from '../../../src/controllers/restore-source.ts';
import type { RestApi } from '../../../src/kube/rest-api.ts';
import { namespaces } from '../../../src/kube/resources.ts';
import { connect, makeNamespace } from '../kube/connection.ts';

const uid = randomUUID();
const record = planRecordName(uid, 1);
const stream = streamRecordName(uid, 1, 0);
let api: RestApi;
let owner: string;
let neighbour: string;

beforeAll(async () => {
  api = await connect();
  owner = await makeNamespace(api, 'owner');
  neighbour = await makeNamespace(api, 'neighbour');
  const job = { kind: 'BackupJob', namespace: owner, name: 'nightly', uid, processNumber: 1 } as const;
  const marks = { [labels.jobUid]: uid, [labels.jobNamespace]: owner, [labels.jobName]: 'nightly' };
  const make = async (name: string, spec: BackupSaveRecord['spec']): Promise<void> => {
    const metadata = { namespace, name, labels: { ...marks, [labels.type]: spec.type } };
    await api.create(backupSaveRecords, withDefaults(backupSaveRecords, { metadata, spec }));
  };
  await make(record, { type: 'Plan', job, schedule: 'nightly' });
  await make(stream, { type: 'Stream', stream: 0, job, schedule: 'nightly' });
  const status = { result: 'Succeeded' } as const;
  await api.patch(backupSaveRecords, { namespace, name: record }, { status }, { type: 'merge', subresource: 'status' });
});

afterAll(async () => {
  for (const name of [record, stream]) await api.delete(backupSaveRecords, { namespace, name });
  for (const name of [owner, neighbour]) await api.delete(namespaces, { name });
  api.close();
});

/** As the operator does for a Restore that stands in namespace `at`. */
const resolveIn = async (at: string, from: Restore['spec']['from']): Promise<Resolved> => {
  const target = { hostPath: { path: '/target' } };
  const wanted = withDefaults(restores, {
    metadata: { namespace: at, name: `restore-${randomUUID()}` },
    spec: { from, target },
  });
  const made = await api.create(restores, wanted);
  return resolveBackup(api, namespace, made, new AbortController().signal);
};

const ways: readonly (readonly [string, Restore['spec']['from']])[] = [
  ['its record', { record }],
  ['the name of its job', { backupJob: 'nightly' }],
  ['the latest', { latest: { schedule: 'nightly' } }],
];

it.each(ways)('a backup is found by %s in the namespace of its job', async (_way, from) => {
  expect(await resolveIn(owner, from)).toMatchObject({ ok: true, backup: { namespace: owner, name: 'nightly' } });
});

it.each(ways)(
  'a backup is not found by %s in the namespace of a neighbour, who is not told of it',
  async (_way, from) => {
    const found = await resolveIn(neighbour, from);
    expect(found).toMatchObject({ ok: false, reason: 'NoBackup' });
    expect(JSON.stringify(found)).not.toContain(owner);
  },
);
