import type { Bytes } from '../posix/bytes.ts';
import { closeFd, O_NOATIME, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, openAt } from '../posix/file.ts';
import { FileStat, S_IFREG } from '../posix/stat.ts';
import { ArchiveError } from './archive-error.ts';
import { escapePath } from './escape.ts';
import { EXTENT_ALIGNMENT, mayHaveHoles, meetData, meetSolid, type MetData } from './extents.ts';
import { MAX_BOUNDARY_LENGTH } from './limits.ts';
import { boundaryPath, comparePaths, START, type Cursor } from './order.ts';
import type { PathFilter } from './path-filter.ts';
import { walk } from './walk.ts';

/** A segment ends here at the latest, so that its index and its hard links fit into memory. */
export const MAX_SEGMENT_ENTRIES = 262_144;
/** What an entry costs beside its data: headers, records, the index. */
export const ENTRY_WEIGHT = 2048;
const FIRST_RAISE = 8192;
const RAISE_EVERY = 1024;

export interface PlannedSegment {
  readonly n: number;
  readonly from: Cursor;
  /** Null: the last one, open-ended. */
  readonly to: Cursor | null;
  /** About as many bytes as the segment's payload. */
  readonly weight: number;
  readonly entries: number;
  /** Regular files; a divided one counts where it begins. */
  readonly files: number;
  /** Bytes of data. */
  readonly bytes: number;
  /** The size aimed at; differs from the segment before after 8,192 and each further 1,024 segments. */
  readonly segmentBytes: number;
}

export interface PlanOptions {
  readonly segmentBytes: number;
  readonly filter: PathFilter | undefined;
  readonly oneFileSystem: boolean;
  /** The working folder's name, as `chooseFolderName` gave it. */
  readonly folder: Bytes;
  /** Where a new planner goes on: the first segment that is not cut yet. */
  readonly resume?: { readonly n: number; readonly from: Cursor };
}

/** The size of segment n: doubled after 8,192 segments and again after every 1,024. */
export const segmentBytesAt = (n: number, segmentBytes: number): number =>
  n < FIRST_RAISE ? segmentBytes : segmentBytes * 2 ** (1 + Math.floor((n - FIRST_RAISE) / RAISE_EVERY));

/** The size to begin with: doubled until what the file system holds (statfs) fits into 8,192 segments. */
export const chooseSegmentBytes = (wantedBytes: number, usedBytes: number): number => {
  let size = Math.ceil(wantedBytes / EXTENT_ALIGNMENT) * EXTENT_ALIGNMENT;
  while (usedBytes / size > FIRST_RAISE) size *= 2;
  return size;
};

/**
 * `.twinreel-` and the first 8 hex digits of the job's uid; where the source's root holds that name, as many more as
 * are needed. Decided once per backup and recorded with the plan.
 */
export const chooseFolderName = (rootFd: number, jobUid: string): Bytes => {
  const digits = jobUid.replaceAll('-', '').toLowerCase();
  const stat = new FileStat();
  for (let length = 8; length <= digits.length; length += 1) {
    const name = `.twinreel-${digits.slice(0, length)}`;
    if (stat.loadAt(rootFd, name) < 0) return name;
  }
  throw new ArchiveError('SourceRoot', `every name .twinreel-${digits} down to 8 digits is taken`);
};

class Cutter {
  readonly #options: PlanOptions;
  #n: number;
  #from: Cursor;
  #last: Bytes;
  #weight = 0;
  #entries = 0;
  #files = 0;
  #bytes = 0;

  constructor(options: PlanOptions) {
    this.#options = options;
    this.#n = options.resume?.n ?? 0;
    this.#from = options.resume?.from ?? START;
    this.#last = this.#from.path;
  }

