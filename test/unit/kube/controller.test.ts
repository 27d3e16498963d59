import { describe, expect, onTestFinished, test } from 'vitest';
import type { Pod } from '../../../src/kube/core-types.ts';
import {
  changesOf,
  done,
  makeController,
  requeueAfter,
  TerminalError,
  type Reconcile,
} from '../../../src/kube/controller.ts';
import { makeInformer } from '../../../src/kube/informer.ts';
import { silentLog } from '../../../src/kube/log.ts';
import { toLabelled, toSelf } from '../../../src/kube/mapping.ts';
import { noMetrics } from '../../../src/kube/metrics.ts';
import { pods } from '../../../src/kube/resources.ts';
import { makeManualClock, settle } from '../../manual-clock.ts';
import { apiError, makeMemoryApi } from './memory-api.ts';

const pod = (name: string, job?: string): Pod => ({
  metadata: { namespace: 'ns', name, ...(job === undefined ? {} : { labels: { job } }) },
});

const begin = (reconcile: Reconcile, more: object = {}) => {
  const api = makeMemoryApi();
  const clock = makeManualClock();
  const outcomes: string[] = [];
  const errors: string[] = [];
  const fields: object[] = [];
  const log = {
    ...silentLog,
    error: (about: object, message: string) => {
      fields.push(about);
      errors.push(message);
    },
  };
  const metrics = { ...noMetrics, reconciled: (_: string, __: number, outcome: string) => void outcomes.push(outcome) };
  const informer = makeInformer<Pod>({ api, clock, random: () => 0, log, metrics }, { resource: pods, freeze: true });
  const controller = makeController({
    name: 'pods',
    sources: [changesOf(informer, toSelf)],
    reconcile,
    clock,
    log,
    metrics,
    queue: { backoff: { baseMs: 100, maxMs: 1000 } },
    ...more,
  });
  const stop = new AbortController();
  const start = async () => {
    const following = informer.run(stop.signal);
    const running = controller.run(stop.signal);
    onTestFinished(async () => {
      stop.abort();
      await following;
    });
    await settle();
    return running;
  };
  return { api, clock, informer, controller, stop, start, outcomes, errors, fields };
};

