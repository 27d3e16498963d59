import fc from 'fast-check';
import { expect, test } from 'vitest';
import { FingerprintSet } from '../../../src/archive/fingerprint-set.ts';

const half = fc.integer({ min: 0, max: 0xffffffff });
// Few low halves: places are fought for.
const pair = fc.tuple(fc.oneof(half, fc.integer({ min: 0, max: 3 })), half);

test('what was added is found, and nothing else', () => {
  fc.assert(
    fc.property(fc.array(pair, { maxLength: 3000 }), fc.array(pair, { maxLength: 100 }), (added, others) => {
      const set = new FingerprintSet();
      const known = new Set<string>();
      for (const [low, high] of added) {
        set.add(low, high);
        if (low !== 0 || high !== 0) known.add(`${low} ${high}`);
      }
      for (const [low, high] of [...added, ...others]) expect(set.has(low, high)).toBe(known.has(`${low} ${high}`));
    }),
    { numRuns: 30 },
  );
});

test('a hundred thousand are kept apart', () => {
  const set = new FingerprintSet();
  const low = (at: number): number => Math.imul(at, 0x9e3779b1) >>> 0;
  for (let at = 1; at <= 100_000; at += 1) set.add(low(at), at);
  for (let at = 1; at <= 100_000; at += 1) if (!set.has(low(at), at)) throw new Error(`${at} is missing`);
  for (let at = 1; at <= 100_000; at += 1) if (set.has(low(at), at + 1)) throw new Error(`${at} is too much`);
});
