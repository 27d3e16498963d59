import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { readCrds, schemaAt, type Schema } from '../../../dev/generate/schema.ts';
import { fingerprint, indexShared } from '../../../dev/generate/shared-shapes.ts';
import { generateAll } from '../../../dev/generate/types.ts';
import { apiVersion, resources } from '../../../src/api/resources.ts';

const root = join(import.meta.dirname, '../../..');
const crds = readCrds(join(root, 'crds'));

interface Field {
  readonly path: string;
  readonly schema: Schema;
}

/** Every field of a schema, with those of its items and values. */
const fieldsOf = (schema: Schema, path: string): Field[] => [
  { path, schema },
  ...Object.entries(schema.properties ?? {}).flatMap(([name, field]) => fieldsOf(field, `${path}.${name}`)),
  ...(schema.items === undefined ? [] : fieldsOf(schema.items, `${path}[]`)),
  ...(typeof schema.additionalProperties === 'object' ? fieldsOf(schema.additionalProperties, `${path}{}`) : []),
];

const faultOf = ({ path, schema }: Field): string | undefined => {
  const says = (fault: string): string => `${path} ${fault}`;
  // The API server allows nothing but bounds of the name within metadata.
  if (path.endsWith('.metadata')) return undefined;
  if (!schema.description?.endsWith('.')) return says('has no description that is a sentence');
  if (schema['x-kubernetes-int-or-string'] === true) {
    return schema['maxLength'] === undefined || schema['pattern'] === undefined ? says('has no bounds') : undefined;
  }
  switch (schema.type) {
    case 'string':
      return schema['enum'] === undefined && schema['maxLength'] === undefined
        ? says('is a string without bounds')
        : undefined;
    case 'integer':
      if (schema['format'] !== 'int32' && schema['format'] !== 'int64') return says('has no format');
      return schema['minimum'] === undefined ? says('is a number without a lower bound') : undefined;
    case 'array':
      if (schema['maxItems'] === undefined) return says('is a list without bounds');
      if (schema['x-kubernetes-list-type'] === undefined) return says('does not say how the list is merged');
      return undefined;
    case 'object':
      if (schema.properties !== undefined) return undefined;
      return schema['maxProperties'] === undefined ? says('is a map without bounds') : undefined;
    case 'boolean':
      return undefined;
    default:
      return says('has no type');
  }
};

describe('the schema of', () => {
  it.each(crds)('$kind describes and bounds every field', ({ kind, schema }) => {
    const fields = fieldsOf(schema, kind);
    expect(fields.map(faultOf).filter((fault) => fault !== undefined)).toEqual([]);
    expect(fields.length).toBeGreaterThan(20);
  });

  it.each(crds)('$kind has a message on every rule', ({ kind, schema }) => {
    const rules = fieldsOf(schema, kind).flatMap(
      ({ schema: field }) => (field['x-kubernetes-validations'] ?? []) as readonly { readonly message?: string }[],
    );
    expect(rules.filter(({ message }) => message === undefined)).toEqual([]);
  });

  it.each(crds)('$kind names the fields that identify the items of a list map', ({ kind, schema }) => {
    const wrong = fieldsOf(schema, kind).filter(({ schema: field }) => {
      const keys = (field['x-kubernetes-list-map-keys'] ?? []) as readonly string[];
      return keys.some((key) => !field.items?.required?.includes(key));
    });
    expect(wrong.map(({ path }) => path)).toEqual([]);
  });

  it('a schedule embeds that of a job, rules and defaults included', () => {
    const at = (kind: string, ...path: readonly string[]): string => {
      const crd = crds.find((candidate) => candidate.kind === kind);
      return crd === undefined ? kind : fingerprint(schemaAt(crd.schema, path));
    };
    expect(at('BackupSchedule', 'spec', 'jobTemplate', 'spec')).toBe(at('BackupJob', 'spec'));
    expect(at('Restore', 'status', 'streams')).toBe(at('BackupJob', 'status', 'streams'));
  });
});

describe('the generated types', () => {
  it('are those of the schemas', async () => {
    const wanted = await generateAll(crds, indexShared(crds));
    const folder = join(root, 'src/api/generated');
    const existing = readdirSync(folder).map((file) => [file, readFileSync(join(folder, file), 'utf8')] as const);
    expect(new Map(existing)).toEqual(wanted);
  });
});

describe('every resource', () => {
  it.each(resources)('$kind is addressed as its CRD says', (resource) => {
    const text = readFileSync(join(root, 'crds', `${resource.plural}.yaml`), 'utf8');
    expect(parse(text)).toMatchObject({
      spec: {
        group: resource.group,
        scope: resource.namespaced ? 'Namespaced' : 'Cluster',
        names: { kind: resource.kind, plural: resource.plural, categories: ['twinreel'] },
        versions: [{ name: resource.version, served: true, storage: true, subresources: { status: {} } }],
      },
    });
    expect(`${resource.group}/${resource.version}`).toBe(apiVersion);
  });

  it('has a short name of its own', () => {
    const names = resources.flatMap(({ plural }) => {
      const crd = parse(readFileSync(join(root, 'crds', `${plural}.yaml`), 'utf8')) as {
        spec: { names: { shortNames: string[] } };
      };
      return crd.spec.names.shortNames;
    });
    expect(names).toHaveLength(resources.length);
    expect(new Set(names).size).toBe(resources.length);
  });
});
