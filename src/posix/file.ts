import { constants } from 'node:fs';
import { type Bytes } from './bytes.ts';
import { cString, declare } from './libc.ts';

/*
 * Calls relative to an open folder. Names are byte strings. Every function returns a result ≥ 0, or −errno.
 */

export const AT_FDCWD = -100;
export const AT_SYMLINK_NOFOLLOW = 0x100;
export const AT_REMOVEDIR = 0x200;
export const AT_SYMLINK_FOLLOW = 0x400;
export const AT_EMPTY_PATH = 0x1000;
export const O_CLOEXEC = 0o2000000;
/** Only a place: good to go on from, also where it may not be read. Node's constants lack it. */
export const O_PATH = 0o10000000;
/** As `fs.constants` has it; it differs between architectures. */
export const { O_RDONLY, O_WRONLY, O_RDWR, O_CREAT, O_EXCL, O_TRUNC, O_APPEND, O_NOFOLLOW, O_DIRECTORY } = constants;
export const { O_NONBLOCK, O_NOATIME, O_DIRECT, O_SYNC, O_DSYNC } = constants;

const openatCall = declare('int openat(int, const uint8_t*, int, unsigned int)');
const closeCall = declare('int close(int)');
const mkdiratCall = declare('int mkdirat(int, const uint8_t*, unsigned int)');
const unlinkatCall = declare('int unlinkat(int, const uint8_t*, int)');
const renameat2Call = declare('int renameat2(int, const uint8_t*, int, const uint8_t*, unsigned int)');
const linkatCall = declare('int linkat(int, const uint8_t*, int, const uint8_t*, int)');
const symlinkatCall = declare('int symlinkat(const uint8_t*, int, const uint8_t*)');
const readlinkatCall = declare('int64_t readlinkat(int, const uint8_t*, uint8_t*, size_t)');
const mknodatCall = declare('int mknodat(int, const uint8_t*, unsigned int, uint64_t)');
const fchownatCall = declare('int fchownat(int, const uint8_t*, unsigned int, unsigned int, int)');
const fchownCall = declare('int fchown(int, unsigned int, unsigned int)');
const fchmodCall = declare('int fchmod(int, unsigned int)');
const fchmodatCall = declare('int fchmodat(int, const uint8_t*, unsigned int, int)');
const ftruncateCall = declare('int ftruncate(int, int64_t)');
const pwriteCall = declare('int64_t pwrite(int, const uint8_t*, size_t, int64_t)');
const fallocateCall = declare('int fallocate(int, int, int64_t, int64_t)');
const syncfsCall = declare('int syncfs(int)');
const fadviseCall = declare('int posix_fadvise(int, int64_t, int64_t, int)');
const lseekCall = declare('int64_t lseek(int, int64_t, int)');
const getdentsCall = declare('int64_t getdents64(int, uint8_t*, size_t)');
const openat2Call = declare('int64_t syscall(int64_t, int64_t, const uint8_t*, const uint8_t*, size_t)');

export const openAt = (folder: number, name: Bytes, flags: number, mode = 0): number =>
  openatCall(folder, cString(name), flags | O_CLOEXEC, mode);

export const closeFd = (fd: number): number => closeCall(fd);

export const mkdirAt = (folder: number, name: Bytes, mode: number): number => mkdiratCall(folder, cString(name), mode);

export const unlinkAt = (folder: number, name: Bytes): number => unlinkatCall(folder, cString(name), 0);

export const rmdirAt = (folder: number, name: Bytes): number => unlinkatCall(folder, cString(name), AT_REMOVEDIR);

/** With `replace` false an existing name gives −EEXIST. */
export const renameAt = (fromFolder: number, from: Bytes, toFolder: number, to: Bytes, replace: boolean): number =>
  renameat2Call(fromFolder, cString(from), toFolder, cString(to, 1), replace ? 0 : 1);

/** A further name for what `from` names itself: a symbolic link is not followed. */
export const linkAt = (fromFolder: number, from: Bytes, toFolder: number, to: Bytes): number =>
  linkatCall(fromFolder, cString(from), toFolder, cString(to, 1), 0);

export const symlinkAt = (target: Bytes, folder: number, name: Bytes): number =>
  symlinkatCall(cString(target), folder, cString(name, 1));

const linkBuffer = Buffer.alloc(65536);

/** The link's target, or −errno. */
export const readLinkAt = (folder: number, name: Bytes): Bytes | number => {
  const length = readlinkatCall(folder, cString(name), linkBuffer, linkBuffer.length);
  return length < 0 ? length : linkBuffer.toString('latin1', 0, length);
};

/** Makes a fifo or device; `mode` holds the type bits. The device number is glibc's 64-bit `makedev`. */
export const mknodAt = (folder: number, name: Bytes, mode: number, major = 0, minor = 0): number => {
  const [a, i] = [BigInt(major), BigInt(minor)];
  const device = ((a & 0xfffff000n) << 32n) | ((a & 0xfffn) << 8n) | ((i & 0xffffff00n) << 12n) | (i & 0xffn);
  return mknodatCall(folder, cString(name), mode, device);
};

export const chownAt = (folder: number, name: Bytes, uid: number, gid: number): number =>
  fchownatCall(folder, cString(name), uid, gid, AT_SYMLINK_NOFOLLOW);

