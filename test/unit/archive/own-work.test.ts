import {
  existsSync,
  linkSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { PLAIN, type BlockSource } from '../../../src/archive/blocks.ts';
import type { ConflictPolicy } from '../../../src/archive/place.ts';
import { discardRestore, restoreSegment } from '../../../src/archive/restore.ts';
import { openRestoreTarget, workFolderName } from '../../../src/archive/restore-target.ts';
import { FileBlockSource, writeTestBackup, type TestBackup } from '../../support/payload-files.ts';
import { RESTORE_UID, restorePayloads } from '../../support/restore-payloads.ts';
import { makeTempFolder } from '../../support/temp-folder.ts';

// Whole trees on a disk that others may use, too.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const OTHER_UID = '11111111-2222-4333-8444-555555555555';

let temp: ReturnType<typeof makeTempFolder>;
let source: string;
let target: string;
let payloads: string;

beforeEach(() => {
  temp = makeTempFolder('tw-archive-own-');
  [source, target, payloads] = [join(temp.path, 'source'), join(temp.path, 'target'), join(temp.path, 'payloads')];
  mkdirSync(source);
});

afterEach(() => {
  temp.remove();
});

const write = (files: Readonly<Record<string, string>>, root = source): void => {
  for (const [path, content] of Object.entries(files)) writeFileSync(join(root, path), content);
};

const read = (name: string): string => readFileSync(join(target, name), 'utf8');

/** As an application saves a file. */
const save = (name: string, content: string): void => {
  writeFileSync(join(target, 'saving'), content);
  renameSync(join(target, 'saving'), join(target, name));
};

const oldBackup = (): TestBackup => {
  write({ a: 'old a', b: 'old b', c: 'old c' });
  for (const name of ['a', 'b', 'c']) utimesSync(join(source, name), 1e9, 1e9);
  return writeTestBackup(source, payloads, { segmentBytes: 1_000_000 });
};

const careful: readonly { policy: ConflictPolicy; failures: string[]; kept: number }[] = [
  { policy: 'Fail', failures: ['a: Exists', 'b: Exists'], kept: 0 },
  { policy: 'Skip', failures: [], kept: 2 },
  { policy: 'KeepNewer', failures: [], kept: 2 },
];

describe('files that an application makes meanwhile are left under', () => {
  test.each(careful)('$policy by a second restore of the backup', ({ policy, failures, kept }) => {
    const backup = oldBackup();
    const chosen = { kind: 'paths', paths: ['b'] } as const;
    restorePayloads(backup, target, { conflict: policy, unfinished: true, selection: chosen, restoreUid: OTHER_UID });
    write({ a: 'new a' }, target);
    save('b', 'new b');
    const done = restorePayloads(backup, target, { conflict: policy });
    expect(done).toMatchObject({ failures, kept });
    expect([read('a'), read('b'), read('c')]).toEqual(['new a', 'new b', 'old c']);
  });

  test.each(careful)('$policy by the same restore going on', ({ policy, failures, kept }) => {
    const backup = oldBackup();
    const chosen = { kind: 'paths', paths: ['b', 'c'] } as const;
    restorePayloads(backup, target, { conflict: policy, unfinished: true, selection: chosen });
    write({ a: 'new a' }, target);
    save('b', 'new b');
    const done = restorePayloads(backup, target, { conflict: policy });
    expect(done).toMatchObject({ failures, kept, files: 1 });
    expect([read('a'), read('b'), read('c')]).toEqual(['new a', 'new b', 'old c']);
  });
});

test('two restores of one backup into one target do not exchange what they write', () => {
  for (const [name, byte] of [
    ['a', 65],
    ['b', 66],
  ] as const)
    writeFileSync(join(source, name), Buffer.alloc(2_000_000, byte));
  const backup = writeTestBackup(source, payloads, { segmentBytes: 100_000_000 });
  mkdirSync(target);
  const restore = (path: string, restoreUid: string, from: BlockSource): readonly unknown[] =>
    restoreSegment({
      source: from,
      encoding: PLAIN,
      targetPath: Buffer.from(target),
      folder: backup.folder,
      restoreUid,
      selection: { kind: 'paths', paths: [path] },
      conflict: 'Fail',
    }).failures;
  const [one, other] = [new FileBlockSource(backup.data[0] ?? ''), new FileBlockSource(backup.data[0] ?? '')];
  let blocks = 0;
  const next = (): Buffer | undefined => {
    blocks += 1;
    if (blocks === 4) expect(restore('b', OTHER_UID, other)).toEqual([]);
    return one.next();
  };
  expect(restore('a', RESTORE_UID, { next })).toEqual([]);
  one.close();
  other.close();
  expect([read('a'), read('b')].map((content) => [content.length, content[0]])).toEqual([
    [2_000_000, 'A'],
    [2_000_000, 'B'],
  ]);
});

test('a working folder is used by one process at a time', () => {
  mkdirSync(target);
  const open = openRestoreTarget(Buffer.from(target), RESTORE_UID);
  expect(() => openRestoreTarget(Buffer.from(target), RESTORE_UID)).toThrow(
    expect.objectContaining({ code: 'WorkFolder' }),
  );
  openRestoreTarget(Buffer.from(target), OTHER_UID).close();
  open.close();
  openRestoreTarget(Buffer.from(target), RESTORE_UID).close();
});

describe('links across segments', () => {
  const cuts = [{ path: 'b', offset: 0 }];

  test('are joined again by a process that goes on', () => {
    write({ a: 'data' });
    linkSync(join(source, 'a'), join(source, 'b'));
    const backup = writeTestBackup(source, payloads, { segmentBytes: 0, cuts });
    restorePayloads(backup, target, { unfinished: true });
    const done = restorePayloads(backup, target, { payloads: [backup.links] });
    expect(done.segments[0]).toMatchObject({ hardLinks: 1, notJoined: 0 });
  });

  test('leave alone what an application has put in the place of a name', () => {
    write({ a: 'data' });
    linkSync(join(source, 'a'), join(source, 'b'));
    const backup = writeTestBackup(source, payloads, { segmentBytes: 0, cuts });
    restorePayloads(backup, target, { payloads: backup.data, unfinished: true, conflict: 'Overwrite' });
    save('b', 'new');
    const done = restorePayloads(backup, target, { payloads: [backup.links], conflict: 'Overwrite' });
    expect(done.segments[0]).toMatchObject({ hardLinks: 0, notJoined: 1 });
    expect(read('b')).toBe('new');
  });

  test('join names whose data came in a second pass', () => {
    for (const folder of ['x', 'y', 'z']) mkdirSync(join(source, folder));
    write({ 'x/first': 'data' });
    for (const name of ['y/second', 'y/third', 'z/fourth']) linkSync(join(source, 'x/first'), join(source, name));
    const between = ['y', 'z'].map((path) => ({ path, offset: 0 }));
    const backup = writeTestBackup(source, payloads, { segmentBytes: 0, cuts: between });
    const selection = { kind: 'paths', paths: ['y/third', 'z'] } as const;
    expect(restorePayloads(backup, target, { selection }).segments.at(-1)).toMatchObject({
      notJoined: 0,
      hardLinks: 1,
    });
  });
});

describe('a restore that will not go on', () => {
  test('leaves nothing when it is discarded, and what it restored stays', () => {
    const backup = oldBackup();
    restorePayloads(backup, target, { unfinished: true, restoreUid: OTHER_UID });
    restorePayloads(backup, target, { unfinished: true, conflict: 'Skip' });
    discardRestore(Buffer.from(target), RESTORE_UID);
    expect(readdirSync(target).sort()).toEqual([workFolderName(OTHER_UID), 'a', 'b', 'c']);
    discardRestore(Buffer.from(target), RESTORE_UID);
  });

  test('is discarded without following links', () => {
    mkdirSync(join(temp.path, 'outside'));
    writeFileSync(join(temp.path, 'outside/file'), 'mine');
    const work = join(target, workFolderName(RESTORE_UID));
    mkdirSync(join(work, 'parts/deep'), { recursive: true });
    symlinkSync(join(temp.path, 'outside'), join(work, 'parts/link'));
    discardRestore(Buffer.from(target), RESTORE_UID);
    expect(existsSync(work)).toBe(false);
    symlinkSync(join(temp.path, 'outside'), work);
    discardRestore(Buffer.from(target), RESTORE_UID);
    expect(readdirSync(target)).toEqual([]);
    expect(readFileSync(join(temp.path, 'outside/file'), 'utf8')).toBe('mine');
  });
});
