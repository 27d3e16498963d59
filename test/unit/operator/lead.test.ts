import { describe, expect, it } from 'vitest';
import type { Fabric } from '../../../src/devices/fabric/fabric.ts';
import { makeCaches } from '../../../src/controllers/caches.ts';
import { makeController } from '../../../src/kube/controller.ts';
import { makeLeaderElector } from '../../../src/kube/leader.ts';
import { silentLog } from '../../../src/kube/log.ts';
import { noMetrics } from '../../../src/kube/metrics.ts';
import { leases } from '../../../src/kube/resources.ts';
import type { Leading } from '../../../src/kube/tenure.ts';
import { fencedActs, runControllers, standOnceSynced } from '../../../src/operator/lead.ts';
import { fcSwitch } from '../../support/hardware-objects.ts';
import { makeManualClock, settle } from '../../manual-clock.ts';
import { apiError, makeMemoryApi } from '../kube/memory-api.ts';

const lease = { namespace: 'ns', name: 'operator' };

describe('a leader that is told to stop', () => {
  const leadUntilStopped = async (reconcileEnds: boolean) => {
    const api = makeMemoryApi();
    const clock = makeManualClock();
    const stop = new AbortController();
    const controller = makeController({
      name: 'slow',
      sources: [],
      // A reconcile that sits in a call which knows no signal.
      reconcile: () => (reconcileEnds ? Promise.resolve({ kind: 'done' as const }) : new Promise(() => undefined)),
      clock,
      log: silentLog,
      stopTimeoutMs: 5000,
    });
    controller.enqueue('a');
    const options = { api, lease, identity: 'one', clock, random: () => 0, log: silentLog, stopTimeoutMs: 7000 };
    const running = makeLeaderElector(options).run(({ signal }) => runControllers([controller], signal), stop.signal);
    await settle();
    stop.abort();
    await clock.advance(6000);
    expect(await running).toBe('stopped');
    return api.read(leases, lease)?.spec?.holderIdentity;
  };

  it('gives the lease back when all reconciles have ended', async () => {
    expect(await leadUntilStopped(true)).toBe('');
  });

  it('leaves the lease to expire while a reconcile still runs', async () => {
    expect(await leadUntilStopped(false)).toBe('one');
  });
});

describe('who has not seen everything', () => {
  const begin = () => {
    const api = makeMemoryApi();
    const clock = makeManualClock();
    // Of twelve lists one is refused.
    api.fail('list', { error: apiError('TooManyRequests') });
    const common = { api, clock, random: () => 0.5, log: silentLog, metrics: noMetrics };
    const watched = makeCaches(common, 'ns');
    const elector = makeLeaderElector({ ...common, lease, identity: 'one' });
    const stop = new AbortController();
    void watched.run(stop.signal);
    const lead = () => new Promise<'ended'>((resolve) => stop.signal.addEventListener('abort', () => resolve('ended')));
    const running = standOnceSynced(watched, elector, lead, stop.signal);
    return { api, clock, stop, running, leader: () => api.read(leases, lease)?.spec?.holderIdentity };
  };

  it('does not stand for election before', async () => {
    const { clock, stop, running, leader } = begin();
    await settle();
    expect(leader()).toBeUndefined();
    await clock.advance(60_000);
    expect(leader()).toBe('one');
    stop.abort();
    await clock.advance(1000);
    expect(await running).toBe('stopped');
  });

  it('has stopped at once when told to', async () => {
    const { stop, running, leader } = begin();
    await settle();
    stop.abort();
    expect(await running).toBe('stopped');
    expect(leader()).toBeUndefined();
  });
});

describe('what a leader does outside the API', () => {
  const makeActs = () => {
    const done: string[] = [];
    const fabric: Fabric = {
      read: async () => ({ logins: [], links: [], zones: [] }),
      ensureZone: async ({ name }) => void done.push(`ensure ${name}`),
      removeZone: async (name) => void done.push(`remove ${name}`),
    };
    const acts = {
      execInPod: (_: object, signal: AbortSignal) =>
        new Promise<never>((_resolve, reject) => {
          done.push('exec');
          signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
        }),
      fabricOf: async () => fabric,
    };
    const tenure = new AbortController();
    const surely = { held: true };
    const leading: Leading = { signal: tenure.signal, isLeading: () => surely.held };
    return { done, tenure, surely, fenced: fencedActs(acts, leading) };
  };
  const { signal } = new AbortController();
  const request = { namespace: 'n', pod: 'p', container: 'c', command: ['true'] };

  it('is refused once the lease is lost; reading goes on', async () => {
    const { done, tenure, fenced } = makeActs();
    const fabric = await fenced.fabricOf(fcSwitch(), signal);
    await fabric.ensureZone({ name: 'z', members: [] }, signal);
    tenure.abort(new Error('lease lost'));
    await expect(fabric.ensureZone({ name: 'late', members: [] }, signal)).rejects.toThrow('lease lost');
    await expect(fabric.removeZone('z', signal)).rejects.toThrow('lease lost');
    await expect(fenced.execInPod(request, signal)).rejects.toThrow('lease lost');
    expect(await fabric.read(signal)).toMatchObject({ zones: [] });
    expect(done).toEqual(['ensure z']);
  });

  it('is refused when the lease has run out before anybody was told', async () => {
    const { done, tenure, surely, fenced } = makeActs();
    const fabric = await fenced.fabricOf(fcSwitch(), signal);
    surely.held = false;
    tenure.abort(new Error('not renewed'));
    await expect(fabric.removeZone('z', signal)).rejects.toThrow('not renewed');
    expect(done).toEqual([]);
  });

  it('is cut off in the middle when the lease is lost', async () => {
    const { done, tenure, fenced } = makeActs();
    const running = fenced.execInPod(request, signal);
    await settle();
    tenure.abort(new Error('lease lost'));
    await expect(running).rejects.toThrow('lease lost');
    expect(done).toEqual(['exec']);
  });
});
