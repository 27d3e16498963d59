/**
 * Writes `config/argocd/argocd-cm.yaml`, what Argo CD reads, from the scripts that are kept as its own repository keeps
 * them; with `--check` it writes nothing and fails when the file differs.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';

const root = join(import.meta.dirname, '../..');
const group = 'twinreel.io';
const scripts = join(root, 'config', 'argocd', group);
const file = join(root, 'config', 'argocd', 'argocd-cm.yaml');

const health = (kind: string): readonly [string, string] => [
  `resource.customizations.health.${group}_${kind}`,
  readFileSync(join(scripts, kind, 'health.lua'), 'utf8'),
];

const configMap = {
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: {
    name: 'argocd-cm',
    namespace: 'argocd',
    labels: { 'app.kubernetes.io/name': 'argocd-cm', 'app.kubernetes.io/part-of': 'argocd' },
  },
  data: Object.fromEntries(readdirSync(scripts).sort().map(health)),
};

const remark = [
  '# Health of every kind for Argo CD: merge `data` into the ConfigMap argocd-cm of its namespace, for example by',
  '#   kubectl apply --server-side --field-manager=twinreel -f argocd-cm.yaml',
  '# Made from */health.lua by `npm run generate`.',
].join('\n');

const wanted = `${remark}\n${stringify(configMap, { lineWidth: 0, singleQuote: true })}`;
const existing = existsSync(file) ? readFileSync(file, 'utf8') : undefined;

if (process.argv.includes('--check')) {
  if (existing !== wanted) {
    console.error('config/argocd/argocd-cm.yaml differs from the scripts. Run: npm run generate');
    process.exitCode = 1;
  }
} else if (existing !== wanted) writeFileSync(file, wanted);
