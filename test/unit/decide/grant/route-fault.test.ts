import { describe, expect, it } from 'vitest';
import { foldOutcomes } from '../../../../src/controllers/outcome.ts';
import type { Grant } from '../../../../src/decide/grant/grant.ts';
import { freeFor } from '../../../../src/decide/allocation/hardware.ts';
import { failedSwitches, routeFault } from '../../../../src/decide/grant/route-fault.ts';
import { aNeed, pair } from '../hardware-objects.ts';
import { aGrant, decide, now, nowMs, statesOf, stepsOf, type Scene } from '../job-objects.ts';

const zones = [
  { name: 'tw_1a2b3c4d_s0_e1_0', switch: 'switch-0' },
  { name: 'tw_1a2b3c4d_s0_e1_1', switch: 'switch-1' },
];
const ago = (ms: number): string => new Date(nowMs - ms).toISOString();
const preparing = (more: Partial<Grant> = {}): Grant => aGrant(0, 'Preparing', { zones, stateSince: now, ...more });
const failing = (grant: Grant): Grant => {
  const outcome = { kind: 'zoneFailed', epoch: 1, switchName: 'switch-1', message: 'no answer' } as const;
  return foldOutcomes({ streams: [grant] }, [outcome], now).streams[0] ?? grant;
};
const none = new Set<string>();

describe('F4: a route whose zone cannot be made', () => {
  it('is noted once, with the switch that failed: a status that changed each time would wake itself', () => {
    const failed = failing(preparing());
    expect(failedSwitches(failed)).toEqual(['switch-1']);
    expect(failed).toMatchObject({ reason: 'ZoneFailed', message: 'no answer' });
    expect(failing(failed)).toBe(failed);
  });

  it.each<readonly [string, Grant, ReadonlySet<string>, boolean]>([
    ['is tried again for a while', failing(preparing({ stateSince: ago(59_000) })), none, false],
    ['is lost after that', failing(preparing({ stateSince: ago(61_000) })), none, true],
    ['is lost at once where the switch is known to be down', failing(preparing()), new Set(['switch-1']), true],
    ['is not lost for another switch that is down', failing(preparing()), new Set(['switch-0']), false],
    ['is not lost before it was tried', preparing({ stateSince: ago(1e9) }), new Set(['switch-0']), false],
    ['is not lost once it stands', { ...failing(preparing()), zoned: true }, new Set(['switch-1']), false],
  ])('%s', (_name, grant, down, lost) => {
    expect(routeFault(grant, down, nowMs) !== undefined).toBe(lost);
  });

  it('is forgotten when the switch answers', () => {
    const zoned = foldOutcomes({ streams: [failing(preparing())] }, [{ kind: 'zoned', epoch: 1 }], now).streams[0];
    expect(zoned).not.toHaveProperty('reason');
    expect(failedSwitches(preparing(zoned))).toEqual([]);
  });

  it('costs the stream its route, and the next one avoids the switch', () => {
    const scene: Scene = {
      streams: [failing(preparing({ stateSince: ago(61_000) })), aGrant(1, 'Running')],
      plan: undefined,
    };
    const decision = decide(scene);
    expect(statesOf(decision)).toBe('0 Waiting, 1 Running | 0 Releasing');
    expect(decision.status.avoid).toEqual({ switches: ['switch-1'] });
    expect(decision.status.failoverHistory?.[0]?.reason).toBe('ZoneFailed');
    const switches = ['switch-0', 'switch-1'].map((name) => ({
      metadata: { name },
      spec: { driver: 'simulated' as const, fabric: 'f', disabled: false },
      status: { state: 'Usable' as const },
    }));
    const free = freeFor(aNeed({ avoid: decision.status.avoid ?? {} }), pair({ switches }), 'now');
    expect(free.switches.map(({ name }) => name)).toEqual(['switch-0']);
  });

  it('dates the beginning of the preparation, from which it counts', () => {
    const reserved = aGrant(0, 'Reserved', { zones, stateSince: ago(1e9) });
    expect(decide({ streams: [reserved], plan: undefined }).status.streams?.[0]?.stateSince).toBe(now);
  });

  it('keeps no job from ending when it cannot be taken away either', () => {
    const stuck = (sinceMs: number): Scene => ({
      streams: [failing(aGrant(0, 'Releasing', { zones, unloaded: true, stateSince: ago(sinceMs) }))],
      cancelAsked: true,
    });
    expect(stepsOf(decide(stuck(1_000)))).toBe('free 0');
    expect(stepsOf(decide(stuck(121_000)))).toBe('free 0, finishRecords');
  });
});
