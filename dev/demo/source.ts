/** A source tree that has what real ones have: large, small, sparse, linked, oddly named, oddly attributed. */
import { closeSync, constants, ftruncateSync, mkdirSync, openSync, writeSync } from 'node:fs';
import path from 'node:path';
import { bytesOf, type Bytes } from '../../src/posix/bytes.ts';
import { mustSucceed } from '../../src/posix/errno.ts';
import {
  chmodAt,
  chownAt,
  closeFd,
  linkAt,
  mknodAt,
  O_CREAT,
  O_EXCL,
  O_WRONLY,
  openAt,
  symlinkAt,
} from '../../src/posix/file.ts';
import { S_IFIFO } from '../../src/posix/stat.ts';
import { setTimesAt } from '../../src/posix/times.ts';
import { setXattr } from '../../src/posix/xattr.ts';

/** The file that the demo restores alone. */
export const sampleFile = 'projects/apollo/02/report-0044.odt';

const noiseBytes = 8 * 2 ** 20;
const isRoot = process.getuid?.() === 0;

/** Names that programs stumble over: no UTF-8, line feeds, quotes, patterns, what sorts around `/`. */
const oddNames: readonly Bytes[] = [
  '\xff\xfe is not UTF-8',
  'line\nfeed',
  'quote"back\\slash',
  ' leading blank',
  '-dash',
  '.hidden',
  '100%25 equals=',
  '*?[pattern]',
  bytesOf('Ünïcödé 𝄞'),
  'n'.repeat(255),
];

/**
 * Fills a new folder; equal sizes give equal trees.
 * @param sizeBytes data bytes, about; at least a few MiB
 */
export function makeSample(folder: string, sizeBytes: number): void {
  mkdirSync(folder, { recursive: true });
  const write = makeWriter();
  const share = (part: number): number => Math.round(sizeBytes * part);
  const large = within(folder, 'databases');
  write(large, 'ledger.db', share(0.42));
  write(large, 'ledger.db-wal', share(0.04) + 4097);
  writeSparse(within(folder, 'machines'), 'web-0.img', share(1), share(0.05), write);
  for (let clip = 0; clip < 8; clip += 1) write(within(folder, 'media'), `clip-${String(clip)}.mov`, share(0.03));
  makeProjects(folder, share(0.2), write);
  makeLinks(folder);
  makeOddities(within(folder, 'odd'), write);
}

type Write = (folder: string, name: Bytes, bytes: number) => void;

function within(folder: string, ...names: readonly string[]): string {
  const child = path.join(folder, ...names);
  mkdirSync(child, { recursive: true });
  return child;
}

/** Writes incompressible bytes, other ones for every file. */
function makeWriter(): Write {
  const random = makeRandom(20_260_101);
  const words = new Uint32Array(noiseBytes / 4);
  for (let at = 0; at < words.length; at += 1) words[at] = random();
  const noise = Buffer.from(words.buffer);
  return (folder, name, bytes) =>
    inFolder(folder, (fd) => {
      const file = mustSucceed('openat', openAt(fd, name, O_WRONLY | O_CREAT | O_EXCL, 0o644), name);
      for (let left = bytes; left > 0;) {
        const from = random() % (noiseBytes / 2);
        left -= writeSync(file, noise, from, Math.min(left, noiseBytes / 2));
      }
      closeFd(file);
      setTimesAt(fd, name, 1_500_000_000 + (random() % 250_000_000), random() % 1_000_000_000);
    });
}

function makeRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state ^= state << 13;
    state >>>= 0;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state;
  };
}

/** A disk image: much room, little in it. */
function writeSparse(folder: string, name: string, apparentBytes: number, dataBytes: number, write: Write): void {
  const extents = 12;
  write(folder, name, 0);
  const fd = openSync(path.join(folder, name), 'r+');
  const block = Buffer.alloc(4096 * Math.max(1, Math.floor(dataBytes / extents / 4096)), 'block of a guest; ');
  const stride = Math.floor(apparentBytes / extents / 4096) * 4096;
  for (let extent = 1; extent < extents; extent += 1) writeSync(fd, block, 0, block.length, extent * stride);
  ftruncateSync(fd, apparentBytes + 123);
  closeSync(fd);
}

/** Small files: what most of the work of a backup is about. */
function makeProjects(folder: string, bytes: number, write: Write): void {
  const averageBytes = 32 * 1024;
  const files = Math.max(60, Math.round(bytes / averageBytes));
  const projects = ['apollo', 'gemini', 'mercury'] as const;
  for (let file = 0; file < files; file += 1) {
    const project = projects[file % projects.length] ?? 'apollo';
    const number = Math.floor(file / projects.length);
    const home = within(folder, 'projects', project, String(Math.floor(number / 20)).padStart(2, '0'));
    const factor = [0.01, 0.1, 0.3, 1, 1, 1.5, 3][file % 7] ?? 1;
    write(home, `report-${String(number).padStart(4, '0')}.odt`, Math.round(averageBytes * factor));
  }
}

/** Hard links near and far (other segments), symbolic links to something, to nothing, far away. */
function makeLinks(folder: string): void {
  const archive = within(folder, 'archive');
  const link = (from: string, to: string): void => {
    inFolder(path.dirname(path.join(folder, from)), (fromFd) =>
      inFolder(path.dirname(path.join(folder, to)), (toFd) =>
        mustSucceed('linkat', linkAt(fromFd, path.basename(from), toFd, path.basename(to)), to),
      ),
    );
  };
  link('media/clip-0.mov', 'archive/clip-of-the-year.mov');
  link('media/clip-0.mov', 'projects/gemini/clip.mov');
  link('projects/apollo/00/report-0001.odt', 'projects/apollo/00/report-final.odt');
  inFolder(archive, (fd) => {
    mustSucceed('symlinkat', symlinkAt('../media/clip-1.mov', fd, 'latest'));
    mustSucceed('symlinkat', symlinkAt('no/such/place\xff', fd, 'dangling'));
    mustSucceed('symlinkat', symlinkAt(`/${'far/'.repeat(60)}away`, fd, 'long'));
  });
}

function makeOddities(folder: string, write: Write): void {
  for (const name of oddNames) write(folder, name, 700);
  within(folder, 'empty folder');
  write(folder, 'empty file', 0);
  inFolder(folder, (fd) => {
    mustSucceed('mknodat', mknodAt(fd, 'queue.fifo', S_IFIFO | 0o640));
    for (const [name, mode] of Object.entries({ setuid: 0o4755, secret: 0o600, readonly: 0o444, sticky: 0o1777 })) {
      write(folder, name, 5000);
      chmodAt(fd, name, mode);
    }
    write(folder, 'before-1970', 10);
    setTimesAt(fd, 'before-1970', -86_400, 999_999_999);
    write(folder, 'owned', 10);
    if (isRoot) chownAt(fd, 'owned', 1000, 2000);
    // Where the file system has none (an old tmpfs), there is nothing to keep.
    setXattr({ folder: fd, name: 'owned' }, 'user.origin', Buffer.from([0, 1, 2, 0xff, 0x0a, 0x3d]));
    setXattr({ folder: fd, name: 'secret' }, 'user.a=b%c', Buffer.from('x'.repeat(900)));
    if (isRoot) setXattr({ folder: fd, name: 'secret' }, 'trusted.label', Buffer.from('internal'));
  });
}

function inFolder(folder: string, work: (fd: number) => void): void {
  const fd = openSync(folder, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    work(fd);
  } finally {
    closeSync(fd);
  }
}
