/** A control plane of its own: the chart owns cluster-wide objects that other tests install by hand. */
import { cpSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { startControlPlane, type ControlPlane } from '../../../dev/controlplane/control-plane.ts';
import { chart, makeHelm, valuesFile, type Helm } from './helm.ts';

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
  const says = `kubectl label namespace ${namespace} pod-security.kubernetes.io/enforce=privileged`;
  expect(await helm.run('get', 'notes', ...release)).toContain(says);
});

it('makes a Deployment whose pods the level restricted lets through', async () => {
  await kubectl(['create', 'namespace', 'strict']);
  await kubectl(['label', 'namespace', 'strict', 'pod-security.kubernetes.io/enforce=restricted']);
  const deployment = JSON.parse(
    await kubectl(['-n', namespace, 'get', 'deployment', 'twinreel-operator', '-o', 'json']),
  ) as {
    readonly spec: { readonly template: { readonly spec: { serviceAccountName?: string } } };
  };
  const { serviceAccountName: _account, ...spec } = deployment.spec.template.spec;
  const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'operator', namespace: 'strict' }, spec };
  await vi.waitFor(() => kubectl(['-n', 'strict', 'get', 'serviceaccount', 'default']), 30_000);
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
  await helm.run('rollback', ...release, '1');
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

it('takes samples of every kind', async () => {
  const samples = path.join(chart, '../../config/samples');
  const files = readdirSync(samples).filter((file) => /^[a-z-]+\.yaml$/.test(file) && !file.startsWith('kustom'));
  for (const file of files) {
    const { code, stderr } = await plane.kubectl(['apply', '--dry-run=server', '-f', path.join(samples, file)]);
    // A sample may lie in a namespace of its reader's own.
    expect({ file, code, stderr: /namespaces ".*" not found/.test(stderr) ? '' : stderr.trim() }).toMatchObject({
      stderr: '',
    });
  }
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
