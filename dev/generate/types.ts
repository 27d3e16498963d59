import { compile } from 'json-schema-to-typescript';
import { prepare } from './prepare.ts';
import { schemaAt, type Crd, type Schema } from './schema.ts';
import { sharedShapes, type SharedIndex, type SharedShape } from './shared-shapes.ts';

const banner = '// Generated from crds/ by `npm run generate`. Do not edit.';

const style = { printWidth: 120, singleQuote: true, trailingComma: 'all' } as const;

const compileShape = async (schema: Schema, title: string): Promise<string> => {
  const input = { ...schema, title } as Parameters<typeof compile>[0];
  return compile(input, title, { bannerComment: '', format: true, style, ignoreMinAndMaxItems: true });
};

const imports = (used: Iterable<SharedShape>, own: string): string[] => {
  const byModule = Map.groupBy(
    [...used].filter(({ module }) => module !== own),
    ({ module }) => module,
  );
  return [...byModule]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([module, shapes]) => {
      const types = shapes.map(({ type }) => type).sort();
      return `import type { ${types.join(', ')} } from './${module}.ts';`;
    });
};

/** File name of a kind: `BackupJob` → `backup-job`. */
export const moduleOf = (kind: string): string =>
  kind.replaceAll(/([a-z])([A-Z])|([A-Z])([A-Z][a-z])/g, '$1$3-$2$4').toLowerCase();

/** The module of one kind: its object, spec and status. */
export const generateKind = async (crd: Crd, shared: SharedIndex): Promise<string> => {
  const { kind } = crd;
  const own = moduleOf(kind);
  const used = new Set<SharedShape>();
  const parts: string[] = [];
  for (const part of ['spec', 'status'] as const) {
    const schema = crd.schema.properties?.[part];
    if (schema === undefined) throw new Error(`${kind} has no ${part}`);
    const title = kind + (part === 'spec' ? 'Spec' : 'Status');
    // Shapes below the spec are named after the kind alone: BackupJobSource.
    const named = prepare(schema, part === 'spec' ? kind : title, { shared, used }, true);
    parts.push(await compileShape(named, title));
  }
  const head = [
    banner,
    `import type { NamedMeta } from '../metadata.ts';`,
    ...imports(used, own),
    '',
    `/** ${crd.schema.description ?? kind} */`,
    `export interface ${kind} {`,
    '  apiVersion?: string;',
    '  kind?: string;',
    '  metadata: NamedMeta;',
    `  spec: ${kind}Spec;`,
    `  status?: ${kind}Status;`,
    '}',
    '',
  ];
  return head.join('\n') + parts.join('');
};

/** The module of the shapes that several kinds have in common. */
export const generateShared = async (crds: readonly Crd[], shared: SharedIndex): Promise<string> => {
  const parts: string[] = [];
  for (const { type, kind, path } of sharedShapes.filter(({ module }) => module === 'shared')) {
    const crd = crds.find((candidate) => candidate.kind === kind);
    if (crd === undefined) throw new Error(`there is no CRD of kind ${kind}`);
    const schema = prepare(schemaAt(crd.schema, path), type, { shared, used: new Set() }, true);
    parts.push(await compileShape(schema, type));
  }
  return `${banner}\n${parts.join('')}`;
};

export const generateIndex = (crds: readonly Crd[]): string =>
  [
    banner,
    ...crds.map(({ kind }) => `export type * from './${moduleOf(kind)}.ts';`),
    "export type * from './shared.ts';",
  ]
    .map((line) => `${line}\n`)
    .join('');

/** All generated modules by file name. */
export const generateAll = async (crds: readonly Crd[], shared: SharedIndex): Promise<Map<string, string>> => {
  const files = new Map<string, string>();
  for (const crd of crds) files.set(`${moduleOf(crd.kind)}.ts`, await generateKind(crd, shared));
  files.set('shared.ts', await generateShared(crds, shared));
  files.set('index.ts', generateIndex(crds));
  return files;
};
