/** The scripts of `config/argocd`, by the interpreter that Argo CD has, with no more of Lua than it gives them. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { healthOf, type Answer } from '../../support/gitops-tool.ts';

const root = join(import.meta.dirname, '../../..');
const folder = join(root, 'config', 'argocd');
const group = join(folder, 'twinreel.io');

interface Case {
  readonly healthStatus: Answer;
  readonly inputPath: string;
}

const read = (...path: readonly string[]): unknown => parse(readFileSync(join(...path), 'utf8'));

const cases = readdirSync(group).flatMap((kind) => {
  const { tests } = read(group, kind, 'health_test.yaml') as { readonly tests: readonly Case[] };
  return tests.map((one) => ({ kind, ...one, name: `${kind}, ${one.inputPath.replace(/^testdata\/|\.yaml$/g, '')}` }));
});

let answers: readonly Answer[];
beforeAll(async () => {
  // The tool may have to be built first.
  answers = await healthOf(
    folder,
    cases.map(({ kind, inputPath }) => read(group, kind, inputPath) as object),
  );
}, 600_000);

describe('the health that Argo CD shows of', () => {
  it.each(cases.map((one, at) => ({ ...one, at })))('$name', ({ at, healthStatus }) => {
    expect(answers[at]).toEqual(healthStatus);
  });
});

it('there are scripts for every kind, and cases for every file', () => {
  const crds = readdirSync(join(root, 'crds')).filter((file) => file.endsWith('.yaml'));
  const kinds = crds.map((file) => read(root, 'crds', file) as { spec: { names: { kind: string } } });
  expect(readdirSync(group).sort()).toEqual(kinds.map(({ spec }) => spec.names.kind).sort());
  const files = readdirSync(group).flatMap((kind) =>
    readdirSync(join(group, kind, 'testdata')).map((file) => `${kind}/testdata/${file}`),
  );
  expect(cases.map(({ kind, inputPath }) => `${kind}/${inputPath}`).sort()).toEqual(files.sort());
});
