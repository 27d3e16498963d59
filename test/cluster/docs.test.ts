/** The commands of the pages, typed as they stand there, on a whole Kubernetes: from `helm install` to a verified restore. */
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { goTool } from '../../dev/tools/go-tools.ts';
import { PageReader, pagesFor } from '../support/page-session.ts';
import { root, run } from '../support/shell.ts';
import { ClusterBench } from './bench.ts';

const bench = new ClusterBench();
const at = (name: string): string => path.join(bench.state, name);
/** What the pages leave to the reader. Job and namespace are those of docs/cluster.md, on which the runbook goes on. */
const values = {
  ...{ DATA: at('data'), SRV: at('srv'), ARCHIVE: at('twinreel.tar') },
  ...{ NAMESPACE: 'team', NAME: 'nightly' },
};

beforeAll(async () => {
  const image = ['run', '-s', 'image', '--', '--out', values.ARCHIVE, '--tag', 'twinreel:dev'];
  const [built] = await Promise.all([run('npm', image), bench.isKept || bench.verb('up'), goTool('helm')]);
  expect(built.code, built.stdout + built.stderr).toBe(0);
  await bench.verb('load', [values.ARCHIVE]);
});
afterAll(async () => bench.close());

describe('what a reader types', () => {
  mkdirSync(at('reader'));
  const exec = [path.join(root, 'dev/cluster/main.ts'), 'exec', '--state', bench.state, '--'];
  const within = [process.execPath, ...exec];
  const reader = new PageReader({ folder: at('reader'), place: 'cluster', values, within, patienceMs: 230_000 });
  for (const page of pagesFor('cluster', values)) test(`works in ${page}`, async () => reader.follow(page));
});
