import { linkSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { SegmentTotals } from '../../../src/archive/segment-totals.ts';
import { createOpenAheadMemory } from '../../../src/worker/open-ahead-memory.ts';
import { SharedProgress } from '../../../src/worker/progress.ts';
import { createRingMemory, RingConsumer } from '../../../src/worker/ring.ts';
import { SourceReader } from '../../../src/worker/source-reader.ts';
import { testInfo } from '../../support/payload-files.ts';
import { makeTempFolder } from '../../support/temp-folder.ts';

const boundaries = [
  { n: 0, from: { path: '', offset: 0 } },
  { n: 1, from: { path: 'm', offset: 0 } },
];
const inTheFuture = new Date(Date.now() + 3_600_000).toISOString();

let temp: ReturnType<typeof makeTempFolder>;
let reader: SourceReader;
let consumer: RingConsumer;

beforeEach(() => {
  temp = makeTempFolder('tw-source-reader-');
  for (const name of ['a', 'b', 'x', 'y']) writeFileSync(join(temp.path, name), name);
  const ring = createRingMemory(8);
  consumer = new RingConsumer(ring);
  reader = new SourceReader({
    kind: 'open',
    folder: temp.path,
    sourceFolder: { prefix: temp.path, beneath: '' },
    include: [],
    exclude: [],
    oneFileSystem: true,
    workFolder: '.twinreel-0a1b2c3d',
    compression: 'None',
    ring,
    progress: new SharedProgress().memory,
    openAhead: createOpenAheadMemory(),
  });
});

afterEach(() => temp.remove());

const totalsOf = (order: Parameters<SourceReader['read']>[0]): SegmentTotals => {
  const answer = reader.read(order);
  while (consumer.take()?.kind === 'block') consumer.release();
  consumer.release();
  if (answer.kind !== 'read') throw new Error(answer.kind);
  return answer.totals;
};

const readSegment = (n: number): SegmentTotals => {
  const [here, next] = [boundaries[n], boundaries[n + 1]];
  const from = here?.from ?? { path: '', offset: 0 };
  const common = { firstSegmentOfFile: n, plannedEntries: 2, info: testInfo(2), hashed: 'writer' } as const;
  return totalsOf({ kind: 'segment', n, from, to: next?.from ?? null, ...common });
};

const readLinks = (): SegmentTotals =>
  totalsOf({ kind: 'links', boundaries, planStarted: inTheFuture, info: testInfo(2), hashed: 'writer' });

describe('the segment of links', () => {
  test('joins names across segments', () => {
    linkSync(join(temp.path, 'a'), join(temp.path, 'z'));
    expect([readSegment(0).hasLinks, readSegment(1).hasLinks]).toEqual([true, true]);
    expect(readLinks().entries).toBe(1);
  });

  test('takes no second walk where every segment was read here and held nothing to join', () => {
    expect([readSegment(0).hasLinks, readSegment(1).hasLinks]).toEqual([false, false]);
    mkdirSync(join(temp.path, 'made-since'));
    linkSync(join(temp.path, 'a'), join(temp.path, 'made-since', 'a'));
    expect(readLinks().entries).toBe(0);
  });

  test('takes one where somebody else has read a segment', () => {
    expect(readSegment(1).hasLinks).toBe(false);
    linkSync(join(temp.path, 'a'), join(temp.path, 'z'));
    expect(readLinks().entries).toBe(1);
  });

  test('takes one where a segment held something when it was read again', () => {
    readSegment(0);
    readSegment(1);
    linkSync(join(temp.path, 'a'), join(temp.path, 'z'));
    readSegment(0);
    expect(readLinks().entries).toBe(1);
  });
});

test('a file that the plan divides is told of in the segment of links', () => {
  const to = { path: 'b', offset: 4096 };
  const common = { firstSegmentOfFile: 0, plannedEntries: 2, info: testInfo(2), hashed: 'writer' } as const;
  const totals = totalsOf({ kind: 'segment', n: 0, from: { path: '', offset: 0 }, to, ...common });
  expect(totals.hasLinks).toBe(true);
});
