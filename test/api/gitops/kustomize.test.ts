/** What the kustomize of the repository's kubectl makes of the configuration, and whether a server takes it. */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { OperatorSite } from '../operator/operator-harness.ts';
import { nameOf, readManifests, readSamples, type Manifest } from './foreign-manager.ts';

const root = join(import.meta.dirname, '../../..');
const here = join('test', 'api', 'gitops');

let site: OperatorSite;
beforeAll(async () => {
  site = await OperatorSite.open();
});
afterAll(() => site.close());

const build = async (folder: string): Promise<readonly Manifest[]> => {
  const { code, stdout, stderr } = await site.kubectl(['kustomize', join(root, folder)]);
  // It tells of fields that it will not know much longer on stderr.
  expect([code, stderr]).toEqual([0, '']);
  return readManifests(stdout);
};

/** Nothing is kept, and everything is checked. */
const dryRun = (manifests: readonly Manifest[]) =>
  site.kubectl(
    ['apply', '--server-side', '--dry-run=server', '--field-manager=kustomize-controller', '-o', 'name', '-f', '-'],
    JSON.stringify({ apiVersion: 'v1', kind: 'List', items: manifests }),
  );

describe('config/default', () => {
  it('has every kind and every right, and a server that has them already takes them', async () => {
    const manifests = await build('config/default');
    const kinds = manifests.map(({ kind }) => kind);
    expect(kinds.filter((kind) => kind === 'CustomResourceDefinition')).toHaveLength(11);
    expect(kinds).toEqual(
      expect.arrayContaining(['ClusterRole', 'Role', 'ServiceAccount', 'ValidatingAdmissionPolicy']),
    );
    const { code, stderr } = await site.kubectl(
      ['apply', '--server-side', '--dry-run=server', '--force-conflicts', '-f', '-'],
      JSON.stringify({ apiVersion: 'v1', kind: 'List', items: manifests }),
    );
    expect([code, stderr]).toEqual([0, '']);
  });
});

describe('config/samples', () => {
  it('are the samples that people write, as they stand', async () => {
    const written = readSamples().filter(({ kind }) => kind !== 'BackupSaveRecord' && kind !== 'SavePage');
    const built = await build('config/samples');
    const byName = (all: readonly Manifest[]) => [...all].sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));
    expect(byName(built)).toEqual(byName(written));
    expect((await dryRun(built)).code).toBe(0);
  });
});

describe('an overlay with a prefix, a namespace, labels and images', () => {
  let built: readonly Manifest[];
  const specOf = (name: string): unknown => built.find((one) => nameOf(one) === name)?.spec;

  beforeAll(async () => {
    expect((await site.kubectl(['create', 'namespace', 'backups'])).code).toBe(0);
    built = await build(join(here, 'overlay'));
  });

  it('is taken by the server', async () => {
    const { code, stdout, stderr } = await dryRun(built);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout.trim().split('\n')).toHaveLength(built.length);
  });

  it('renames every object, and moves and labels it', () => {
    for (const { kind, metadata } of built) {
      const { name, namespace } = metadata;
      expect([kind, name, namespace]).toEqual([kind, expect.stringMatching(/^north-/), 'backups']);
      expect(metadata).toHaveProperty('labels.site', 'north-site');
    }
  });

  it.each([
    ['Restore/north-minimal', { from: { backupJob: 'north-minimal' } }],
    ['Restore/north-two-things', { from: { latest: { schedule: 'north-nightly' } } }],
    ['BackupJob/north-orders-db', { mediaPool: 'north-databases' }],
    ['BackupJob/north-orders-db', { source: { persistentVolumeClaim: { claimName: 'north-orders-db-data' } } }],
    ['BackupJob/north-orders-db', { encryption: { secretRef: { name: 'north-orders-db-backup-key' } } }],
    ['Tape/north-tw0001l9', { library: 'north-north-library', pool: 'north-databases' }],
    ['TapeLibrary/north-disk-library', { servers: ['north-media-a'] }],
    ['BackupServer/north-media-a', { ports: [{ switch: 'north-fabric-a-1' }, {}] }],
    ['CopyDevice/north-copier-a', { servers: ['north-media-a'], libraries: ['north-north-library'] }],
    ['FCSwitch/north-fabric-a-1', { links: [{ to: 'north-fabric-a-2' }] }],
  ])('%s names the renamed: %o', (name, names) => {
    expect(specOf(name)).toMatchObject(names);
  });

  it('sets the image of a command whose output is backed up', () => {
    expect(specOf('BackupJob/north-dump')).toMatchObject({
      source: { command: { image: 'registry.example.org/dump:2' } },
    });
  });
});
