import {
  closeSync,
  constants,
  ftruncateSync,
  lstatSync,
  mkdirSync,
  openSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { constants as osConstants } from 'node:os';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { bufferOf, bytesOf } from '../../../src/posix/bytes.ts';
import { errnoName, mustSucceed, PosixError } from '../../../src/posix/errno.ts';
import {
  closeFd,
  linkAt,
  listNames,
  mkdirAt,
  mknodAt,
  O_DIRECTORY,
  O_RDONLY,
  openAt,
  openAt2,
  readLinkAt,
  renameAt,
  RESOLVE_BENEATH,
  RESOLVE_NO_SYMLINKS,
  seekData,
  seekHole,
  symlinkAt,
} from '../../../src/posix/file.ts';
import { FileStat, S_IFDIR, S_IFIFO, S_IFLNK } from '../../../src/posix/stat.ts';
import { setTimesAt, setTimesFd } from '../../../src/posix/times.ts';
import { getXattr, listXattrs, removeXattr, setXattr } from '../../../src/posix/xattr.ts';
import { makeTempFolder } from '../../support/temp-folder.ts';

// Whole trees on a disk that others may use, too.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

let temp: ReturnType<typeof makeTempFolder>;
let folder: number;
const stat = new FileStat();
const { ENOENT, EEXIST, EXDEV, ELOOP, ENODATA, ENXIO } = osConstants.errno;

beforeEach(() => {
  temp = makeTempFolder('tw-archive-posix-');
  folder = openSync(temp.path, constants.O_RDONLY | constants.O_DIRECTORY);
});

afterEach(() => {
  closeSync(folder);
  temp.remove();
});

test('byte strings keep every byte and compare in byte order', () => {
  expect(bufferOf(bytesOf(Buffer.from([0xff, 0, 0x0a])))).toEqual(Buffer.from([0xff, 0, 0x0a]));
  expect(bytesOf('\u{1d11e}') > bytesOf('\uffff')).toBe(true);
});

test('a failed call tells the name of its errno, as Node does', () => {
  expect(openAt(folder, 'nothing', O_RDONLY)).toBe(-ENOENT);
  expect(errnoName(ENOENT)).toBe('ENOENT');
  expect(() => mustSucceed('openat', -ENOENT, 'nothing')).toThrow(PosixError);
  expect(() => mustSucceed('openat', -ENOENT, 'nothing')).toThrow(expect.objectContaining({ code: 'ENOENT' }));
});

test('all names of a large folder are listed, whatever bytes they are made of', () => {
  const names = Array.from({ length: 1200 }, (_, at) => `\xff${String(at)}\n`.padEnd(250, 'x'));
  for (const name of names) mustSucceed('mknodat', mknodAt(folder, name, S_IFIFO | 0o600));
  const listed = listNames(folder);
  expect(typeof listed === 'number' ? [] : listed.sort()).toEqual(names.sort());
});

test('statx agrees with Node in every field, and tells inodes and times exactly', () => {
  writeFileSync(join(temp.path, 'file'), 'hello');
  setTimesAt(folder, 'file', -5, 999_999_999);
  expect(stat.loadAt(folder, 'file')).toBe(0);
  const node = lstatSync(join(temp.path, 'file'), { bigint: true });
  expect({
    mode: BigInt(stat.mode),
    size: BigInt(stat.size),
    inode: stat.inode,
    mtimeNs: BigInt(stat.mtimeSec) * 1_000_000_000n + BigInt(stat.mtimeNs),
    ctimeNs: BigInt(stat.ctimeSec) * 1_000_000_000n + BigInt(stat.ctimeNs),
    birthNs: BigInt(stat.birthSec) * 1_000_000_000n + BigInt(stat.birthNs),
    blocks: BigInt(stat.blocks),
  }).toEqual({
    mode: node.mode,
    size: node.size,
    inode: String(node.ino),
    mtimeNs: node.mtimeNs,
    ctimeNs: node.ctimeNs,
    birthNs: node.birthtimeNs,
    blocks: node.blocks,
  });
  expect([stat.mtimeSec, stat.mtimeNs]).toEqual([-5, 999_999_999]);
});

test('inodes beyond 2^53 keep all their digits', () => {
  stat.inodeHigh = 0xffffffff;
  stat.inodeLow = 0xfffffffe;
  expect(stat.inode).toBe('18446744073709551614');
});

test('a link is looked at itself, and its times are set without following it', () => {
  expect(symlinkAt('to\xff', folder, 'link')).toBe(0);
  expect(setTimesAt(folder, 'link', 1_000_000_007, 7)).toBe(0);
  stat.loadAt(folder, 'link');
  expect([stat.type, stat.mtimeSec, stat.mtimeNs]).toEqual([S_IFLNK, 1_000_000_007, 7]);
  expect(readLinkAt(folder, 'link')).toBe('to\xff');
});

test('a rename that may not replace leaves what is there', () => {
  writeFileSync(join(temp.path, 'a'), 'a');
  writeFileSync(join(temp.path, 'b'), 'b');
  expect(renameAt(folder, 'a', folder, 'b', false)).toBe(-EEXIST);
  expect(linkAt(folder, 'a', folder, 'b')).toBe(-EEXIST);
  expect(renameAt(folder, 'a', folder, 'b', true)).toBe(0);
  expect(openAt(folder, 'a', O_RDONLY)).toBe(-ENOENT);
});

test('a folder is opened beneath another only where no link and no .. leads out', () => {
  mkdirSync(join(temp.path, 'inside'));
  symlinkSync('/etc', join(temp.path, 'out'));
  symlinkSync('inside', join(temp.path, 'in'));
  const open = (name: string, resolve: number): number => {
    const fd = openAt2(folder, name, O_RDONLY | O_DIRECTORY, 0, resolve);
    if (fd >= 0) closeFd(fd);
    return fd;
  };
  expect(open('inside', RESOLVE_BENEATH)).toBeGreaterThan(0);
  expect(open('out', RESOLVE_BENEATH)).toBe(-EXDEV);
  expect(open('../', RESOLVE_BENEATH)).toBe(-EXDEV);
  expect(open('in', RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS)).toBe(-ELOOP);
});

test('holes are found', () => {
  const fd = openSync(join(temp.path, 'sparse'), 'w+');
  writeSync(fd, Buffer.alloc(4096, 1), 0, 4096, 1_048_576);
  ftruncateSync(fd, 4_194_304);
  expect(seekData(fd, 0)).toBe(1_048_576);
  expect(seekHole(fd, 1_048_576)).toBe(1_052_672);
  expect(seekData(fd, 2_000_000)).toBe(-ENXIO);
  closeSync(fd);
});

test('many attributes and long values come back whole, of an open file and of a name', () => {
  writeFileSync(join(temp.path, 'many'), '');
  const place = { folder, name: 'many' };
  const names = Array.from({ length: 20 }, (_, at) => `user.${String(at).padStart(20, '0')}`);
  const value = Buffer.alloc(1000, 0xfe);
  for (const name of names) expect(setXattr(place, name, Buffer.from('v'))).toBe(0);
  expect(setXattr(place, names[0] ?? '', value)).toBe(0);
  const fd = openAt(folder, 'many', O_RDONLY);
  for (const where of [place, { fd }]) {
    const listed = listXattrs(where);
    expect(typeof listed === 'number' ? listed : listed.toSorted()).toEqual(names);
    expect(getXattr(where, names[0] ?? '')).toEqual(value);
  }
  closeFd(fd);
});

test('extended attributes of files, folders and names come back byte for byte', () => {
  expect(mkdirAt(folder, 'd', 0o700)).toBe(0);
  const value = Buffer.from([0, 0xff, 0x0a]);
  const place = { folder, name: 'd' };
  expect(setXattr(place, 'user.x', value)).toBe(0);
  expect(listXattrs(place)).toEqual(['user.x']);
  const fd = openAt(folder, 'd', O_RDONLY | O_DIRECTORY);
  expect(getXattr({ fd }, 'user.x')).toEqual(value);
  expect(removeXattr({ fd }, 'user.x')).toBe(0);
  expect(getXattr({ fd }, 'user.x')).toBe(-ENODATA);
  expect(setTimesFd(fd, 5, 6)).toBe(0);
  stat.loadFd(fd);
  expect([stat.type, stat.mtimeSec, stat.mtimeNs]).toEqual([S_IFDIR, 5, 6]);
  closeFd(fd);
});
