import {
  appendFileSync,
  closeSync,
  existsSync,
  fstatSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { writeEntry } from '../../../src/archive/attempt-record.ts';
import { notePart } from '../../../src/archive/part-store.ts';
import { openRestoreTarget, RestoreTarget, workFolderName } from '../../../src/archive/restore-target.ts';
import { compareTrees } from '../../support/compare-trees.ts';
import { writeTestBackup } from '../../support/payload-files.ts';
import { RESTORE_UID, restorePayloads } from '../../support/restore-payloads.ts';
import { makeTempFolder } from '../../support/temp-folder.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const { EDQUOT, EFBIG, EIO, ENOLCK, EOPNOTSUPP, EXDEV } = constants.errno;
const nothing = { truncate: 0, fallocate: 0, renameOfParts: 0, closeOf: '', close: 0, sync: 0 };
const answers = vi.hoisted(() => ({ truncate: 0, fallocate: 0, renameOfParts: 0, closeOf: '', close: 0, sync: 0 }));
/** The file systems that were synced, by an inode in each. */
const synced = vi.hoisted((): string[] => []);

vi.mock(import('../../../src/posix/file.ts'), async (importOriginal) => {
  const file = await importOriginal();
  return {
    ...file,
    truncateFd: (...given) => answers.truncate || file.truncateFd(...given),
    fallocateFd: (...given) => answers.fallocate || file.fallocateFd(...given),
    closeFd: (fd) => {
      const meant = answers.closeOf !== '' && readlinkSync(`/proc/self/fd/${fd}`).includes(answers.closeOf);
      return file.closeFd(fd) || (meant ? answers.close : 0);
    },
    syncFs: (fd) => {
      synced.push(String(fstatSync(fd).ino));
      return answers.sync || file.syncFs(fd);
    },
    renameAt: (...given) => (given[1].startsWith('parts/') && answers.renameOfParts) || file.renameAt(...given),
  };
});

let temp: ReturnType<typeof makeTempFolder>;
let source: string;
let target: string;
let payloads: string;

beforeEach(() => {
  Object.assign(answers, nothing);
  synced.length = 0;
  temp = makeTempFolder('tw-archive-faults-');
  [source, target, payloads] = [join(temp.path, 'source'), join(temp.path, 'target'), join(temp.path, 'payloads')];
  mkdirSync(source);
});

afterEach(() => {
  vi.restoreAllMocks();
  temp.remove();
});

test('a file with holes whose size the target refuses is a failure of its own', () => {
  writeFileSync(join(source, 'holes'), 'data');
  truncateSync(join(source, 'holes'), 10_000_000);
  writeFileSync(join(source, 'z'), 'data');
  const backup = writeTestBackup(source, payloads, { segmentBytes: 1_000_000 });
  answers.truncate = -EFBIG;
  const done = restorePayloads(backup, target);
  expect(done).toMatchObject({ failures: ['holes: EFBIG'], files: 1 });
  expect(readdirSync(target)).toEqual(['z']);
});

describe('what was written into the page cache alone', () => {
  const backup = (): ReturnType<typeof writeTestBackup> => {
    writeFileSync(join(source, 'a'), 'data');
    mkdirSync(join(source, 'sub'));
    writeFileSync(join(source, 'sub/b'), 'data');
    return writeTestBackup(source, payloads, { segmentBytes: 1_000_000 });
  };

  test('is on disk before a segment counts as restored, on each mount it came to, and before its working folder goes', () => {
    const written = backup();
    mkdirSync(join(target, 'sub'), { recursive: true });
    const elsewhere = String(statSync(join(target, 'sub')).ino);
    vi.spyOn(RestoreTarget.prototype, 'reaches').mockImplementation((stat) => stat.inode !== elsewhere);
    restorePayloads(written, target, { payloads: written.data, unfinished: true });
    const work = String(statSync(join(target, workFolderName(RESTORE_UID))).ino);
    expect(synced).toEqual([work, elsewhere]);
    synced.length = 0;
    restorePayloads(written, target, { payloads: [] });
    expect(new Set(synced)).toEqual(new Set([work]));
    expect(existsSync(join(target, workFolderName(RESTORE_UID)))).toBe(false);
  });

  test('and then lost is a fault of the target, in a segment as at the end', () => {
    const written = backup();
    restorePayloads(written, target, { unfinished: true });
    answers.sync = -EIO;
    const again = { payloads: written.data, unfinished: true };
    expect(() => restorePayloads(written, target, again)).toThrow(expect.objectContaining({ code: 'TargetWrite' }));
    expect(() => restorePayloads(written, target, { payloads: [] })).toThrow(
      expect.objectContaining({ code: 'TargetWrite' }),
    );
    expect(existsSync(join(target, workFolderName(RESTORE_UID)))).toBe(true);
  });

  test('and refused when the file is closed gets no name: the quota is the target, anything else the file', () => {
    const written = backup();
    Object.assign(answers, { closeOf: '/file-', close: -ENOLCK });
    expect(restorePayloads(written, target)).toMatchObject({ files: 0, failures: ['a: ENOLCK', 'sub/b: ENOLCK'] });
    expect(readdirSync(join(target, 'sub'))).toEqual([]);
    answers.close = -EDQUOT;
    expect(() => restorePayloads(written, target)).toThrow(expect.objectContaining({ code: 'TargetWrite' }));
  });
});

describe('a divided file', () => {
  const cuts = [40_960, 81_920].map((offset) => ({ path: 'sub/big', offset }));

  const backup = (): ReturnType<typeof writeTestBackup> => {
    mkdirSync(join(source, 'sub'));
    writeFileSync(join(source, 'sub/big'), 'a'.repeat(41_000));
    truncateSync(join(source, 'sub/big'), 110_000);
    writeFileSync(join(source, 'z'), 'data');
    utimesSync(join(source, 'sub'), 77, 77);
    return writeTestBackup(source, payloads, { segmentBytes: 0, cuts });
  };

  test('is joined into a folder on another mount', () => {
    const written = backup();
    mkdirSync(join(target, 'sub'), { recursive: true });
    const elsewhere = statSync(join(target, 'sub')).ino;
    vi.spyOn(RestoreTarget.prototype, 'reaches').mockImplementation((stat) => stat.inode !== String(elsewhere));
    answers.renameOfParts = -EXDEV;
    expect(restorePayloads(written, target)).toMatchObject({ failures: [], files: 2 });
    expect(compareTrees(source, target).differences).toEqual([]);
    expect(readdirSync(join(target, 'sub'))).toEqual(['big']);
  });

  test('that got its name from a process that was killed before it could say so is whole', () => {
    const written = backup();
    restorePayloads(written, target, { unfinished: true });
    const parts = join(target, workFolderName(RESTORE_UID), 'parts/000000');
    // As it was then: the file has its name, and no outcome stands.
    expect(existsSync(join(parts, 'whole'))).toBe(false);
    rmSync(join(parts, 'outcome'));
    for (const payloads of [[written.links], [written.links]]) {
      const done = restorePayloads(written, target, { payloads, unfinished: true });
      expect(done).toMatchObject({ failures: [], files: 1 });
    }
    expect(restorePayloads(written, target, { payloads: [] })).toMatchObject({ failures: [], files: 0 });
    expect(compareTrees(source, target).differences).toEqual([]);
  });

  test.each([
    { name: 'at its place', elsewhere: false, closeOf: '/whole' },
    { name: 'on another mount', elsewhere: true, closeOf: '.file' },
  ])('whose end is refused when it is closed $name gets no name', ({ elsewhere, closeOf }) => {
    const written = backup();
    mkdirSync(join(target, 'sub'), { recursive: true });
    const sub = String(statSync(join(target, 'sub')).ino);
    if (elsewhere) {
      vi.spyOn(RestoreTarget.prototype, 'reaches').mockImplementation((stat) => stat.inode !== sub);
      answers.renameOfParts = -EXDEV;
    }
    restorePayloads(written, target, { payloads: written.data, unfinished: true });
    Object.assign(answers, { closeOf, close: -ENOLCK });
    expect(restorePayloads(written, target, { payloads: [written.links] }).failures).toEqual(['sub/big: ENOLCK']);
    expect(existsSync(join(target, 'sub/big'))).toBe(false);
  });

  test('that failed is told again where the report may have been lost, and not at the end', () => {
    const written = backup();
    const some = [written.data[0] ?? '', written.data[2] ?? ''];
    restorePayloads(written, target, { payloads: [...some, written.links], unfinished: true });
    const done = restorePayloads(written, target, { payloads: [written.links] });
    expect(done.failures).toEqual(['sub/big: PartMissing']);
  });

  test('whose size the target refuses is a failure of its own', () => {
    const written = backup();
    answers.truncate = -EFBIG;
    const done = restorePayloads(written, target);
    expect(done.failures).toContain('sub/big: EFBIG');
    expect(readFileSync(join(target, 'z'), 'utf8')).toBe('data');
    expect(readdirSync(join(target, 'sub'))).toEqual([]);
  });

  test('whose copy to another mount fails leaves nothing there', () => {
    mkdirSync(join(source, 'sub'));
    // Without holes: only what is joined gets its size.
    writeFileSync(join(source, 'sub/big'), 'a'.repeat(110_000));
    const written = writeTestBackup(source, payloads, { segmentBytes: 0, cuts });
    mkdirSync(join(target, 'sub'), { recursive: true });
    const elsewhere = statSync(join(target, 'sub')).ino;
    vi.spyOn(RestoreTarget.prototype, 'reaches').mockImplementation((stat) => stat.inode !== String(elsewhere));
    answers.truncate = -EFBIG;
    expect(restorePayloads(written, target).failures).toEqual(['sub/big: EFBIG']);
    expect(readdirSync(join(target, 'sub'))).toEqual([]);
  });

  test('counts a part whose record was cut off as missing, and the next record is whole', () => {
    const written = backup();
    const [one = '', two = '', three = ''] = written.data;
    restorePayloads(written, target, { payloads: [one], unfinished: true });
    const state = join(target, workFolderName(RESTORE_UID), 'parts/000000/state');
    truncateSync(state, statSync(state).size - 10);
    const done = restorePayloads(written, target, { payloads: [two, three], unfinished: true });
    expect(done.failures).toEqual([]);
    expect(restorePayloads(written, target, { payloads: [] }).failures).toEqual(['sub/big: PartMissing']);
    const other = join(temp.path, 'other');
    restorePayloads(written, other, { payloads: [one, two], unfinished: true });
    appendFileSync(join(other, workFolderName(RESTORE_UID), 'parts/000000/state'), '{"off');
    expect(restorePayloads(written, other, { payloads: [three, written.links] }).failures).toEqual([]);
    expect(compareTrees(source, other).differences).toEqual([]);
  });

  test('whose name was lost is told nevertheless', () => {
    const written = backup();
    restorePayloads(written, target, { payloads: written.data, unfinished: true });
    const folder = workFolderName(RESTORE_UID);
    writeFileSync(join(target, folder, 'parts/000000/about'), '{"pa');
    const done = restorePayloads(written, target, { payloads: [] });
    expect(done.failures).toEqual([`${folder}/parts/000000: PartMissing`]);
  });

  test('has zeros where an earlier copy had data, also where the target makes no holes', () => {
    const written = backup();
    answers.fallocate = -EOPNOTSUPP;
    restorePayloads(written, target, { payloads: written.data, unfinished: true });
    const whole = join(target, workFolderName(RESTORE_UID), 'parts/000000/whole');
    writeFileSync(whole, 'x'.repeat(110_000));
    expect(restorePayloads(written, target)).toMatchObject({ failures: [] });
    const [before, after] = [source, target].map((root) => readFileSync(join(root, 'sub/big'), 'latin1'));
    expect(after === before).toBe(true);
  });
});

test('a disk that is full for the records of names is a fault of the target', () => {
  writeFileSync(join(source, 'a'), 'data');
  linkSync(join(source, 'a'), join(source, 'b'));
  const backup = writeTestBackup(source, payloads, { segmentBytes: 1_000_000 });
  const folder = join(target, workFolderName(RESTORE_UID), 'names');
  mkdirSync(folder, { recursive: true });
  // A device that has no space left, whatever is written.
  symlinkSync('/dev/full', join(folder, 'segment-0'));
  expect(() => restorePayloads(backup, target)).toThrow(expect.objectContaining({ code: 'TargetWrite' }));
});

test('a disk that is full for the record of an attempt is a fault of the target', () => {
  const fd = openSync('/dev/full', 'w');
  expect(() => writeEntry(fd, 'file', 'name')).toThrow(expect.objectContaining({ code: 'TargetWrite' }));
  closeSync(fd);
});

test('a disk that is full for what is known of a part is a fault of the target', () => {
  mkdirSync(target);
  const open = openRestoreTarget(Buffer.from(target), RESTORE_UID);
  const folder = join(target, workFolderName(RESTORE_UID), 'parts/000003');
  mkdirSync(folder, { recursive: true });
  symlinkSync('/dev/full', join(folder, 'state'));
  const identity = ['1', 10, '0', '0'] as const;
  const line = { p: 'big', t: 'x', y: [3, 0, 10], i: identity, j: identity } as const;
  expect(() => notePart(open, line)).toThrow(expect.objectContaining({ code: 'TargetWrite' }));
  open.close();
});
