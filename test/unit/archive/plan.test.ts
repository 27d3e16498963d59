import {
  closeSync,
  constants,
  ftruncateSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { escapePath } from '../../../src/archive/escape.ts';
import { MAX_BOUNDARY_LENGTH } from '../../../src/archive/limits.ts';
import { openFolderBeneath } from '../../../src/archive/open-folder.ts';
import { comparePaths, compareCursors, isWithin, START, type Cursor } from '../../../src/archive/order.ts';
import {
  chooseFolderName,
  chooseSegmentBytes,
  ENTRY_WEIGHT,
  planSource,
  segmentBytesAt,
  segmentsFor,
  type PlanOptions,
} from '../../../src/archive/plan.ts';
import { removeTree } from '../../../src/archive/remove-folder.ts';
import { firstSegmentOfFile } from '../../../src/archive/segment-writer.ts';
import { walk } from '../../../src/archive/walk.ts';
import { mustSucceed } from '../../../src/posix/errno.ts';
import { mkdirAt, O_CREAT, O_WRONLY, openAt } from '../../../src/posix/file.ts';
import { makeTree } from '../../support/make-tree.ts';
import { makeTempFolder } from '../../support/temp-folder.ts';

// Whole trees on a disk that others may use, too.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const seeks = vi.hoisted(() => ({ count: 0 }));

vi.mock(import('../../../src/posix/file.ts'), async (importOriginal) => {
  const file = await importOriginal();
  return {
    ...file,
    seekData: (...given) => {
      seeks.count += 1;
      return file.seekData(...given);
    },
  };
});

let temp: ReturnType<typeof makeTempFolder>;
let tree: number;

const options = (segmentBytes: number): PlanOptions => ({
  segmentBytes,
  filter: undefined,
  oneFileSystem: true,
  folder: '.twinreel-00000000',
});

beforeAll(() => {
  temp = makeTempFolder('tw-archive-plan-');
  makeTree(join(temp.path, 'tree'), { files: 400, totalBytes: 4_000_000, seed: 3, filesPerFolder: 25 });
  tree = openSync(join(temp.path, 'tree'), constants.O_RDONLY | constants.O_DIRECTORY);
});

afterAll(() => {
  closeSync(tree);
  temp.remove();
});

describe('a plan', () => {
  test('has boundaries in order, no segment above its size, and all entries in the end', () => {
    const size = 100_000;
    const plan = [...planSource(tree, options(size))];
    expect(plan.length).toBeGreaterThan(20);
    expect(plan.map((segment) => segment.n)).toEqual(plan.map((_, n) => n));
    for (const [n, segment] of plan.entries()) {
      expect(segment.weight).toBeLessThanOrEqual(size);
      expect(segment.entries).toBeGreaterThan(0);
      expect(segment.to).toEqual(plan[n + 1]?.from ?? null);
      expect(segment.from.offset % 4096).toBe(0);
      if (segment.to !== null) expect(compareCursors(segment.from, segment.to)).toBeLessThan(0);
    }
    const files = plan.reduce((sum, segment) => sum + segment.files, 0);
    let walked = 0;
    for (const step of walk(tree, { ...options(0), from: START, to: null, hidden: 'x' }))
      if (step.kind === 'entry' && (step.stat.mode & 0o170000) === 0o100000) walked += 1;
    expect(files).toBe(walked);
  });

  test('is cut the same by a planner that goes on at any boundary, inside files too', () => {
    const size = 16_384;
    const plan = [...planSource(tree, options(size))];
    expect(plan.some((segment) => segment.from.offset > 0)).toBe(true);
    for (const { n, from } of plan) {
      const resumed = [...planSource(tree, { ...options(size), resume: { n, from } })];
      expect(resumed.map((segment) => segment.from)).toEqual(plan.slice(n).map((segment) => segment.from));
    }
  });

  test('of an empty folder is one open-ended segment', () => {
    mkdirSync(join(temp.path, 'empty'));
    const fd = openSync(join(temp.path, 'empty'), constants.O_RDONLY);
    expect([...planSource(fd, options(4096))]).toEqual([
      expect.objectContaining({ n: 0, from: START, to: null, entries: 1, files: 0, weight: ENTRY_WEIGHT }),
    ]);
    closeSync(fd);
  });

  test('begins no segment at a path too long for a plan page, nor divides a file there', () => {
    mkdirSync(join(temp.path, 'deep'));
    const root = openSync(join(temp.path, 'deep'), constants.O_RDONLY);
    for (const name of ['a', 'z']) writeFileSync(join(temp.path, 'deep', name), Buffer.alloc(8192));
    // Each byte is three when escaped.
    const name = '\x01'.repeat(250);
    try {
      let folder = root;
      for (let depth = 0; depth < 90; depth += 1) {
        mustSucceed('mkdirat', mkdirAt(folder, name, 0o700));
        const next = mustSucceed('openat', openFolderBeneath(folder, name));
        if (folder !== root) closeSync(folder);
        folder = next;
      }
      for (const file of ['1', '2', '3']) {
        const fd = mustSucceed('openat', openAt(folder, file, O_CREAT | O_WRONLY, 0o600));
        writeSync(fd, Buffer.alloc(50_000));
        closeSync(fd);
      }
      closeSync(folder);
      const plan = [...planSource(root, options(20_000))];
      for (const { from } of plan) expect(escapePath(from.path).length).toBeLessThanOrEqual(MAX_BOUNDARY_LENGTH);
      expect(plan.reduce((sum, { bytes }) => sum + bytes, 0)).toBe(166_384);
      expect(plan.reduce((sum, { entries }) => sum + entries, 0)).toBe(96);
      expect(plan.at(-1)).toMatchObject({ from: { path: 'z', offset: 0 }, entries: 1 });
    } finally {
      removeTree(root, name);
      closeSync(root);
    }
  });

  test('weighs a file with holes by its data', () => {
    mkdirSync(join(temp.path, 'sparse'));
    const path = join(temp.path, 'sparse/hole');
    writeFileSync(path, Buffer.alloc(8192, 1));
    truncateSync(path, 2 ** 40);
    const fd = openSync(join(temp.path, 'sparse'), constants.O_RDONLY);
    const plan = [...planSource(fd, options(1_000_000))];
    expect(plan).toHaveLength(1);
    expect(plan[0]?.bytes).toBe(8192);
    closeSync(fd);
  });
});

describe('the size of segments', () => {
  test('doubles after 8,192 segments and again after every 1,024', () => {
    expect([0, 8191, 8192, 9215, 9216, 10240].map((n) => segmentBytesAt(n, 100))).toEqual([
      100, 100, 200, 200, 400, 800,
    ]);
  });

  test('is chosen so that what the file system holds fits into 8,192 of them', () => {
    expect(chooseSegmentBytes(2 ** 28, 2 ** 40)).toBe(2 ** 28);
    expect(chooseSegmentBytes(2 ** 28, 2 ** 43)).toBe(2 ** 30);
  });
});

test('the working folder gets as many more digits as the source makes necessary', () => {
  const path = join(temp.path, 'taken');
  const uid = 'ABCDEF01-2345-6789-abcd-ef0123456789';
  mkdirSync(join(path, '.twinreel-abcdef01'), { recursive: true });
  writeFileSync(join(path, '.twinreel-abcdef012'), '');
  const fd = openSync(path, constants.O_RDONLY);
  expect(chooseFolderName(fd, uid)).toBe('.twinreel-abcdef0123');
  expect(chooseFolderName(tree, uid)).toBe('.twinreel-abcdef01');
  closeSync(fd);
});

describe('a fragmented file with holes', () => {
  const CLUSTER = 16_384;

  const withHoles = <T>(clusters: number, work: (fd: number) => T): T => {
    const folder = mkdtempSync(join(temp.path, 'fragmented-'));
    const file = openSync(join(folder, 'image'), 'w');
    for (let n = 0; n < clusters; n += 1) writeSync(file, Buffer.alloc(4096, 1), 0, 4096, n * CLUSTER);
    ftruncateSync(file, clusters * CLUSTER);
    closeSync(file);
    const fd = openSync(folder, constants.O_RDONLY);
    try {
      return work(fd);
    } finally {
      closeSync(fd);
    }
  };

  test('is divided by its data', () => {
    withHoles(100, (fd) => {
      const room = 10 * 4096;
      const plan = [...planSource(fd, options(room + ENTRY_WEIGHT))];
      const offsets = plan.map(({ from }) => from.offset).filter((offset) => offset > 0);
      expect(offsets).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9].map((n) => (10 * n - 1) * CLUSTER + 4096));
      expect(plan.every(({ weight }) => weight <= room + ENTRY_WEIGHT)).toBe(true);
    });
  });

  test('is asked for each extent about once, however often it is cut', () => {
    const clusters = 2000;
    withHoles(clusters, (fd) => {
      seeks.count = 0;
      expect([...planSource(fd, options(20 * 4096 + ENTRY_WEIGHT))].length).toBeGreaterThan(90);
      expect(seeks.count).toBeLessThan(2 * clusters);
    });
  });
});