export const chownFd = (fd: number, uid: number, gid: number): number => fchownCall(fd, uid, gid);

export const chmodFd = (fd: number, mode: number): number => fchmodCall(fd, mode);

/** Leads to what was opened with O_PATH and to nothing else, whatever has its name by now; also to a symbolic link. */
export const pathOfOpened = (fd: number): Bytes => `/proc/self/fd/${String(fd)}`;

export const chownOpened = (fd: number, uid: number, gid: number): number =>
  fchownatCall(AT_FDCWD, cString(pathOfOpened(fd)), uid, gid, 0);

export const chmodOpened = (fd: number, mode: number): number =>
  fchmodatCall(AT_FDCWD, cString(pathOfOpened(fd)), mode, 0);

/** The same for a name; a symbolic link is not followed. */
export const chmodAt = (folder: number, name: Bytes, mode: number): number => {
  const fd = openAt(folder, name, O_PATH | O_NOFOLLOW);
  if (fd < 0) return fd;
  const result = chmodOpened(fd, mode);
  closeFd(fd);
  return result;
};

/**
 * Waits until all that was written to the file system of an open file is kept. Since Linux 5.8 it also tells of data
 * that could not be, since the file was opened.
 */
export const syncFs = (fd: number): number => syncfsCall(fd);

export const truncateFd = (fd: number, sizeBytes: number): number => ftruncateCall(fd, sizeBytes);

/** Returns how many of the bytes were written, which may be fewer than all. */
export const writeAt = (fd: number, bytes: Uint8Array, position: number): number =>
  pwriteCall(fd, bytes, bytes.length, position);

export const FALLOC_FL_KEEP_SIZE = 1;
export const FALLOC_FL_PUNCH_HOLE = 2;
export const fallocateFd = (fd: number, mode: number, offset: number, length: number): number =>
  fallocateCall(fd, mode, offset, length);

export const POSIX_FADV_SEQUENTIAL = 2;
export const POSIX_FADV_WILLNEED = 3;
export const POSIX_FADV_DONTNEED = 4;
/** posix_fadvise returns the error itself; here −errno like the others. */
export const adviseFd = (fd: number, offset: number, length: number, advice: number): number =>
  -fadviseCall(fd, offset, length, advice);

const SEEK_DATA = 3;
const SEEK_HOLE = 4;
/** Start of the first data at or after `offset`; −ENXIO when only a hole follows. Moves the file's position. */
export const seekData = (fd: number, offset: number): number => lseekCall(fd, offset, SEEK_DATA);
/** Start of the first hole at or after `offset` (the file's end counts as one). Moves the file's position. */
export const seekHole = (fd: number, offset: number): number => lseekCall(fd, offset, SEEK_HOLE);
export const seekSet = (fd: number, offset: number): number => lseekCall(fd, offset, 0);

export const RESOLVE_NO_XDEV = 0x01;
export const RESOLVE_NO_MAGICLINKS = 0x02;
export const RESOLVE_NO_SYMLINKS = 0x04;
export const RESOLVE_BENEATH = 0x08;
const SYS_openat2 = 437;
const openHow = Buffer.alloc(24);

/** openat2(2); the number of the call is the same on every architecture. −ENOSYS before Linux 5.6. */
export const openAt2 = (folder: number, name: Bytes, flags: number, mode: number, resolve: number): number => {
  openHow.writeBigUInt64LE(BigInt(flags | O_CLOEXEC), 0);
  openHow.writeBigUInt64LE(BigInt(mode), 8);
  openHow.writeBigUInt64LE(BigInt(resolve), 16);
  return openat2Call(SYS_openat2, folder, cString(name), openHow, openHow.length);
};

const direntBuffer = Buffer.alloc(262_144);
const DOT = 0x2e;

const DT_REG = 8;

/** What a folder holds. */
export interface FolderList {
  readonly names: Bytes[];
  /** Names that are not listed as regular files: all of them where the file system tells no types. */
  readonly others: Set<Bytes>;
}

/** All names of an open folder but `.` and `..`, in the folder's own order; −errno when it can't be read. */
export const listNames = (fd: number): Bytes[] | number => {
  const listed = listEntries(fd);
  return typeof listed === 'number' ? listed : listed.names;
};

/** As `listNames`, with what the folder says about each. */
export const listEntries = (fd: number): FolderList | number => {
  const names: Bytes[] = [];
  const others = new Set<Bytes>();
  for (;;) {
    const length = getdentsCall(fd, direntBuffer, direntBuffer.length);
    if (length < 0) return length;
    if (length === 0) return { names, others };
    for (let at = 0; at < length;) {
      // struct linux_dirent64: ino 8, off 8, reclen 2, type 1, name
      const next = at + direntBuffer.readUInt16LE(at + 16);
      const start = at + 19;
      const end = direntBuffer.indexOf(0, start);
      const isRegular = direntBuffer[at + 18] === DT_REG;
      at = next;
      if (direntBuffer[start] === DOT && (end === start + 1 || (end === start + 2 && direntBuffer[start + 1] === DOT)))
        continue;
      const name = direntBuffer.toString('latin1', start, end);
      names.push(name);
      if (!isRegular) others.add(name);
    }
  }
};
