import { describe, expect, it } from 'vitest';
import { makeSilenceMeter } from '../../../src/controllers/silence.ts';

/** Looks at these times, in seconds, at something that never changes. */
const lookedAt = (...seconds: readonly number[]): number => {
  const meter = makeSilenceMeter(() => 0);
  return seconds.map((at) => meter.look('job/0/1', 'head', 'bytes', at * 1000).headMs / 1000).at(-1) ?? 0;
};

describe('silence', () => {
  it('is the time for which nothing changed', () => {
    expect(lookedAt(0, 2, 4, 6)).toBe(6);
  });

  it('is found by looks that are far apart too, as when reconciles fail', () => {
    expect(lookedAt(0, 60, 120, 180, 240, 300)).toBeGreaterThan(60);
  });

  it('grows by little while nobody looks', () => {
    expect(lookedAt(0, 2, 3_602)).toBe(17);
  });

  it('counts no time for which the API could not be heard', () => {
    let heardSinceMs = 0;
    const meter = makeSilenceMeter(() => heardSinceMs);
    const look = (seconds: number): number => meter.look('job/0/1', 'head', 'bytes', seconds * 1000).headMs / 1000;
    look(0);
    expect(look(4)).toBe(4);
    for (const seconds of [6, 8, 40]) {
      heardSinceMs = seconds * 1000;
      expect(look(seconds)).toBe(4);
    }
    // Heard again at 50, looked at 3 s later.
    heardSinceMs = 50_000;
    expect(look(53)).toBe(7);
    expect(look(55)).toBe(9);
  });

  it('begins with the first look: a restart proves nothing', () => {
    expect(lookedAt(1_000)).toBe(0);
  });

  it('ends with any change, of each thing on its own', () => {
    const meter = makeSilenceMeter(() => 0);
    meter.look('k', 'a', 'x', 0);
    expect(meter.look('k', 'b', 'x', 10_000)).toEqual({ headMs: 0, progressMs: 10_000 });
    expect(meter.look('k', 'b', 'y', 12_000)).toEqual({ headMs: 2_000, progressMs: 0 });
  });

  it('is that of one key, until it is forgotten', () => {
    const meter = makeSilenceMeter(() => 0);
    meter.look('job/0/1', 'a', 'x', 0);
    expect(meter.look('job/1/2', 'a', 'x', 5_000).headMs).toBe(0);
    meter.forget('job/');
    expect(meter.look('job/0/1', 'a', 'x', 5_000).headMs).toBe(0);
  });
});
