import { closeSync, constants, openSync, readSync } from 'node:fs';
import type { Bytes } from '../../src/posix/bytes.ts';
import { escapePath } from '../../src/archive/escape.ts';
import { errnoName } from '../../src/posix/errno.ts';
import {
  closeFd,
  listNames,
  O_DIRECTORY,
  O_NOFOLLOW,
  O_RDONLY,
  openAt,
  readLinkAt,
  seekData,
} from '../../src/posix/file.ts';
import { FileStat, S_IFBLK, S_IFCHR, S_IFDIR, S_IFLNK, S_IFREG, S_IFSOCK } from '../../src/posix/stat.ts';
import { getXattr, listXattrsAt } from '../../src/posix/xattr.ts';

export interface TreeCompareOptions {
  /** Owners; default true. A restore by somebody else than root can't keep them. */
  readonly owners?: boolean;
  /** Extended attributes and ACLs; default true. */
  readonly xattrs?: boolean;
  /** Attributes and times of the two roots themselves; default true. */
  readonly rootAttributes?: boolean;
  /** Names in the root to leave out, on both sides. */
  readonly ignore?: readonly string[];
  /** Sockets are never restored: they must be missing on the right. Default true. */
  readonly socketsMissing?: boolean;
  /** Stop after so many differences; default 50. */
  readonly limit?: number;
}

export interface TreeComparison {
  /** `path: what differs`, empty where the trees are the same. */
  readonly differences: readonly string[];
  readonly files: number;
  readonly folders: number;
  /** Links, fifos, devices. */
  readonly others: number;
  readonly bytes: number;
  readonly hardLinks: number;
}

const CHUNK = 1_048_576;

class Comparer {
  readonly differences: string[] = [];
  readonly counts = { files: 0, folders: 0, others: 0, bytes: 0, hardLinks: 0 };
  readonly #options: TreeCompareOptions;
  readonly #left = new FileStat();
  readonly #right = new FileStat();
  readonly #leftBytes = Buffer.alloc(CHUNK);
  readonly #rightBytes = Buffer.alloc(CHUNK);
  /** What the left inode is on the right, and back: hard links are the same groups of names. */
  readonly #pairs = new Map<string, string>();

  constructor(options: TreeCompareOptions) {
    this.#options = options;
  }

  get full(): boolean {
    return this.differences.length >= (this.#options.limit ?? 50);
  }

  #differ(path: Bytes, what: string): void {
    if (!this.full) this.differences.push(`${escapePath(path)}: ${what}`);
  }

