/** A control plane of its own: the chart owns cluster-wide objects that other tests install by hand. */
import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { startControlPlane, type ControlPlane } from '../../../dev/controlplane/control-plane.ts';
import { loadKubeConfig } from '../../../src/kube/kube-config.ts';
import { makeRestApi, type RestApi } from '../../../src/kube/rest-api.ts';
import { resource } from '../crds/installed-rights.ts';
import { chart, makeHelm, readManifests, valuesFile, type Helm } from './helm.ts';

const namespace = 'twinreel-system';
const folder = mkdtempSync(path.join(tmpdir(), 'twinreel-chart-'));
const before = path.join(folder, 'before');

let plane: ControlPlane;
let helm: Helm;
let api: RestApi;

/** As the administrator; what it printed. */
const kubectl = async (args: readonly string[], input?: string): Promise<string> => {
  const { code, stdout, stderr } = await plane.kubectl(args, input);
  if (code !== 0) throw new Error(`kubectl ${args.join(' ')}: ${stderr}`);
  return stdout;
};

const release = ['twinreel', '--namespace', namespace];
/** What the README tells users, and no more. */
const install = ['--create-namespace', '--set', 'image.repository=twinreel', '--set', 'image.tag=test'];
const columnsOfTape = [
  'get',
  'crd',
  'tapes.twinreel.io',
  '-o',
  'jsonpath={.spec.versions[0].additionalPrinterColumns[*].name}',
];

/** The chart as it was a version ago: a lower number, a CRD without a column, an account with less rights. */
const makeChartBefore = (): void => {
  cpSync(chart, before, { recursive: true });
  const edit = (file: string, from: RegExp, to: string): void => {
    const text = readFileSync(path.join(before, file), 'utf8');
    if (!from.test(text)) throw new Error(`${file} has no ${String(from)}`);
    writeFileSync(path.join(before, file), text.replace(from, to));
  };
  edit('Chart.yaml', /^version: .*$/m, 'version: 0.0.9');
  edit('templates/crds/tapes.yaml', / {8}- name: BARCODE\n(?: {10}.*\n)+/, '');
};

interface Asked {
  readonly role: string;
  readonly verb: string;
  readonly group?: string;
  readonly resource: string;
  readonly subresource?: string;
  readonly namespace: string;
}

const accessReviews = resource('authorization.k8s.io', 'SubjectAccessReview', false);

const tenantMay = async ({ role, group = 'twinreel.io', ...asked }: Asked): Promise<boolean> => {
  const resourceAttributes = { group, ...asked };
  const spec = { user: `tenant-${role}`, groups: ['system:authenticated'], resourceAttributes };
  const { status } = await api.create(accessReviews, { metadata: {}, spec });
  return typeof status === 'object' && status !== null && 'allowed' in status && status.allowed === true;
};

beforeAll(async () => {
  plane = await startControlPlane({ stateDir: path.join(folder, 'state') });
  helm = await makeHelm(plane.kubeconfig);
  api = makeRestApi({ kubeConfig: await loadKubeConfig({ kubeconfig: plane.kubeconfig }) });
  makeChartBefore();
  await helm.run('install', ...release, before, ...install);
}, 900_000);

afterAll(async () => {
  api.close();
  await plane.stop();
  helm.close();
  rmSync(folder, { recursive: true, force: true });
});

it('installs everything with what the README says, into a namespace that it lets helm make', async () => {
  expect(await helm.run('status', ...release)).toContain('STATUS: deployed');
  const found = await kubectl([
    '-n',
    namespace,
    'get',
    'deployment,service,pdb,serviceaccount,role,rolebinding',
    '-o',
    'name',
  ]);
  expect(found.split('\n')).toEqual(
    expect.arrayContaining([
      'deployment.apps/twinreel-operator',
      'service/twinreel-operator-metrics',
      'poddisruptionbudget.policy/twinreel-operator',
      'serviceaccount/twinreel-operator',
      'serviceaccount/twinreel-worker',
      'role.rbac.authorization.k8s.io/twinreel-operator',
      'rolebinding.rbac.authorization.k8s.io/twinreel-worker',
    ]),
  );
  const crds = await kubectl(['get', 'crd', '-o', 'name']);
  expect(crds.split('\n').filter((name) => name.endsWith('.twinreel.io'))).toHaveLength(11);
});

it('tells who installs it that workers need the Pod Security level privileged, until the namespace has it', async () => {
  const label = `namespace ${namespace} pod-security.kubernetes.io/enforce=privileged`.split(' ');
  const says = `kubectl label ${label.join(' ')}`;
  expect(await helm.run('get', 'notes', ...release)).toContain(says);
  await kubectl(['label', ...label]);
  await helm.run('upgrade', ...release, before, ...install.slice(1));
  expect(await helm.run('get', 'notes', ...release)).not.toContain(says);
});

