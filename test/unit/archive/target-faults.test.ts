import {
  existsSync,
  fstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { RestoreTarget, workFolderName } from '../../../src/archive/restore-target.ts';
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
