import {
  chmodSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { segmentsFor } from '../../../src/archive/plan.ts';
import type { ConflictPolicy } from '../../../src/archive/place.ts';
import { workFolderName } from '../../../src/archive/restore-target.ts';
import { compareTrees } from '../../support/compare-trees.ts';
import { makeTree } from '../../support/make-tree.ts';
import { writeTestBackup } from '../../support/payload-files.ts';
import { RESTORE_UID, restorePayloads } from '../../support/restore-payloads.ts';
import { makeTempFolder } from '../../support/temp-folder.ts';

// Whole trees on a disk that others may use, too.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const owners = process.getuid?.() === 0;
let temp: ReturnType<typeof makeTempFolder>;
let source: string;
let target: string;
let payloads: string;

beforeEach(() => {
  temp = makeTempFolder('tw-archive-restore-');
  [source, target, payloads] = [join(temp.path, 'source'), join(temp.path, 'target'), join(temp.path, 'payloads')];
});

afterEach(() => {
  temp.remove();
});

const write = (files: Readonly<Record<string, string>>, root = source): void => {
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(join(root, path, '..'), { recursive: true });
    writeFileSync(join(root, path), content);
  }
};

describe('a whole restore', () => {
  test('gives the same tree to its last attribute, and leaves nothing else', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 1_000_000 }),
        fc.constantFrom(20_480, 100_000, 10_000_000),
        (seed, size) => {
          // The same seed may come twice.
          const dir = mkdtempSync(join(temp.path, 'run-'));
          makeTree(join(dir, 'source'), { files: 150, totalBytes: 1_500_000, seed, filesPerFolder: 20 });
          const backup = writeTestBackup(join(dir, 'source'), join(dir, 'payloads'), { segmentBytes: size });
          const done = restorePayloads(backup, join(dir, 'target'));
          expect(done.failures).toEqual([]);
          expect(compareTrees(join(dir, 'source'), join(dir, 'target'), { owners }).differences).toEqual([]);
        },
      ),
      { numRuns: 6 },
    );
  });

  test('does not depend on the order of segments', () => {
    makeTree(source, { files: 150, totalBytes: 1_500_000, seed: 5, filesPerFolder: 20 });
    const backup = writeTestBackup(source, payloads, { segmentBytes: 40_960 });
    const done = restorePayloads(backup, target, { payloads: [...backup.data.toReversed(), backup.links] });
    expect(done.failures).toEqual([]);
    expect(compareTrees(source, target, { owners }).differences).toEqual([]);
  });

  test('gives a folder what the highest of its segments says of it, in any order', () => {
    write({ 'a/b/1': '1', 'a/b/2': '2', 'a/b/3': '3' });
    const cuts = ['a/b/2', 'a/b/3'].map((path) => ({ path, offset: 0 }));
    const modes = [0o700, 0o750, 0o711];
    // The folder changes while segment after segment is written.
    const [first, second, third] = modes.map((mode, n) => {
      chmodSync(join(source, 'a/b'), mode);
      utimesSync(join(source, 'a/b'), 1000 + n, 1000 + n);
      return writeTestBackup(source, join(temp.path, String(n)), { segmentBytes: 0, cuts }).data[n] ?? '';
    });
    const backup = writeTestBackup(source, payloads, { segmentBytes: 0, cuts });
    for (const [at, order] of [
      [first, second, third],
      [third, first, second],
      [second, third, first],
    ].entries()) {
      const to = join(target, String(at));
      mkdirSync(to, { recursive: true });
      const payloads = order.map((payload) => payload ?? '');
      expect(restorePayloads(backup, to, { payloads }).failures).toEqual([]);
      const { mode, mtimeMs } = lstatSync(join(to, 'a/b'));
      expect([mode & 0o777, mtimeMs]).toEqual([0o711, 1_002_000]);
      expect(readdirSync(join(to, 'a/b'))).toEqual(['1', '2', '3']);
    }
  });

  test('goes on where it was killed, and replaces what it had made', () => {
    makeTree(source, { files: 150, totalBytes: 1_500_000, seed: 6, filesPerFolder: 20 });
    const backup = writeTestBackup(source, payloads, { segmentBytes: 100_000 });
    restorePayloads(backup, target, { payloads: backup.data.slice(0, 7), unfinished: true });
    writeFileSync(join(target, workFolderName(RESTORE_UID), 'file-1-0'), 'unfinished');
    expect(restorePayloads(backup, target, { payloads: [...backup.data.slice(3), backup.links] }).failures).toEqual([]);
    expect(compareTrees(source, target, { owners }).differences).toEqual([]);
  });

  test('takes a segment again from another copy when its bytes were bad', () => {
    write({ 'a/one': 'right', 'a/two': 'right' });
    const good = writeTestBackup(source, payloads, { segmentBytes: 1_000_000 });
    const bytes = readFileSync(good.data[0] ?? '');
    bytes.write('wrong', bytes.indexOf('right'));
    const bad = join(temp.path, 'bad');
    writeFileSync(bad, bytes);
    expect(restorePayloads(good, target, { payloads: [bad], unfinished: true }).failures).toEqual([]);
    expect(readFileSync(join(target, 'a/one'), 'utf8')).toBe('wrong');
    expect(restorePayloads(good, target).failures).toEqual([]);
    expect(compareTrees(source, target).differences).toEqual([]);
  });
});

