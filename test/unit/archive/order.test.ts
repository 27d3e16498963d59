import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { bufferOf, bytesOf } from '../../../src/posix/bytes.ts';
import { cursorFromJson, cursorToJson, escapePath, unescapePath } from '../../../src/archive/escape.ts';
import { boundaryPath, compareCursors, comparePaths, isWithin } from '../../../src/archive/order.ts';

const name = fc
  .uint8Array({ minLength: 1, maxLength: 4 })
  .map((bytes) => Buffer.from(bytes.map((byte) => (byte === 0 || byte === 0x2f ? 0x2e : byte))).toString('latin1'));
const path = fc.array(name, { maxLength: 4 }).map((names) => names.join('/'));

/** What the order is meant to be: component by component, each as bytes; a folder before what it holds. */
const compareComponents = (left: string, right: string): number => {
  const [a, b] = [left, right].map((text) => (text === '' ? [] : text.split('/')));
  for (let at = 0; ; at += 1) {
    const [x, y] = [a?.[at], b?.[at]];
    if (x === undefined || y === undefined) return x === y ? 0 : x === undefined ? -1 : 1;
    const order = Buffer.compare(bufferOf(x), bufferOf(y));
    if (order !== 0) return order;
  }
};

describe('the order of paths', () => {
  test('is that of a sorted depth-first walk, not of plain strings', () => {
    const sorted = ['a-b', 'a.txt', 'a/x', 'a', 'a/x/y', ''].sort(comparePaths);
    expect(sorted).toEqual(['', 'a', 'a/x', 'a/x/y', 'a-b', 'a.txt']);
  });

  test('compares component by component as bytes', () => {
    fc.assert(
      fc.property(path, path, (left, right) => {
        expect(Math.sign(comparePaths(left, right))).toBe(compareComponents(left, right));
      }),
    );
  });

  test('puts offsets of a file behind its beginning and before what would lie beneath it', () => {
    const cursors = [
      { path: 'a/x', offset: 0 },
      { path: 'a', offset: 8192 },
      { path: 'a', offset: 0 },
      { path: 'a.', offset: 0 },
    ].sort(compareCursors);
    expect(cursors.map((cursor) => `${cursor.path}@${String(cursor.offset)}`)).toEqual([
      'a@0',
      'a@8192',
      'a/x@0',
      'a.@0',
    ]);
  });

  test('knows what lies within a folder', () => {
    expect([isWithin('a/b', 'a'), isWithin('a', 'a'), isWithin('ab', 'a'), isWithin('x', '')]).toEqual([
      true,
      true,
      false,
      true,
    ]);
  });
});

describe('a boundary path', () => {
  test('is the shortest prefix of the right-hand path that separates the two, and never ends in /', () => {
    fc.assert(
      fc.property(path, path, (one, other) => {
        fc.pre(comparePaths(one, other) !== 0);
        const [left, right] = comparePaths(one, other) < 0 ? [one, other] : [other, one];
        const boundary = boundaryPath(left, right);
        expect(right.startsWith(boundary)).toBe(true);
        expect(boundary.endsWith('/')).toBe(false);
        expect(comparePaths(left, boundary)).toBeLessThan(0);
        expect(comparePaths(boundary, right)).toBeLessThanOrEqual(0);
        for (let length = 1; length < boundary.length; length += 1) {
          const shorter = right.slice(0, length);
          if (!shorter.endsWith('/')) expect(comparePaths(left, shorter)).toBeGreaterThanOrEqual(0);
        }
      }),
    );
  });

  test('may cut a name or a character in half', () => {
    expect(boundaryPath('abc', 'abx/y')).toBe('abx');
    expect(boundaryPath(bytesOf('é'), bytesOf('ê'))).toBe(bytesOf('ê').slice(0, 2));
    expect(boundaryPath('a', 'a/xyz')).toBe('a/x');
  });
});

describe('escaped paths', () => {
  test('come back byte for byte and are printable ASCII', () => {
    fc.assert(
      fc.property(path, fc.nat(), (raw, offset) => {
        const escaped = escapePath(raw);
        expect(escaped).toMatch(/^([ -$&-~]|%[0-9A-F]{2})*$/);
        expect(unescapePath(escaped)).toBe(raw);
        expect(cursorFromJson(cursorToJson({ path: raw, offset }))).toEqual({ path: raw, offset });
      }),
    );
  });

  test.each(['%', '%4', '%zz', '%ff', 'é', 'a\nb'])('refuse %j', (text) => {
    expect(() => unescapePath(text)).toThrow(expect.objectContaining({ code: 'PathEscape' }));
  });
});
