import { execFileSync } from 'node:child_process';
import { closeSync, constants, mkdirSync, openSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { comparePaths, START, type Cursor } from '../../../src/archive/order.ts';
import { makePathFilter } from '../../../src/archive/path-filter.ts';
import { walk, type WalkOptions } from '../../../src/archive/walk.ts';
import { closeFd, mkdirAt, O_DIRECTORY, O_RDONLY, openAt } from '../../../src/posix/file.ts';
import { makeTree } from '../../support/make-tree.ts';
import { makeTempFolder } from '../../support/temp-folder.ts';

// Whole trees on a disk that others may use, too.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

let temp: ReturnType<typeof makeTempFolder>;
let tree: number;
let all: string[];

const collect = (rootFd: number, options: Partial<WalkOptions> = {}): string[] => {
  const whole = { from: START, to: null, filter: undefined, oneFileSystem: true, hidden: '.hidden', ...options };
  const met: string[] = [];
  for (const { kind, path, part } of walk(rootFd, whole)) {
    const range = part === undefined ? '' : ` [${String(part.from)},${String(part.to)})`;
    met.push(`${kind} ${path}${range}`);
  }
  return met;
};

const entries = (met: readonly string[]): string[] =>
  met.filter((step) => step.startsWith('entry ')).map((step) => step.slice(6));

beforeAll(() => {
  temp = makeTempFolder('tw-archive-walk-');
  makeTree(join(temp.path, 'tree'), { files: 300, totalBytes: 300_000, seed: 7, filesPerFolder: 15 });
  tree = openSync(join(temp.path, 'tree'), constants.O_RDONLY | constants.O_DIRECTORY);
  all = entries(collect(tree));
});

afterAll(() => {
  closeSync(tree);
  temp.remove();
});

describe('a walk of a range', () => {
  test('meets everything once, in order, folders before what they hold', () => {
    expect(all).toHaveLength(new Set(all).size);
    expect(all.length).toBeGreaterThan(300);
    expect(all).toEqual([...all].sort(comparePaths));
  });

  test('and the ranges beside it meet everything exactly once, wherever the cuts are', () => {
    const cut = fc
      .tuple(fc.nat(all.length - 1), fc.nat(6), fc.constantFrom('', 'x', '\x01', '/a', '/zz'))
      .map(([at, drop, more]) => (all[at] ?? '').slice(0, -drop || undefined).replace(/\/$/, '') + more);
    fc.assert(
      fc.property(fc.array(cut, { maxLength: 6 }), (paths) => {
        const sorted = [...new Set(paths.filter((path) => path !== '' && !path.startsWith('/')))].sort(comparePaths);
        const cursors: (Cursor | null)[] = [START, ...sorted.map((path) => ({ path, offset: 0 })), null];
        const met = cursors
          .slice(0, -1)
          .flatMap((from, at) => entries(collect(tree, { from: from ?? START, to: cursors[at + 1] ?? null })));
        expect(met).toEqual(all);
      }),
      { numRuns: 60 },
    );
  });

  test('tells the folders above the first path found, each once, and none for an empty range', () => {
    const path = all.find((candidate) => candidate.split('/').length === 3) ?? '';
    const [a, b] = path.split('/');
    const met = collect(tree, { from: { path, offset: 0 }, to: { path: `${path}\x01`, offset: 0 } });
    expect(met.slice(0, 4)).toEqual(['above ', `above ${a ?? ''}`, `above ${a ?? ''}/${b ?? ''}`, `entry ${path}`]);
    expect(collect(tree, { from: { path: 'zzz', offset: 0 }, to: { path: 'zzzz', offset: 0 } })).toEqual([]);
  });
});

describe('a file that the plan divides', () => {
  const within = (work: (fd: number, path: string) => void): void => {
    const path = join(temp.path, 'divided');
    mkdirSync(join(path, 'a'), { recursive: true });
    writeFileSync(join(path, 'a/file'), '');
    truncateSync(join(path, 'a/file'), 100_000);
    writeFileSync(join(path, 'a/g'), '');
    const fd = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY);
    try {
      work(fd, path);
    } finally {
      closeSync(fd);
      rmSync(path, { recursive: true });
    }
  };
  const at = (offset: number): Cursor => ({ path: 'a/file', offset });

  test('is met as a part in each of its ranges', () => {
    within((fd) => {
      expect(collect(fd, { to: at(4096) })).toEqual(['entry ', 'entry a', 'entry a/file [0,4096)']);
      expect(collect(fd, { from: at(4096), to: at(8192) })).toEqual(['above ', 'above a', 'entry a/file [4096,8192)']);
      expect(collect(fd, { from: at(8192) })).toEqual(['above ', 'above a', 'entry a/file [8192,null)', 'entry a/g']);
    });
  });

  test('when it has become a folder, is met in the first range and what lies beneath in the last', () => {
    within((fd, path) => {
      rmSync(join(path, 'a/file'));
      mkdirSync(join(path, 'a/file'));
      writeFileSync(join(path, 'a/file/x'), '');
      expect(collect(fd, { to: at(4096) })).toEqual(['entry ', 'entry a', 'entry a/file']);
      expect(collect(fd, { from: at(4096), to: at(8192) })).toEqual([]);
      expect(collect(fd, { from: at(8192) })).toEqual([
        'above ',
        'above a',
        'above a/file',
        'entry a/file/x',
        'entry a/g',
      ]);
    });
  });

  test('when it has become a link, is met in the first range alone', () => {
    within((fd, path) => {
      rmSync(join(path, 'a/file'));
      symlinkSync('g', join(path, 'a/file'));
      expect(collect(fd, { to: at(4096) })).toEqual(['entry ', 'entry a', 'entry a/file']);
      expect(collect(fd, { from: at(4096), to: at(8192) })).toEqual([]);
    });
  });
});

