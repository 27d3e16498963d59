import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { backupJobs, resources, tapes } from '../../../src/api/resources.ts';
import { withDefaults } from '../../../src/api/validate.ts';
import type { KubeObject, Resource } from '../../../src/kube/api.ts';
import { loadKubeConfig } from '../../../src/kube/kube-config.ts';
import { makeRestApi, type RestApi } from '../../../src/kube/rest-api.ts';
import { DryRun } from './dry-run.ts';
import { changed, kinds, right, type Manifest } from './manifests.ts';
import { wrongManifests } from './wrong-manifests.ts';

const root = join(import.meta.dirname, '../../..');
const filesOf = (folder: string): string[] => readdirSync(join(root, folder)).filter((file) => file.endsWith('.yaml'));
const read = (folder: string, file: string): string => readFileSync(join(root, folder, file), 'utf8');
const documents = (text: string): Manifest[] => parseAllDocuments(text).map((document) => document.toJS() as Manifest);

const definitions: Resource<KubeObject & { readonly spec?: unknown; readonly status?: DefinitionStatus }> = {
  group: 'apiextensions.k8s.io',
  version: 'v1',
  plural: 'customresourcedefinitions',
  kind: 'CustomResourceDefinition',
  namespaced: false,
};

interface DefinitionStatus {
  readonly conditions: readonly { readonly type: string; readonly status: string; readonly message?: string }[];
}

let api: RestApi;
let dryRun: DryRun;

beforeAll(async () => {
  api = makeRestApi({ kubeConfig: await loadKubeConfig({ kubeconfig: inject('kubeconfig') }) });
  dryRun = await DryRun.connect(inject('kubeconfig'));
});

afterAll(() => {
  api.close();
  dryRun.close();
});

describe('every CRD', () => {
  it.each(filesOf('crds'))('%s is applied, established and structural', async (file) => {
    const [manifest = {}] = documents(read('crds', file));
    await expect(dryRun.apply(definitions, manifest)).resolves.toMatchObject({ kind: 'CustomResourceDefinition' });
    const { spec, status } = await api.get(definitions, { name: (manifest['metadata'] as { name: string }).name });
    expect(spec).toMatchObject({ names: { categories: ['twinreel'] }, versions: [{ subresources: { status: {} } }] });
    expect(status?.conditions).toContainEqual(expect.objectContaining({ type: 'Established', status: 'True' }));
    expect(status?.conditions.filter(({ type }) => type === 'NonStructuralSchema')).toEqual([]);
  });

  it('is of one of the eleven kinds, and each kind has one', () => {
    expect(filesOf('crds').sort()).toEqual(resources.map(({ plural }) => `${plural}.yaml`).sort());
    expect(resources).toHaveLength(11);
  });
});

describe('every sample', () => {
  const samples = filesOf('config/samples').flatMap((file) =>
    documents(read('config/samples', file)).map((manifest) => ({ file, manifest })),
  );

  it.each(samples)('$file is accepted as it stands', async ({ manifest }) => {
    await expect(dryRun.create(manifest)).resolves.toMatchObject({ kind: manifest['kind'] });
  });

  it('is of a kind, and each kind has one', () => {
    const sampled = new Set(samples.map(({ manifest }) => manifest['kind']));
    expect([...sampled].sort()).toEqual(resources.map(({ kind }) => kind).sort());
  });
});

it("the Deployment of the kind cluster is accepted, and runs under the operator's account", async () => {
  const deployments: Resource = {
    ...{ group: 'apps', version: 'v1', plural: 'deployments', kind: 'Deployment', namespaced: true },
  };
  const [manifest = {}] = documents(read('dev/kind', 'operator.yaml'));
  await expect(dryRun.apply(deployments, manifest)).resolves.toMatchObject({
    spec: { template: { spec: { serviceAccountName: 'twinreel-operator' } } },
  });
});

