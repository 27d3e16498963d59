import type { Bytes } from '../posix/bytes.ts';

/**
 * A place in the order of a source: a path relative to its root (no leading or closing `/`, empty for the root
 * itself) and an offset in that file. A segment holds every cursor c with from ≤ c < to.
 */
export interface Cursor {
  readonly path: Bytes;
  readonly offset: number;
}

export const START: Cursor = { path: '', offset: 0 };

/** Paths compare as bytes with `/` counted as 0, which no name holds: component by component. */
export const orderKey = (path: Bytes): Bytes => path.replaceAll('/', '\0');

/** Negative, 0 or positive, in the order of a sorted depth-first walk. */
export const comparePaths = (left: Bytes, right: Bytes): number => {
  const [a, b] = [orderKey(left), orderKey(right)];
  if (a === b) return 0;
  return a < b ? -1 : 1;
};

export const compareCursors = (left: Cursor, right: Cursor): number =>
  comparePaths(left.path, right.path) || left.offset - right.offset;

/** Whether `path` is `folder` or lies beneath it; everything lies beneath the root. */
export const isWithin = (path: Bytes, folder: Bytes): boolean =>
  folder === '' || path === folder || (path.startsWith(folder) && path[folder.length] === '/');

/** The folder that holds a path, and its name there. */
export const splitPath = (path: Bytes): readonly [folder: Bytes, name: Bytes] => {
  const slash = path.lastIndexOf('/');
  return slash < 0 ? ['', path] : [path.slice(0, slash), path.slice(slash + 1)];
};

/**
 * The shortest prefix of `right` that lies after `left` and not after `right`. It never ends in `/`, need not exist,
 * and may cut a name or a character in half.
 *
 * @param left a path that comes before `right`
 */
export const boundaryPath = (left: Bytes, right: Bytes): Bytes => {
  const [a, b] = [orderKey(left), orderKey(right)];
  let same = 0;
  while (same < a.length && a[same] === b[same]) same += 1;
  const length = right[same] === '/' ? same + 2 : same + 1;
  return right.slice(0, length);
};
