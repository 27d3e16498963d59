import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { labelTape } from '../../../src/tape/label-tape.ts';
import type { SegmentWork } from '../../../src/worker/ledger.ts';
import { SharedProgress } from '../../../src/worker/progress.ts';
import { ThreadPipeline, type PipelineBook } from '../../../src/worker/thread-pipeline.ts';
import { makeLibrary, type LibraryBench } from '../devices/library-bench.ts';
import { uid } from '../tape/group-bench.ts';

const barcode = 'TW0001L9';
const labelId = 'ab'.repeat(16);
const MiB = 2 ** 20;
const job = { uid, namespace: 'default', name: 'nightly', processNumber: 7 };
let bench: LibraryBench;
let source: string;

// Threads take their time to start on a busy machine.
vi.setConfig({ testTimeout: 30_000, hookTimeout: 30_000 });

const makeBench = async (tapeSizeBytes?: number): Promise<void> => {
  bench = makeLibrary(tapeSizeBytes);
  await bench.library.changer.move(1024, 256);
  const drive = bench.library.openDrive(0);
  labelTape(drive, { barcode, labelId, now: new Date() });
  drive.close();
  source = join(bench.folder, 'source');
  mkdirSync(source);
  writeFileSync(join(source, 'a'), 'a');
};

beforeEach(() => makeBench());
afterEach(() => bench[Symbol.dispose]());

const book: PipelineBook = {
  header: { job, stream: 0, epoch: 1, retainUntil: 'none' },
  compression: 'None',
  infoOf: (work, group) => ({
    ...{ count: null, weight: work.weightBytes, job, dataTime: '', planStarted: '', consistent: false },
    source: { kind: 'hostPath', machineID: '', rootInode: '', include: [], exclude: [], oneFileSystem: true },
    ...{ stream: 0, epoch: 1, server: 's', library: 'l', drive: 0, barcode, labelId, group },
    ...{ startedAt: '', retainUntil: null },
  }),
  planOf: async () => ({ boundaries: [], started: '' }),
  catalogueOf: async () => ({ number: 0, members: [] }),
  onRead: () => undefined,
  onCatalogue: () => undefined,
};

const open = async (
  more: Partial<PipelineBook>,
  progress = new SharedProgress(),
  indexFolder?: string,
): Promise<ThreadPipeline> => {
  const pipeline = new ThreadPipeline(barcode, { ...book, ...more }, progress);
  const address = { driver: 'virtual', folder: bench.folder, elementAddress: 256 } as const;
  const filter = { include: [], exclude: [], oneFileSystem: true };
  const workFolder = '.twinreel-1a2b3c4d';
  await pipeline.openTape({ address, barcode, labelId });
  await pipeline.openSource({
    folder: source,
    sourceFolder: { prefix: source, beneath: '' },
    ...filter,
    workFolder,
    ...(indexFolder !== undefined && { indexFolder }),
  });
  return pipeline;
};

const from = { path: '', offset: 0 };
const links: SegmentWork = { kind: 'links', segment: 1, from, weightBytes: 0, entries: 0, firstSegmentOfFile: 1 };
const data: SegmentWork = { ...links, kind: 'data', segment: 0, firstSegmentOfFile: 0, weightBytes: 1, entries: 1 };

