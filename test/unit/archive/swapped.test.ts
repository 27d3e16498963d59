import {
  chmodSync,
  chownSync,
  linkSync,
  mkdirSync,
  renameSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { RestoreTarget, workFolderName } from '../../../src/archive/restore-target.ts';
import { mkdirAt, mknodAt, symlinkAt } from '../../../src/posix/file.ts';
import { S_IFCHR, S_IFIFO } from '../../../src/posix/stat.ts';
import { compareTrees } from '../../support/compare-trees.ts';
import { writeTestBackup, type TestBackup } from '../../support/payload-files.ts';
import { RESTORE_UID, restorePayloads } from '../../support/restore-payloads.ts';
import { makeTempFolder } from '../../support/temp-folder.ts';

// What somebody does who owns a folder of the target, between the making of a fifo or device and its attributes.
const swap = vi.hoisted((): { now: (() => void) | undefined } => ({ now: undefined }));

vi.mock(import('../../../src/posix/file.ts'), async (importOriginal) => {
  const file = await importOriginal();
  return {
    ...file,
    mknodAt: (...given) => {
      const result = file.mknodAt(...given);
      swap.now?.();
      return result;
    },
    symlinkAt: (...given) => {
      const result = file.symlinkAt(...given);
      swap.now?.();
      return result;
    },
  };
});

const isRoot = process.geteuid?.() === 0;
let temp: ReturnType<typeof makeTempFolder>;
let source: string;
let target: string;
let temporary: string;

beforeEach(() => {
  temp = makeTempFolder('tw-archive-swapped-');
  [source, target] = [join(temp.path, 'source'), join(temp.path, 'target')];
  mkdirSync(join(source, 'theirs'), { recursive: true });
  mkdirSync(join(target, 'theirs'), { recursive: true });
  // Of another mount: so the file is made in the folder itself.
  const elsewhere = String(statSync(join(target, 'theirs')).ino);
  vi.spyOn(RestoreTarget.prototype, 'reaches').mockImplementation((stat) => stat.inode !== elsewhere);
  temporary = join(target, 'theirs', `${workFolderName(RESTORE_UID)}.file`);
});

afterEach(() => {
  swap.now = undefined;
  vi.restoreAllMocks();
  temp.remove();
});

const backupOf = (make: (folder: string) => void): TestBackup => {
  make(join(source, 'theirs'));
  return writeTestBackup(source, join(temp.path, 'payloads'), { segmentBytes: 1_000_000 });
};

const backupOfFifo = (): TestBackup =>
  backupOf((folder) => {
    mknodAt(-100, join(folder, 'fifo'), S_IFIFO | 0o600);
    chmodSync(join(folder, 'fifo'), 0o666);
    if (isRoot) chownSync(join(folder, 'fifo'), 1234, 1234);
  });

test.each<readonly [string, (victim: string) => void]>([
  ['a symbolic link', (victim) => symlinkSync(victim, temporary)],
  ['a hard link', (victim) => linkSync(victim, temporary)],
  ['another file', (victim) => renameSync(victim, temporary)],
])('%s that takes the place of a new fifo gives nobody the file behind it', (_name, place) => {
  const backup = backupOfFifo();
  const victim = join(temp.path, 'victim');
  writeFileSync(victim, 'secret', { mode: 0o600 });
  linkSync(victim, join(temp.path, 'still'));
  swap.now = () => {
    unlinkSync(temporary);
    place(victim);
  };
  const done = restorePayloads(backup, target);
  expect(done.failures).toEqual(['theirs/fifo: ESTALE']);
  const { mode, uid } = statSync(join(temp.path, 'still'));
  expect([mode & 0o7777, uid]).toEqual([0o600, process.geteuid?.()]);
});

test('nor another device the one of a device', () => {
  // Nobody else makes devices.
  if (!isRoot) return;
  const backup = backupOf((folder) => {
    expect(mknodAt(-100, join(folder, 'null'), S_IFCHR | 0o666, 1, 3)).toBe(0);
  });
  const victim = join(temp.path, 'kmsg');
  expect(mknodAt(-100, victim, S_IFCHR | 0o600, 1, 11)).toBe(0);
  swap.now = () => {
    swap.now = undefined;
    renameSync(victim, temporary);
  };
  expect(restorePayloads(backup, target).failures).toEqual(['theirs/null: ESTALE']);
});

test('what nobody swaps has its attributes, on another mount as elsewhere', () => {
  const backup = backupOf((folder) => {
    mkdirAt(-100, join(source, 'ours'), 0o755);
    for (const parent of [folder, join(source, 'ours')]) {
      mknodAt(-100, join(parent, 'fifo'), S_IFIFO | 0o640);
      symlinkAt('nowhere', -100, join(parent, 'link'));
    }
  });
  expect(restorePayloads(backup, target)).toMatchObject({ failures: [] });
  expect(compareTrees(source, target).differences).toEqual([]);
});
