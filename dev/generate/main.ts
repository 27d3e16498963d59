/**
 * `npm run generate` writes the TypeScript types of `crds/*.yaml` to `src/api/generated`; with `--check` it writes
 * nothing and fails when what stands there differs.
 */
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readCrds } from './schema.ts';
import { indexShared } from './shared-shapes.ts';
import { generateAll } from './types.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const folder = join(root, 'src/api/generated');

const readExisting = (): Map<string, string> =>
  new Map(readdirSync(folder).map((file) => [file, readFileSync(join(folder, file), 'utf8')]));

mkdirSync(folder, { recursive: true });
const crds = readCrds(join(root, 'crds'));
const wanted = await generateAll(crds, indexShared(crds));
const existing = readExisting();
const stale = [...existing.keys()].filter((file) => !wanted.has(file));
const changed = [...wanted].filter(([file, text]) => existing.get(file) !== text).map(([file]) => file);

if (process.argv.includes('--check')) {
  const differing = [...changed, ...stale];
  if (differing.length > 0) {
    console.error(`src/api/generated differs from crds/: ${differing.join(', ')}. Run: npm run generate`);
    process.exitCode = 1;
  }
} else {
  for (const file of stale) rmSync(join(folder, file));
  for (const file of changed) writeFileSync(join(folder, file), wanted.get(file) ?? '');
}
