import { mkdirSync, readdirSync, truncateSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { writeTestBackup } from '../../support/payload-files.ts';
import { restorePayloads } from '../../support/restore-payloads.ts';
import { makeTempFolder } from '../../support/temp-folder.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const { EFBIG } = constants.errno;
const nothing = { truncate: 0, fallocate: 0, renameOfParts: 0 };
const answers = vi.hoisted(() => ({ truncate: 0, fallocate: 0, renameOfParts: 0 }));

vi.mock(import('../../../src/posix/file.ts'), async (importOriginal) => {
  const file = await importOriginal();
  return {
    ...file,
    truncateFd: (...given) => answers.truncate || file.truncateFd(...given),
    fallocateFd: (...given) => answers.fallocate || file.fallocateFd(...given),
    renameAt: (...given) => (given[1].startsWith('parts/') && answers.renameOfParts) || file.renameAt(...given),
  };
});

let temp: ReturnType<typeof makeTempFolder>;
let source: string;
let target: string;
let payloads: string;

beforeEach(() => {
  Object.assign(answers, nothing);
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
