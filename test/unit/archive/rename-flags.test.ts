import { mkdirSync, readFileSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { writeTestBackup } from '../../support/payload-files.ts';
import { restorePayloads } from '../../support/restore-payloads.ts';
import { makeTempFolder } from '../../support/temp-folder.ts';

const { EINVAL, ENOSYS, EPERM } = constants.errno;
const answers = vi.hoisted(() => ({ rename: 0, link: 0 }));

// What NFS, CephFS and 9p answer.
vi.mock(import('../../../src/posix/file.ts'), async (importOriginal) => {
  const file = await importOriginal();
  return {
    ...file,
    renameAt: (...given) => (given[4] ? file.renameAt(...given) : answers.rename),
    linkAt: (...given) => answers.link || file.linkAt(...given),
  };
});

let temp: ReturnType<typeof makeTempFolder>;

beforeEach(() => {
  temp = makeTempFolder('tw-archive-rename-');
});

afterEach(() => {
  temp.remove();
});

describe('a target whose file system refuses to rename without replacing', () => {
  test.each([
    { name: 'with EINVAL', rename: -EINVAL, link: 0 },
    { name: 'with ENOSYS', rename: -ENOSYS, link: 0 },
    { name: 'and knows no links', rename: -EINVAL, link: -EPERM },
  ])('$name takes a restore under Fail, and keeps what has a name', ({ rename, link }) => {
    Object.assign(answers, { rename, link });
    const [source, target] = [join(temp.path, 'source'), join(temp.path, 'target')];
    for (const folder of [source, target]) mkdirSync(folder);
    for (const name of ['new', 'taken']) writeFileSync(join(source, name), 'backup');
    symlinkSync('new', join(source, 'symbolic'));
    writeFileSync(join(target, 'taken'), 'before');
    const backup = writeTestBackup(source, join(temp.path, 'payloads'), { segmentBytes: 1_000_000 });
    const done = restorePayloads(backup, target);
    expect(done).toMatchObject({ failures: ['taken: Exists'], files: 1 });
    expect(readdirSync(target).sort()).toEqual(['new', 'symbolic', 'taken']);
    expect(['new', 'taken'].map((name) => readFileSync(join(target, name), 'utf8'))).toEqual(['backup', 'before']);
  });
});
