import { describe, expect, it } from 'vitest';
import { showsOutput } from '../../../dev/docs/shown-output.ts';

describe('what a page shows', () => {
  it.each([
    ['the same', ['a b', 'c'], 'a b\nc\n', true],
    ['wider columns', ['NAME AGE'], 'NAME      AGE\n', true],
    ['… within a line', ['first … 2/2'], 'first Succeeded 31s 2/2\n', true],
    ['… alone for any lines', ['a', '…', 'd'], 'a\nb\nc\nd\n', true],
    ['… alone for none', ['a', '…', 'd'], 'a\nd\n', true],
    ['signs that mean something elsewhere', ['a.*(b)'], 'a.*(b)\n', true],
    ['another word', ['a b'], 'a c\n', false],
    ['a line more', ['a'], 'a\nb\n', false],
    ['a line less', ['a', 'b'], 'a\n', false],
    ['nothing', [], 'a\n', false],
    ['… does not reach over a line', ['a … b'], 'a\nb\n', false],
  ])('%s', (_name, shown, printed, expected) => {
    expect(showsOutput(shown, printed)).toBe(expected);
  });
});
