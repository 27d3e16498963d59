import { describe, expect, it } from 'vitest';
import { WorkerFailure } from '../../../src/worker/failure.ts';
import type { NextWork, SegmentCommit, SegmentWork, StreamLedger } from '../../../src/worker/ledger.ts';
import {
  runStream,
  type CatalogueEnd,
  type CatalogueKind,
  type GroupEnd,
  type StreamPipeline,
} from '../../../src/worker/stream-loop.ts';

const work = (segment: number): SegmentWork => ({
  kind: 'data',
  segment,
  from: { path: '', offset: 0 },
  weightBytes: 1,
  entries: 1,
  firstSegmentOfFile: segment,
});

const commitOf = (segment: number): SegmentCommit => ({
  kind: 'data',
  segment,
  group: segment,
  bytes: 1,
  blocks: 1,
  entries: 1,
  files: 1,
  indexOffset: 0,
  sha256: '',
  encoding: 'NN',
  writtenAt: '',
});

const turns = async (n: number): Promise<void> => {
  for (let i = 0; i < n; i += 1) await Promise.resolve();
};

const forever = (signal: AbortSignal, atTheEnd: () => void): Promise<never> =>
  new Promise((_, reject) => {
    const end = (): void => {
      atTheEnd();
      reject(new Error('aborted', { cause: signal.reason }));
    };
    signal.addEventListener('abort', end, { once: true });
  });

interface Script {
  readonly segments: number;
  readonly endOf?: (segment: number) => Promise<GroupEnd>;
  readonly read?: (segment: number) => Promise<void>;
  readonly commit?: (segment: number) => Promise<void>;
  readonly catalogue?: (kind: CatalogueKind) => CatalogueEnd;
  readonly broken?: Promise<never>;
  /** Nothing more comes, and nobody says close: the ledger waits. */
  readonly staysOpen?: boolean;
}

/** Ledger and pipeline that note what happens in which order, each step some turns long. */
const play = (script: Script) => {
  const events: string[] = [];
  let next = 0;
  const ledger: StreamLedger = {
    openNext: async (signal): Promise<NextWork> => {
      await turns(3);
      if (next >= script.segments && script.staysOpen === true) await forever(signal, () => events.push('gave up'));
      if (next >= script.segments) return { kind: 'close' };
      events.push(`open ${next}`);
      next += 1;
      return { kind: 'segment', work: work(next - 1) };
    },
    commit: async ({ segment }) => {
      await turns(5);
      await script.commit?.(segment);
      events.push(`commit ${segment}`);
    },
    finish: async () => void events.push('finish'),
  };
  const pipeline: StreamPipeline = {
    readSegment: async ({ segment }) => {
      events.push(`read ${segment}`);
      await turns(7);
      await script.read?.(segment);
      events.push(`handed over ${segment}`);
    },
    writeSegment: async ({ segment }) => {
      events.push(`write ${segment}`);
      await turns(40);
      events.push(`flushed ${segment}`);
      return (await script.endOf?.(segment)) ?? { kind: 'whole', commit: commitOf(segment), earlyWarning: false };
    },
    writeCatalogue: async (kind) => {
      await turns(2);
      events.push(`catalogue ${kind}`);
      return script.catalogue?.(kind) ?? { kind: 'whole', earlyWarning: false };
    },
    broken: script.broken ?? new Promise<never>(() => undefined),
  };
  const run = runStream(ledger, pipeline, { catalogueEvery: 2 }, new AbortController().signal);
  return { events, run };
};

const before = (events: readonly string[], first: string, second: string): boolean =>
  events.includes(first) && events.indexOf(first) < events.indexOf(second);

