import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { readAnchors, readLinks } from '../../../dev/docs/page-links.ts';

const root = path.join(import.meta.dirname, '../../..');
const pages = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '*.md'], {
  cwd: root,
  encoding: 'utf8',
})
  .trim()
  .split('\n');
const read = (page: string): string => readFileSync(path.join(root, page), 'utf8');

/** @returns why the link leads nowhere; undefined where it does, or leads out of the project */
const brokenLink = (page: string, target: string): string | undefined => {
  if (/^[a-z]+:/.test(target)) return undefined;
  const [file = '', anchor] = target.split('#');
  const found = file === '' ? page : path.join(path.dirname(page), file);
  if (!existsSync(path.join(root, found))) return 'there is no such file';
  if (anchor === undefined) return undefined;
  if (statSync(path.join(root, found)).isDirectory()) return 'a folder has no headings';
  return readAnchors(read(found)).has(anchor) ? undefined : 'there is no such heading';
};

describe('every link between pages', () => {
  it.each(pages)('of %s leads somewhere', (page) => {
    const broken = readLinks(read(page)).flatMap(({ line, target }) => {
      const why = brokenLink(page, target);
      return why === undefined ? [] : [`${page}:${line}: ${target}: ${why}`];
    });
    expect(broken).toEqual([]);
  });

  it('reaches every page of docs from README', () => {
    const seen = new Set<string>();
    const open = ['README.md'];
    for (let page = open.pop(); page !== undefined; page = open.pop()) {
      if (seen.has(page) || !page.endsWith('.md')) continue;
      seen.add(page);
      for (const { target } of readLinks(read(page))) {
        const [file = ''] = target.split('#');
        const next = path.join(path.dirname(page), file);
        if (!/^[a-z]+:/.test(target) && file !== '' && existsSync(path.join(root, next))) open.push(next);
      }
    }
    expect(pages.filter((page) => /^docs\/[^/]*$/.test(page) && !seen.has(page))).toEqual([]);
  });
});

describe('links and headings', () => {
  it('are not those in code', () => {
    expect(readLinks('[a](b.md) `[c](d.md)`\n```text\n[e](f.md)\n```\n[g](h.md#i "j")')).toEqual([
      { line: 1, target: 'b.md' },
      { line: 5, target: 'h.md#i' },
    ]);
    expect([...readAnchors('# A\n```sh\n# B\n```')]).toEqual(['a']);
  });

  it('are named as GitHub names them', () => {
    const text =
      '# What it does not do\n## `kubectl` & co.\n## Same\n## Same\n## [A link](x.md), too\n<a id="own"></a>';
    expect([...readAnchors(text)]).toEqual([
      'what-it-does-not-do',
      'kubectl--co',
      'same',
      'same-1',
      'a-link-too',
      'own',
    ]);
  });
});
