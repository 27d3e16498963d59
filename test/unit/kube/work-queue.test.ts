import { describe, expect, test } from 'vitest';
import { noMetrics } from '../../../src/kube/metrics.ts';
import { makeWorkQueue } from '../../../src/kube/work-queue.ts';
import { makeManualClock, settle } from '../../manual-clock.ts';

const makeQueue = (more: object = {}) => {
  const clock = makeManualClock();
  const depths: number[] = [];
  const latencies: number[] = [];
  const queue = makeWorkQueue({
    name: 'test',
    clock,
    backoff: { baseMs: 100, maxMs: 1000 },
    bucket: { perSecond: 1000, burst: 1000 },
    metrics: {
      ...noMetrics,
      queueDepth: (_, depth) => depths.push(depth),
      queueLatency: (_, seconds) => latencies.push(seconds),
    },
    ...more,
  });
  return { clock, queue, depths, latencies };
};

describe('a work queue', () => {
  test('gives keys in the order of their addition, each once however often it was added', async () => {
    const { queue } = makeQueue();
    for (const key of ['a', 'b', 'a', 'c', 'b']) queue.add(key);
    expect(queue.depth()).toBe(3);
    expect([await queue.take(), await queue.take(), await queue.take()]).toEqual(['a', 'b', 'c']);
  });

  test('never gives a key to two workers at once, and gives it again after it was added meanwhile', async () => {
    const { queue } = makeQueue();
    queue.add('a');
    expect(await queue.take()).toBe('a');
    queue.add('a');
    queue.add('a');
    let second: string | undefined;
    void queue.take().then((key) => (second = key));
    await settle();
    expect(second).toBeUndefined();
    queue.done('a');
    await settle();
    expect(second).toBe('a');
    queue.done('a');
    expect(queue.depth()).toBe(0);
    expect(queue.processing()).toEqual([]);
  });

  test('hands a key straight to a worker that waits', async () => {
    const { queue } = makeQueue();
    const taken = queue.take();
    queue.add('a');
    expect(await taken).toBe('a');
    expect(queue.depth()).toBe(0);
  });

  test('adds a delayed key when it is due, at the earliest of its times', async () => {
    const { queue, clock } = makeQueue();
    queue.addAfter('a', 500);
    queue.addAfter('a', 200);
    queue.addAfter('a', 900);
    await clock.advance(199);
    expect(queue.depth()).toBe(0);
    await clock.advance(1);
    expect(queue.depth()).toBe(1);
    expect(clock.timers()).toBe(0);
  });

  test('doubles the delay of a key with each failure up to the limit, and begins anew when it is forgotten', async () => {
    const { queue, clock } = makeQueue();
    const delays: number[] = [];
    const measure = async (): Promise<void> => {
      queue.addRateLimited('a');
      let waitedMs = 0;
      for (; queue.depth() === 0; waitedMs += 50) await clock.advance(50);
      delays.push(waitedMs);
      queue.done((await queue.take()) ?? '');
    };
    for (let i = 0; i < 6; i += 1) await measure();
    expect(delays).toEqual([100, 200, 400, 800, 1000, 1000]);
    expect(queue.failures('a')).toBe(6);
    queue.forget('a');
    await measure();
    expect(delays.at(-1)).toBe(100);
  });

  test('keeps one key out of the back-off of another', async () => {
    const { queue, clock } = makeQueue();
    for (let i = 0; i < 5; i += 1) queue.addRateLimited('bad');
    queue.addRateLimited('good');
    await clock.advance(100);
    expect([await queue.take(), await queue.take()]).toEqual(['bad', 'good']);
  });

  test('spreads many failing keys by the bucket of the whole queue', async () => {
    const { queue, clock } = makeQueue({ bucket: { perSecond: 10, burst: 5 } });
    for (let i = 0; i < 25; i += 1) queue.addRateLimited(`key-${i}`);
    await clock.advance(100);
    expect(queue.depth()).toBe(6);
    await clock.advance(900);
    expect(queue.depth()).toBe(15);
    await clock.advance(1000);
    expect(queue.depth()).toBe(25);
  });

  test('waits at least as long as the server asked for', async () => {
    const { queue, clock } = makeQueue();
    queue.addRateLimited('a', 5000);
    await clock.advance(4999);
    expect(queue.depth()).toBe(0);
    await clock.advance(1);
    expect(queue.depth()).toBe(1);
  });

  test('drops what waits when it is shut down, wakes the workers and settles when the last key is done', async () => {
    const { queue, clock } = makeQueue();
    queue.add('running');
    queue.add('waiting');
    queue.addAfter('later', 1000);
    expect(await queue.take()).toBe('running');
    let idle = false;
    void queue.shutDown().then(() => (idle = true));
    expect(await queue.take()).toBeUndefined();
    queue.add('late');
    queue.add('running');
    expect(queue.depth()).toBe(0);
    await settle();
    expect(idle).toBe(false);
    queue.done('running');
    await settle();
    expect(idle).toBe(true);
    expect(clock.timers()).toBe(0);
  });

  test('is worked empty first when it shall be drained', async () => {
    const { queue } = makeQueue();
    queue.add('a');
    queue.add('b');
    let idle = false;
    void queue.shutDown({ drain: true }).then(() => (idle = true));
    for (const key of ['a', 'b']) {
      expect(await queue.take()).toBe(key);
      queue.done(key);
    }
    expect(await queue.take()).toBeUndefined();
    await settle();
    expect(idle).toBe(true);
  });

  test('tells its depth and how long keys have waited', async () => {
    const { queue, clock, depths, latencies } = makeQueue();
    queue.add('a');
    queue.add('b');
    await clock.advance(1500);
    await queue.take();
    expect(depths).toEqual([1, 2, 1]);
    expect(latencies).toEqual([1.5]);
  });
});