describe('runStream', () => {
  it('opens a segment before it reads it, and commits it only after its flush', async () => {
    const { events, run } = play({ segments: 5 });
    expect(await run).toEqual({ segments: 5, catalogued: true });
    for (let n = 0; n < 5; n += 1) {
      expect(before(events, `open ${n}`, `read ${n}`)).toBe(true);
      expect(before(events, `flushed ${n}`, `commit ${n}`)).toBe(true);
    }
    expect(events.slice(-2)).toEqual(['catalogue whole', 'finish']);
  });

  it('reads the next segment ahead while the last is flushed, but writes it only when that is committed', async () => {
    const { events, run } = play({ segments: 2 });
    await run;
    expect(before(events, 'read 1', 'flushed 0')).toBe(true);
    expect(before(events, 'commit 0', 'write 1')).toBe(true);
  });

  it('writes an incremental catalogue every few segments, with nothing read ahead', async () => {
    const { events, run } = play({ segments: 5 });
    await run;
    expect(events.filter((event) => event === 'catalogue incremental')).toHaveLength(2);
    const first = events.indexOf('catalogue incremental');
    expect(events.indexOf('commit 1')).toBeLessThan(first);
    expect(events.indexOf('read 2')).toBeGreaterThan(first);
  });

  it('changes the tape after an early warning: what was committed stands, a catalogue follows if it fits', async () => {
    const warned = async (segment: number): Promise<GroupEnd> => ({
      kind: 'whole',
      commit: commitOf(segment),
      earlyWarning: segment === 1,
    });
    const { events, run } = play({ segments: 5, endOf: warned });
    await expect(run).rejects.toMatchObject({ reason: 'TapeFull', exitCode: 22 });
    expect(events).toContain('commit 1');
    expect(events).not.toContain('write 2');
    expect(events).toContain('catalogue incremental');
  });

  const ends: readonly { name: string; end: GroupEnd }[] = [
    { name: 'no room', end: { kind: 'full' } },
    { name: 'an early warning', end: { kind: 'whole', commit: commitOf(0), earlyWarning: true } },
  ];
  it.each(ends)('does not wait for work when the last segment that it was given has met $name', async ({ end }) => {
    const { events, run } = play({ segments: 1, staysOpen: true, endOf: async () => end });
    await expect(run).rejects.toMatchObject({ reason: 'TapeFull', exitCode: 22 });
    expect(events).toContain('gave up');
    expect(events.at(-1)).toBe('catalogue incremental');
  });

  it('commits nothing of a segment for which the tape had no room', async () => {
    const { events, run } = play({
      segments: 3,
      endOf: async () => ({ kind: 'full' }),
      catalogue: () => ({ kind: 'full' }),
    });
    await expect(run).rejects.toMatchObject({ reason: 'TapeFull' });
    expect(events.some((event) => event.startsWith('commit'))).toBe(false);
  });

  it('changes the tape when a catalogue meets the early warning, without a second catalogue', async () => {
    const { events, run } = play({ segments: 5, catalogue: () => ({ kind: 'whole', earlyWarning: true }) });
    await expect(run).rejects.toMatchObject({ reason: 'TapeFull', exitCode: 22 });
    expect(events).not.toContain('read 2');
    expect(events.filter((event) => event.startsWith('catalogue'))).toEqual(['catalogue incremental']);
  });

  it('ends well when the last catalogue meets the early warning: nothing comes behind it', async () => {
    const { run } = play({ segments: 1, catalogue: () => ({ kind: 'whole', earlyWarning: true }) });
    expect(await run).toEqual({ segments: 1, catalogued: true });
  });

  const failures: readonly { name: string; script: (failure: Promise<never>) => Partial<Script> }[] = [
    { name: 'the drive', script: (failure) => ({ endOf: () => failure }) },
    { name: 'the source', script: (failure) => ({ read: () => failure }) },
    { name: 'the records', script: (failure) => ({ commit: () => failure }) },
    { name: 'a thread', script: (failure) => ({ broken: failure }) },
  ];
  it.each(failures)('ends with the failure of $name', async ({ script }) => {
    const failure = Promise.reject(new WorkerFailure({ reason: 'Scripted', fault: 'drive', message: 'x' }));
    failure.catch(() => undefined);
    await expect(play({ segments: 3, ...script(failure) }).run).rejects.toMatchObject({ reason: 'Scripted' });
  });
});