describe('a walk', () => {
  test('leaves out what is excluded and tells only the folders that lead to what is included', () => {
    const path = join(temp.path, 'filtered');
    for (const folder of ['a/b', 'c/d', 'e']) mkdirSync(join(path, folder), { recursive: true });
    for (const file of ['a/b/1.c', 'a/b/2.h', 'c/d/3.h', 'e/4.c', 'e/5.c']) writeFileSync(join(path, file), '');
    const fd = openSync(path, constants.O_RDONLY);
    expect(collect(fd, { filter: makePathFilter(['*.c'], ['5*']) })).toEqual([
      'above ',
      'above a',
      'above a/b',
      'entry a/b/1.c',
      'above e',
      'entry e/4.c',
    ]);
    expect(collect(fd, { filter: makePathFilter([], ['/a', '/c']) })).toEqual([
      'entry ',
      'entry e',
      'entry e/4.c',
      'entry e/5.c',
    ]);
    closeSync(fd);
  });

  test('tells the reserved name in the root, and does not enter it', () => {
    const path = join(temp.path, 'reserved');
    mkdirSync(join(path, '.hidden/x'), { recursive: true });
    mkdirSync(join(path, 'a/.hidden'), { recursive: true });
    const fd = openSync(path, constants.O_RDONLY);
    expect(collect(fd)).toEqual(['entry ', 'hidden .hidden', 'entry a', 'entry a/.hidden']);
    closeSync(fd);
  });

  test('goes deeper than paths and open folders may be long', () => {
    const path = join(temp.path, 'deep');
    mkdirSync(path);
    const root = openSync(path, constants.O_RDONLY);
    const name = 'n'.repeat(100);
    let fd = openAt(root, '.', O_RDONLY | O_DIRECTORY);
    for (let depth = 0; depth < 600; depth += 1) {
      mkdirAt(fd, name, 0o700);
      mkdirAt(fd, 'z', 0o700);
      const next = openAt(fd, name, O_RDONLY | O_DIRECTORY);
      closeFd(fd);
      fd = next;
    }
    closeFd(fd);
    const met = entries(collect(root));
    expect(met).toHaveLength(1201);
    const half = met[300] ?? '';
    const second = entries(collect(root, { from: { path: half, offset: 0 } }));
    expect([...entries(collect(root, { to: { path: half, offset: 0 } })), ...second]).toEqual(met);
    closeSync(root);
    // Longer than a path may be for Node.
    execFileSync('rm', ['-r', path]);
  });
});
