import { isApiError, type KubeObject } from './api.ts';
import { aborted, type Clock } from './clock.ts';
import type { Informer, InformerEvent } from './informer.ts';
import type { Key } from './key.ts';
import type { Log } from './log.ts';
import type { Mapping } from './mapping.ts';
import { noMetrics, type KubeMetrics, type ReconcileOutcome } from './metrics.ts';
import { makeWorkQueue, type WorkQueueOptions } from './work-queue.ts';

/** What a reconcile asks for. Throwing means: again, with back-off. */
export type Result = { readonly kind: 'done' } | { readonly kind: 'requeue'; readonly afterMs: number };

export const done: Result = { kind: 'done' };
export const requeueAfter = (afterMs: number): Result => ({ kind: 'requeue', afterMs });

/** Brings the world nearer to what the object with this key asks for. It may be called at any time, for any reason. */
export type Reconcile = (key: Key, signal: AbortSignal) => Promise<Result>;

/** Trying again helps nothing until an object changes. */
export class TerminalError extends Error {
  readonly code = 'Terminal';
  constructor(message: string, cause?: unknown) {
    super(message, { cause });
    this.name = 'TerminalError';
  }
}

/** Where keys come from. */
export interface Source {
  readonly name: string;
  waitForSync(signal: AbortSignal): Promise<void>;
  /** The returned function ends it. */
  subscribe(enqueue: (key: Key) => void): () => void;
}

/**
 * Enqueues what changes of the informer's objects concern; for an update, both of what it was and of what it is.
 *
 * @param when  which changes matter; absent: all
 */
export const changesOf = <T extends KubeObject>(
  informer: Informer<T>,
  mapping: Mapping<T>,
  when: (event: InformerEvent<T>) => boolean = () => true,
): Source => ({
  name: informer.name,
  waitForSync: (signal) => informer.waitForSync(signal),
  subscribe: (enqueue) =>
    informer.addHandler((event) => {
      if (!when(event)) return;
      const keys = new Set(mapping(event.object));
      if (event.kind === 'updated') for (const key of mapping(event.before)) keys.add(key);
      for (const key of keys) enqueue(key);
    }),
});

export interface ControllerOptions {
  readonly name: string;
  readonly sources: readonly Source[];
  readonly reconcile: Reconcile;
  /** Reconciles at the same time; never two of one key. */
  readonly concurrency?: number;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics?: KubeMetrics;
  readonly queue?: Pick<WorkQueueOptions, 'backoff' | 'bucket'>;
  /** How long running reconciles are awaited after the signal. */
  readonly stopTimeoutMs?: number;
}

export interface Controller {
  readonly name: string;
  enqueue(key: Key): void;
  /**
   * Waits for the caches, then reconciles until the signal is aborted; then no reconcile starts, the running ones get
   * the signal and are awaited. Gives the keys of those that did not end in time. Call once.
   */
  run(signal: AbortSignal): Promise<readonly Key[]>;
}

export const makeController = (options: ControllerOptions): Controller => {
  const {
    name,
    sources,
    reconcile,
    concurrency = 1,
    clock,
    log,
    metrics = noMetrics,
    stopTimeoutMs = 10_000,
  } = options;
  const queue = makeWorkQueue({ name, clock, metrics, ...options.queue });
  let active = 0;

  const settle = (key: Key, result: Result): ReconcileOutcome => {
    queue.forget(key);
    if (result.kind === 'done') return 'done';
    queue.addAfter(key, result.afterMs);
    return 'requeue';
  };

  const settleFailure = (key: Key, error: unknown, signal: AbortSignal): ReconcileOutcome => {
    if (signal.aborted) return 'aborted';
    if (error instanceof TerminalError) {
      queue.forget(key);
      log.error({ controller: name, key, err: error }, 'reconcile failed for good');
      return 'terminal';
    }
    const retryAfterMs = isApiError(error) ? error.retryAfterMs : undefined;
    queue.addRateLimited(key, retryAfterMs);
    if (isApiError(error, 'Conflict')) {
      // The cache was behind: usual, and cured by looking again.
      log.debug({ controller: name, key, err: error }, 'reconcile met a conflict');
      return 'conflict';
    }
    log.error({ controller: name, key, failures: queue.failures(key), err: error }, 'reconcile failed');
    return 'error';
  };

  const work = async (key: Key, signal: AbortSignal): Promise<void> => {
    const startedAt = clock.now();
    metrics.reconcilesActive(name, (active += 1));
    let outcome: ReconcileOutcome;
    try {
      outcome = settle(key, await reconcile(key, signal));
    } catch (error) {
      outcome = settleFailure(key, error, signal);
    }
    metrics.reconcilesActive(name, (active -= 1));
    metrics.reconciled(name, Math.max(clock.now() - startedAt, 0) / 1000, outcome);
    queue.done(key);
  };

  const runWorker = async (signal: AbortSignal): Promise<void> => {
    for (let key = await queue.take(); key !== undefined; key = await queue.take()) await work(key, signal);
  };

  const awaitRunning = async (): Promise<readonly Key[]> => {
    const timeUp = Promise.withResolvers<void>();
    const cancel = clock.setTimer(timeUp.resolve, stopTimeoutMs);
    await Promise.race([queue.shutDown(), timeUp.promise]);
    cancel();
    const left = queue.processing();
    if (left.length > 0) log.error({ controller: name, keys: left, stopTimeoutMs }, 'reconciles did not stop in time');
    return left;
  };

  return {
    name,
    enqueue: (key) => queue.add(key),
    run: async (signal) => {
      const unsubscribe = sources.map((source) => source.subscribe((key) => queue.add(key)));
      try {
        await Promise.all(sources.map((source) => source.waitForSync(signal)));
        log.info({ controller: name, waiting: queue.depth(), concurrency }, 'controller started');
        // They end when the queue is shut down; what they reconcile is awaited through the queue.
        for (let worker = 0; worker < concurrency; worker += 1) void runWorker(signal);
        await aborted(signal);
      } catch (error) {
        if (!signal.aborted) throw error;
      } finally {
        for (const end of unsubscribe) end();
      }
      const left = await awaitRunning();
      log.info({ controller: name }, 'controller stopped');
      return left;
    },
  };
};
