import type { Bytes } from './bytes.ts';
import { AT_EMPTY_PATH, AT_SYMLINK_NOFOLLOW } from './file.ts';
import { cString, declare } from './libc.ts';

const statxCall = declare('int statx(int, const uint8_t*, int, unsigned int, uint8_t*)');

const WANTED = 0x1fff;
const BIRTH = 0x800;
const NO_NAME = new Uint8Array(1);
const TYPE_BITS = 0o170000;

export const S_IFSOCK = 0o140000;
export const S_IFLNK = 0o120000;
export const S_IFREG = 0o100000;
export const S_IFBLK = 0o060000;
export const S_IFDIR = 0o040000;
export const S_IFCHR = 0o020000;
export const S_IFIFO = 0o010000;

// struct statx, little-endian on every machine that Node runs on.
const raw = new ArrayBuffer(256);
const bytes = new Uint8Array(raw);
const u32 = new Uint32Array(raw);
const i32 = new Int32Array(raw);
const u16 = new Uint16Array(raw);

const unsigned64 = (byte: number): number => (u32[byte / 4 + 1] ?? 0) * 2 ** 32 + (u32[byte / 4] ?? 0);
const signed64 = (byte: number): number => (i32[byte / 4 + 1] ?? 0) * 2 ** 32 + (u32[byte / 4] ?? 0);

/** What statx(2) tells, reusable: the walkers fill the same object again and again. Times are seconds and nanoseconds. */
export class FileStat {
  mode = 0;
  nlink = 0;
  uid = 0;
  gid = 0;
  size = 0;
  /** Allocated, in units of 512 bytes. */
  blocks = 0;
  mtimeSec = 0;
  mtimeNs = 0;
  ctimeSec = 0;
  ctimeNs = 0;
  /** Both 0 where the file system keeps none. */
  birthSec = 0;
  birthNs = 0;
  hasBirth = false;
  rdevMajor = 0;
  rdevMinor = 0;
  devMajor = 0;
  devMinor = 0;
  /** 0 before Linux 5.8. */
  mountId = 0;
  inodeHigh = 0;
  inodeLow = 0;

  /** S_IFREG, S_IFDIR, … */
  get type(): number {
    return this.mode & TYPE_BITS;
  }

  /** Decimal, exact for all 64 bits. */
  get inode(): string {
    return this.inodeHigh < 0x200000
      ? String(this.inodeHigh * 2 ** 32 + this.inodeLow)
      : String((BigInt(this.inodeHigh) << 32n) | BigInt(this.inodeLow));
  }

  sameFile(other: FileStat): boolean {
    return (
      this.inodeLow === other.inodeLow &&
      this.inodeHigh === other.inodeHigh &&
      this.devMinor === other.devMinor &&
      this.devMajor === other.devMajor
    );
  }

  /** Of the named file itself (a link is not followed). Returns 0 or −errno. */
  loadAt(folder: number, name: Bytes): number {
    return this.#load(folder, cString(name), AT_SYMLINK_NOFOLLOW);
  }

  /** Of an open file. Returns 0 or −errno. */
  loadFd(fd: number): number {
    return this.#load(fd, NO_NAME, AT_EMPTY_PATH);
  }

  #load(folder: number, name: Uint8Array, flags: number): number {
    const result = statxCall(folder, name, flags, WANTED, bytes);
    if (result < 0) return result;
    this.nlink = u32[4] ?? 0;
    this.uid = u32[5] ?? 0;
    this.gid = u32[6] ?? 0;
    this.mode = u16[14] ?? 0;
    this.inodeLow = u32[8] ?? 0;
    this.inodeHigh = u32[9] ?? 0;
    this.size = unsigned64(40);
    this.blocks = unsigned64(48);
    this.hasBirth = ((u32[0] ?? 0) & BIRTH) !== 0;
    this.birthSec = this.hasBirth ? signed64(80) : 0;
    this.birthNs = this.hasBirth ? (u32[22] ?? 0) : 0;
    this.ctimeSec = signed64(96);
    this.ctimeNs = u32[26] ?? 0;
    this.mtimeSec = signed64(112);
    this.mtimeNs = u32[30] ?? 0;
    this.rdevMajor = u32[32] ?? 0;
    this.rdevMinor = u32[33] ?? 0;
    this.devMajor = u32[34] ?? 0;
    this.devMinor = u32[35] ?? 0;
    this.mountId = unsigned64(144);
    return 0;
  }
}
