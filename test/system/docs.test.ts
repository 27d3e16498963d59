/** The commands of the pages, typed as they stand there, on everything as processes of this machine. */
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { afterAll, describe, it } from 'vitest';
import { PageReader, pagesFor } from '../support/page-session.ts';
import { run } from '../support/shell.ts';
import { makeTempFolder } from '../support/temp-folder.ts';

const folder = makeTempFolder('twinreel-docs-');
const at = (name: string): string => path.join(folder.path, name);
const state = at('state');

for (const name of ['data', 'out', 'vault']) mkdirSync(at(name));
const values = { STATE: state, DATA: at('data'), OUT: at('out'), VAULT: at('vault') };
// What the first page has its reader export.
const env = { KUBECONFIG: path.join(state, 'kubeconfig') };
const tools = path.join(state, 'bin');
const reader = new PageReader({ folder: folder.path, place: 'local', values, env, tools, patienceMs: 240_000 });

afterAll(async () => {
  await run('npm', ['run', '-s', 'local', '--', 'down', '--state', state]);
  folder.remove();
});

describe('what a reader types', () => {
  for (const page of pagesFor('local', values)) it(`works in ${page}`, () => reader.follow(page));
});
