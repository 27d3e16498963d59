import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { problemOf, readBlocks, readMark, readReplacements } from '../../../dev/docs/page-blocks.ts';
import { readSteps, scriptOf } from '../../../dev/docs/page-script.ts';

const root = path.join(import.meta.dirname, '../../..');
const pages = ['README.md', 'CONTRIBUTING.md', 'charts/twinreel/README.md'].concat(
  readdirSync(path.join(root, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
);

describe('every block of the pages', () => {
  it.each(pages)('says in %s what it is and what the tests do with it', (page) => {
    const problems = readBlocks(readFileSync(path.join(root, page), 'utf8')).flatMap((block) => {
      const problem = problemOf(block);
      return problem === undefined ? [] : [`${page}:${block.line}: ${problem}`];
    });
    expect(problems).toEqual([]);
  });

  it('has commands among them that are run, on one machine and on a cluster', () => {
    const comments = pages.flatMap((page) =>
      readBlocks(readFileSync(path.join(root, page), 'utf8')).map(({ comment }) => comment),
    );
    expect(comments).toEqual(expect.arrayContaining(['run: local', 'run: cluster']));
  });
});

const page = (...lines: readonly string[]): string => lines.join('\n');

const typed = pages.flatMap((name) => (['local', 'cluster'] as const).map((place) => ({ name, place })));
/** Every variable that the tests of any place have, as something that is no path. */
const marked = Object.fromEntries(
  ['STATE', 'DATA', 'OUT', 'VAULT', 'SRV', 'ARCHIVE', 'NAMESPACE', 'NAME'].map((name) => [name, `@${name}@`]),
);

it.each(typed)('$name touches no folder of the machine when it is typed, $place', ({ name, place }) => {
  const steps = readSteps(readFileSync(path.join(root, name), 'utf8'), place, marked);
  expect(steps.filter(({ commands }) => /\/(tmp|srv|var)\//.test(commands))).toEqual([]);
});

describe('a mark', () => {
  it.each([
    ['run: local', { kind: 'run', place: 'local' }],
    ['file: cluster hardware.yaml', { kind: 'file', place: 'cluster', name: 'hardware.yaml' }],
    ['dry run: local', { kind: 'dryRun', place: 'local' }],
    ['not run: needs a real tape drive', { kind: 'notRun', reason: 'needs a real tape drive' }],
  ])('is read from "%s"', (comment, mark) => {
    expect(readMark(comment)).toEqual(mark);
  });

  it.each(['run: somewhere', 'not run:', 'not run: no', 'file: local ../x', 'a remark'])('is not "%s"', (comment) => {
    expect(readMark(comment)).toBeUndefined();
  });
});

describe('a block', () => {
  const problem = (...lines: readonly string[]): string | undefined => {
    const [block] = readBlocks(page(...lines));
    return block === undefined ? 'no block' : problemOf(block);
  };

  it('of commands needs a mark on the line before it', () => {
    expect(problem('```sh', 'true', '```')).toMatch('what the tests do with it');
    expect(problem('<!-- run: local -->', '', '```sh', 'true', '```')).toMatch('what the tests do with it');
    expect(problem('<!-- run: local -->', '```sh', 'true', '```')).toBeUndefined();
  });

  it('needs a language, and one that is known', () => {
    expect(problem('```', 'true', '```')).toMatch('no language');
    expect(problem('```bash', 'true', '```')).toMatch('bash');
    expect(problem('```text', 'a picture', '```')).toBeUndefined();
  });

  it('of YAML is not typed', () => {
    expect(problem('<!-- run: local -->', '```yaml', 'a: 1', '```')).toMatch("can't be marked");
  });

  it('that stays open is refused', () => {
    expect(() => readBlocks('```sh\ntrue')).toThrow('line 1');
  });

  it('loses the indent of a list', () => {
    expect(readBlocks('1. x\n   ```text\n   a\n     b\n   ```')[0]?.text).toEqual(['a', '  b']);
  });
});

describe('the steps of a page', () => {
  const text = page(
    ...['<!-- replace: /tmp/x with $STATE -->', '<!-- run: local -->', '```sh', 'ls /tmp/x', '```', ''],
    ...['<!-- run: cluster -->', '```sh', 'elsewhere', '```', ''],
    ...['<!-- file: local a.yaml -->', '```yaml', 'a: $HOME', '```', ''],
    ...['<!-- run: local -->', '```console', '$ echo a \\', '> /tmp/x', 'a /tmp/x', '$ true', '```'],
  );

  it('are those of one place, in order, with what stands for the reader’s choices', () => {
    expect(readReplacements(text)).toEqual([{ written: '/tmp/x', variable: 'STATE' }]);
    expect(readSteps(text, 'local', { STATE: '/s' })).toEqual([
      { line: 3, commands: 'ls /s', shown: undefined },
      { line: 13, commands: "cat >a.yaml <<'TWINREEL_DOCS_END'\na: $HOME\nTWINREEL_DOCS_END", shown: undefined },
      { line: 19, commands: 'echo a \\\n/s', shown: ['a /s'] },
      { line: 22, commands: 'true', shown: [] },
    ]);
    expect(() => readSteps(text, 'local', {})).toThrow('$STATE');
  });

  it('become one script that stops at the first failure', () => {
    const script = scriptOf(readSteps(text, 'cluster', { STATE: '/s' }), '/out');
    expect(script).toBe("set -e\necho 8 >'/out/at'\n{\nelsewhere\n} >'/out/8' 2>&1\necho done >'/out/at'\n");
  });
});
