import type { Bytes } from '../posix/bytes.ts';

/** The child of the folder in which `path` lies; undefined where it lies elsewhere. */
export const firstComponentBeneath = (prefix: Bytes, path: Bytes | undefined): Bytes | undefined => {
  if (path === undefined || !path.startsWith(prefix) || path.length === prefix.length) return undefined;
  const slash = path.indexOf('/', prefix.length);
  return path.slice(prefix.length, slash < 0 ? undefined : slash);
};

/** Where the first of the sorted names is that is not below `wanted`. */
export const lowerBound = (names: readonly Bytes[], wanted: Bytes): number => {
  let [low, high] = [0, names.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((names[middle] ?? '') < wanted) low = middle + 1;
    else high = middle;
  }
  return low;
};
