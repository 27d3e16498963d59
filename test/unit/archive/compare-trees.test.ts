import {
  chmodSync,
  cpSync,
  linkSync,
  mkdirSync,
  openSync,
  closeSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
  writeSync,
  constants,
} from 'node:fs';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { chownAt, mknodAt } from '../../../src/posix/file.ts';
import { S_IFCHR, S_IFIFO, S_IFSOCK } from '../../../src/posix/stat.ts';
import { setTimesAt } from '../../../src/posix/times.ts';
import { setXattr } from '../../../src/posix/xattr.ts';
import { compareTrees } from '../../support/compare-trees.ts';
import { makeTree } from '../../support/make-tree.ts';
import { makeTempFolder } from '../../support/temp-folder.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

let temp: ReturnType<typeof makeTempFolder>;
let left: string;
let right: string;
let fd: number;

beforeEach(() => {
  temp = makeTempFolder('tw-archive-compare-');
  [left, right] = [join(temp.path, 'left'), join(temp.path, 'right')];
  mkdirSync(join(left, 'folder'), { recursive: true });
  writeFileSync(join(left, 'folder/file'), 'some content');
  for (const name of ['one', 'two']) writeFileSync(join(left, name), 'same');
  linkSync(join(left, 'one'), join(left, 'one-again'));
  symlinkSync('one', join(left, 'link'));
  execFileSync('cp', ['-a', left, right]);
  fd = openSync(right, constants.O_RDONLY);
});

afterEach(() => {
  closeSync(fd);
  temp.remove();
});

test('trees that are the same have no difference, and are counted', () => {
  expect(compareTrees(left, right)).toEqual({
    differences: [],
    files: 4,
    folders: 1,
    others: 1,
    bytes: 24,
    hardLinks: 2,
  });
});

/** Makes one change that no other attribute shows. */
const withTimeKept = (name: string, change: () => void): void => {
  execFileSync('touch', ['-hr', join(left, name), join(temp.path, 'stamp')]);
  change();
  execFileSync('touch', ['-hr', join(temp.path, 'stamp'), join(right, name)]);
  execFileSync('touch', ['-r', left, right]);
};

const OWNER = {
  name: 'an owner',
  change: () => {
    chownAt(fd, 'two', 7, 8);
  },
  difference: /^two: owner 0:0 and 7:8/m,
};

const rows: readonly { name: string; change: () => void; difference: RegExp }[] = [
  {
    name: 'a mode',
    change: () => {
      chmodSync(join(right, 'one'), 0o600);
    },
    difference: /^one: mode 100644 and 100600/m,
  },
  // Only root may give files away.
  ...(process.getuid?.() === 0 ? [OWNER] : []),
  {
    name: 'a time by a nanosecond',
    change: () => {
      setTimesAt(fd, 'two', 5, 1);
    },
    difference: /^two: mtime/m,
  },
  {
    name: "a link's time",
    change: () => {
      setTimesAt(fd, 'link', 5, 1);
    },
    difference: /^link: mtime/m,
  },
  {
    name: 'an xattr',
    change: () => {
      setXattr({ folder: fd, name: 'two' }, 'user.x', Buffer.from('1'));
    },
    difference: /^two: xattrs/m,
  },
  {
    name: 'a byte',
    change: () => {
      withTimeKept('folder/file', () => {
        writeFileSync(join(right, 'folder/file'), 'some contenT');
      });
    },
    difference: /^folder\/file: content/m,
  },
  {
    name: 'a size',
    change: () => {
      withTimeKept('two', () => {
        writeFileSync(join(right, 'two'), 'samesame');
      });
    },
    difference: /^two: 4 and 8 bytes/m,
  },
  {
    name: 'a hard link that is a copy',
    change: () => {
      withTimeKept('one', () => {
        cpSync(join(right, 'one'), join(right, 'x'));
        renameSync(join(right, 'x'), join(right, 'one'));
      });
    },
    difference: /^one: 2 and 1 names/m,
  },
  {
    name: 'a link to elsewhere',
    change: () => {
      withTimeKept('link', () => {
        rmSync(join(right, 'link'));
        symlinkSync('two', join(right, 'link'));
      });
    },
    difference: /^link: link to one and two/m,
  },
  {
    name: 'a kind',
    change: () => {
      rmSync(join(right, 'two'));
      mknodAt(fd, 'two', S_IFIFO | 0o644);
    },
    difference: /^two: type/m,
  },
  {
    name: 'something missing',
    change: () => {
      rmSync(join(right, 'two'));
    },
    difference: /^two: only on the left/m,
  },
  {
    name: 'something more',
    change: () => {
      writeFileSync(join(right, 'folder/more'), '');
    },
    difference: /^folder\/more: only on the right/m,
  },
];

test.each(rows)('$name is found', ({ change, difference }) => {
  writeFileSync(join(temp.path, 'stamp'), '');
  change();
  expect(compareTrees(left, right).differences.join('\n')).toMatch(difference);
});

test('device numbers and filled holes are found; a socket must be missing on the right', () => {
  const leftFd = openSync(left, constants.O_RDONLY);
  if (process.getuid?.() === 0) {
    mknodAt(leftFd, 'device', S_IFCHR | 0o600, 1, 3);
    mknodAt(fd, 'device', S_IFCHR | 0o600, 1, 4);
  }
  mknodAt(leftFd, 'socket', S_IFSOCK | 0o600);
  const sparse = openSync(join(left, 'sparse'), 'w');
  writeSync(sparse, Buffer.from('x'), 0, 1, 4_000_000);
  closeSync(sparse);
  writeFileSync(join(right, 'sparse'), Buffer.concat([Buffer.alloc(4_000_000), Buffer.from('x')]));
  const { differences } = compareTrees(left, right);
  expect(differences.join('\n')).toMatch(/sparse: holes/);
  expect(differences.some((difference) => difference.startsWith('device: device numbers'))).toBe(
    process.getuid?.() === 0,
  );
  expect(differences.join('\n')).not.toContain('socket');
  mknodAt(fd, 'socket', S_IFSOCK | 0o600);
  expect(compareTrees(left, right).differences.join('\n')).toMatch(/socket: a socket on the right too/);
  closeSync(leftFd);
});

test('the same wish gives the same tree, another seed another one', () => {
  const make = (name: string, seed: number): string => {
    const path = join(temp.path, name);
    makeTree(path, { files: 80, totalBytes: 400_000, seed, filesPerFolder: 10 });
    return path;
  };
  const [a, b, c] = [make('a', 1), make('b', 1), make('c', 2)];
  // Times of folders that no seed sets are those of the making.
  const times = /^[^:]*: mtime /;
  const differences = (other: string): string[] =>
    compareTrees(a, other, { socketsMissing: false }).differences.filter((difference) => !times.test(difference));
  expect(differences(b)).toEqual([]);
  expect(differences(c).length).toBeGreaterThan(10);
});
