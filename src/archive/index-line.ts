import type { FileStat } from '../posix/stat.ts';
import type { Bytes } from '../posix/bytes.ts';
import { escapePath } from './escape.ts';
import { timeText } from './header.ts';

/** f file, d folder, l symbolic link, c b p device and fifo, h link member, x part of a file, s not stored. */
export type EntryType = 'f' | 'd' | 'l' | 'c' | 'b' | 'p' | 'h' | 'x' | 's';

/**
 * - `above` a folder repeated because something beneath it is here
 * - `padded` it shrank, or could not be read to its end, and was filled with zeros; `cut` it grew, and was cut
 * - `changed` it differed after it was read
 * - `sparse` stored with a map of its data
 * - `unsure` a hard link that could not be proven to be one
 * - `skipped` not stored, or a folder whose contents could not be listed
 */
export type EntryFlag = 'above' | 'padded' | 'cut' | 'changed' | 'sparse' | 'unsure' | 'skipped';

/** [inode, size, mtime, ctime]: two parts that agree in it come from the same state of a file. */
export type PartIdentity = readonly [string, number, string, string];

/** One line of a segment's index. Paths are escaped, times are `sec.nnnnnnnnn`. */
export interface IndexLine {
  readonly p: string;
  readonly t: EntryType;
  /** Apparent size in bytes. */
  readonly s?: number;
  readonly m?: string;
  /** Pax offset of the first header block; length with headers and padding. */
  readonly o?: number;
  readonly n?: number;
  /** Mode, octal. */
  readonly a?: string;
  readonly u?: number;
  readonly g?: number;
  /** Link target, escaped. */
  readonly l?: string;
  /** [device as major:minor, inode, birth time], where it has more than one name. */
  readonly k?: readonly [string, string, string];
  /** Part: [first segment, offset, length], identity when opened, identity when closed. */
  readonly y?: readonly [number, number, number];
  readonly i?: PartIdentity;
  readonly j?: PartIdentity;
  readonly z?: readonly EntryFlag[];
  /** Name of the error that kept it from being stored. */
  readonly e?: string;
}

/** Neither `%` nor what JSON escapes. */
const PLAIN = /^[ !#$&-[\]-~]*$/;

const jsonPath = (path: Bytes): string => (PLAIN.test(path) ? `"${path}"` : JSON.stringify(escapePath(path)));

export const mtimeText = (stat: FileStat): string => timeText(stat.mtimeSec, stat.mtimeNs);

/** @param isClone of a snapshot, which is at rest: what is another one in every clone says nothing about the file */
export const partIdentity = (stat: FileStat, isClone = false): PartIdentity => [
  isClone ? '0' : stat.inode,
  stat.size,
  mtimeText(stat),
  isClone ? timeText(0, 0) : timeText(stat.ctimeSec, stat.ctimeNs),
];

export const linkIdentity = (stat: FileStat, isClone = false): readonly [string, string, string] => [
  isClone ? '0:0' : `${String(stat.devMajor)}:${String(stat.devMinor)}`,
  stat.inode,
  timeText(stat.birthSec, stat.birthNs),
];

/** What an index line tells beside what the stat tells. */
export interface LineExtras {
  readonly linkTarget?: Bytes | undefined;
  readonly part?: {
    readonly first: number;
    readonly offset: number;
    readonly length: number;
    readonly opened: PartIdentity;
    readonly closed: PartIdentity;
  };
  readonly flags?: readonly EntryFlag[];
  readonly error?: string;
}

const NOT_STORED = -1;

/**
 * A line as it stands in the index, without its line feed. Built by hand: it is made once for each entry.
 *
 * @param offset where the member begins in the pax stream; absent where there is none
 * @param length of the member
 */
export const indexLine = (
  path: Bytes,
  type: EntryType,
  stat: FileStat | undefined,
  extras: LineExtras,
  isClone = false,
  offset = NOT_STORED,
  length = 0,
): string => {
  let line = `{"p":${jsonPath(path)},"t":"${type}"`;
  if (stat !== undefined && stat.mode !== 0) {
    if (type === 'f' || type === 'x') line += `,"s":${String(stat.size)}`;
    line += `,"m":"${mtimeText(stat)}"`;
  }
  if (offset !== NOT_STORED) line += `,"o":${String(offset)},"n":${String(length)}`;
  if (stat !== undefined && stat.mode !== 0) {
    line += `,"a":"${(stat.mode & 0o7777).toString(8)}","u":${String(stat.uid)},"g":${String(stat.gid)}`;
  }
  if (extras.linkTarget !== undefined) line += `,"l":${jsonPath(extras.linkTarget)}`;
  if (stat !== undefined && stat.nlink > 1 && type !== 'd' && stat.mode !== 0)
    line += `,"k":${JSON.stringify(linkIdentity(stat, isClone))}`;
  const { part, flags, error } = extras;
  if (part !== undefined)
    line += `,"y":[${String(part.first)},${String(part.offset)},${String(part.length)}],"i":${JSON.stringify(part.opened)},"j":${JSON.stringify(part.closed)}`;
  if (flags !== undefined && flags.length > 0) line += `,"z":${JSON.stringify(flags)}`;
  if (error !== undefined) line += `,"e":"${error}"`;
  return `${line}}`;
};