  get limit(): number {
    return segmentBytesAt(this.#n, this.#options.segmentBytes);
  }

  get isEmpty(): boolean {
    return this.#entries === 0;
  }

  get roomBytes(): number {
    return this.limit - this.#weight - ENTRY_WEIGHT;
  }

  fits(bytes: number): boolean {
    return bytes <= this.roomBytes && this.#entries < MAX_SEGMENT_ENTRIES;
  }

  add(path: Bytes, bytes: number, files: number): void {
    this.#weight += ENTRY_WEIGHT + bytes;
    this.#entries += 1;
    this.#files += files;
    this.#bytes += bytes;
    this.#last = path;
  }

  /** The boundary between the last entry and `path`. */
  before(path: Bytes): Cursor {
    return { path: boundaryPath(this.#last, path), offset: 0 };
  }

  cut(to: Cursor | null): PlannedSegment {
    const segment = {
      n: this.#n,
      from: this.#from,
      to,
      weight: this.#weight,
      entries: this.#entries,
      files: this.#files,
      bytes: this.#bytes,
      segmentBytes: this.limit,
    };
    this.#n += 1;
    if (to !== null) this.#from = to;
    this.#weight = this.#entries = this.#files = this.#bytes = 0;
    return segment;
  }
}

/** Whether a segment may begin at a path. Where not, the one before it goes on, and the file is not divided. */
const mayBegin = (path: Bytes): boolean =>
  3 * path.length <= MAX_BOUNDARY_LENGTH || escapePath(path).length <= MAX_BOUNDARY_LENGTH;

const READ_FLAGS = O_RDONLY | O_NOFOLLOW | O_NONBLOCK;

/** Data of a file from an offset on, up to a limit: see `meetData`. */
type Meet = (from: number, limitBytes: number) => MetData;

const readData = (folder: number, name: Bytes, size: number, from: number, limitBytes: number): MetData | undefined => {
  let fd = openAt(folder, name, READ_FLAGS | O_NOATIME);
  if (fd < 0) fd = openAt(folder, name, READ_FLAGS);
  if (fd < 0) return undefined;
  try {
    return meetData(fd, from, size, limitBytes);
  } finally {
    closeFd(fd);
  }
};

/** Cuts a file that alone exceeds a segment, from `offset` on. Each of its extents is asked for once. */
function* cutFile(cutter: Cutter, path: Bytes, offset: number, size: number, meet: Meet) {
  let begins = offset === 0 ? 1 : 0;
  for (let at = offset; ;) {
    const room = Math.max(cutter.roomBytes, EXTENT_ALIGNMENT);
    const { bytes, end } = meet(at, room);
    if (bytes <= room || end >= size) {
      cutter.add(path, Math.min(bytes, room), begins);
      return;
    }
    cutter.add(path, room, begins);
    begins = 0;
    yield cutter.cut({ path, offset: end });
    at = end;
  }
}

/**
 * Cuts the boundaries of a backup in one walk (names, lstat and the extents of sparse files only): each segment is
 * given as soon as its end is known. Boundaries given once never move; `resume` goes on behind the last of them.
 *
 * @param rootFd the source's root, which stays open
 */
export function* planSource(rootFd: number, options: PlanOptions): Generator<PlannedSegment, void> {
  const cutter = new Cutter(options);
  const from = options.resume?.from ?? START;
  const { filter, oneFileSystem, folder } = options;
  for (const step of walk(rootFd, { from, to: null, filter, oneFileSystem, hidden: folder })) {
    if (step.kind === 'above') continue;
    const { path, stat } = step;
    const isFile = stat.type === S_IFREG;
    const offset = step.part?.from ?? 0;
    const size = isFile ? Math.max(stat.size, offset) : 0;
    const sparse = isFile && mayHaveHoles(stat);
    const { folder: parent, name } = step;
    const meet: Meet = (at, limitBytes) =>
      (sparse ? readData(parent, name, size, at, limitBytes) : undefined) ?? meetSolid(at, size, limitBytes);
    // What is more than a segment holds need not be known.
    const data = size === 0 ? 0 : meet(offset, cutter.limit).bytes;
    if (cutter.fits(data)) {
      cutter.add(path, data, isFile && offset === 0 ? 1 : 0);
      continue;
    }
    const alone = data + ENTRY_WEIGHT > cutter.limit;
    // A large file begins in the open segment where half of that is still free: few segments stay small.
    const beginsHere = alone && cutter.fits(0) && cutter.roomBytes * 2 >= cutter.limit;
    const before = cutter.before(path);
    if (!cutter.isEmpty && !beginsHere && mayBegin(before.path)) yield cutter.cut(before);
    if (alone && !mayBegin(path)) cutter.add(path, meet(offset, size).bytes, offset === 0 ? 1 : 0);
    else if (data + ENTRY_WEIGHT > cutter.limit) yield* cutFile(cutter, path, offset, size, meet);
    else cutter.add(path, data, isFile && offset === 0 ? 1 : 0);
  }
  yield cutter.cut(null);
}

/** The part of a plan that `segmentsFor` needs: each segment's beginning, ascending. */
export type Boundaries = readonly { readonly n: number; readonly from: Cursor }[];

/**
 * The segments that hold a path and all beneath it, as first and last number, both included: from the segment of
 * (path, 0) to the last whose cursor is below everything behind the subtree. Where it gives more than one, `links`
 * is needed too.
 *
 * @param boundaries the whole plan in order
 */
export const segmentsFor = (boundaries: Boundaries, path: Bytes): { readonly first: number; readonly last: number } => {
  let first = 0;
  let last = 0;
  for (let low = 0, high = boundaries.length; low < high;) {
    const middle = (low + high) >>> 1;
    const from = boundaries[middle]?.from ?? START;
    const order = comparePaths(from.path, path);
    if (order < 0 || (order === 0 && from.offset === 0)) {
      first = middle;
      low = middle + 1;
    } else high = middle;
  }
  // Byte 1 is the smallest a name can go on with: behind `path/…`, which in key form goes on with 0.
  const behind = `${path}\x01`;
  for (let low = first, high = boundaries.length; low < high;) {
    const middle = (low + high) >>> 1;
    const from = boundaries[middle]?.from ?? START;
    if (path === '' || comparePaths(from.path, behind) < 0) {
      last = middle;
      low = middle + 1;
    } else high = middle;
  }
  return { first: boundaries[first]?.n ?? 0, last: boundaries[last]?.n ?? 0 };
};
