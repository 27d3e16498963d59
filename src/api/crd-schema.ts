import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import type { KubeObject, Resource } from '../kube/api.ts';

/** A structural schema, or the JSON schema that Ajv gets of it. */
export interface Schema {
  readonly type?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema | boolean;
  readonly items?: Schema;
  readonly [keyword: string]: unknown;
}

interface CrdFile {
  readonly spec: { readonly versions: readonly [{ readonly schema: { readonly openAPIV3Schema: Schema } }] };
}

/** The schema that `crds/` has of a kind of ours. @throws where there is no such file */
export const readCrdSchema = <T extends KubeObject>(resource: Resource<T>): Schema => {
  const file = new URL(`../../crds/${resource.plural}.yaml`, import.meta.url);
  const crd = parse(readFileSync(file, 'utf8')) as CrdFile;
  return crd.spec.versions[0].schema.openAPIV3Schema;
};

/**
 * The same as plain JSON schema: int-or-string spelled out, and fields that are not named are errors, as with
 * `kubectl apply`, which rejects them too.
 */
export const toJsonSchema = (schema: Schema): Schema => {
  if (schema['x-kubernetes-int-or-string'] === true) return intOrString(schema);
  const plain = Object.fromEntries(Object.entries(schema).filter(([keyword]) => !keyword.startsWith('x-kubernetes-')));
  const { properties, items, additionalProperties } = schema;
  return {
    ...plain,
    ...(items === undefined ? {} : { items: toJsonSchema(items) }),
    ...(typeof additionalProperties === 'object' ? { additionalProperties: toJsonSchema(additionalProperties) } : {}),
    ...(properties === undefined ? {} : { properties: mapProperties(properties), additionalProperties: false }),
  };
};

const intOrString = ({ maxLength, pattern }: Schema): Schema => ({
  anyOf: [{ type: 'integer' }, { type: 'string', maxLength, pattern }],
});

/** The object's own metadata is checked by the API server alone; the CRD says of it no more than the name's length. */
const mapProperties = (properties: Readonly<Record<string, Schema>>): Record<string, Schema> =>
  Object.fromEntries(
    Object.entries(properties).map(([name, property]) =>
      name === 'metadata' && 'apiVersion' in properties ? [name, { type: 'object' }] : [name, toJsonSchema(property)],
    ),
  );
