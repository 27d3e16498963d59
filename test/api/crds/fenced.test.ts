import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { annotations } from '../../../src/api/names.ts';
import { backupJobs, restores } from '../../../src/api/resources.ts';
import { withDefaults } from '../../../src/api/validate.ts';
import type { Api, KubeObject } from '../../../src/kube/api.ts';
import type { RestApi } from '../../../src/kube/rest-api.ts';
import { installRights, rbac, reasonOf, resource, untilRefused, type InstalledRights } from './installed-rights.ts';

const namespace = `fenced-${randomUUID().slice(0, 8)}`;
const account = { namespace, name: 'tenant' };
const namespaces = resource('', 'Namespace', false);
const accounts = resource('', 'ServiceAccount', true);
const bindings = resource(rbac, 'RoleBinding', true);
const merge = { type: 'merge' } as const;

let rights: InstalledRights;
let admin: RestApi;
let tenant: RestApi;

/** Both kinds, in a way that needs to know nothing of their types. */
interface Kind {
  readonly create: (api: Api, name: string, annotations: Record<string, string>) => Promise<KubeObject>;
  readonly patch: (api: Api, name: string, metadata: object) => Promise<KubeObject>;
}

const backupJobKind: Kind = {
  create: (api, name, given) =>
    api.create(
      backupJobs,
      withDefaults(backupJobs, {
        metadata: { namespace, name, annotations: given },
        spec: { source: { hostPath: { path: '/data' } } },
      }),
    ),
  patch: (api, name, metadata) => api.patch(backupJobs, { namespace, name }, { metadata }, merge),
};
const restoreKind: Kind = {
  create: (api, name, given) =>
    api.create(
      restores,
      withDefaults(restores, {
        metadata: { namespace, name, annotations: given },
        spec: { from: { backupJob: 'a' }, target: { hostPath: { path: '/out' } } },
      }),
    ),
  patch: (api, name, metadata) => api.patch(restores, { namespace, name }, { metadata }, merge),
};

const fenced = (epoch: string | null): object => ({ annotations: { [annotations.fenced]: epoch } });

beforeAll(async () => {
  rights = await installRights();
  ({ admin } = rights);
  await admin.create(namespaces, { metadata: { name: namespace } });
  await admin.create(accounts, { metadata: account });
  for (const role of ['twinreel-backupjob-editor', 'twinreel-restore-editor']) {
    const mayEdit = {
      metadata: { namespace, name: role },
      roleRef: { apiGroup: rbac, kind: 'ClusterRole', name: role },
      subjects: [{ kind: 'ServiceAccount', ...account }],
    };
    await admin.create(bindings, mayEdit);
  }
  tenant = await rights.actAs(account);
  await untilRefused(() => backupJobKind.create(tenant, `early-${randomUUID()}`, { [annotations.fenced]: '1' }));
});

afterAll(async () => {
  await admin.delete(namespaces, { name: namespace });
  rights.close();
});

describe.each([
  ['BackupJob', backupJobKind],
  ['Restore', restoreKind],
])('the word that the worker of a %s is gone', (_kind, { create, patch }) => {
  const says = 'metadata.annotations[twinreel.io/fenced]: that a worker is gone is vouched for by those who may update';

  it('is not given by a tenant, on a new object or on one that is there', async () => {
    expect(await reasonOf(create(tenant, 'born-fenced', { [annotations.fenced]: '1' }))).toContain(says);
    await create(tenant, 'tenants', { note: 'mine' });
    expect(await reasonOf(patch(tenant, 'tenants', fenced('1')))).toContain(`${says} backupservers.twinreel.io`);
  });

  it('is given by who may update the hardware, and then not changed by a tenant', async () => {
    await create(tenant, 'vouched', {});
    await expect(patch(admin, 'vouched', fenced('2'))).resolves.toMatchObject({ metadata: fenced('2') });
    expect(await reasonOf(patch(tenant, 'vouched', fenced('3')))).toContain(says);
    await expect(patch(tenant, 'vouched', { labels: { other: 'change' } })).resolves.toMatchObject({
      metadata: fenced('2'),
    });
    await expect(patch(tenant, 'vouched', fenced(null))).resolves.toBeDefined();
    await expect(create(admin, 'admins', { [annotations.fenced]: '1' })).resolves.toBeDefined();
  });
});
