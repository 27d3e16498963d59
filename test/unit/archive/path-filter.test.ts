import { expect, test } from 'vitest';
import { bytesOf } from '../../../src/posix/bytes.ts';
import { makePathFilter, type FilterVerdict } from '../../../src/archive/path-filter.ts';

interface Row {
  readonly name: string;
  readonly include?: readonly string[];
  readonly exclude?: readonly string[];
  readonly path: string;
  readonly folder?: boolean;
  readonly verdict: FilterVerdict;
}

const rows: readonly Row[] = [
  { name: 'a pattern without / matches a name at any depth', exclude: ['*.tmp'], path: 'a/b/x.tmp', verdict: 'out' },
  { name: 'a pattern without / matches a name in the root', exclude: ['*.tmp'], path: 'x.tmp', verdict: 'out' },
  { name: 'an asterisk does not match /', exclude: ['/a/*.tmp'], path: 'a/b/x.tmp', verdict: 'in' },
  { name: 'a pattern with / begins at the root', exclude: ['a/b'], path: 'c/a/b', verdict: 'in' },
  { name: 'a leading / says the same', exclude: ['/a'], path: 'c/a', verdict: 'in' },
  { name: 'two asterisks match any number of folders', exclude: ['a/**/z'], path: 'a/b/c/z', verdict: 'out' },
  { name: 'two asterisks match no folder too', exclude: ['a/**/z'], path: 'a/z', verdict: 'out' },
  { name: 'a closing / matches a folder', exclude: ['cache/'], path: 'x/cache', folder: true, verdict: 'out' },
  { name: 'a closing / matches no file', exclude: ['cache/'], path: 'x/cache', verdict: 'in' },
  { name: 'a set matches one byte of it', exclude: ['[a-c]x'], path: 'bx', verdict: 'out' },
  { name: 'a negated set matches one byte that is not of it', exclude: ['[!a-c]x'], path: 'bx', verdict: 'in' },
  { name: 'a question mark matches one byte', exclude: ['?'], path: bytesOf('é'), verdict: 'in' },
  { name: 'a backslash takes the next byte as it is', exclude: ['\\*'], path: 'x', verdict: 'in' },
  { name: 'letters beyond ASCII match as UTF-8 bytes', exclude: ['é*'], path: bytesOf('école'), verdict: 'out' },
  { name: 'a dot is a dot', exclude: ['a.b'], path: 'axb', verdict: 'in' },
  { name: 'what is not included is out', include: ['*.c'], path: 'x.h', verdict: 'out' },
  {
    name: 'a folder that can lead to a match is looked into',
    include: ['a/b/*.c'],
    path: 'a/b',
    folder: true,
    verdict: 'maybe',
  },
  { name: 'a folder that cannot is not', include: ['a/b/*.c'], path: 'b', folder: true, verdict: 'out' },
  { name: 'any folder can lead to a name at any depth', include: ['*.c'], path: 'b', folder: true, verdict: 'maybe' },
  { name: 'exclude wins over include', include: ['a'], exclude: ['a'], path: 'a', verdict: 'out' },
];

test.each(rows)('$name', ({ include, exclude, path, folder, verdict }) => {
  expect(makePathFilter(include ?? [], exclude ?? [])?.decide(path, folder ?? false, false)).toBe(verdict);
});

test('what lies beneath something included is included', () => {
  expect(makePathFilter(['a'], [])?.decide('a/b', false, true)).toBe('in');
});

test('without patterns there is no filter', () => {
  expect(makePathFilter([], [])).toBeUndefined();
});

test.each(['[a', 'a\\', '', 'a//b', '../a', './a'])('the pattern %j is refused', (pattern) => {
  expect(() => makePathFilter([], [pattern])).toThrow(expect.objectContaining({ code: 'Pattern' }));
});
