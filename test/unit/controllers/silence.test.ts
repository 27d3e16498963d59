import { describe, expect, it } from 'vitest';
import { makeSilenceMeter } from '../../../src/controllers/silence.ts';

/** Looks at these times, in seconds, at something that never changes. */
const lookedAt = (...seconds: readonly number[]): number => {
  const meter = makeSilenceMeter();
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

  it('begins with the first look: a restart proves nothing', () => {
    expect(lookedAt(1_000)).toBe(0);
  });

  it('ends with any change, of each thing on its own', () => {
    const meter = makeSilenceMeter();
    meter.look('k', 'a', 'x', 0);
    expect(meter.look('k', 'b', 'x', 10_000)).toEqual({ headMs: 0, progressMs: 10_000 });
    expect(meter.look('k', 'b', 'y', 12_000)).toEqual({ headMs: 2_000, progressMs: 0 });
  });

  it('is that of one key, until it is forgotten', () => {
    const meter = makeSilenceMeter();
    meter.look('job/0/1', 'a', 'x', 0);
    expect(meter.look('job/1/2', 'a', 'x', 5_000).headMs).toBe(0);
    meter.forget('job/');
    expect(meter.look('job/0/1', 'a', 'x', 5_000).headMs).toBe(0);
  });
});
