/**
 * Part of `npm run generate`: writes the templates of the Helm chart that are made from `crds/` and `config/rbac/`;
 * with `--check` it writes nothing and fails when what stands there differs.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { makeTemplates } from './templates.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const folder = join(root, 'charts/twinreel/templates');
const parts = ['crds', 'rbac'];

const wanted = makeTemplates(root);
const existing = parts
  .filter((part) => existsSync(join(folder, part)))
  .flatMap((part) => readdirSync(join(folder, part)).map((file) => `${part}/${file}`));
const stale = existing.filter((file) => !wanted.has(file));
const changed = [...wanted].filter(
  ([file, text]) => !existing.includes(file) || readFileSync(join(folder, file), 'utf8') !== text,
);

if (process.argv.includes('--check')) {
  const differing = [...changed.map(([file]) => file), ...stale];
  if (differing.length > 0) {
    console.error(`charts/twinreel/templates differs from crds/ and config/rbac/: ${differing.join(', ')}.`);
    console.error('Run: npm run generate');
    process.exitCode = 1;
  }
} else {
  for (const part of parts) mkdirSync(join(folder, part), { recursive: true });
  for (const file of stale) rmSync(join(folder, file));
  for (const [file, text] of changed) writeFileSync(join(folder, file), text);
}