it('makes a Deployment whose pods the level restricted lets through', async () => {
  await kubectl(['create', 'namespace', 'strict']);
  await kubectl(['label', 'namespace', 'strict', 'pod-security.kubernetes.io/enforce=restricted']);
  await kubectl(['-n', 'strict', 'create', 'serviceaccount', 'twinreel-operator']);
  const template = ['-o', 'jsonpath={.spec.template.spec}'];
  const spec: unknown = JSON.parse(
    await kubectl(['-n', namespace, 'get', 'deployment', 'twinreel-operator', ...template]),
  );
  const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'operator', namespace: 'strict' }, spec };
  expect(await kubectl(['create', '--dry-run=server', '-f', '-'], JSON.stringify(pod))).toContain(
    'pod/operator created',
  );
});

it('upgrades the CRDs of the version before, and what it upgrades can be rolled back', async () => {
  expect((await kubectl(columnsOfTape)).split(' ')).not.toContain('BARCODE');
  await helm.run('upgrade', ...release, chart, ...install.slice(1), '--set', 'settings.logLevel=debug');
  expect((await kubectl(columnsOfTape)).split(' ')).toContain('BARCODE');
  const args = [
    '-n',
    namespace,
    'get',
    'deployment',
    'twinreel-operator',
    '-o',
    'jsonpath={.spec.template.spec.containers[0].args}',
  ];
  expect(await kubectl(args)).toContain('--log-level');
  await helm.run('rollback', ...release, '2');
  expect(await kubectl(args)).not.toContain('--log-level');
  expect((await kubectl(columnsOfTape)).split(' ')).not.toContain('BARCODE');
  await helm.run('upgrade', ...release, chart, ...install.slice(1));
  expect((await kubectl(columnsOfTape)).split(' ')).toContain('BARCODE');
});

it('lets the API server accept everything that can be switched on', async () => {
  const on = [
    '--values',
    valuesFile('everything'),
    '--set',
    'serviceMonitor.enabled=false,prometheusRule.enabled=false',
  ];
  await helm.run('upgrade', ...release, chart, ...on);
  const found = await kubectl(['-n', namespace, 'get', 'networkpolicy,configmap', '-o', 'name']);
  expect(found.split('\n')).toEqual(
    expect.arrayContaining([
      'networkpolicy.networking.k8s.io/twinreel-operator',
      'networkpolicy.networking.k8s.io/twinreel-worker',
      'configmap/twinreel-dashboard',
      'configmap/more',
      'configmap/text',
    ]),
  );
});

it('serves every kind: the API server takes all samples', async () => {
  const samples = path.join(chart, '../../config/samples');
  const files = readdirSync(samples).filter((file) => file.endsWith('.yaml') && file !== 'kustomization.yaml');
  const manifests = files.flatMap((file) => readManifests(readFileSync(path.join(samples, file), 'utf8')));
  const exist = await kubectl(['get', 'namespaces', '-o', 'name']);
  for (const at of new Set(manifests.flatMap(({ metadata }) => metadata.namespace ?? []))) {
    if (!exist.split('\n').includes(`namespace/${at}`)) await kubectl(['create', 'namespace', at]);
  }
  expect(new Set(manifests.map(({ kind }) => kind)).size).toBeGreaterThanOrEqual(11);
  const list = { apiVersion: 'v1', kind: 'List', items: manifests };
  const taken = await kubectl(['apply', '--dry-run=server', '-f', '-'], JSON.stringify(list));
  expect(taken.trim().split('\n')).toHaveLength(manifests.length);
});

it('adds its kinds to the roles that tenants have: viewers look, editors back up, hardware and records are not theirs', async () => {
  await kubectl(['create', 'namespace', 'tenant']);
  for (const role of ['view', 'edit', 'admin']) {
    const binding = ['create', 'rolebinding', role, '--clusterrole', role, '--user', `tenant-${role}`];
    await kubectl([...binding, '-n', 'tenant']);
  }
  const namespace = 'tenant';
  // A controller of the cluster adds them, in its own time.
  await vi.waitFor(
    async () => expect(await tenantMay({ role: 'admin', verb: 'delete', resource: 'restores', namespace })).toBe(true),
    30_000,
  );
  const own = ['backupjobs', 'backupschedules', 'restores'];
  const foreign = ['backupservers', 'tapelibraries', 'tapes', 'mediapools', 'fcswitches', 'copydevices'];
  const records = ['backupsaverecords', 'savepages'];
  const allowed: string[] = [];
  for (const role of ['view', 'edit', 'admin']) {
    for (const verb of ['get', 'create', 'delete']) {
      for (const resource of [...own, ...foreign, ...records]) {
        if (await tenantMay({ role, verb, resource, namespace })) allowed.push(`${role} ${verb} ${resource}`);
      }
    }
  }
  const all = (role: string, verb: string): readonly string[] => own.map((what) => `${role} ${verb} ${what}`);
  expect(allowed).toEqual([
    ...all('view', 'get'),
    ...['edit', 'admin'].flatMap((role) => ['get', 'create', 'delete'].flatMap((verb) => all(role, verb))),
  ]);
});

