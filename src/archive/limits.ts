import type { Bytes } from '../posix/bytes.ts';
import { S_IFREG, type FileStat } from '../posix/stat.ts';

/*
 * What this format stores at most. Writer and reader share it: what lies beyond stands in the index alone, and no
 * single member keeps a segment from being restored.
 */

export const MAX_PATH_BYTES = 65_536;
/** Of a path at which a segment begins, escaped: plan pages take no longer one. */
export const MAX_BOUNDARY_LENGTH = 65_536;
export const MAX_LINK_BYTES = 65_535;
/** Seconds of a time have fifteen digits at most, before and after 1970. */
export const MAX_TIME_DIGITS = 15;
const TIME_LIMIT_SEC = 10 ** MAX_TIME_DIGITS;
/** (uid_t) −1 is nobody. */
export const MAX_ID = 0xfffffffe;
/** All records of one member. */
export const MAX_RECORDS_BYTES = 16 * 1_048_576;
/** Leaves room for the others: the path, twice in a sparse member, and numbers. */
const MAX_ATTRIBUTES_BYTES = MAX_RECORDS_BYTES - 4 * MAX_PATH_BYTES;

/** Errno's name of what is too long or too large. */
export type Refusal = 'ENAMETOOLONG' | 'EOVERFLOW';

/** Why a file can't become a member; undefined where it can. */
export const refusalOf = (path: Bytes, stat: FileStat, attributeBytes = 0): Refusal | undefined => {
  if (path.length > MAX_PATH_BYTES) return 'ENAMETOOLONG';
  const fits =
    Math.abs(stat.mtimeSec) < TIME_LIMIT_SEC &&
    (stat.type !== S_IFREG || Number.isSafeInteger(stat.size)) &&
    stat.uid <= MAX_ID &&
    stat.gid <= MAX_ID &&
    attributeBytes <= MAX_ATTRIBUTES_BYTES;
  return fits ? undefined : 'EOVERFLOW';
};
