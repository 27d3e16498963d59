import type { FileStat } from '../posix/stat.ts';
import type { Bytes } from '../posix/bytes.ts';
import type { ByteText } from './byte-text.ts';
import { escapePath } from './escape.ts';
import { timeText, writeTime } from './header.ts';

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

const writePath = (out: ByteText, path: Bytes): void => {
  out.text('"');
  if (!out.plain(path)) out.text(JSON.stringify(escapePath(path)).slice(1, -1));
  out.text('"');
};

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

/** The same for every name of a file, another for every other file. */
export const linkKey = ({ devMajor, devMinor, inodeHigh, inodeLow, birthSec, birthNs }: FileStat): string =>
  [devMajor, devMinor, inodeHigh, inodeLow, birthSec, birthNs].join();

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
 * Writes a line as it stands in the index, without its line feed. By hand: it is made once for each entry.
 *
 * @param offset where the member begins in the pax stream; absent where there is none
 * @param length of the member
 */
export const writeIndexLine = (
  out: ByteText,
  path: Bytes,
  type: EntryType,
  stat: FileStat | undefined,
  extras: LineExtras,
  isClone = false,
  offset = NOT_STORED,
  length = 0,
): void => {
  out.text('{"p":');
  writePath(out, path);
  out.text(',"t":"');
  out.text(type);
  out.text('"');
  const known = stat !== undefined && stat.mode !== 0 ? stat : undefined;
  if (known !== undefined) {
    if (type === 'f' || type === 'x') {
      out.text(',"s":');
      out.decimal(known.size);
    }
    out.text(',"m":"');
    writeTime(out, known.mtimeSec, known.mtimeNs);
    out.text('"');
  }
  if (offset !== NOT_STORED) {
    out.text(',"o":');
    out.decimal(offset);
    out.text(',"n":');
    out.decimal(length);
  }
  if (known !== undefined) {
    out.text(',"a":"');
    out.octal(known.mode & 0o7777);
    out.text('","u":');
    out.decimal(known.uid);
    out.text(',"g":');
    out.decimal(known.gid);
  }
  const { linkTarget } = extras;
  if (linkTarget !== undefined) {
    out.text(',"l":');
    writePath(out, linkTarget);
  }
  if (known !== undefined && known.nlink > 1 && type !== 'd')
    out.text(`,"k":${JSON.stringify(linkIdentity(known, isClone))}`);
  writeExtras(out, extras);
  out.text('}');
};

const writeExtras = (out: ByteText, { part, flags, error }: LineExtras): void => {
  if (part !== undefined)
    out.text(
      `,"y":[${String(part.first)},${String(part.offset)},${String(part.length)}],"i":${JSON.stringify(part.opened)},"j":${JSON.stringify(part.closed)}`,
    );
  if (flags !== undefined && flags.length > 0) out.text(`,"z":${JSON.stringify(flags)}`);
  if (error !== undefined) out.text(`,"e":"${error}"`);
};