const own = { group: '', namespace };
const tenants = { namespace: 'tenant' };
const neighbours = { namespace: 'default' };
it.each<Omit<Asked, 'role'>>([
  { verb: 'create', resource: 'pods', ...own },
  { verb: 'create', resource: 'pods', subresource: 'exec', ...own },
  { verb: 'get', resource: 'pods', subresource: 'log', ...own },
  { verb: 'get', resource: 'secrets', ...own },
  { verb: 'create', resource: 'serviceaccounts', subresource: 'token', ...own },
  { verb: 'create', resource: 'backupjobs', namespace },
  { verb: 'get', resource: 'backupsaverecords', namespace },
  { verb: 'delete', resource: 'backupsaverecords', namespace },
  { verb: 'patch', resource: 'tapelibraries', ...tenants },
  { verb: 'patch', resource: 'backupjobs', subresource: 'status', ...tenants },
  { verb: 'patch', resource: 'restores', subresource: 'status', ...tenants },
  { verb: 'get', resource: 'backupjobs', ...neighbours },
  { verb: 'create', resource: 'restores', ...neighbours },
])("does not let a tenant's administrator $verb $resource $subresource in $namespace", async (asked) => {
  expect(await tenantMay({ role: 'admin', ...asked })).toBe(false);
});

it('has a viewer and an editor for every kind, and no editor of records', async () => {
  const roles = (await kubectl(['get', 'clusterrole', '-o', 'name'])).split('\n');
  const crds = JSON.parse(await kubectl(['get', 'crd', '-o', 'json'])) as {
    readonly items: readonly { readonly spec: { readonly names: { readonly singular: string } } }[];
  };
  const missing = crds.items.flatMap(({ spec: { names } }) => {
    const record = ['backupsaverecord', 'savepage'].includes(names.singular);
    const wanted = record ? ['viewer'] : ['viewer', 'editor'];
    return wanted.map((end) => `twinreel-${names.singular}-${end}`);
  });
  expect(missing.filter((name) => !roles.includes(`clusterrole.rbac.authorization.k8s.io/${name}`))).toEqual([]);
  expect(roles.filter((name) => /(record|page)-editor$/.test(name))).toEqual([]);
});

it('keeps CRDs, records and tapes when it is uninstalled, and takes them over when it is installed again', async () => {
  const record = {
    apiVersion: 'twinreel.io/v1alpha1',
    kind: 'BackupSaveRecord',
    metadata: { name: 'kept', namespace },
    spec: {
      type: 'Stream',
      stream: 0,
      job: { kind: 'BackupJob', namespace: 'tenant', name: 'nightly', uid: crypto.randomUUID(), processNumber: 1 },
    },
  };
  await kubectl(['create', '-f', '-'], JSON.stringify(record));
  const tape = path.join(chart, '../../config/samples/tape.yaml');
  await kubectl(['create', '-f', tape]);
  expect(await helm.run('uninstall', ...release, '--wait')).toContain('These resources were kept');
  const left = await kubectl(['-n', namespace, 'get', 'backupsaverecords,deployments,rolebindings', '-o', 'name']);
  expect(left.trim().split('\n')).toEqual(['backupsaverecord.twinreel.io/kept']);
  expect(await kubectl(['get', '-f', tape, '-o', 'name'])).toContain('tape.twinreel.io/');
  await helm.run('install', ...release, chart, ...install);
  expect(await kubectl(['-n', namespace, 'get', 'backupsaverecord', 'kept', '-o', 'name'])).toContain('kept');
});

it('is the same as plain manifests, which kubectl applies where there is no Helm', async () => {
  const file = path.join(folder, 'manifests.yaml');
  const main = path.join(chart, '../../dev/chart/manifests.ts');
  const flags = ['--out', file, '--namespace', 'plain', '--', '--set', 'image.tag=plain'];
  await promisify(execFile)(process.execPath, [main, ...flags]);
  await helm.run('uninstall', ...release, '--wait');
  await kubectl(['apply', '--server-side', '--force-conflicts', '-f', file]);
  const image = ['-o', 'jsonpath={.spec.template.spec.containers[0].image}'];
  expect(await kubectl(['-n', 'plain', 'get', 'deployment', 'twinreel-operator', ...image])).toBe('twinreel:plain');
  const label = 'jsonpath={.metadata.labels.pod-security\\.kubernetes\\.io/enforce}';
  expect(await kubectl(['get', 'namespace', 'plain', '-o', label])).toBe('privileged');
});