describe('a controller', () => {
  test("says in the log whose reconcile failed, by the object's key", async () => {
    const { api, start, fields } = begin(async () => {
      throw new Error('broken');
    });
    api.seed(pods, pod('a'));
    void start();
    await settle();
    expect(fields).toMatchObject([{ controller: 'pods', key: 'ns/a', err: new Error('broken') }]);
  });

  test('reconciles nothing before its caches are complete, then everything', async () => {
    const keys: string[] = [];
    const { api, clock, start } = begin(async (key) => {
      keys.push(key);
      return done;
    });
    api.fail('list', { error: apiError('Unreachable') });
    api.seed(pods, pod('a'));
    api.seed(pods, pod('b'));
    void start();
    await settle();
    expect(keys).toEqual([]);
    await clock.advance(1000);
    expect(keys).toEqual(['ns/a', 'ns/b']);
  });

  test('never reconciles one key twice at the same time, however many workers it has', async () => {
    const running = new Map<string, number>();
    let most = 0;
    let atOnce = 0;
    let calls = 0;
    const gate: (() => void)[] = [];
    const { api, start } = begin(
      async (key) => {
        calls += 1;
        running.set(key, (running.get(key) ?? 0) + 1);
        most = Math.max(most, running.get(key) ?? 0);
        atOnce = Math.max(
          atOnce,
          [...running.values()].reduce((sum, each) => sum + each, 0),
        );
        await new Promise<void>((resolve) => gate.push(resolve));
        running.set(key, (running.get(key) ?? 0) - 1);
        return done;
      },
      { concurrency: 3 },
    );
    void start();
    await settle();
    for (let round = 0; round < 5; round += 1) {
      for (const name of ['a', 'b']) api.seed(pods, pod(name, `${round}`));
      await settle();
    }
    expect(atOnce).toBe(2);
    while (gate.length > 0) {
      for (const open of gate.splice(0)) open();
      await settle();
    }
    expect(most).toBe(1);
    expect(calls).toBe(4);
  });

  test('tries a reconcile that throws again, with growing delays, and others go on', async () => {
    let failures = 3;
    const times: number[] = [];
    const others: string[] = [];
    const { api, clock, start, outcomes, errors } = begin(async (key) => {
      if (key !== 'ns/bad') {
        others.push(key);
        return done;
      }
      times.push(clock.now());
      failures -= 1;
      if (failures >= 0) throw new Error('broken');
      return done;
    });
    api.seed(pods, pod('bad'));
    api.seed(pods, pod('good'));
    void start();
    await clock.advance(5000);
    expect(times.map((at) => at - (times[0] ?? 0))).toEqual([0, 100, 300, 700]);
    expect(others).toEqual(['ns/good']);
    expect(outcomes.toSorted()).toEqual(['done', 'done', 'error', 'error', 'error']);
    expect(errors).toHaveLength(3);
  });

  test('waits as long as a throttling server asks, and does not call a conflict an error', async () => {
    const answers = [apiError('TooManyRequests', { retryAfterMs: 3000 }), apiError('Conflict')];
    const times: number[] = [];
    const { api, clock, start, outcomes, errors } = begin(async () => {
      times.push(clock.now());
      const answer = answers.shift();
      if (answer !== undefined) throw answer;
      return done;
    });
    api.seed(pods, pod('a'));
    void start();
    await clock.advance(5000);
    expect(times.map((at) => at - (times[0] ?? 0))).toEqual([0, 3000, 3200]);
    expect(outcomes).toEqual(['error', 'conflict', 'done']);
    expect(errors).toHaveLength(1);
  });

  test('leaves a terminal error alone until the object changes', async () => {
    let calls = 0;
    const { api, clock, start, outcomes } = begin(async () => {
      calls += 1;
      if (calls === 1) throw new TerminalError('cannot ever work');
      return done;
    });
    api.seed(pods, pod('a'));
    void start();
    await clock.advance(3_600_000);
    expect(calls).toBe(1);
    api.seed(pods, pod('a', 'changed'));
    await settle();
    expect(outcomes).toEqual(['terminal', 'done']);
  });

  test('comes back when a reconcile asks for it', async () => {
    const times: number[] = [];
    const { api, clock, start } = begin(async () => {
      times.push(clock.now());
      return times.length < 3 ? requeueAfter(10_000) : done;
    });
    api.seed(pods, pod('a'));
    void start();
    await clock.advance(60_000);
    expect(times.map((at) => at - (times[0] ?? 0))).toEqual([0, 10_000, 20_000]);
  });

  test('reconciles both what an object belonged to and what it belongs to now', async () => {
    const keys: string[] = [];
    const { api, clock, informer, stop } = begin(async () => done);
    const controller = makeController({
      name: 'jobs',
      sources: [changesOf(informer, toLabelled({ name: 'job' }), (event) => event.kind !== 'added')],
      reconcile: async (key) => {
        keys.push(key);
        return done;
      },
      clock,
      log: silentLog,
    });
    api.seed(pods, pod('a', 'first'));
    const following = informer.run(stop.signal);
    const running = controller.run(stop.signal);
    await settle();
    expect(keys).toEqual([]);
    api.seed(pods, pod('a', 'second'));
    await settle();
    expect(keys.toSorted()).toEqual(['first', 'second']);
    stop.abort();
    await Promise.all([following, running]);
  });

  test('stops gracefully: starts nothing, tells the running reconcile, waits for it', async () => {
    let told: unknown;
    let finished = false;
    const started: string[] = [];
    const gate = Promise.withResolvers<void>();
    const { api, stop, start, outcomes } = begin(async (key, signal) => {
      started.push(key);
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
      told = signal.reason;
      await gate.promise;
      finished = true;
      throw new Error('interrupted');
    });
    api.seed(pods, pod('a'));
    api.seed(pods, pod('b'));
    let left: readonly string[] | undefined;
    void start().then((keys) => (left = keys));
    await settle();
    stop.abort(new Error('shutting down'));
    await settle();
    expect(told).toEqual(new Error('shutting down'));
    expect(left).toBeUndefined();
    gate.resolve();
    await settle();
    expect(left).toEqual([]);
    expect(finished).toBe(true);
    expect(started).toEqual(['ns/a']);
    expect(outcomes).toEqual(['aborted']);
  });

  test('does not wait for ever for a reconcile that does not stop, and names it', async () => {
    const { api, clock, stop, start, errors } = begin(() => new Promise(() => undefined), { stopTimeoutMs: 3000 });
    api.seed(pods, pod('stuck'));
    const running = start();
    await settle();
    stop.abort();
    await clock.advance(3000);
    expect(await running).toEqual(['ns/stuck']);
    expect(errors).toEqual(['reconciles did not stop in time']);
  });

  test('stops while it still waits for its caches', async () => {
    const { api, stop, start } = begin(async () => done);
    api.fail('list', { hang: true });
    const running = start();
    await settle();
    stop.abort();
    expect(await running).toEqual([]);
  });
});
