import type { Schema } from '../generate/schema.ts';
import {
  fingerprint,
  indexShared,
  type SharedIndex,
  type SharedShape,
  sharedShapes,
} from '../generate/shared-shapes.ts';
import { schemaAt } from '../generate/schema.ts';
import type { CrdFile } from './crd-file.ts';
import { describeBounds, describeType } from './field-text.ts';

/** The order in which one meets the kinds; others follow by name. */
const order = [
  'BackupJob',
  'Restore',
  'BackupSchedule',
  'BackupServer',
  'TapeLibrary',
  'Tape',
  'FCSwitch',
  'MediaPool',
];

/** Every kind with every field of its schema, as Markdown. Pure. */
export const writeApiPage = (crds: readonly CrdFile[]): string => {
  const shared = indexShared(crds);
  const rank = ({ kind }: CrdFile): number => (order.indexOf(kind) + order.length + 1) % (order.length + 1);
  const sorted = crds.toSorted((a, b) => rank(a) - rank(b) || (a.kind < b.kind ? -1 : 1));
  const shapes = sharedShapes
    .filter(({ module }) => module === 'shared')
    .toSorted((a, b) => (a.type < b.type ? -1 : 1));
  const lines = [
    '# API',
    '',
    'Group `twinreel.io`, version `v1alpha1`. Made from `crds/` by `npm run docs:api`; do not edit.',
    '',
    ...sorted.map(({ kind }) => `- ${link(kind)}`),
    '',
    ...sorted.flatMap((crd) => describeKind(crd, shared)),
    '## Shapes that several kinds share',
    '',
    ...shapes.flatMap((shape) => describeShape(shape, crds, shared)),
  ];
  return `${lines.join('\n').trimEnd()}\n`;
};

const link = (title: string): string => `[${title}](#${title.toLowerCase()})`;

const describeKind = (crd: CrdFile, shared: SharedIndex): readonly string[] => {
  const { kind, plural, scope, shortNames, columns, schema } = crd;
  const short = shortNames.length === 0 ? '' : `, in short ${shortNames.map(code).join(', ')}`;
  const wide = columns.filter(({ priority = 0 }) => priority > 0).map(({ name }) => name);
  const plain = columns.filter(({ priority = 0 }) => priority === 0).map(({ name }) => name);
  const shown = `\`kubectl get ${plural}\` shows ${plain.join(', ')}${wide.length === 0 ? '' : `; \`-o wide\` also ${wide.join(', ')}`}.`;
  return [
    `## ${kind}`,
    '',
    oneLine(schema.description ?? ''),
    '',
    `${scope === 'Cluster' ? 'Cluster-scoped' : 'Namespaced'}; ${code(plural)}${short}. ${shown}`,
    '',
    ...describeRules(schema),
    ...(['spec', 'status'] as const).flatMap((part) => {
      const found = schema.properties?.[part];
      return found === undefined ? [] : [`### ${kind} ${part}`, '', ...describeObject(found, shared)];
    }),
  ];
};

const describeShape = (shape: SharedShape, crds: readonly CrdFile[], shared: SharedIndex): readonly string[] => {
  const crd = crds.find(({ kind }) => kind === shape.kind);
  if (crd === undefined) throw new Error(`there is no CRD of kind ${shape.kind}`);
  return [`### ${shape.type}`, '', ...describeObject(schemaAt(crd.schema, shape.path), shared)];
};

const describeObject = (schema: Schema, shared: SharedIndex): readonly string[] => [
  ...(schema.description === undefined ? [] : [oneLine(schema.description), '']),
  ...describeRules(schema),
  '| field | type | meaning |',
  '|---|---|---|',
  ...fieldRows(schema, '', shared),
  '',
];

interface Rule {
  readonly rule: string;
  readonly message?: string;
  /** Such as `.copies`, where it is not the object itself that is wrong. */
  readonly fieldPath?: string;
}

const textOf = ({ rule, message = rule, fieldPath }: Rule): string =>
  fieldPath === undefined ? message : `${code(fieldPath.replace(/^\./, ''))}: ${message}`;

const rulesOf = (schema: Schema): readonly Rule[] => {
  const rules: unknown = schema['x-kubernetes-validations'];
  return Array.isArray(rules) ? (rules as Rule[]) : [];
};

const describeRules = (schema: Schema): readonly string[] => {
  const rules = rulesOf(schema);
  if (rules.length === 0) return [];
  return ['Refused with one of these:', '', ...rules.map((rule) => `- ${oneLine(textOf(rule))}`), ''];
};

const fieldRows = (schema: Schema, prefix: string, shared: SharedIndex): readonly string[] =>
  Object.entries(schema.properties ?? {}).flatMap(([name, field]) => {
    const path = `${prefix}${name}`;
    const required = schema.required?.includes(name) === true;
    const { text: type, below } = typeOf(field, shared);
    const inner = below === undefined ? [] : fieldRows(below.schema, `${path}${below.suffix}.`, shared);
    return [rowOf(path, type, field, required), ...inner];
  });

interface Below {
  readonly schema: Schema;
  readonly suffix: string;
}

/** The type in words, and the schema whose fields follow; a shared shape is told once, elsewhere. */
const typeOf = (schema: Schema, shared: SharedIndex): { readonly text: string; readonly below?: Below } => {
  const known = shared.get(fingerprint(schema));
  if (known !== undefined)
    return { text: known.module === 'shared' ? link(known.type) : 'spec of a [BackupJob](#backupjob)' };
  if (schema.items !== undefined) return nested('list of ', '[]', schema.items, shared);
  if (typeof schema.additionalProperties === 'object') {
    return nested('map to ', '{}', schema.additionalProperties, shared);
  }
  if (schema.properties !== undefined) return { text: 'object', below: { schema, suffix: '' } };
  return { text: describeType(schema) };
};

const nested = (prefix: string, suffix: string, inner: Schema, shared: SharedIndex) => {
  const { text, below } = typeOf(inner, shared);
  return {
    text: `${prefix}${text}`,
    ...(below !== undefined && { below: { schema: below.schema, suffix: `${suffix}${below.suffix}` } }),
  };
};

const rowOf = (path: string, type: string, schema: Schema, required: boolean): string => {
  const rules = rulesOf(schema).map((rule) => `Rule: ${textOf(rule)}.`);
  const meaning = [starsAsTheyAre(schema.description ?? ''), ...rules, describeBounds(schema)];
  const given = required
    ? '; required'
    : schema.default === undefined
      ? ''
      : `; default ${defaultText(schema.default)}`;
  return `| ${code(path)} | ${cell(type + given)} | ${cell(meaning.filter((text) => text !== '').join(' '))} |`;
};

const defaultText = (value: unknown): string => code(typeof value === 'string' ? value : JSON.stringify(value));

const code = (text: string): string => `\`${text}\``;
const oneLine = (text: string): string => text.replaceAll(/\s+/g, ' ').trim();
/** `**` in a pattern is no emphasis. */
const starsAsTheyAre = (text: string): string => text.replaceAll('*', '\\*');
/** A bar would end the cell. */
const cell = (text: string): string => oneLine(text).replaceAll('|', '\\|');
