import { closeSync, constants, ftruncateSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { bytesOf, type Bytes } from '../../src/posix/bytes.ts';
import {
  chmodAt,
  chownAt,
  closeFd,
  linkAt,
  mkdirAt,
  mknodAt,
  O_CREAT,
  O_DIRECTORY,
  O_RDONLY,
  O_WRONLY,
  openAt,
  symlinkAt,
} from '../../src/posix/file.ts';
import { mustSucceed } from '../../src/posix/errno.ts';
import { S_IFBLK, S_IFCHR, S_IFIFO, S_IFSOCK } from '../../src/posix/stat.ts';
import { setTimesAt } from '../../src/posix/times.ts';
import { setXattr } from '../../src/posix/xattr.ts';

export interface TreeWish {
  /** Number of names beside the folders. */
  readonly files: number;
  /** Data bytes of all files together, about. */
  readonly totalBytes: number;
  readonly seed: number;
  /** Names per folder, about. Default 200. */
  readonly filesPerFolder?: number;
  /** Only plain files of the same size, no attributes: what a benchmark wants. Default false. */
  readonly plain?: boolean;
}

/** A small generator of numbers from a seed (xorshift32): the same tree for the same wish. */
export const makeRandom = (seed: number): ((below: number) => number) => {
  let state = (seed ^ 0x9e3779b9) >>> 0 || 1;
  return (below) => {
    state ^= state << 13;
    state >>>= 0;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state % below;
  };
};

const NOISE_BYTES = 4 * 1_048_576;

let sharedNoise: Buffer | undefined;

/** Incompressible bytes, the same in every run; files begin somewhere in them. */
const makeNoise = (): Buffer => {
  if (sharedNoise !== undefined) return sharedNoise;
  const random = makeRandom(1);
  const words = new Uint32Array(NOISE_BYTES / 4);
  for (let at = 0; at < words.length; at += 1) words[at] = random(0xffffffff);
  sharedNoise = Buffer.from(words.buffer);
  return sharedNoise;
};

/** Bytes that tars stumble over: not UTF-8, line feeds, quotes, blanks, what sorts before and after `/`. */
const ODD_NAMES = [
  '\xff\xfe not utf-8',
  'line\nfeed',
  'quote"back\\slash',
  ' leading blank',
  '-dash',
  '.dot',
  'a-b',
  'a.txt',
  'a',
  '%41 percent=equals',
  '*?[glob]',
  bytesOf('Ünïcödé 𝄞'),
  '\x01control',
];

const root = process.getuid?.() === 0;

class TreeMaker {
  readonly #random: (below: number) => number;
  readonly #noise: Buffer;
  readonly #wish: TreeWish;
  #left: number;
  readonly #linkable: { folder: number; name: Bytes }[] = [];

  constructor(wish: TreeWish) {
    this.#wish = wish;
    this.#left = wish.files;
    this.#random = makeRandom(wish.seed);
    this.#noise = makeNoise();
  }

  fill(folder: number, depth: number): void {
    const perFolder = this.#wish.filesPerFolder ?? 200;
    const here = Math.min(this.#left, depth === 0 && this.#left > perFolder ? 10 : perFolder);
    this.#left -= here;
    for (let at = 0; at < here; at += 1) this.#make(folder, at, depth);
    for (let at = 0; this.#left > 0 && (depth === 0 || (depth < 6 && at < 3)); at += 1) {
      const name = depth < 2 && at < ODD_NAMES.length ? `${ODD_NAMES[at] ?? ''}.d` : `folder-${String(at)}`;
      mustSucceed('mkdirat', mkdirAt(folder, name, 0o755), name);
      const child = mustSucceed('openat', openAt(folder, name, O_RDONLY | O_DIRECTORY), name);
      this.fill(child, depth + 1);
      if (!this.#wish.plain && this.#random(8) === 0) setXattr({ fd: child }, 'user.folder', Buffer.from('value'));
      this.#linkable.splice(0, this.#linkable.length, ...this.#linkable.filter((known) => known.folder !== child));
      closeFd(child);
      if (!this.#wish.plain) this.#decorate(folder, name, true);
    }
  }

  #make(folder: number, at: number, depth: number): void {
    const kind = this.#wish.plain === true ? 0 : this.#random(40);
    const odd = this.#random(6) === 0 && !this.#wish.plain;
    const long = !odd && !this.#wish.plain && this.#random(25) === 0;
    const base = odd ? (ODD_NAMES[this.#random(ODD_NAMES.length)] ?? '') : 'file';
    const name = `${base}-${String(depth)}-${String(at)}${long ? 'x'.repeat(200) : ''}`;
    if (kind === 1) mustSucceed('symlinkat', symlinkAt('some/where\xff', folder, name));
    else if (kind === 2) mustSucceed('symlinkat', symlinkAt('/'.padEnd(150, 'z'), folder, name));
    else if (kind === 3) mustSucceed('mknodat', mknodAt(folder, name, S_IFIFO | 0o640));
    else if (kind === 4 && root) mustSucceed('mknodat', mknodAt(folder, name, S_IFCHR | 0o600, 1, 3));
    else if (kind === 5 && root) mustSucceed('mknodat', mknodAt(folder, name, S_IFBLK | 0o600, 259, 700));
    else if (kind === 6) mustSucceed('mknodat', mknodAt(folder, name, S_IFSOCK | 0o600));
    else if (kind === 7 && this.#linkable.length > 0) {
      const known = this.#linkable[this.#random(this.#linkable.length)];
      if (known !== undefined) mustSucceed('linkat', linkAt(known.folder, known.name, folder, name));
      return;
    } else {
      this.#makeFile(folder, name, kind === 8);
      if (kind === 9) this.#linkable.push({ folder, name });
    }
    if (!this.#wish.plain) this.#decorate(folder, name, kind === 0 || kind > 7);
  }

  #makeFile(folder: number, name: Bytes, sparse: boolean): void {
    const average = this.#wish.totalBytes / this.#wish.files;
    const spread = this.#wish.plain === true ? 1 : [0, 0.01, 0.1, 0.5, 1, 1, 2, 3.4][this.#random(8)];
    const size = Math.round(average * (spread ?? 1));
    const fd = mustSucceed('openat', openAt(folder, name, O_WRONLY | O_CREAT, 0o644), name);
    try {
      let position = sparse ? 4096 * (1 + this.#random(100)) : 0;
      for (let left = size; left > 0;) {
        const from = this.#random(NOISE_BYTES / 2);
        const length = Math.min(left, NOISE_BYTES / 2);
        writeSync(fd, this.#noise, from, length, position);
        position += length + (sparse ? 4096 * this.#random(1000) + this.#random(3000) : 0);
        left -= length;
      }
      if (sparse) ftruncateSync(fd, position + this.#random(2) * this.#random(100_000));
    } finally {
      closeSync(fd);
    }
  }

  #decorate(folder: number, name: Bytes, attributes: boolean): void {
    if (root && this.#random(3) === 0) chownAt(folder, name, this.#random(3000), this.#random(3000));
    if (attributes) {
      const mode = [0o644, 0o600, 0o755, 0o4755, 0o1777, 0o555, 0o2750, 0o644][this.#random(8)] ?? 0o644;
      chmodAt(folder, name, mode);
      if (this.#random(10) === 0) setXattr({ folder, name }, 'user.colour', Buffer.from([0, 1, 2, 0xff, 0x0a, 0x3d]));
      if (this.#random(20) === 0) setXattr({ folder, name }, 'user.a=b%c', Buffer.from('x'.repeat(this.#random(900))));
      if (root && this.#random(20) === 0) setXattr({ folder, name }, 'trusted.odd', Buffer.alloc(0));
    }
    if (this.#random(30) === 0) setTimesAt(folder, name, -1 - this.#random(1_000_000), this.#random(1_000_000_000));
    else setTimesAt(folder, name, 1_000_000_000 + this.#random(700_000_000), this.#random(1_000_000_000));
  }
}

/**
 * Makes a tree of mixed kinds in a new folder: odd and long names, files, holes, links, hard links, fifos, devices,
 * sockets, modes, owners, times to the nanosecond, xattrs. The same seed gives the same tree.
 */
export const makeTree = (path: string, wish: TreeWish): void => {
  mkdirSync(path, { recursive: true });
  const fd = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    new TreeMaker(wish).fill(fd, 0);
  } finally {
    closeSync(fd);
  }
};