  folders(left: number, right: number, path: Bytes): void {
    const [leftNames, rightNames] = [this.#names(left, path), this.#names(right, path)];
    const others = new Set(rightNames);
    for (const name of leftNames) {
      if (this.full) return;
      const child = path === '' ? name : `${path}/${name}`;
      this.#entry(left, right, name, child, others.delete(name));
    }
    for (const name of others) this.#differ(path === '' ? name : `${path}/${name}`, 'only on the right');
  }

  #names(fd: number, path: Bytes): Bytes[] {
    const names = listNames(fd);
    if (typeof names === 'number') {
      this.#differ(path, `cannot be listed: ${errnoName(-names)}`);
      return [];
    }
    return path === '' ? names.filter((name) => !this.#options.ignore?.includes(name)) : names;
  }

  #entry(left: number, right: number, name: Bytes, path: Bytes, present: boolean): void {
    const [a, b] = [this.#left, this.#right];
    const result = a.loadAt(left, name);
    if (result < 0) {
      this.#differ(path, `left: ${errnoName(-result)}`);
      return;
    }
    if (a.type === S_IFSOCK && (this.#options.socketsMissing ?? true)) {
      if (present) this.#differ(path, 'a socket on the right too');
      return;
    }
    if (!present || b.loadAt(right, name) < 0) {
      this.#differ(path, 'only on the left');
      return;
    }
    if (a.type !== b.type) {
      this.#differ(path, `type ${a.type.toString(8)} and ${b.type.toString(8)}`);
      return;
    }
    this.#attributes(path);
    this.#xattrs(left, right, name, path);
    const type = a.type;
    if (type === S_IFDIR) this.#subfolder(left, right, name, path);
    else if (type === S_IFREG) this.#file(left, right, name, path);
    else if (type === S_IFLNK) {
      const [x, y] = [readLinkAt(left, name), readLinkAt(right, name)];
      if (x !== y) this.#differ(path, `link to ${String(x)} and ${String(y)}`);
    } else if (type === S_IFBLK || type === S_IFCHR) {
      if (a.rdevMajor !== b.rdevMajor || a.rdevMinor !== b.rdevMinor) this.#differ(path, 'device numbers');
    }
    if (type !== S_IFDIR && type !== S_IFREG) this.counts.others += 1;
  }

  #attributes(path: Bytes): void {
    const [a, b] = [this.#left, this.#right];
    if (a.mode !== b.mode) this.#differ(path, `mode ${a.mode.toString(8)} and ${b.mode.toString(8)}`);
    if ((this.#options.owners ?? true) && (a.uid !== b.uid || a.gid !== b.gid))
      this.#differ(path, `owner ${String(a.uid)}:${String(a.gid)} and ${String(b.uid)}:${String(b.gid)}`);
    if (a.mtimeSec !== b.mtimeSec || a.mtimeNs !== b.mtimeNs)
      this.#differ(
        path,
        `mtime ${String(a.mtimeSec)}.${String(a.mtimeNs)} and ${String(b.mtimeSec)}.${String(b.mtimeNs)}`,
      );
    if (a.type !== S_IFDIR && (a.nlink > 1 || b.nlink > 1)) this.#hardLink(path);
  }

  #hardLink(path: Bytes): void {
    const [a, b] = [this.#left, this.#right];
    this.counts.hardLinks += 1;
    const [x, y] = [`l ${String(a.devMajor)}:${String(a.devMinor)}:${a.inode}`, `r ${b.inode}`];
    const [known, back] = [this.#pairs.get(x), this.#pairs.get(y)];
    if (a.nlink !== b.nlink) this.#differ(path, `${String(a.nlink)} and ${String(b.nlink)} names`);
    if ((known ?? y) !== y || (back ?? x) !== x) this.#differ(path, 'a hard link to another file');
    this.#pairs.set(x, y);
    this.#pairs.set(y, x);
  }

  #xattrs(left: number, right: number, name: Bytes, path: Bytes): void {
    if (this.#options.xattrs === false) return;
    const [a, b] = [listXattrsAt(left, name), listXattrsAt(right, name)];
    if (typeof a === 'number' || typeof b === 'number') {
      this.#differ(path, 'xattrs cannot be listed');
      return;
    }
    if (a.length === 0 && b.length === 0) return;
    if (a.toSorted().join('\n') !== b.toSorted().join('\n')) {
      this.#differ(path, `xattrs ${a.join()} and ${b.join()}`);
      return;
    }
    for (const attribute of a) {
      const [x, y] = [getXattr({ folder: left, name }, attribute), getXattr({ folder: right, name }, attribute)];
      if (typeof x === 'number' || typeof y === 'number' || !x.equals(y)) this.#differ(path, `xattr ${attribute}`);
    }
  }

  #subfolder(left: number, right: number, name: Bytes, path: Bytes): void {
    this.counts.folders += 1;
    const flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;
    const [a, b] = [openAt(left, name, flags), openAt(right, name, flags)];
    if (a < 0 || b < 0) this.#differ(path, 'a folder cannot be opened');
    else this.folders(a, b, path);
    if (a >= 0) closeFd(a);
    if (b >= 0) closeFd(b);
  }

  #file(left: number, right: number, name: Bytes, path: Bytes): void {
    const [stat, other] = [this.#left, this.#right];
    this.counts.files += 1;
    this.counts.bytes += stat.size;
    if (stat.size !== other.size) {
      this.#differ(path, `${String(stat.size)} and ${String(other.size)} bytes`);
      return;
    }
    const sparse = stat.blocks * 512 < stat.size;
    if (sparse && other.blocks > stat.blocks + 64 && other.blocks * 512 >= other.size)
      this.#differ(path, `holes: ${String(stat.blocks)} and ${String(other.blocks)} blocks`);
    if (stat.size === 0) return;
    const size = stat.size;
    const [a, b] = [openAt(left, name, O_RDONLY | O_NOFOLLOW), openAt(right, name, O_RDONLY | O_NOFOLLOW)];
    if (a < 0 || b < 0) this.#differ(path, 'a file cannot be opened');
    else this.#contents(a, b, size, sparse, path);
    if (a >= 0) closeFd(a);
    if (b >= 0) closeFd(b);
  }

  #contents(left: number, right: number, size: number, sparse: boolean, path: Bytes): void {
    for (let at = 0; at < size;) {
      if (sparse) {
        // Where both have a hole there is nothing to compare.
        const data = [seekData(left, at), seekData(right, at)].map((place) => (place < 0 ? size : place));
        at = Math.max(at, Math.min(...data));
        if (at >= size) return;
      }
      const wanted = Math.min(CHUNK, size - at);
      const read = readSync(left, this.#leftBytes, 0, wanted, at);
      readSync(right, this.#rightBytes, 0, wanted, at);
      if (read === 0 || this.#leftBytes.compare(this.#rightBytes, 0, read, 0, read) !== 0) {
        this.#differ(path, `content from byte ${String(at)} on`);
        return;
      }
      at += read;
    }
  }

  roots(left: number, right: number): void {
    this.#left.loadFd(left);
    this.#right.loadFd(right);
    if (this.#options.rootAttributes ?? true) {
      this.#attributes('');
      this.#xattrs(left, right, '.', '');
    }
    this.folders(left, right, '');
  }
}

/**
 * Compares two trees: types, contents, holes, modes, owners, mtimes to the nanosecond, link targets, which names are
 * hard links of each other, xattrs with ACLs, device numbers. Streams; memory grows with hard-linked files only.
 */
export const compareTrees = (left: string, right: string, options: TreeCompareOptions = {}): TreeComparison => {
  const flags = constants.O_RDONLY | constants.O_DIRECTORY;
  const a = openSync(left, flags);
  const b = openSync(right, flags);
  try {
    const comparer = new Comparer(options);
    comparer.roots(a, b);
    return { differences: comparer.differences, ...comparer.counts };
  } finally {
    closeSync(a);
    closeSync(b);
  }
};
