/** docs/limits.md names bounds of the API: these are the CRDs'. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { readCrds, type Schema } from '../../../dev/generate/schema.ts';

const root = path.join(import.meta.dirname, '../../..');
const crds = readCrds(path.join(root, 'crds'));
const rows = [
  ...readFileSync(path.join(root, 'docs/limits.md'), 'utf8').matchAll(
    /^\| `(\w+)\.([\w.]+)` \| (-?\d*) ?\| (\d+) \|$/gm,
  ),
].map(([, kind = '', field = '', least = '', most = '']) => ({ kind, field, least, most }));

const schemaOf = (kind: string, field: string): Schema | undefined =>
  field
    .split('.')
    .reduce<Schema | undefined>(
      (schema, name) => schema?.properties?.[name],
      crds.find((crd) => crd.kind === kind)?.schema,
    );

const bound = (schema: Schema | undefined, ...names: readonly string[]): string => {
  const found = names.map((name) => schema?.[name]).find((value) => value !== undefined);
  return typeof found === 'number' ? String(found) : '';
};

it('names some', () => {
  expect(rows.length).toBeGreaterThan(15);
});

it.each(rows)('$kind.$field is from $least to $most', ({ kind, field, least, most }) => {
  const schema = schemaOf(kind, field);
  expect(schema).toBeDefined();
  expect([bound(schema, 'minimum', 'minItems'), bound(schema, 'maximum', 'maxItems')]).toEqual([least, most]);
});
