import type { Schema } from './schema.ts';
import { fingerprint, type SharedIndex, type SharedShape } from './shared-shapes.ts';

const capital = (word: string): string => word.charAt(0).toUpperCase() + word.slice(1);

const pick = (schema: Schema, ...keywords: readonly string[]): Schema =>
  Object.fromEntries(keywords.filter((keyword) => keyword in schema).map((keyword) => [keyword, schema[keyword]]));

interface Preparation {
  readonly shared: SharedIndex;
  /** Shapes that were met, for the imports. */
  readonly used: Set<SharedShape>;
}

/**
 * Turns a structural schema into one from which json-schema-to-typescript makes clean interfaces: every object gets a
 * name, shared shapes become references by name, bounds go, and what has a default is required, because the API server
 * always fills it in.
 */
export const prepare = (schema: Schema, title: string, to: Preparation, atTop = false): Schema => {
  const about = schema.description === undefined ? {} : { description: schema.description };
  const shared = atTop ? undefined : to.shared.get(fingerprint(schema));
  if (shared !== undefined) {
    to.used.add(shared);
    return { ...about, tsType: shared.type };
  }
  if (schema['x-kubernetes-int-or-string'] === true) return { ...about, tsType: 'number | string' };
  if (schema.items !== undefined) return { ...about, type: 'array', items: prepare(schema.items, `${title}Item`, to) };
  if (typeof schema.additionalProperties === 'object') {
    return {
      ...about,
      type: 'object',
      additionalProperties: prepare(schema.additionalProperties, `${title}Value`, to),
    };
  }
  if (schema.properties !== undefined) return prepareObject(schema, schema.properties, title, to, atTop);
  return { ...about, ...pick(schema, 'type', 'enum') };
};

const prepareObject = (
  schema: Schema,
  properties: Readonly<Record<string, Schema>>,
  title: string,
  to: Preparation,
  atTop: boolean,
): Schema => {
  const names = Object.keys(properties);
  // Of a status with a default too: what is about to be created has none.
  const isFilledIn = (name: string): boolean =>
    properties[name]?.default !== undefined && !(atTop && name === 'status');
  return {
    ...(schema.description === undefined ? {} : { description: schema.description }),
    title,
    type: 'object',
    additionalProperties: false,
    required: names.filter((name) => schema.required?.includes(name) || isFilledIn(name)),
    properties: Object.fromEntries(
      Object.entries(properties).map(([name, property]) => [name, prepare(property, title + capital(name), to)]),
    ),
  };
};
