import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { backupJobs, backupServers, resources, tapeLibraries } from '../../../src/api/resources.ts';
import { InvalidManifestError, validate, withDefaults } from '../../../src/api/validate.ts';
import type { KubeObject, Resource } from '../../../src/kube/api.ts';

const source = { hostPath: { path: '/data' } };
const metadata = { name: 'a', namespace: 'default' };

const samples = join(import.meta.dirname, '../../../config/samples');
const sampleFiles = readdirSync(samples).filter((file) => file.endsWith('.yaml'));
const objects = sampleFiles.flatMap((file) =>
  parseAllDocuments(readFileSync(join(samples, file), 'utf8')).map((document) => ({
    file,
    object: document.toJS() as KubeObject,
  })),
);
const resourceOf = (object: KubeObject): Resource => {
  const found: Resource | undefined = resources.find(({ kind }) => kind === object.kind);
  if (found === undefined) throw new Error(`no kind of ours: ${String(object.kind)}`);
  return found;
};

describe('validate.validate', () => {
  it.each(objects)('accepts $file', ({ object }) => {
    expect(validate(resourceOf(object), object)).toEqual({ ok: true });
  });

  it.each([
    ['a missing field', { spec: {} }, 'spec.source', 'is required'],
    ['an unknown field', { spec: { source, routs: 2 } }, 'spec.routs', 'is not a known field'],
    [
      'a value that is none of those',
      { spec: { source, compression: 'Gzip' } },
      'spec.compression',
      'must be one of None, Zstd',
    ],
    ['a number too small', { spec: { source, routes: 0 } }, 'spec.routes', 'must be >= 1'],
    ['an item of a list', { spec: { source, streams: [{ number: 0 }, {}] } }, 'spec.streams[1].number', 'is required'],
    [
      'a time that is none',
      { spec: { source, retention: { lockUntil: 'soon' } } },
      'spec.retention.lockUntil',
      'must match format "date-time"',
    ],
  ])('names %s and what is allowed', (_name, object, field, message) => {
    const seen = validate(backupJobs, { metadata, ...object });
    expect(seen).toMatchObject({ ok: false, errors: expect.arrayContaining([{ field, message }]) as unknown });
  });

  it('leaves the object as it is', () => {
    const object = { metadata, spec: { source } };
    validate(backupJobs, object);
    expect(object).toEqual({ metadata, spec: { source } });
  });
});

describe('validate.withDefaults', () => {
  it('fills in what is absent and keeps what is there', () => {
    const job = withDefaults(backupJobs, {
      metadata,
      spec: { source, routes: 3, disjointness: { library: 'Required' } },
    });
    expect(job).toMatchObject({
      apiVersion: 'twinreel.io/v1alpha1',
      kind: 'BackupJob',
      spec: {
        source: { oneFileSystem: true, hostPath: { path: '/data', shared: false } },
        routes: 3,
        disjointness: { server: 'Required', library: 'Required', switch: 'Preferred' },
        whenUnavailable: 'Wait',
        stallTimeout: '60s',
        mediaPool: 'default',
      },
    });
    expect(job.spec).not.toHaveProperty('copies');
  });

  it('fills in nothing inside of lists: who compares lists as a whole would take it for drift', () => {
    const spec = {
      driver: { virtual: { folder: '/library' } },
      servers: ['a'],
      drives: [{ name: 'drive-0', elementAddress: 0 }],
    };
    expect(withDefaults(tapeLibraries, { metadata: { name: 'a' }, spec }).spec.drives).toEqual(spec.drives);
  });

  it('leaves its input alone', () => {
    const manifest = { metadata: { name: 'a' }, spec: { node: 'a' } };
    expect(withDefaults(backupServers, manifest).spec.maxStreams).toBe(1);
    expect(manifest).toEqual({ metadata: { name: 'a' }, spec: { node: 'a' } });
  });

  it('throws for what does not have the shape, and says where', () => {
    expect(() => withDefaults(backupJobs, { metadata, spec: { routes: 2 } })).toThrow(InvalidManifestError);
    expect(() => withDefaults(backupJobs, { metadata, spec: { routes: 2 } })).toThrow(
      'BackupJob a is not valid: spec.source is required',
    );
  });
});
