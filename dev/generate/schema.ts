import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';

/** A JSON schema as a CRD has it: structural, without references. */
export interface Schema {
  description?: string;
  title?: string;
  /** Understood by json-schema-to-typescript: this TypeScript instead of anything derived. */
  tsType?: string;
  type?: string;
  default?: unknown;
  required?: string[];
  properties?: Record<string, Schema>;
  additionalProperties?: Schema | boolean;
  items?: Schema;
  [keyword: string]: unknown;
}

export interface Crd {
  readonly kind: string;
  readonly plural: string;
  readonly schema: Schema;
}

interface CrdFile {
  readonly spec: {
    readonly names: { readonly kind: string; readonly plural: string };
    readonly versions: readonly { readonly schema: { readonly openAPIV3Schema: Schema } }[];
  };
}

/** Reads every CRD of a folder, by kind. Each has one version. */
export const readCrds = (folder: string): Crd[] =>
  readdirSync(folder)
    .filter((file) => file.endsWith('.yaml'))
    .sort()
    .map((file) => {
      const { spec } = parse(readFileSync(join(folder, file), 'utf8')) as CrdFile;
      const [version, ...more] = spec.versions;
      if (version === undefined || more.length > 0) throw new Error(`${file} must have exactly one version`);
      return { kind: spec.names.kind, plural: spec.names.plural, schema: version.schema.openAPIV3Schema };
    });

/** The schema at a path of property names; `[]` goes to the items of a list, `{}` to the values of a map. */
export const schemaAt = (root: Schema, path: readonly string[]): Schema => {
  let at: Schema | undefined = root;
  for (const step of path) {
    if (step === '[]') at = at?.items;
    else if (step === '{}') at = typeof at?.additionalProperties === 'object' ? at.additionalProperties : undefined;
    else at = at?.properties?.[step];
  }
  if (at === undefined) throw new Error(`there is no schema at ${path.join('.')}`);
  return at;
};