describe('ThreadPipeline', () => {
  it('does not wait for the payload of a segment whose plan is still being read', async () => {
    const plan = Promise.withResolvers<never>();
    const pipeline = await open({ planOf: () => plan.promise });
    const reading = pipeline.readSegment(links);
    expect(await pipeline.writeCatalogue('incremental')).toEqual({ kind: 'whole', earlyWarning: false });
    plan.reject(new Error('given up'));
    await expect(reading).rejects.toThrow('given up');
    await pipeline.close();
  });

  it('backs up without a folder for indexes, and with an index that is gone', async () => {
    const lost: number[] = [];
    const members = [
      { name: 'job.json', content: Buffer.from('{}') },
      { name: 'indexes/index-000000.jsonl.zst', content: { path: join(bench.folder, 'nowhere') } },
    ];
    const more = {
      onIndexLost: (segment: number) => void lost.push(segment),
      catalogueOf: async () => ({ number: 0, members }),
    };
    const noFolder = join(bench.folder, 'a file');
    writeFileSync(noFolder, '');
    const pipeline = await open(more, new SharedProgress(), noFolder);
    const reading = pipeline.readSegment(data);
    expect(await pipeline.writeSegment(data)).toMatchObject({ kind: 'whole' });
    await reading;
    expect(lost).toEqual([0]);
    expect(await pipeline.writeCatalogue('whole')).toMatchObject({ kind: 'whole' });
    await pipeline.close();
  });

  it('is broken, and leaves no rejection that nobody handles, when its reader fails beside a catalogue', async () => {
    const unhandled: unknown[] = [];
    const note = (reason: unknown): void => void unhandled.push(reason);
    process.on('unhandledRejection', note);
    onTestFinished(() => void process.off('unhandledRejection', note));
    const members = Promise.withResolvers<[]>();
    const pipeline = await open({ catalogueOf: async () => ({ number: 0, members: await members.promise }) });
    const writing = pipeline.writeCatalogue('incremental');
    const noPath = { ...data, from: { path: '%', offset: 0 } };
    await expect(pipeline.readSegment(noPath)).rejects.toMatchObject({ reason: 'PathEscape' });
    members.resolve([]);
    await expect(pipeline.broken).rejects.toMatchObject({ reason: 'PathEscape' });
    await Promise.all([expect(writing).rejects.toThrow('stopped'), pipeline.stop()]);
    expect(unhandled).toEqual([]);
  });

  it('waits for work, and fails no drive, while the API is asked for the last catalogue', async () => {
    const progress = new SharedProgress();
    const seen: string[] = [];
    const catalogueOf: PipelineBook['catalogueOf'] = async () => {
      seen.push(progress.read().activity);
      return { number: 0, members: [] };
    };
    const pipeline = await open({ catalogueOf }, progress);
    await pipeline.writeCatalogue('whole');
    expect(seen).toEqual(['WaitingForWork']);
    await pipeline.close();
  });

  it('writes a segment that it was told to write before its plan had been read', async () => {
    const plan = Promise.withResolvers<{ boundaries: []; started: string }>();
    const pipeline = await open({ planOf: () => plan.promise });
    const reading = pipeline.readSegment(links);
    const writing = pipeline.writeSegment(links);
    plan.resolve({ boundaries: [], started: new Date().toISOString() });
    await reading;
    expect(await writing).toMatchObject({ kind: 'whole' });
    expect(await pipeline.writeCatalogue('whole')).toMatchObject({ kind: 'whole' });
    expect(pipeline.groups).toBe(2);
    await pipeline.close();
  });
});

describe('ThreadPipeline with a segment that is larger than a tape', () => {
  beforeEach(async () => {
    bench[Symbol.dispose]();
    await makeBench(16 * MiB);
    writeFileSync(join(source, 'large'), Buffer.alloc(24 * MiB, 'l'));
  });

  const write = async (pipeline: ThreadPipeline, work: SegmentWork): Promise<unknown> => {
    const reading = pipeline.readSegment(work);
    const [end] = await Promise.allSettled([pipeline.writeSegment(work), reading]);
    await pipeline.stop();
    return end;
  };

  it.each([
    ['as it was planned', 24 * MiB],
    ['because its files have grown since', 1],
  ])('blames the source where nothing else stands on the tape, %s', async (_name, weightBytes) => {
    const end = await write(await open({}), { ...data, weightBytes });
    expect(end).toMatchObject({
      status: 'rejected',
      reason: { reason: 'SegmentTooLarge', fault: 'source', exitCode: 10 },
    });
    expect(end).toHaveProperty('reason.message', expect.stringMatching(/^Segment 0,.* TW0001L9,.*spec\.segmentSize/));
  });

  it('calls the tape full where another group stands before it: an empty one may hold it', async () => {
    const pipeline = await open({});
    await pipeline.writeCatalogue('incremental');
    expect(await write(pipeline, data)).toEqual({ status: 'fulfilled', value: { kind: 'full' } });
  });
});
