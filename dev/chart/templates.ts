/**
 * What the Helm chart shares with the plain manifests is written once, in `crds/` and `config/rbac/`, and made into
 * templates here: so both give the same, and neither needs Helm to be checked.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Document, isMap, parseAllDocuments, visit } from 'yaml';
import { operatorNamespace } from '../../src/api/names.ts';

/** Text by file name below `templates/`. */
export type Templates = ReadonlyMap<string, string>;

/** When a file of `config/rbac` is part of a release; a file that is not named here has no template. */
const conditions: Readonly<Record<string, string>> = {
  'agent.yaml': '.Values.agent.rbac.create',
  'applications.yaml': '.Values.rbac.create .Values.rbac.applications',
  'operator.yaml': '.Values.rbac.create',
  'policies.yaml': '.Values.admissionPolicies.enabled',
  'users.yaml': '.Values.rbac.create .Values.rbac.aggregate',
  'worker.yaml': '.Values.rbac.create',
};

/** The chart leaves the namespace to `helm install --create-namespace`: values.yaml says why. */
const leftOut = new Set(['00-namespace.yaml']);

const labelsMark = 'HELM_LABELS';
const pullSecretsMark = 'HELM_PULL_SECRETS';

/** @throws Error when `config/rbac` holds a file of which nothing says whether it belongs to a release */
export const makeTemplates = (root: string): Templates =>
  new Map([
    ...yamlFiles(join(root, 'crds')).map(([file, text]) => [`crds/${file}`, crdTemplate(file, text)] as const),
    ...yamlFiles(join(root, 'config/rbac')).flatMap(([file, text]) =>
      leftOut.has(file) ? [] : [[`rbac/${file}`, rightsTemplate(file, text)] as const],
    ),
  ]);

const yamlFiles = (folder: string): readonly (readonly [file: string, text: string])[] =>
  readdirSync(folder)
    .filter((file) => file.endsWith('.yaml'))
    .sort()
    .map((file) => [file, readFileSync(join(folder, file), 'utf8')]);

/** Deleting a CRD deletes every object of its kind, records of backups among them: Helm is told to leave it. */
const crdTemplate = (file: string, text: string): string => {
  const [document] = parseAllDocuments(text);
  if (document === undefined) throw new Error(`crds/${file} is empty`);
  document.setIn(['metadata', 'annotations', 'helm.sh/resource-policy'], 'keep');
  document.setIn(['metadata', 'labels'], { [labelsMark]: '' });
  return wrapped(`crds/${file}`, '.Values.crds.install', [document]);
};

const rightsTemplate = (file: string, text: string): string => {
  const condition = conditions[file];
  if (condition === undefined) {
    throw new Error(`config/rbac/${file}: say in dev/chart/templates.ts when it is part of a release`);
  }
  const documents = parseAllDocuments(text);
  for (const document of documents) {
    const labels: unknown = document.getIn(['metadata', 'labels']);
    if (isMap(labels)) labels.set(labelsMark, '');
    else document.setIn(['metadata', 'labels'], { [labelsMark]: '' });
    if (document.get('kind') === 'ServiceAccount') document.set(pullSecretsMark, '');
    followRelease(document);
  }
  const test = condition.includes(' ') ? `and ${condition}` : condition;
  return wrapped(`config/rbac/${file}`, test, documents);
};

/** The namespace stands alone as a value, and inside the expressions of policies. */
const followRelease = (document: Document): void => {
  visit(document, {
    Scalar: (_key, node) => {
      if (typeof node.value !== 'string') return;
      node.value = node.value.replaceAll(
        new RegExp(`(^|')${operatorNamespace}('|$)`, 'g'),
        (_all, before: string, after: string) => `${before}{{ .Release.Namespace }}${after}`,
      );
    },
  });
};

const wrapped = (source: string, condition: string, documents: readonly Document[]): string => {
  const text = documents
    .map((document) => document.toString({ lineWidth: 0 }))
    .join('')
    .replaceAll(
      new RegExp(`^( +)${labelsMark}: ""\\n`, 'gm'),
      (_line, indent: string) => `${indent}{{- include "twinreel.labels" . | nindent ${indent.length} }}\n`,
    )
    .replaceAll(`${pullSecretsMark}: ""\n`, '{{- include "twinreel.imagePullSecrets" . }}\n');
  if (text.includes(labelsMark) || text.includes(pullSecretsMark)) throw new Error(`${source}: a mark is left`);
  return `{{- /* Generated from ${source} by npm run generate: change that. */}}\n{{- if ${condition} }}\n${text}{{- end }}\n`;
};
