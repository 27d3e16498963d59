import { spawnSync } from 'node:child_process';
import { mkdirSync, openSync, closeSync, constants, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { comparePaths, START, type Cursor } from '../../../src/archive/order.ts';
import { walk } from '../../../src/archive/walk.ts';
import { closeFd, mkdirAt, O_DIRECTORY, O_RDONLY, openAt } from '../../../src/posix/file.ts';
import { S_IFREG } from '../../../src/posix/stat.ts';
import { setTimesAt } from '../../../src/posix/times.ts';
import { compareTrees } from '../../support/compare-trees.ts';
import { makeTree } from '../../support/make-tree.ts';
import { writeTestBackup, type TestBackup } from '../../support/payload-files.ts';
import { makeTempFolder } from '../../support/temp-folder.ts';

// Whole trees on a disk that others may use, too.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const SCRIPT = join(import.meta.dirname, 'by-hand.sh');
const owners = process.getuid?.() === 0;

let temp: ReturnType<typeof makeTempFolder>;

beforeEach(() => {
  temp = makeTempFolder('tw-archive-by-hand-');
});

afterEach(() => {
  temp.remove();
});

const extract = (backup: TestBackup, target: string): { status: number | null; output: string } => {
  mkdirSync(target);
  const run = spawnSync('sh', [SCRIPT, backup.folder, backup.links, ...backup.data], { cwd: target, encoding: 'utf8' });
  return { status: run.status, output: run.stdout + run.stderr };
};

/** Cuts of any kind: paths, prefixes of names, offsets inside files. */
const chooseCuts = (source: string, picks: readonly (readonly [number, number])[]): Cursor[] => {
  const fd = openSync(source, constants.O_RDONLY | constants.O_DIRECTORY);
  const steps: { path: string; size: number }[] = [];
  for (const { path, stat } of walk(fd, { from: START, to: null, filter: undefined, oneFileSystem: true, hidden: '' }))
    steps.push({ path, size: stat.type === S_IFREG ? stat.size : 0 });
  closeSync(fd);
  const cuts = new Map<string, Cursor>();
  for (const [at, detail] of picks) {
    const { path, size } = steps[at % steps.length] ?? { path: '', size: 0 };
    const offset = detail % 3 === 0 && size > 4096 ? 4096 * (1 + (detail % Math.ceil(size / 4096))) : 0;
    const prefix = offset > 0 ? path : path.slice(0, path.length - (detail % 4)).replace(/\/$/, '');
    if (prefix !== '') cuts.set(`${prefix} ${String(offset)}`, { path: prefix, offset });
  }
  return [...cuts.values()].sort((a, b) => comparePaths(a.path, b.path) || a.offset - b.offset);
};

describe('segments extracted by hand with GNU tar', () => {
  test('give the same tree, whatever it holds and wherever it was cut', () => {
    let run = 0;
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 1_000_000 }),
        fc.array(fc.tuple(fc.nat(10_000), fc.nat(1000)), { maxLength: 12 }),
        (seed, picks) => {
          run += 1;
          const dir = join(temp.path, String(run));
          const source = join(dir, 'source');
          makeTree(source, { files: 120, totalBytes: 1_500_000, seed, filesPerFolder: 25 });
          const cuts = chooseCuts(source, picks);
          const backup = writeTestBackup(source, join(dir, 'payloads'), { segmentBytes: 0, cuts });
          expect(extract(backup, join(dir, 'target'))).toEqual({ status: 0, output: '' });
          const compared = compareTrees(source, join(dir, 'target'), { rootAttributes: false, owners });
          expect(compared.differences).toEqual([]);
          expect(compared.files).toBeGreaterThan(50);
        },
      ),
      { numRuns: 8 },
    );
  });

  test('give the same tree where a plan cut it, large files in parts', () => {
    const source = join(temp.path, 'source');
    makeTree(source, { files: 300, totalBytes: 6_000_000, seed: 11, filesPerFolder: 30 });
    const backup = writeTestBackup(source, join(temp.path, 'payloads'), { segmentBytes: 40_960 });
    expect(backup.boundaries.some((boundary) => boundary.from.offset > 0)).toBe(true);
    expect(extract(backup, join(temp.path, 'target'))).toEqual({ status: 0, output: '' });
    const compared = compareTrees(source, join(temp.path, 'target'), { rootAttributes: false, owners });
    expect(compared.differences).toEqual([]);
    expect(compared.hardLinks).toBeGreaterThan(4);
  });

  test('extract alone, each but links, with status 0', () => {
    const source = join(temp.path, 'source');
    makeTree(source, { files: 200, totalBytes: 2_000_000, seed: 12, filesPerFolder: 20 });
    const backup = writeTestBackup(source, join(temp.path, 'payloads'), { segmentBytes: 200_000 });
    for (const payload of backup.data) {
      const target = `${payload}.d`;
      mkdirSync(target);
      const run = spawnSync('tar', ['-b', '512', '--warning=no-timestamp', '-C', target, '-xf', payload], {
        encoding: 'utf8',
      });
      expect([run.status, run.stderr]).toEqual([0, '']);
    }
  });

  test('keep ACLs, large times, and names of 255 bytes', () => {
    const source = join(temp.path, 'source');
    mkdirSync(source);
    for (const name of ['x'.repeat(255), 'acl', 'future']) writeFileSync(join(source, name), name);
    mkdirSync(join(source, 'default'));
    const acl = spawnSync('setfacl', ['-m', 'u:1234:r,g:77:rw,m::rw', join(source, 'acl')], { encoding: 'utf8' });
    const inherited = spawnSync('setfacl', ['-d', '-m', 'u:1234:rwx', join(source, 'default')], { encoding: 'utf8' });
    expect([acl.status, inherited.status]).toEqual([0, 0]);
    const fd = openSync(source, constants.O_RDONLY);
    setTimesAt(fd, 'future', 9_000_000_000, 1);
    setTimesAt(fd, 'acl', -1, 999_999_999);
    closeSync(fd);
    const backup = writeTestBackup(source, join(temp.path, 'payloads'), { segmentBytes: 1_000_000 });
    expect(extract(backup, join(temp.path, 'target'))).toEqual({ status: 0, output: '' });
    expect(compareTrees(source, join(temp.path, 'target'), { rootAttributes: false, owners }).differences).toEqual([]);
  });
});

test('paths beyond 4,095 bytes are archived, and bsdtar reads them', () => {
  const source = join(temp.path, 'source');
  mkdirSync(source);
  let fd = openAt(openSync(source, constants.O_RDONLY), '.', O_RDONLY | O_DIRECTORY);
  const name = 'n'.repeat(200);
  for (let depth = 0; depth < 25; depth += 1) {
    mkdirAt(fd, name, 0o700);
    const next = openAt(fd, name, O_RDONLY | O_DIRECTORY);
    closeFd(fd);
    fd = next;
  }
  closeFd(fd);
  const backup = writeTestBackup(source, join(temp.path, 'payloads'), { segmentBytes: 1_000_000 });
  const listed = spawnSync('bsdtar', ['-tf', backup.data[0] ?? ''], { encoding: 'utf8', maxBuffer: 10_000_000 });
  expect([listed.status, listed.stderr]).toEqual([0, '']);
  expect(listed.stdout).toContain(`${`${name}/`.repeat(25)}\n`);
  spawnSync('rm', ['-r', source]);
});