describe('names that are there already', () => {
  const rows: readonly { policy: ConflictPolicy; content: string; failures: string[]; kept: number }[] = [
    { policy: 'Fail', content: 'before', failures: ['a/file: Exists'], kept: 0 },
    { policy: 'Skip', content: 'before', failures: [], kept: 1 },
    { policy: 'Overwrite', content: 'backup', failures: [], kept: 0 },
    { policy: 'KeepNewer', content: 'before', failures: [], kept: 1 },
  ];

  test.each(rows)('under $policy', ({ policy, content, failures, kept }) => {
    write({ 'a/file': 'backup', 'a/other': 'backup' });
    const backup = writeTestBackup(source, payloads, { segmentBytes: 1_000_000 });
    write({ 'a/file': 'before' }, target);
    const done = restorePayloads(backup, target, { conflict: policy });
    expect(done.failures).toEqual(failures);
    expect(done.kept).toBe(kept);
    const told = done.segments.flatMap(({ examples }) => examples);
    expect(told).toEqual(kept === 0 ? [] : [{ path: 'a/file', reason: 'Kept' }]);
    expect(readFileSync(join(target, 'a/file'), 'utf8')).toBe(content);
    expect(readFileSync(join(target, 'a/other'), 'utf8')).toBe('backup');
  });

  test('KeepNewer replaces what is older', () => {
    write({ file: 'backup' });
    const backup = writeTestBackup(source, payloads, { segmentBytes: 1_000_000 });
    write({ file: 'before' }, target);
    utimesSync(join(target, 'file'), 5, 5);
    restorePayloads(backup, target, { conflict: 'KeepNewer' });
    expect(readFileSync(join(target, 'file'), 'utf8')).toBe('backup');
  });

  test('a folder is never replaced by a file, nor entered through a link', () => {
    write({ a: 'a file', 'b/file': 'in a folder', 'c/file': 'in a folder' });
    const backup = writeTestBackup(source, payloads, { segmentBytes: 1_000_000 });
    write({ 'a/x': 'kept', 'elsewhere/x': 'kept' }, target);
    symlinkSync('elsewhere', join(target, 'b'));
    const failures = restorePayloads(backup, target, { conflict: 'Fail' }).failures;
    expect(failures).toEqual(['a: Exists', 'b: NotAFolder', 'b/file: NotAFolder']);
    expect(readdirSync(join(target, 'elsewhere'))).toEqual(['x']);
    const again = restorePayloads(backup, target, { conflict: 'Overwrite' });
    expect(again.failures).toEqual(['a: TargetIsFolder']);
    expect(readdirSync(join(target, 'elsewhere'))).toEqual(['x']);
    expect(readFileSync(join(target, 'b/file'), 'utf8')).toBe('in a folder');
  });

  test('Skip leaves the attributes of folders, too', () => {
    write({ 'a/file': 'backup' });
    chmodSync(join(source, 'a'), 0o711);
    const backup = writeTestBackup(source, payloads, { segmentBytes: 1_000_000 });
    mkdirSync(join(target, 'a'), { recursive: true });
    chmodSync(join(target, 'a'), 0o750);
    restorePayloads(backup, target, { conflict: 'Skip' });
    expect(lstatSync(join(target, 'a')).mode & 0o777).toBe(0o750);
    expect(readFileSync(join(target, 'a/file'), 'utf8')).toBe('backup');
  });
});

