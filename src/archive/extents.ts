import { constants } from 'node:os';
import { seekData, seekHole } from '../posix/file.ts';
import type { FileStat } from '../posix/stat.ts';

/** GNU tar writes wrong bytes, silently, where an extent does not begin and end at such a multiple. */
export const EXTENT_ALIGNMENT = 4096;
export const MAX_EXTENTS = 32_768;

const { ENXIO } = constants.errno;
const alignDown = (offset: number): number => offset - (offset % EXTENT_ALIGNMENT);

/** Whether the blocks say that the file has holes (or that its file system compresses). */
export const mayHaveHoles = (stat: FileStat): boolean => stat.blocks * 512 < stat.size;

/** Offset, length, offset, length, … */
export type Extents = readonly number[];

/**
 * Merges neighbours whose gap is smaller than a growing threshold until there are few enough.
 */
const thinOut = (extents: number[], threshold: number): number[] => {
  const kept: number[] = [];
  for (let at = 0; at < extents.length; at += 2) {
    const [offset, length] = [extents[at] ?? 0, extents[at + 1] ?? 0];
    const last = kept.length - 2;
    const lastOffset = kept[last] ?? 0;
    if (last >= 0 && offset - lastOffset - (kept[last + 1] ?? 0) < threshold)
      kept[last + 1] = offset + length - lastOffset;
    else kept.push(offset, length);
  }
  return kept;
};

/**
 * The data of [from, to) of an open file, widened to multiples of 4,096 (only the file's end may differ), as offsets
 * from the file's beginning; at most 32,768 extents. Undefined where there is no hole worth a map, or none is known.
 */
export const dataExtents = (fd: number, from: number, to: number): Extents | undefined => {
  let extents: number[] = [];
  let threshold = 2 * EXTENT_ALIGNMENT;
  for (let at = from; at < to;) {
    const data = seekData(fd, at);
    if (data === -ENXIO || data >= to) break;
    if (data < 0) return undefined;
    const hole = seekHole(fd, data);
    if (hole < 0) return undefined;
    const begin = Math.max(from, alignDown(data));
    const end = Math.min(to, alignDown(hole + EXTENT_ALIGNMENT - 1));
    const last = extents.length - 2;
    const lastEnd = last < 0 ? -1 : (extents[last] ?? 0) + (extents[last + 1] ?? 0);
    if (begin <= lastEnd) extents[last + 1] = Math.max(end, lastEnd) - (extents[last] ?? 0);
    else extents.push(begin, end - begin);
    while (extents.length > 2 * MAX_EXTENTS) {
      extents = thinOut(extents, threshold);
      threshold *= 2;
    }
    at = Math.max(hole, data + 1);
  }
  const whole = extents.length === 2 && extents[0] === from && extents[1] === to - from;
  return whole ? undefined : extents;
};

/** Bytes of data in the extents. */
export const extentBytes = (extents: Extents): number => {
  let bytes = 0;
  for (let at = 1; at < extents.length; at += 2) bytes += extents[at] ?? 0;
  return bytes;
};

/** How much of a file has been met: its data, and where that ends. */
export interface MetData {
  readonly bytes: number;
  /** A multiple of 4,096, or the file's end. */
  readonly end: number;
}

/** As `meetData`, of a file without holes. */
export const meetSolid = (from: number, to: number, limitBytes: number): MetData =>
  to - from <= limitBytes
    ? { bytes: to - from, end: to }
    : { bytes: limitBytes + 1, end: alignDown(from + Math.max(limitBytes, EXTENT_ALIGNMENT)) };

/**
 * Meets the data of [from, to) of an open file, widened as `dataExtents` does, and stops where it comes to more than
 * the limit: `bytes` is above it then, and `end` tells where it was reached. Undefined where holes can't be asked for.
 */
export const meetData = (fd: number, from: number, to: number, limitBytes: number): MetData | undefined => {
  let bytes = 0;
  let lastEnd = from;
  for (let at = from; at < to;) {
    const data = seekData(fd, at);
    if (data === -ENXIO || data >= to) break;
    const hole = data < 0 ? data : seekHole(fd, data);
    if (hole < 0) return undefined;
    const begin = Math.max(lastEnd, alignDown(data));
    const end = Math.min(to, alignDown(hole + EXTENT_ALIGNMENT - 1));
    const left = limitBytes - bytes;
    if (left === 0 && end > begin) return { bytes: limitBytes + 1, end: lastEnd };
    if (end - begin > left) return { bytes: limitBytes + 1, end: alignDown(begin + Math.max(left, EXTENT_ALIGNMENT)) };
    bytes += Math.max(0, end - begin);
    lastEnd = Math.max(lastEnd, end);
    at = Math.max(hole, data + 1);
  }
  return { bytes, end: to };
};
