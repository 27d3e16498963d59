/** `npm run docs:api` writes `docs/api.md` from `crds/`; with `--check` it writes nothing and fails when it differs. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readCrdFiles } from './crd-file.ts';
import { writeApiPage } from './api-page.ts';

const root = join(import.meta.dirname, '../..');
const page = join(root, 'docs', 'api.md');
const wanted = writeApiPage(readCrdFiles(join(root, 'crds')));
const existing = existsSync(page) ? readFileSync(page, 'utf8') : undefined;

if (process.argv.includes('--check')) {
  if (existing !== wanted) {
    console.error('docs/api.md differs from crds/. Run: npm run docs:api');
    process.exitCode = 1;
  }
} else if (existing !== wanted) writeFileSync(page, wanted);
