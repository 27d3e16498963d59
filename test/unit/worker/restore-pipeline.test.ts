import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { createVirtualLibrary } from '../../../src/devices/changer/virtual-library.ts';
import { labelTape } from '../../../src/tape/label-tape.ts';
import { backUpLocally, localJob, type LocalResult } from '../../../src/worker/local-backup.ts';
import { SharedProgress } from '../../../src/worker/progress.ts';
import { RestorePipeline } from '../../../src/worker/restore-pipeline.ts';
import { makeTempFolder } from '../../support/temp-folder.ts';

// Threads take their time to start on a busy machine.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const barcode = 'LOCAL1L9';
const labelId = 'c'.repeat(32);
let temp: ReturnType<typeof makeTempFolder>;
let pipeline: RestorePipeline;
let backup: LocalResult;

beforeEach(async () => {
  temp = makeTempFolder('tw-restore-pipeline-');
  const shape = { drives: 1, slots: 1, tapeSizeBytes: 2 ** 28, barcodes: [barcode] };
  const library = createVirtualLibrary({ folder: join(temp.path, 'library'), ...shape });
  await library.changer.move(1024, 256);
  const drive = library.openDrive(0);
  labelTape(drive, { barcode, labelId, now: new Date() });
  drive.close();
  for (const folder of ['source/a', 'source/b', 'target']) mkdirSync(join(temp.path, folder), { recursive: true });
  writeFileSync(join(temp.path, 'source/a/file'), 'data of a');
  writeFileSync(join(temp.path, 'source/b/file'), Buffer.alloc(2 ** 19, 'data of b'));
  const address = { driver: 'virtual', folder: library.folder, elementAddress: 256 } as const;
  const source = join(temp.path, 'source');
  backup = await backUpLocally({ source, address, barcode, labelId, segmentBytes: 2 ** 24 });
  pipeline = new RestorePipeline(new SharedProgress());
  const restore = { workFolder: backup.plan.workFolder, restoreUid: localJob.uid, conflict: 'Overwrite' } as const;
  await pipeline.openTape(address, { barcode, labelId });
  await pipeline.openTarget(join(temp.path, 'target'), restore);
});

afterEach(async () => {
  await pipeline.stop();
  temp.remove();
});

const names = (): readonly string[] =>
  readdirSync(join(temp.path, 'target'), { recursive: true, encoding: 'utf8' })
    .filter((name) => !name.startsWith('.'))
    .sort();

it('takes back what a copy made that does not hold its digest, and keeps what the next one makes', async () => {
  const { segment, group, kind, sha256 } = backup.commits[0] ?? expect.fail('no commit');
  const wanted = { segment, group, kind, sha256, uid: localJob.uid };
  const bad = await pipeline.restore({ ...wanted, sha256: '0'.repeat(64) }, 'N', { kind: 'all' });
  expect(bad).toMatchObject({ kind: 'bad', reason: 'DigestMismatch' });
  expect(names()).toEqual([]);
  expect(await pipeline.restore(wanted, 'N', { kind: 'all' })).toMatchObject({ kind: 'restored' });
  const restored = names();
  expect(restored).toContain('a/file');
  expect(await pipeline.finish()).toMatchObject({ failed: 0 });
  expect(names()).toEqual(restored);
  expect(readFileSync(join(temp.path, 'target/a/file'), 'utf8')).toBe('data of a');
});
