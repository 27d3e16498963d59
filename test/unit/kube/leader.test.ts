import { describe, expect, onTestFinished, test } from 'vitest';
import type { Lease } from '../../../src/kube/core-types.ts';
import { fencedApi } from '../../../src/kube/fenced-api.ts';
import { makeLeaderElector, type Work } from '../../../src/kube/leader.ts';
import { silentLog } from '../../../src/kube/log.ts';
import { noMetrics } from '../../../src/kube/metrics.ts';
import { configMaps, leases } from '../../../src/kube/resources.ts';
import { LeadershipLost, type Leading } from '../../../src/kube/tenure.ts';
import { makeManualClock, settle } from '../../manual-clock.ts';
import { apiError, makeMemoryApi } from './memory-api.ts';

const ref = { namespace: 'ns', name: 'operator' };

const begin = () => {
  const api = makeMemoryApi();
  const clock = makeManualClock();
  const candidate = (identity: string, more: object = {}) => {
    const elector = makeLeaderElector({ api, lease: ref, identity, clock, random: () => 0, log: silentLog, ...more });
    const stop = new AbortController();
    const work = Promise.withResolvers<Work>();
    const state: { leading?: Leading; outcome?: string } = {};
    const running = elector.run(async (leading) => {
      state.leading = leading;
      return work.promise;
    }, stop.signal);
    running.then(
      (outcome) => (state.outcome = outcome),
      () => undefined,
    );
    onTestFinished(async () => {
      stop.abort();
      work.resolve('ended');
      await settle();
    });
    return { elector, stop, work, state, running };
  };
  const lease = (): Lease['spec'] => api.read(leases, ref)?.spec;
  return { api, clock, candidate, lease };
};