describe('chosen paths', () => {
  test('are restored with what lies beneath them, in the folders above, from their segments alone', () => {
    makeTree(source, { files: 200, totalBytes: 2_000_000, seed: 9, filesPerFolder: 20 });
    write({ 'wanted/deep/one': 'x'.repeat(300_000), 'wanted/deep/two': '2', 'wanted/other': 'no' });
    chmodSync(join(source, 'wanted'), 0o710);
    utimesSync(join(source, 'wanted'), 77, 77);
    const backup = writeTestBackup(source, payloads, { segmentBytes: 50_000 });
    const { first, last } = segmentsFor(backup.boundaries, 'wanted/deep');
    expect(last - first).toBeLessThan(backup.data.length / 2);
    const chosen = [...backup.data.slice(first, last + 1), backup.links];
    const done = restorePayloads(backup, target, {
      selection: { kind: 'paths', paths: ['wanted/deep'] },
      payloads: chosen,
    });
    expect(done.failures).toEqual([]);
    expect(readdirSync(target)).toEqual(['wanted']);
    expect(readdirSync(join(target, 'wanted'))).toEqual(['deep']);
    expect(compareTrees(join(source, 'wanted/deep'), join(target, 'wanted/deep'), { owners }).differences).toEqual([]);
    const above = lstatSync(join(target, 'wanted'));
    expect([above.mode & 0o777, above.mtimeMs]).toEqual([0o710, 77_000]);
  });

  test('leave folders above them as they were', () => {
    write({ 'a/b/file': 'backup' });
    const backup = writeTestBackup(source, payloads, { segmentBytes: 1_000_000 });
    mkdirSync(join(target, 'a'), { recursive: true });
    chmodSync(join(target, 'a'), 0o701);
    restorePayloads(backup, target, { selection: { kind: 'paths', paths: ['a/b'] } });
    expect(lstatSync(join(target, 'a')).mode & 0o777).toBe(0o701);
    expect(readFileSync(join(target, 'a/b/file'), 'utf8')).toBe('backup');
  });

  test('get their data where it lies under a hard link that was not chosen', () => {
    write({ 'a/first': 'data' });
    mkdirSync(join(source, 'b'));
    for (const name of ['b/second', 'b/third']) linkSync(join(source, 'a/first'), join(source, name));
    const backup = writeTestBackup(source, payloads, { segmentBytes: 1_000_000 });
    const done = restorePayloads(backup, target, { selection: { kind: 'paths', paths: ['b'] } });
    expect(done.failures).toEqual([]);
    expect(readdirSync(target)).toEqual(['b']);
    const [second, third] = ['b/second', 'b/third'].map((name) => lstatSync(join(target, name)));
    expect([second?.ino, second?.nlink, second?.size]).toEqual([third?.ino, 2, 4]);
    expect(lstatSync(join(target, 'b')).mtimeMs).toBe(lstatSync(join(source, 'b')).mtimeMs);
  });
});

