/** A control plane of its own: the chart owns cluster-wide objects that other tests install by hand. */
import { cpSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { startControlPlane, type ControlPlane } from '../../../dev/controlplane/control-plane.ts';
import { chart, makeHelm, readManifests, valuesFile, type Helm } from './helm.ts';

const namespace = 'twinreel-system';
const folder = mkdtempSync(path.join(tmpdir(), 'twinreel-chart-'));
const before = path.join(folder, 'before');

let plane: ControlPlane;
let helm: Helm;

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

const tenantMay = async (role: string, verb: string, what: string, at: string): Promise<boolean> => {
  const user = ['--as', `tenant-${role}`, '--namespace', at];
  const { stdout } = await plane.kubectl(['auth', 'can-i', verb, `${what}.twinreel.io`, ...user]);
  return stdout.trim() === 'yes';
};

beforeAll(async () => {
  plane = await startControlPlane({ stateDir: path.join(folder, 'state') });
  helm = await makeHelm(plane.kubeconfig);
  makeChartBefore();
  await helm.run('install', ...release, before, ...install);
}, 900_000);

afterAll(async () => {
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
  await vi.waitFor(async () => expect(await tenantMay('admin', 'create', 'backupjobs', 'tenant')).toBe(true), 30_000);
  const own = ['backupjobs', 'backupschedules', 'restores'];
  const foreign = ['backupservers', 'tapelibraries', 'tapes', 'mediapools', 'fcswitches', 'copydevices'];
  const records = ['backupsaverecords', 'savepages'];
  const allowed: string[] = [];
  for (const role of ['view', 'edit', 'admin']) {
    for (const verb of ['get', 'create', 'delete']) {
      for (const what of [...own, ...foreign, ...records]) {
        if (await tenantMay(role, verb, what, 'tenant')) allowed.push(`${role} ${verb} ${what}`);
      }
    }
    for (const what of own) expect(await tenantMay(role, 'get', what, 'default')).toBe(false);
  }
  const all = (role: string, verb: string): readonly string[] => own.map((what) => `${role} ${verb} ${what}`);
  expect(allowed).toEqual([
    ...all('view', 'get'),
    ...['edit', 'admin'].flatMap((role) => ['get', 'create', 'delete'].flatMap((verb) => all(role, verb))),
  ]);
});

it.each([
  ['create', 'pods', namespace],
  ['create', 'pods/exec', namespace],
  ['get', 'pods/log', namespace],
  ['get', 'secrets', namespace],
  ['create', 'serviceaccounts/token', namespace],
  ['create', 'backupjobs.twinreel.io', namespace],
  ['get', 'backupsaverecords.twinreel.io', namespace],
  ['delete', 'backupsaverecords.twinreel.io', namespace],
  ['patch', 'tapelibraries.twinreel.io', 'tenant'],
  ['get', 'backupjobs.twinreel.io', 'default'],
  ['create', 'restores.twinreel.io', 'default'],
  ['patch', 'backupjobs.twinreel.io/status', 'tenant'],
  ['patch', 'restores.twinreel.io/status', 'tenant'],
])("does not let a tenant's administrator %s %s in %s", async (verb, what, at) => {
  const [of = '', subresource] = what.split('/');
  const whole = subresource === undefined ? [of] : [of, `--subresource=${subresource}`];
  const { stdout } = await plane.kubectl(['auth', 'can-i', verb, ...whole, '--as', 'tenant-admin', '-n', at]);
  expect(stdout.trim()).toBe('no');
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
