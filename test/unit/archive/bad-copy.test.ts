import {
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { ConflictPolicy } from '../../../src/archive/place.ts';
import { workFolderName } from '../../../src/archive/restore-target.ts';
import { compareTrees } from '../../support/compare-trees.ts';
import { writeTestBackup, type TestBackup } from '../../support/payload-files.ts';
import { RESTORE_UID, restorePayloads } from '../../support/restore-payloads.ts';
import { makeTempFolder } from '../../support/temp-folder.ts';

// Whole trees on a disk that others may use, too.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

let temp: ReturnType<typeof makeTempFolder>;
let source: string;
let target: string;
let backups = 0;

beforeEach(() => {
  temp = makeTempFolder('tw-archive-bad-copy-');
  [source, target] = [join(temp.path, 'source'), join(temp.path, 'target')];
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

const read = (path: string): string => readFileSync(join(target, path), 'utf8');

const backUp = (cuts: readonly { path: string; offset: number }[] = []): TestBackup => {
  backups += 1;
  return writeTestBackup(source, join(temp.path, `payloads-${String(backups)}`), { segmentBytes: 0, cuts });
};

/** A payload with other bytes in it, as a medium gives them that ages. */
const damage = (payload: string, right: string): string => {
  const bytes = readFileSync(payload);
  const at = bytes.indexOf(right);
  expect(at).toBeGreaterThan(0);
  bytes.fill('#', at, at + right.length);
  writeFileSync(`${payload}.bad`, bytes);
  return `${payload}.bad`;
};

const first = ({ data }: TestBackup): string => data[0] ?? '';

describe('of a bad copy nothing stays', () => {
  test('that the next copy of a live source does not bring', () => {
    write({ 'a/gone': 'was here', 'a/old/deep/gone': 'was here', 'a/stays': 'stays' });
    const before = backUp();
    rmSync(join(source, 'a/gone'));
    rmSync(join(source, 'a/old'), { recursive: true });
    const after = backUp();
    const bad = damage(first(before), 'was here');
    const done = restorePayloads(after, target, { payloads: [bad, first(after), after.links], bad: [bad] });
    expect(done.failures).toEqual([]);
    expect(compareTrees(source, target).differences).toEqual([]);
  });

  test('where there is no other, and folders have the times that they had', () => {
    write({ 'a/file': 'data', 'b/c/file': 'data', 'b/d/file': 'data' });
    for (const name of ['b/c/link', 'a/link']) linkSync(join(source, 'a/file'), join(source, name));
    symlinkSync('nowhere', join(source, 'b/symbolic'));
    const backup = backUp();
    write({ 'b/mine': 'mine' }, target);
    restorePayloads(backup, target, { payloads: [first(backup)], killed: true, unfinished: true });
    expect(readdirSync(join(target, 'b'))).toEqual(['c', 'd', 'mine', 'symbolic']);
    utimesSync(join(target, 'b'), 77, 77);
    utimesSync(target, 78, 78);
    expect(restorePayloads(backup, target, { payloads: [] })).toMatchObject({ failures: [], end: { failed: 0 } });
    expect(readdirSync(target)).toEqual(['b']);
    expect(readdirSync(join(target, 'b'))).toEqual(['mine']);
    expect([lstatSync(join(target, 'b')).mtimeMs, lstatSync(target).mtimeMs]).toEqual([77_000, 78_000]);
  });

  test('of its second pass', () => {
    write({ 'a/first': 'data' });
    mkdirSync(join(source, 'b'));
    for (const name of ['b/second', 'b/third']) linkSync(join(source, 'a/first'), join(source, name));
    const backup = backUp();
    const bad = [first(backup)];
    const selection = { kind: 'paths', paths: ['b'] } as const;
    expect(restorePayloads(backup, target, { payloads: bad, bad, selection }).failures).toEqual([]);
    expect(readdirSync(target)).toEqual([]);
  });

  test('but what somebody has written meanwhile, or put beside it', () => {
    write({ 'a/one': 'data', 'a/two': 'data', 'b/three': 'data' });
    const backup = backUp();
    const bad = [first(backup)];
    restorePayloads(backup, target, { payloads: bad, killed: true, unfinished: true });
    write({ saved: 'mine', 'b/four': 'mine' }, target);
    renameSync(join(target, 'saved'), join(target, 'a/two'));
    expect(restorePayloads(backup, target, { payloads: [] }).failures).toEqual([]);
    expect(readdirSync(target).sort()).toEqual(['a', 'b']);
    expect(readdirSync(join(target, 'a'))).toEqual(['two']);
    expect(readdirSync(join(target, 'b'))).toEqual(['four']);
    expect(read('a/two')).toBe('mine');
  });

  test('and nothing is removed behind a link that has taken the place of a folder', () => {
    write({ 'a/file': 'data' });
    const backup = backUp();
    restorePayloads(backup, target, { payloads: [first(backup)], killed: true, unfinished: true });
    renameSync(join(target, 'a'), join(temp.path, 'outside'));
    symlinkSync(join(temp.path, 'outside'), join(target, 'a'));
    expect(restorePayloads(backup, target, { payloads: [] }).failures).toEqual([]);
    expect(readdirSync(join(temp.path, 'outside'))).toEqual(['file']);
  });

  test('of the segments before it everything stays', () => {
    const cuts = [{ path: 'a/two', offset: 0 }];
    write({ 'a/one': 'one', 'a/two': 'two', 'a/three': 'three' });
    const backup = backUp(cuts);
    const [one = '', two = ''] = backup.data;
    restorePayloads(backup, target, { payloads: [one, two], bad: [two] });
    expect(readdirSync(join(target, 'a'))).toEqual(['one', 'three']);
  });
});

describe('what had a name before', () => {
  const older = (): void => {
    write({ x: 'older', y: 'older' }, target);
    for (const name of ['x', 'y']) utimesSync(join(target, name), 5, 5);
  };

  test.each(['Overwrite', 'KeepNewer'] as const)('is told under %s where no copy makes good for it', (conflict) => {
    write({ x: 'new x', y: 'new y' });
    const before = backUp();
    rmSync(join(source, 'x'));
    const after = backUp();
    older();
    const bad = [first(before)];
    const done = restorePayloads(after, target, { payloads: [...bad, first(after), after.links], bad, conflict });
    expect(done.failures).toEqual(['x: DigestMismatch']);
    expect(readdirSync(target)).toEqual(['y']);
    expect(read('y')).toBe('new y');
  });

  test('is told once, however often its copies were bad and processes killed', () => {
    write({ x: 'new x', y: 'new y' });
    const backup = backUp();
    older();
    const wish = { payloads: [first(backup)], conflict: 'Overwrite', unfinished: true } as const;
    restorePayloads(backup, target, { ...wish, bad: wish.payloads });
    restorePayloads(backup, target, { ...wish, bad: wish.payloads });
    restorePayloads(backup, target, { ...wish, killed: true });
    const done = restorePayloads(backup, target, { payloads: [], conflict: 'Overwrite' });
    expect(done.failures).toEqual(['x: DigestMismatch', 'y: DigestMismatch']);
    expect(readdirSync(target)).toEqual([]);
  });

  test.each(['Fail', 'Skip'] as const)('stays under %s', (conflict: ConflictPolicy) => {
    write({ x: 'new x', y: 'new y', z: 'new z' });
    const backup = backUp();
    older();
    const bad = [first(backup)];
    restorePayloads(backup, target, { payloads: bad, bad, conflict });
    expect(readdirSync(target)).toEqual(['x', 'y']);
    expect([read('x'), read('y')]).toEqual(['older', 'older']);
  });
});

describe('a restore that was killed before the verdict', () => {
  test('begins the segment anew, from another copy that lacks a file', () => {
    write({ 'a/gone': 'was here', 'a/stays': 'stays' });
    const before = backUp();
    rmSync(join(source, 'a/gone'));
    const after = backUp();
    restorePayloads(before, target, { payloads: [first(before)], killed: true, unfinished: true });
    expect(restorePayloads(after, target)).toMatchObject({ failures: [], files: 1 });
    expect(compareTrees(source, target).differences).toEqual([]);
  });

  test('leaves nothing of it at its end', () => {
    write({ 'a/one': 'one', 'b/two': 'two' });
    const backup = backUp([{ path: 'b', offset: 0 }]);
    restorePayloads(backup, target, { payloads: backup.data, killed: true, unfinished: true });
    expect(readdirSync(target).sort()).toEqual([workFolderName(RESTORE_UID), 'a', 'b']);
    restorePayloads(backup, target, { payloads: [] });
    expect(readdirSync(target)).toEqual(['a']);
  });

  test('takes a segment again after its verdict, and replaces what it had made', () => {
    write({ 'a/one': 'one' });
    const backup = backUp();
    restorePayloads(backup, target, { payloads: backup.data, unfinished: true });
    expect(restorePayloads(backup, target)).toMatchObject({ failures: [], files: 1 });
    expect(compareTrees(source, target).differences).toEqual([]);
  });
});

describe('a part of a bad copy', () => {
  const cuts = [40_960, 81_920].map((offset) => ({ path: 'big', offset }));
  const content = 'a'.repeat(50_000) + 'MIDDLE' + 'c'.repeat(50_000);

  test('is replaced by that of the next one', () => {
    write({ big: content });
    const backup = backUp(cuts);
    const [one = '', two = '', three = ''] = backup.data;
    const bad = damage(two, 'MIDDLE');
    const done = restorePayloads(backup, target, { payloads: [one, bad, two, three, backup.links], bad: [bad] });
    expect(done.failures).toEqual([]);
    expect(read('big') === content).toBe(true);
  });

  test('is missing where the next one has none', () => {
    write({ big: content });
    const backup = backUp(cuts);
    rmSync(join(source, 'big'));
    const after = backUp(cuts);
    const [one = '', two = '', three = ''] = backup.data;
    const bad = damage(two, 'MIDDLE');
    const payloads = [one, bad, after.data[1] ?? '', three, backup.links];
    expect(restorePayloads(backup, target, { payloads, bad: [bad] }).failures).toEqual(['big: PartMissing']);
    expect(existsSync(join(target, 'big'))).toBe(false);
  });

  test('is missing where there is no other copy, and what had the name before stays', () => {
    write({ big: content });
    const backup = backUp(cuts);
    const [one = '', two = '', three = ''] = backup.data;
    write({ big: 'mine' }, target);
    const bad = damage(two, 'MIDDLE');
    const done = restorePayloads(backup, target, { payloads: [one, three, bad], bad: [bad], conflict: 'Overwrite' });
    expect(done.failures).toEqual(['big: PartMissing']);
    expect(read('big')).toBe('mine');
  });

  test('leaves nothing of a file that it is alone of', () => {
    write({ big: content });
    const backup = backUp(cuts);
    const payloads = [backup.data[1] ?? ''];
    expect(restorePayloads(backup, target, { payloads, bad: payloads }).failures).toEqual([]);
    expect(readdirSync(target)).toEqual([]);
  });

  test('that lies over another one makes that missing, too', () => {
    write({ big: content });
    const backup = backUp(cuts);
    const [one = '', two = '', three = ''] = backup.data;
    const wrong = backUp([{ path: 'big', offset: 20_480 }, cuts[1] ?? { path: '', offset: 0 }]).data[1] ?? '';
    const done = restorePayloads(backup, target, { payloads: [one, wrong, two, three, backup.links], bad: [wrong] });
    expect(done.failures).toEqual(['big: PartMissing']);
  });
});

test('names of one file across segments are joined by what good copies say', () => {
  write({ 'a/first': 'of both names' });
  mkdirSync(join(source, 'b'));
  linkSync(join(source, 'a/first'), join(source, 'b/second'));
  const cuts = [{ path: 'b', offset: 0 }];
  const backup = backUp(cuts);
  const [one = '', two = ''] = backup.data;
  const bad = damage(two, 'of both names');
  const done = restorePayloads(backup, target, { payloads: [one, bad, two, backup.links], bad: [bad] });
  expect(done.failures).toEqual([]);
  expect(compareTrees(source, target).differences).toEqual([]);
  expect(lstatSync(join(target, 'b/second')).nlink).toBe(2);
  // Where the good copy has no such name, what the bad one said of it is forgotten.
  rmSync(join(source, 'b/second'));
  const after = backUp(cuts);
  const to = join(temp.path, 'other');
  const payloads = [one, bad, after.data[1] ?? '', backup.links];
  expect(restorePayloads(backup, to, { payloads, bad: [bad] }).failures).toEqual([]);
  expect(existsSync(join(to, 'b/second'))).toBe(false);
});