describe('data under a hard link that was not chosen', () => {
  const selection = { kind: 'paths', paths: ['b'] } as const;

  const backUp = (): ReturnType<typeof writeTestBackup> => {
    write({ 'a/first': 'data' });
    mkdirSync(join(source, 'b'));
    for (const name of ['b/second', 'b/third', 'b/zz']) linkSync(join(source, 'a/first'), join(source, name));
    return writeTestBackup(source, payloads, { segmentBytes: 1_000_000 });
  };

  test.each(['Fail', 'Skip', 'KeepNewer'] as const)('goes to the next name under %s where one is taken', (conflict) => {
    const backup = backUp();
    write({ 'b/second': 'there before' }, target);
    const done = restorePayloads(backup, target, { selection, conflict });
    expect(done.failures).toEqual(conflict === 'Fail' ? ['b/second: Exists'] : []);
    expect(done.files).toBe(1);
    expect(['second', 'third', 'zz'].map((name) => readFileSync(join(target, 'b', name), 'utf8'))).toEqual([
      'there before',
      'data',
      'data',
    ]);
    expect(lstatSync(join(target, 'b/zz')).nlink).toBe(2);
    expect(readdirSync(target)).toEqual(['b']);
  });

  test('goes to the next name where a folder has one', () => {
    const backup = backUp();
    write({ 'b/second/x': 'kept', 'b/third/x': 'kept' }, target);
    const done = restorePayloads(backup, target, { selection, conflict: 'Overwrite' });
    expect(done.failures).toEqual(['b/second: TargetIsFolder', 'b/third: TargetIsFolder']);
    expect(readFileSync(join(target, 'b/zz'), 'utf8')).toBe('data');
  });

  test('is left nowhere where all names are taken', () => {
    const backup = backUp();
    write({ 'b/second': '2', 'b/third': '3', 'b/zz': '4' }, target);
    const done = restorePayloads(backup, target, { selection, unfinished: true });
    expect(done.failures).toEqual(['b/second: Exists', 'b/third: Exists', 'b/zz: Exists']);
    expect(readdirSync(join(target, workFolderName(RESTORE_UID))).filter((name) => name.startsWith('file'))).toEqual(
      [],
    );
  });
});

describe('hard links across segments', () => {
  const cuts = [{ path: 'b', offset: 0 }];

  beforeEach(() => {
    write({ 'a/first': 'data' });
    mkdirSync(join(source, 'b'));
    linkSync(join(source, 'a/first'), join(source, 'b/second'));
    utimesSync(join(source, 'b'), 99, 99);
  });

  test('are joined at the end, and their folders keep their times', () => {
    const backup = writeTestBackup(source, payloads, { segmentBytes: 0, cuts });
    expect(restorePayloads(backup, target).failures).toEqual([]);
    expect(compareTrees(source, target, { owners }).differences).toEqual([]);
    expect(lstatSync(join(target, 'b/second')).nlink).toBe(2);
  });

  test('keep their own data where their file changed after the plan began', () => {
    const backup = writeTestBackup(source, payloads, { segmentBytes: 0, cuts, planStartedSec: 0 });
    const done = restorePayloads(backup, target);
    expect(done.failures).toEqual([]);
    expect(lstatSync(join(target, 'b/second')).nlink).toBe(1);
    expect(readFileSync(join(target, 'b/second'), 'utf8')).toBe('data');
  });

  test('beyond what is remembered keep their own data', () => {
    for (const name of ['a/other', 'a/third']) write({ [name]: name });
    linkSync(join(source, 'a/other'), join(source, 'b/fourth'));
    linkSync(join(source, 'a/third'), join(source, 'b/fifth'));
    const backup = writeTestBackup(source, payloads, { segmentBytes: 0, cuts, maxFirstNames: 2 });
    // Both names of the third file, and the two that are joined.
    expect(backup.linksTotals.entries).toBe(4);
    expect(restorePayloads(backup, target).failures).toEqual([]);
    const names = ['b/second', 'b/fourth', 'b/fifth'].map((name) => lstatSync(join(target, name)).nlink);
    expect(names).toEqual([2, 2, 1]);
    expect(readFileSync(join(target, 'b/fifth'), 'utf8')).toBe('a/third');
  });

  test('are not joined where the index lines read show different files', () => {
    const first = writeTestBackup(source, payloads, { segmentBytes: 0, cuts });
    rmSync(join(source, 'b/second'));
    write({ 'b/second': 'another file', 'b/third': '' });
    rmSync(join(source, 'b/third'));
    linkSync(join(source, 'b/second'), join(source, 'b/third'));
    const second = writeTestBackup(source, join(temp.path, 'second'), { segmentBytes: 0, cuts });
    const mixed = [first.data[0] ?? '', second.data[1] ?? '', first.links];
    const done = restorePayloads(first, target, { payloads: mixed });
    const examples = [{ path: 'b/second', reason: 'LinkNotJoined' }];
    expect(done.segments.at(-1)).toMatchObject({ notJoined: 1, examples });
    expect(readFileSync(join(target, 'b/second'), 'utf8')).toBe('another file');
    expect(readFileSync(join(target, 'a/first'), 'utf8')).toBe('data');
  });
});

