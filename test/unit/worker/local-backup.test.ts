import { createHash, randomBytes } from 'node:crypto';
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { BLOCK_BYTES, type BlockSink } from '../../../src/archive/blocks.ts';
import { cursorFromJson } from '../../../src/archive/escape.ts';
import { openSegment } from '../../../src/archive/segment-reader.ts';
import { writeSegment } from '../../../src/archive/segment-writer.ts';
import { createVirtualLibrary, type VirtualLibrary } from '../../../src/devices/changer/virtual-library.ts';
import { openGroup } from '../../../src/tape/group-reader.ts';
import { labelTape } from '../../../src/tape/label-tape.ts';
import { backUpLocally } from '../../../src/worker/local-backup.ts';

const MiB = 2 ** 20;
const barcode = 'LOCAL1L9';
const labelId = 'c'.repeat(32);
let folder = '';
let library: VirtualLibrary;

const makeSource = (): string => {
  const source = join(folder, 'source');
  mkdirSync(join(source, 'many'), { recursive: true });
  for (let i = 0; i < 600; i += 1) writeFileSync(join(source, 'many', `file-${i}`), randomBytes(i * 11));
  for (let i = 0; i < 3; i += 1) writeFileSync(join(source, `large-${i}`), randomBytes(5 * MiB + i));
  return source;
};

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'twinreel-local-'));
  const tapeSizeBytes = 512 * MiB;
  library = createVirtualLibrary({
    folder: join(folder, 'lib'),
    drives: 1,
    slots: 1,
    tapeSizeBytes,
    barcodes: [barcode],
  });
  await library.changer.move(1024, 256);
  const drive = library.openDrive(0);
  labelTape(drive, { barcode, labelId, now: new Date() });
  drive.close();
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The payload of a group and what its info says, read back in this one thread. */
const readBack = (group: number) => {
  const drive = library.openDrive(0);
  try {
    const opened = openGroup(drive, group);
    if (opened.kind !== 'group') throw new Error(opened.kind);
    const blocks: Buffer[] = [];
    for (let block = opened.reader.next(); block !== undefined; block = opened.reader.next())
      blocks.push(Buffer.from(block));
    expect(opened.reader.end()).toMatchObject({ kind: 'whole' });
    return blocks;
  } finally {
    drive.close();
  }
};

class CollectingSink implements BlockSink {
  readonly blocks: Buffer[] = [];
  #block = Buffer.alloc(0);

  take(): Buffer {
    this.#block = Buffer.alloc(BLOCK_BYTES);
    return this.#block;
  }

  put(): void {
    this.blocks.push(this.#block);
  }
}

const digest = (blocks: readonly Buffer[]): string => {
  const hash = createHash('sha256');
  for (const block of blocks) hash.update(block);
  return hash.digest('hex');
};

// Threads take their time to start on a busy machine.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

describe('the threads of a stream worker', () => {
  it('write byte for byte what one thread writes, and commit its digest, whichever of them hashes', async () => {
    const source = makeSource();
    const address = { driver: 'virtual', folder: library.folder, elementAddress: 256 } as const;
    const { plan, commits } = await backUpLocally({ source, address, barcode, labelId, segmentBytes: 2 * MiB });
    expect(commits.map(({ segment }) => segment)).toEqual(plan.work.map(({ segment }) => segment));
    expect(plan.work.length).toBeGreaterThan(8);

    const rootFd = openSync(source, 'r');
    for (const work of plan.work.filter(({ kind }) => kind === 'data')) {
      const commit = commits.find(({ segment }) => segment === work.segment);
      const onTape = readBack(commit?.group ?? -1);
      expect(digest(onTape)).toBe(commit?.sha256);
      const { info } = openSegment({ next: nextOf(onTape) }, { compression: 'N' });
      const sink = new CollectingSink();
      writeSegment(
        {
          rootFd,
          n: work.segment,
          from: cursorFromJson(work.from),
          to: work.to === undefined ? null : cursorFromJson(work.to),
          firstSegmentOfFile: work.firstSegmentOfFile,
          filter: undefined,
          oneFileSystem: true,
          folder: plan.workFolder,
          encoding: { compression: 'N' },
          info,
        },
        sink,
      );
      expect(digest(sink.blocks)).toBe(commit?.sha256);
    }
    closeSync(rootFd);
  });
});

const nextOf = (blocks: readonly Buffer[]): (() => Buffer | undefined) => {
  let at = 0;
  return () => blocks[at++];
};