describe('a right manifest', () => {
  it.each(kinds)('of kind %s is accepted', async (kind) => {
    await expect(dryRun.create(right(kind))).resolves.toMatchObject({ kind });
  });

  it.each([
    ['@weekly', 'UTC'],
    ['*/15 8-18 * * mon-fri', 'America/New_York'],
    ['0,30 2 1-7 jan,JUL 7', 'Etc/GMT-1'],
  ])('of a schedule %s in %s is accepted', async (schedule, timeZone) => {
    const manifest = changed(changed(right('BackupSchedule'), 'spec.schedule', schedule), 'spec.timeZone', timeZone);
    await expect(dryRun.create(manifest)).resolves.toMatchObject({ spec: { schedule, timeZone } });
  });

  it.each(['4Ki', 4096, '1.5Gi', '128Gi', '500M'])('of a segment size of %s is accepted', async (segmentSize) => {
    const manifest = changed(right('BackupJob'), 'spec.segmentSize', segmentSize);
    await expect(dryRun.create(manifest)).resolves.toMatchObject({ spec: { segmentSize } });
  });

  it('gets the same defaults without an API server as from it', async () => {
    const spec = { source: { hostPath: { path: '/data' } }, streams: [{ number: 0 }] };
    const manifest = { metadata: { name: 'a', namespace: 'default' }, spec };
    const stored = await dryRun.create({ apiVersion: 'twinreel.io/v1alpha1', kind: 'BackupJob', ...manifest });
    expect(stored).toMatchObject({ spec: withDefaults(backupJobs, manifest).spec });
  });
});

describe('a wrong manifest is refused, naming the field and what is allowed:', () => {
  it('there are at least forty of them', () => {
    expect(wrongManifests.length).toBeGreaterThanOrEqual(40);
  });

  it.each(wrongManifests)('$name', async ({ manifest, field, allowed }) => {
    const refusal = await dryRun.create(manifest).then(
      () => 'accepted',
      (error: unknown) => String(error),
    );
    // A field that is not known is quoted; all others stand before a colon.
    expect(refusal).toContain(allowed === 'unknown field' ? `"${field}"` : `${field}: `);
    expect(refusal).toContain(allowed);
  });
});

describe('an object that exists', () => {
  const job = right('BackupJob', 'exists');

  beforeAll(async () => {
    const spec = { source: { hostPath: { path: '/data' } }, routes: 2, copies: 2, segmentSize: '64Mi' };
    await api.create(
      backupJobs,
      withDefaults(backupJobs, { metadata: { name: 'exists', namespace: 'default' }, spec }),
    );
    await api.create(tapes, withDefaults(tapes, { metadata: { name: 'exists' }, spec: { barcode: 'TW0001L9' } }));
  });

  afterAll(async () => {
    await api.delete(backupJobs, { namespace: 'default', name: 'exists' });
    await api.delete(tapes, { name: 'exists' });
  });

  it.each([
    ['routes', 3],
    ['copies', 1],
    ['segmentSize', '65Mi'],
    ['source', { hostPath: { path: '/other' } }],
    ['mediaPool', 'other'],
    ['disjointness', { library: 'Required' }],
    ['encryption', { secretRef: { name: 'a' } }],
  ])('keeps its %s', async (field, value) => {
    await expect(dryRun.patch(job, { spec: { [field]: value } })).rejects.toThrow(
      `spec: Invalid value: only suspend, cancel, priority, activeDeadline can be changed once the job exists; not ${field}`,
    );
  });

  it.each([
    ['suspend', true],
    ['cancel', true],
    ['priority', 7],
    ['activeDeadline', '8h'],
  ])('may have another %s', async (field, value) => {
    await expect(dryRun.patch(job, { spec: { [field]: value } })).resolves.toMatchObject({ spec: { [field]: value } });
  });

  it('keeps its barcode', async () => {
    await expect(dryRun.patch(right('Tape', 'exists'), { spec: { barcode: 'TW0002L9' } })).rejects.toThrow(
      'spec.barcode: Invalid value: "TW0002L9": the barcode of a tape cannot be changed',
    );
  });
});
