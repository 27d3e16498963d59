import { exponentialMs, type Backoff } from './backoff.ts';
import type { Clock } from './clock.ts';
import type { Key } from './key.ts';
import { noMetrics, type KubeMetrics } from './metrics.ts';
import { makeTokenBucket, type BucketSize } from './token-bucket.ts';

/**
 * Keys that wait for a worker. A key is at most once in the queue and never given to two workers at the same time; one
 * that is added while it is being worked on comes back when that is done. (The sets are those of client-go: `dirty`,
 * what needs work; `processing`, what is worked on; the queue, what is dirty and not processing, in order.)
 */
export interface WorkQueue {
  add(key: Key): void;
  /** Adds the key later; of several times for one key the earliest counts. */
  addAfter(key: Key, ms: number): void;
  /** Adds the key when its own back-off and the bucket of the whole queue allow, at least `atLeastMs` from now. */
  addRateLimited(key: Key, atLeastMs?: number): void;
  /** Ends the key's back-off; the next failure is its first. */
  forget(key: Key): void;
  /** Failures since `forget`. */
  failures(key: Key): number;
  /** The next key, once there is one; undefined when the queue was shut down and is empty. `done` must follow. */
  take(): Promise<Key | undefined>;
  done(key: Key): void;
  /** Keys that wait now; not those that are delayed. */
  depth(): number;
  /** Keys taken and not done. */
  processing(): readonly Key[];
  /** No more additions; waiting keys are dropped unless they shall be drained. Resolves when no key is processing. */
  shutDown(options?: { readonly drain?: boolean }): Promise<void>;
}

export interface WorkQueueOptions {
  readonly name: string;
  readonly clock: Clock;
  readonly metrics?: KubeMetrics;
  readonly backoff?: Backoff;
  readonly bucket?: BucketSize;
}

interface Delayed {
  readonly dueAt: number;
  readonly cancel: () => void;
}

export const makeWorkQueue = ({
  name,
  clock,
  metrics = noMetrics,
  backoff = { baseMs: 50, maxMs: 60_000 },
  bucket: size = { perSecond: 20, burst: 200 },
}: WorkQueueOptions): WorkQueue => {
  /** In order; the value is when the key became due. */
  const queue = new Map<Key, number>();
  const dirty = new Set<Key>();
  const processing = new Set<Key>();
  const delayed = new Map<Key, Delayed>();
  const failures = new Map<Key, number>();
  const takers: ((key: Key | undefined) => void)[] = [];
  const idle = Promise.withResolvers<void>();
  const bucket = makeTokenBucket(size, clock);
  let closed = false;

  const start = (key: Key, dueAt: number): Key => {
    dirty.delete(key);
    processing.add(key);
    metrics.queueLatency(name, Math.max(clock.now() - dueAt, 0) / 1000);
    return key;
  };

  const enqueue = (key: Key): void => {
    const taker = takers.shift();
    if (taker !== undefined) {
      taker(start(key, clock.now()));
      return;
    }
    queue.set(key, clock.now());
    metrics.queueDepth(name, queue.size);
  };

  const add = (key: Key): void => {
    if (closed || dirty.has(key)) return;
    metrics.queueAdd(name);
    dirty.add(key);
    if (!processing.has(key)) enqueue(key);
  };

  const addAfter = (key: Key, ms: number): void => {
    if (closed) return;
    if (ms <= 0) {
      add(key);
      return;
    }
    const dueAt = clock.now() + ms;
    const before = delayed.get(key);
    if (before !== undefined && before.dueAt <= dueAt) return;
    before?.cancel();
    const cancel = clock.setTimer(() => {
      delayed.delete(key);
      add(key);
    }, ms);
    delayed.set(key, { dueAt, cancel });
  };

  const take = (): Promise<Key | undefined> => {
    for (const [key, dueAt] of queue) {
      queue.delete(key);
      metrics.queueDepth(name, queue.size);
      return Promise.resolve(start(key, dueAt));
    }
    if (closed) return Promise.resolve(undefined);
    return new Promise((resolve) => takers.push(resolve));
  };

  const settleIfIdle = (): void => {
    if (!closed || processing.size > 0 || queue.size > 0) return;
    idle.resolve();
  };

  const done = (key: Key): void => {
    processing.delete(key);
    if (dirty.has(key)) enqueue(key);
    settleIfIdle();
  };

  const close = (drain: boolean): void => {
    closed = true;
    for (const { cancel } of delayed.values()) cancel();
    delayed.clear();
    if (!drain) {
      queue.clear();
      dirty.clear();
      metrics.queueDepth(name, 0);
    }
    for (const taker of takers.splice(0)) taker(undefined);
  };

  return {
    add,
    addAfter,
    addRateLimited: (key, atLeastMs = 0) => {
      if (closed) return;
      const count = (failures.get(key) ?? 0) + 1;
      failures.set(key, count);
      metrics.queueRetry(name);
      addAfter(key, Math.max(exponentialMs(count, backoff), bucket.reserveMs(), atLeastMs));
    },
    forget: (key) => void failures.delete(key),
    failures: (key) => failures.get(key) ?? 0,
    take,
    done,
    depth: () => queue.size,
    processing: () => [...processing],
    shutDown: ({ drain = false } = {}) => {
      close(drain);
      settleIfIdle();
      return idle.promise;
    },
  };
};
