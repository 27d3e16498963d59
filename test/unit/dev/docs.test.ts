import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import packageFile from '../../../package.json' with { type: 'json' };
import { makeStore } from '../../../src/kube/store.ts';
import { makeOperatorMetrics } from '../../../src/operator/metrics.ts';
import { flagOf, helpOf, settings } from '../../../src/operator/settings.ts';

const root = join(import.meta.dirname, '../../..');
const read = (path: string): string => readFileSync(join(root, path), 'utf8');

const pages = [
  'README.md',
  'CONTRIBUTING.md',
  'CHANGELOG.md',
  ...readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.md'))
    .map((file) => join('docs', file)),
];

/** As GitHub makes it of a heading. */
const anchorOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-');

const anchorsOf = (page: string): readonly string[] =>
  [...read(page).matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) => anchorOf(heading));

describe.each(pages)('%s', (page) => {
  const text = read(page);

  it('links to what exists', () => {
    const withoutCode = text.replaceAll(/^```.*?^```|`[^`\n]*`/gms, '');
    const broken = [...withoutCode.matchAll(/\]\(([^)\s]+)\)/g)]
      .map(([, target = '']) => target)
      .filter((target) => !/^https?:/.test(target))
      .filter((target) => {
        const [path = '', anchor] = target.split('#');
        const file = path === '' ? page : join(dirname(page), path);
        if (!existsSync(join(root, file))) return true;
        return anchor !== undefined && !anchorsOf(file).includes(anchor);
      });
    expect(broken).toEqual([]);
  });

  it('names npm scripts and source files that exist', () => {
    const scripts = [...text.matchAll(/npm run (?:-s )?([a-z][\w:-]*)/g)].map(([, name = '']) => name);
    expect(scripts.filter((name) => !(name in packageFile.scripts))).toEqual([]);
    const files = [...text.matchAll(/`((?:src|dev|test|config|crds|docs)\/[\w./*-]*)`/g)].map(([, path = '']) => path);
    expect(files.filter((path) => !path.includes('*') && !existsSync(join(root, path)))).toEqual([]);
  });
});

describe('docs/operating.md', () => {
  const text = read('docs/operating.md');

  it('has every setting of the operator with its default', () => {
    const rows = settings.map(
      (setting) => `| \`${flagOf(setting)}\` | ${defaultOf(setting.byDefault)} | ${helpOf(setting)} |`,
    );
    expect(rows.filter((row) => !text.includes(row))).toEqual([]);
  });

  it('has every metric of the operator', () => {
    const metrics = makeOperatorMetrics();
    metrics.watch({
      ...{
        jobs: makeStore(),
        restores: makeStore(),
        records: makeStore(),
        pods: makeStore(),
        anchors: makeStore(),
        nodes: makeStore(),
      },
      ...{
        servers: makeStore(),
        libraries: makeStore(),
        tapes: makeStore(),
        switches: makeStore(),
        schedules: makeStore(),
        pools: makeStore(),
      },
    });
    const names = metrics.registry.getMetricsAsArray().map(({ name }) => name);
    const ours = names.filter((name) => name.startsWith('twinreel_'));
    expect(ours.length).toBeGreaterThan(10);
    expect(ours.filter((name) => !text.includes(`| \`${name}\` |`))).toEqual([]);
  });
});

const defaultOf = (value: string | number | undefined): string => (value === undefined ? '' : `\`${value}\``);

describe('docs/format.md', () => {
  it('has the recipe "By hand" as the tests execute it', () => {
    const [, recipe = ''] = /^```sh\n(T=.*?)^```/ms.exec(read('docs/format.md')) ?? [];
    const told = recipe
      .replaceAll('.twinreel-<uid8>', '$folder')
      .replaceAll('SEGMENTS-IN-ORDER', '$SEGMENTS')
      .replaceAll(/\bLINKS\b/g, '$LINKS')
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => line !== '');
    const executed = read('test/unit/archive/by-hand.sh')
      .split('\n')
      .map((line) => line.trim());
    expect(told.length).toBeGreaterThan(8);
    expect(told.filter((line) => !executed.includes(line))).toEqual([]);
  });
});