describe('the segments of a path', () => {
  test('are those that hold it or anything beneath it', () => {
    const plan = [...planSource(tree, options(50_000))];
    const cursors: Cursor[] = [];
    for (const { path } of walk(tree, { ...options(0), from: START, to: null, hidden: 'x' }))
      cursors.push({ path, offset: 0 });
    for (const segment of plan) if (segment.from.offset > 0) cursors.push(segment.from);
    const holder = (cursor: Cursor): number =>
      plan.findLastIndex((segment) => compareCursors(segment.from, cursor) <= 0);
    const chosen = fc.nat(cursors.length - 1).map((at) => cursors[at]?.path ?? '');
    fc.assert(
      fc.property(chosen, (path) => {
        const { first, last } = segmentsFor(plan, path);
        for (const cursor of cursors.filter((candidate) => isWithin(candidate.path, path))) {
          expect(holder(cursor)).toBeGreaterThanOrEqual(first);
          expect(holder(cursor)).toBeLessThanOrEqual(last);
        }
        expect(first).toBe(holder({ path, offset: 0 }));
        // The last one begins before everything behind the subtree.
        const end = plan[last]?.from.path ?? '';
        expect(path === '' || isWithin(end, path) || comparePaths(end, path) <= 0).toBe(true);
      }),
      { numRuns: 200 },
    );
  });

  test('of a divided file begin where the file begins', () => {
    const boundaries = [
      { n: 0, from: START },
      { n: 1, from: { path: 'f', offset: 0 } },
      { n: 2, from: { path: 'f', offset: 4096 } },
      { n: 3, from: { path: 'f', offset: 8192 } },
      { n: 4, from: { path: 'g', offset: 0 } },
    ];
    expect(segmentsFor(boundaries, 'f')).toEqual({ first: 1, last: 3 });
    expect(segmentsFor(boundaries, '')).toEqual({ first: 0, last: 4 });
    expect(segmentsFor(boundaries, 'zzz')).toEqual({ first: 4, last: 4 });
    expect([0, 1, 2, 3, 4].map((n) => firstSegmentOfFile(boundaries, n))).toEqual([0, 1, 1, 1, 4]);
  });
});

test('a root that cannot be listed has no plan', () => {
  const closed = join(temp.path, 'closed');
  mkdirSync(closed, { mode: 0o300 });
  const fd = openSync(closed, constants.O_RDONLY);
  const root = process.geteuid?.() === 0;
  if (root) process.seteuid?.(65534);
  try {
    expect(() => [...planSource(fd, options(4096))]).toThrow(expect.objectContaining({ code: 'SourceRoot' }));
  } finally {
    if (root) process.seteuid?.(0);
    closeSync(fd);
  }
});