describe('a divided file', () => {
  const cuts = [
    { path: 'big', offset: 40_960 },
    { path: 'big', offset: 81_920 },
  ];

  test('gets no name when its parts are of different states', () => {
    write({ big: 'a'.repeat(100_000) });
    const first = writeTestBackup(source, payloads, { segmentBytes: 0, cuts });
    write({ big: 'b'.repeat(100_000) });
    const second = writeTestBackup(source, join(temp.path, 'second'), { segmentBytes: 0, cuts });
    const mixed = [first.data[0] ?? '', second.data[1] ?? '', first.data[2] ?? '', first.links];
    const done = restorePayloads(first, target, { payloads: mixed });
    expect(done.failures).toEqual(['big: FileTorn']);
    expect(readdirSync(target)).toEqual([]);
  });

  test('gets no name when a part is missing', () => {
    write({ big: 'a'.repeat(100_000) });
    const backup = writeTestBackup(source, payloads, { segmentBytes: 0, cuts });
    const done = restorePayloads(backup, target, {
      payloads: [backup.data[0] ?? '', backup.data[2] ?? '', backup.links],
    });
    expect(done.failures).toEqual(['big: PartMissing']);
    expect(existsSync(join(target, 'big'))).toBe(false);
  });

  test('is whole again when a part that was wrong comes from another copy', () => {
    write({ big: 'a'.repeat(50_000) + '\0'.repeat(60_000) });
    const backup = writeTestBackup(source, payloads, { segmentBytes: 0, cuts });
    const order = [0, 1, 1, 2].map((n) => backup.data[n] ?? '');
    expect(restorePayloads(backup, target, { payloads: [...order, backup.links] }).failures).toEqual([]);
    expect(compareTrees(source, target).differences).toEqual([]);
  });
});

test('somebody without root gets everything but what is not theirs to give, and is told', () => {
  write({ 'closed/a': '1', 'closed/b': 'x'.repeat(9000), 'closed/deep/c': '3', 'set-id': '4' });
  chmodSync(join(source, 'set-id'), 0o4755);
  chmodSync(join(source, 'closed/deep'), 0o555);
  chmodSync(join(source, 'closed'), 0o500);
  const cuts = ['closed/b', 'closed/deep/c'].map((path) => ({ path, offset: 0 }));
  const backup = writeTestBackup(source, payloads, { segmentBytes: 0, cuts });
  mkdirSync(target);
  chmodSync(temp.path, 0o755);
  chmodSync(target, 0o777);
  const root = process.geteuid?.() === 0;
  if (root) process.seteuid?.(65534);
  let done: ReturnType<typeof restorePayloads>;
  try {
    done = restorePayloads(backup, target, { conflict: 'Fail' });
  } finally {
    if (root) process.seteuid?.(0);
  }
  expect(done.failures).toEqual([]);
  const unowned = done.segments.flatMap((segment) =>
    segment.examples.map(({ path, reason, message }) => `${path} ${reason} ${message ?? ''}`),
  );
  if (root) expect(unowned).toContain('set-id AttributeFailed owner: EPERM');
  expect(lstatSync(join(target, 'set-id')).mode & 0o7777).toBe(root ? 0o755 : 0o4755);
  const { differences } = compareTrees(source, target, { owners: false, rootAttributes: false });
  expect(differences.filter((difference) => !difference.startsWith('set-id: mode'))).toEqual([]);
});