describe('leader election', () => {
  test('gives the lease to one of two candidates, and to the other when the first stops', async () => {
    const { clock, candidate, lease } = begin();
    const first = candidate('one');
    await settle();
    const second = candidate('two');
    await clock.advance(60_000);
    expect(first.state.leading?.isLeading()).toBe(true);
    expect(second.state.leading).toBeUndefined();
    expect(second.elector.holder()).toBe('one');
    expect(lease()).toMatchObject({ holderIdentity: 'one', leaseDurationSeconds: 15, leaseTransitions: 0 });

    first.stop.abort();
    first.work.resolve('ended');
    await settle();
    expect(first.state.outcome).toBe('stopped');
    expect(lease()?.holderIdentity).toBe('');
    await clock.advance(2000);
    expect(second.state.leading?.isLeading()).toBe(true);
    expect(lease()).toMatchObject({ holderIdentity: 'two', leaseTransitions: 1 });
  });

  test('is told as 0 from the start on, 1 while it lasts, and 0 again', async () => {
    const { candidate } = begin();
    const told: boolean[] = [];
    const metrics = { ...noMetrics, leading: (_: string, leading: boolean) => void told.push(leading) };
    const { stop, work } = candidate('one', { metrics });
    expect(told).toEqual([false]);
    await settle();
    stop.abort();
    work.resolve('ended');
    await settle();
    expect(told).toEqual([false, true, false]);
  });

  test('takes the lease of a holder that went silent, after its whole duration since the last change seen', async () => {
    const { api, clock, candidate } = begin();
    const spec = { holderIdentity: 'gone', leaseDurationSeconds: 15, renewTime: '2001-01-01T00:00:00.000000Z' };
    api.seed(leases, { metadata: ref, spec });
    const { state } = candidate('one');
    await clock.advance(14_000);
    // A time stamp of long ago proves nothing: clocks differ.
    expect(state.leading).toBeUndefined();
    await clock.advance(4000);
    expect(state.leading?.isLeading()).toBe(true);
  });

  test('is not fooled by a wall clock that leaps forward while it waits', async () => {
    const { api, clock, candidate } = begin();
    api.seed(leases, { metadata: ref, spec: { holderIdentity: 'other', leaseDurationSeconds: 15 } });
    const { state } = candidate('one');
    await clock.advance(2000);
    clock.step(3_600_000);
    await clock.advance(10_000);
    expect(state.leading).toBeUndefined();
  });

  test('ends at once when somebody else holds the lease, and that is not released', async () => {
    const { api, clock, candidate, lease } = begin();
    const { state, work } = candidate('one');
    await settle();
    api.seed(leases, { metadata: ref, spec: { holderIdentity: 'thief', leaseDurationSeconds: 15 } });
    await clock.advance(2000);
    expect(state.leading?.signal.aborted).toBe(true);
    expect(state.leading?.signal.reason).toBeInstanceOf(LeadershipLost);
    work.resolve('ended');
    await settle();
    expect(state.outcome).toBe('lost');
    expect(lease()?.holderIdentity).toBe('thief');
  });

  test('ends before the lease does when it cannot be renewed', async () => {
    const { api, clock, candidate, lease } = begin();
    const { state } = candidate('one');
    await clock.advance(4000);
    expect(state.leading?.isLeading()).toBe(true);
    for (let i = 0; i < 100; i += 1) api.fail('update', { error: apiError('Unreachable') });
    await clock.advance(9999);
    expect(state.leading?.isLeading()).toBe(true);
    await clock.advance(1);
    expect(state.leading?.signal.aborted).toBe(true);
    expect(lease()?.holderIdentity).toBe('one');
  });

  test('survives renewals that fail, hang or lose their answer for less than that', async () => {
    const { api, clock, candidate } = begin();
    const { state } = candidate('one');
    await clock.advance(2000);
    api.fail('update', { lost: true });
    await clock.advance(4000);
    api.fail('update', { hang: true });
    api.fail('update', { error: apiError('ServerError') });
    await clock.advance(60_000);
    expect(state.leading?.isLeading()).toBe(true);
  });

  test('stops leading when the lease is deleted: whoever creates it leads', async () => {
    const { api, clock, candidate } = begin();
    const { state } = candidate('one');
    await settle();
    api.remove(leases, ref);
    await clock.advance(2000);
    expect(state.leading?.signal.reason).toBeInstanceOf(LeadershipLost);
  });

  test('notices on being asked that time is up, before any timer of a suspended process could fire', async () => {
    const { clock, candidate } = begin();
    const { state } = candidate('one');
    await settle();
    clock.step(10_000);
    expect(state.leading?.signal.aborted).toBe(false);
    expect(state.leading?.isLeading()).toBe(false);
    expect(state.leading?.signal.aborted).toBe(true);
  });

  test('keeps the lease while stopped work ends, then releases it', async () => {
    const { clock, candidate, lease } = begin();
    const { stop, work, state } = candidate('one');
    await settle();
    stop.abort(new Error('shutting down'));
    await settle();
    expect(state.leading?.signal.reason).toEqual(new Error('shutting down'));
    const renewed = lease()?.renewTime;
    await clock.advance(10_000);
    expect(lease()?.renewTime).not.toBe(renewed);
    expect(lease()?.holderIdentity).toBe('one');
    work.resolve('ended');
    await clock.advance(2000);
    expect(state.outcome).toBe('stopped');
    expect(lease()?.holderIdentity).toBe('');
    expect(clock.timers()).toBe(0);
  });

  test('leaves the lease to expire when work does not end', async () => {
    const { clock, candidate, lease } = begin();
    const { stop, state } = candidate('one', { stopTimeoutMs: 5000 });
    await settle();
    stop.abort();
    await clock.advance(7000);
    expect(state.outcome).toBe('stopped');
    expect(lease()?.holderIdentity).toBe('one');
  });

  test('leaves the lease to expire when the work says that something of it still runs', async () => {
    const { clock, candidate, lease } = begin();
    const { stop, state, work } = candidate('one');
    await settle();
    stop.abort();
    work.resolve('stillRuns');
    await clock.advance(7000);
    expect(state.outcome).toBe('stopped');
    expect(lease()?.holderIdentity).toBe('one');
  });

  test('releases the lease and passes the error on when the work fails by itself', async () => {
    const { clock, candidate, lease } = begin();
    const { work, running } = candidate('one');
    await settle();
    work.reject(new Error('broken'));
    await Promise.all([expect(running).rejects.toThrow('broken'), clock.advance(2000)]);
    expect(lease()?.holderIdentity).toBe('');
  });

  test('refuses periods that contradict each other', () => {
    const { candidate } = begin();
    expect(() => candidate('one', { renewDeadlineMs: 20_000 })).toThrow('must hold');
  });
});

describe('a fenced API', () => {
  const config = { metadata: { namespace: 'ns', name: 'a' } };

  test('writes while leading, and refuses every write before it is sent afterwards', async () => {
    const api = makeMemoryApi();
    const leading = new AbortController();
    const fenced = fencedApi(api, leading.signal);
    const stored = await fenced.create(configMaps, config);
    leading.abort(new LeadershipLost('lease lost'));
    const sent = api.calls.length;
    const writes = [
      fenced.create(configMaps, config),
      fenced.update(configMaps, stored),
      fenced.updateStatus(configMaps, stored),
      fenced.patch(configMaps, config.metadata, {}, { type: 'merge' }),
      fenced.delete(configMaps, config.metadata),
      fenced.createSubresource(configMaps, config.metadata, 'token', {}),
    ];
    for (const write of writes) await expect(write).rejects.toThrow(LeadershipLost);
    expect(api.calls.length).toBe(sent);
    expect(await fenced.get(configMaps, config.metadata)).toEqual(stored);
  });

  test('asks whether the time is up before each write', async () => {
    const api = makeMemoryApi();
    const leading = new AbortController();
    const fenced = fencedApi(api, leading.signal, () => {
      leading.abort(new LeadershipLost('too late'));
      return false;
    });
    await expect(fenced.create(configMaps, config)).rejects.toThrow('too late');
    expect(api.calls).toEqual([]);
  });
});
