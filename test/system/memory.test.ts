/** A worker's memory does not grow with the number of files: ten times as many take no more. */
import { mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { AloneRun } from '../../bench/worker-alone.ts';
import { createVirtualLibrary } from '../../src/devices/changer/virtual-library.ts';
import { labelTape } from '../../src/tape/label-tape.ts';
import { makeTreeElsewhere } from '../support/tree-process.ts';
import { run } from '../support/shell.ts';
import { makeTempFolder } from '../support/temp-folder.ts';

const few = 10_000;
const many = 100_000;
/** Two thousand files: what belongs to one segment is in both trees. */
const segmentBytes = 2 ** 22;
/** Less than 180 bytes for each file more: an object each would be above it. */
const mayGrowBytes = 16 * 2 ** 20;
/** So small that what is not needed any more is not kept for convenience: it ends a process that keeps more. */
const heap = '--max-old-space-size=16';
const barcode = 'MEMORYL9';
const labelId = 'c'.repeat(32);

let temp: ReturnType<typeof makeTempFolder>;
beforeAll(async () => {
  temp = makeTempFolder('twinreel-memory-');
  for (const files of [few, many])
    await makeTreeElsewhere(path.join(temp.path, String(files)), {
      ...{ files, totalBytes: files, seed: 3, filesPerFolder: 500, plain: true },
    });
}, 300_000);
afterAll(() => temp.remove());

const loadBlankTape = async (folder: string): Promise<void> => {
  rmSync(folder, { recursive: true, force: true });
  const library = createVirtualLibrary({ folder, drives: 1, slots: 1, tapeSizeBytes: 2 ** 30, barcodes: [barcode] });
  await library.changer.move(1024, 256);
  const drive = library.openDrive(0);
  labelTape(drive, { barcode, labelId, now: new Date() });
  drive.close();
};

/** The peak of one worker in a process of its own. */
const peakBytes = async (action: AloneRun['action'], files: number): Promise<number> => {
  const library = path.join(temp.path, 'library');
  const order: AloneRun = {
    action,
    backup: {
      source: path.join(temp.path, String(files)),
      address: { driver: 'virtual', folder: library, elementAddress: 256 },
      ...{ barcode, labelId, segmentBytes },
    },
    recordFile: path.join(temp.path, 'record.json'),
    target: path.join(temp.path, 'target'),
  };
  const entry = path.join(import.meta.dirname, '../../bench/worker-alone.ts');
  const ended = await run(process.execPath, [heap, entry, JSON.stringify(order)], {
    env: { ...process.env, NODE_COMPILE_CACHE: path.join(temp.path, 'compiled') },
  });
  expect(ended.code, ended.stderr).toBe(0);
  return (JSON.parse(ended.stdout) as { readonly peakBytes: number }).peakBytes;
};

const backUpAndRestore = async (files: number): Promise<{ readonly backup: number; readonly restore: number }> => {
  await loadBlankTape(path.join(temp.path, 'library'));
  mkdirSync(path.join(temp.path, 'target'));
  const backup = await peakBytes('backup', files);
  const restore = await peakBytes('restore', files);
  rmSync(path.join(temp.path, 'target'), { recursive: true });
  return { backup, restore };
};

it(`takes no more for ${many} files than for ${few}`, { timeout: 600_000 }, async () => {
  // What is compiled lies in a cache from then on, as it does for all but the first worker of a machine.
  await backUpAndRestore(few);
  const small = await backUpAndRestore(few);
  const large = await backUpAndRestore(many);
  expect(large.backup - small.backup).toBeLessThan(mayGrowBytes);
  expect(large.restore - small.restore).toBeLessThan(mayGrowBytes);
});
