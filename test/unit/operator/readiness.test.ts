import { describe, expect, it } from 'vitest';
import { makeCaches } from '../../../src/controllers/caches.ts';
import { silentLog } from '../../../src/kube/log.ts';
import { noMetrics } from '../../../src/kube/metrics.ts';
import { waitingFor } from '../../../src/operator/readiness.ts';
import { makeManualClock, settle } from '../../manual-clock.ts';
import { apiError, makeMemoryApi } from '../kube/memory-api.ts';

describe('readiness', () => {
  it('comes with the caches, goes when watches stay broken, and comes back with them', async () => {
    const api = makeMemoryApi();
    const clock = makeManualClock();
    const watched = makeCaches({ api, clock, random: () => 0.5, log: silentLog, metrics: noMetrics }, 'ns');
    expect(waitingFor(watched)).toEqual(['the caches to be filled']);
    const stop = new AbortController();
    const running = watched.run(stop.signal);
    await settle();
    expect(waitingFor(watched)).toEqual([]);

    for (let i = 0; i < 120; i += 1) api.fail('watch', { error: apiError('Unreachable') });
    api.endWatches(apiError('Unreachable'));
    await clock.advance(50_000);
    expect(waitingFor(watched)).toEqual([]);
    await clock.advance(20_000);
    const [said] = waitingFor(watched);
    expect(said).toContain('the API server, not heard for 60 s: backupjobs, restores');

    // The faults are used up in the end: watches hold again, though nothing changes.
    await clock.advance(300_000);
    expect(waitingFor(watched)).toEqual([]);
    stop.abort();
    await running;
  });
});
