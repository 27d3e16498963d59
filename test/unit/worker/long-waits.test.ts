import { EventEmitter } from 'node:events';
import { describe, expect, it } from 'vitest';
import { createOpenAheadMemory, askedWord, viewOpenAhead } from '../../../src/worker/open-ahead-memory.ts';
import { serveOpenAhead } from '../../../src/worker/open-ahead-service.ts';
import { openPlanInbox } from '../../../src/worker/plan-inbox.ts';
import type { Clock } from '../../../src/kube/clock.ts';
import { heapGrowth } from '../../support/heap-growth.ts';

const MiB = 2 ** 20;
const wakes = 100_000;
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('memory does not grow with how often', () => {
  it('the thread at the source asks for files to be opened', async () => {
    const memory = createOpenAheadMemory();
    const { words } = viewOpenAhead(memory);
    const stop = new AbortController();
    const served = serveOpenAhead(memory, stop.signal);
    const wake = async (times: number): Promise<void> => {
      for (let n = 0; n < times; n += 1) {
        Atomics.add(words, askedWord, 1);
        Atomics.notify(words, askedWord);
        await turn();
      }
    };
    await wake(1_000);
    expect(await heapGrowth(() => wake(wakes))).toBeLessThan(4 * MiB);
    stop.abort();
    await served;
  });

  it('a planner looks for what its walker has found', async () => {
    const dueAtOnce: Clock = {
      now: () => 0,
      setTimer: (fn) => {
        queueMicrotask(fn);
        return () => undefined;
      },
    };
    const inbox = openPlanInbox(new EventEmitter(), dueAtOnce, new AbortController().signal);
    const look = async (times: number): Promise<void> => {
      for (let n = 0; n < times; n += 1) await inbox.next(300);
    };
    await look(1_000);
    expect(await heapGrowth(() => look(wakes))).toBeLessThan(4 * MiB);
  });
});

describe('openPlanInbox', () => {
  const never: Clock = { now: () => 0, setTimer: () => () => undefined };

  it('ends a wait at the end of the source, and says so ever after', async () => {
    const walker = new EventEmitter();
    const inbox = openPlanInbox(walker, never, new AbortController().signal);
    const waiting = inbox.next(300);
    walker.emit('message', { kind: 'complete' });
    expect(await waiting).toBe(true);
    expect(await inbox.next(300)).toBe(true);
  });

  it('rejects when the walker fails or the worker is stopped, whoever waits then or later', async () => {
    const walker = new EventEmitter();
    const inbox = openPlanInbox(walker, never, new AbortController().signal);
    const waiting = inbox.next(300);
    walker.emit('error', new Error('broken'));
    await expect(waiting).rejects.toThrow('broken');
    await expect(inbox.next(300)).rejects.toThrow('broken');
    await expect(inbox.begun).rejects.toThrow('broken');

    const stop = new AbortController();
    const other = openPlanInbox(new EventEmitter(), never, stop.signal).next(300);
    stop.abort(new Error('told to end'));
    await expect(other).rejects.toThrow('told to end');
  });
});
