import { describe, expect, it } from 'vitest';
import type { Retention } from '../../../../src/api/generated/index.ts';
import { effectiveRetention, expiryOf, expiryOnTape, isLocked } from '../../../../src/decide/job/retention.ts';
import { job, pool } from '../../../support/hardware-objects.ts';

const nowMs = Date.parse('2026-11-23T12:00:00Z');

const of = (own: Retention, pools?: Retention) => {
  const asked = { ...job(), spec: { ...job().spec, retention: own } };
  return effectiveRetention(asked, pools === undefined ? pool('default') : pool('default', { retention: pools }));
};

describe('the retention of a backup', () => {
  it.each<readonly [string, Retention, Retention | undefined, string | undefined]>([
    ['is for ever where nobody says more', {}, undefined, undefined],
    ['is what its job says', { keepFor: '30d' }, undefined, '2026-12-23T12:00:00.000Z'],
    ['is at least what the pool asks for', { keepFor: '30d' }, { keepFor: '365d' }, '2027-11-23T12:00:00.000Z'],
    ['may be longer than that', { keepFor: '365d' }, { keepFor: '30d' }, '2027-11-23T12:00:00.000Z'],
    ['is for ever where the pool says so', { keepFor: '30d' }, {}, undefined],
    [
      'does not end before the lock',
      { keepFor: '30d', lockUntil: '2031-01-01T00:00:00Z' },
      undefined,
      '2031-01-01T00:00:00.000Z',
    ],
    [
      'does not end before the lock of the pool',
      { keepFor: '30d', lockUntil: '2027-01-01T00:00:00Z' },
      { keepFor: '1d', lockUntil: '2031-01-01T00:00:00Z' },
      '2031-01-01T00:00:00.000Z',
    ],
  ])('%s', (_what, own, pools, expires) => {
    expect(expiryOf(of(own, pools), nowMs)).toBe(expires);
  });

  it('ends no earlier on the tapes than after the job, whose end no label knows', () => {
    const day = 86_400_000;
    const kept = of({ keepFor: '30d' });
    const until = (deadlineMs?: number) => Date.parse(expiryOnTape(kept, nowMs, deadlineMs) ?? '');
    for (const endMs of [nowMs, nowMs + 7 * day]) expect(until()).toBeGreaterThanOrEqual(endMs + 30 * day);
    expect(until(9 * day)).toBe(nowMs + 39 * day);
    expect(expiryOnTape(of({}), nowMs, undefined)).toBeUndefined();
  });

  it('is locked until the later of both times, and not from then on', () => {
    expect(isLocked(of({}), nowMs)).toBe(false);
    expect(isLocked(of({ lockUntil: '2026-11-23T12:00:01Z' }), nowMs)).toBe(true);
    expect(isLocked(of({ lockUntil: '2026-11-23T12:00:00Z' }), nowMs)).toBe(false);
    expect(isLocked(of({ lockUntil: '2020-01-01T00:00:00Z' }, { lockUntil: '2031-01-01T00:00:00Z' }), nowMs)).toBe(
      true,
    );
  });

  it('goes without a pool that does not exist', () => {
    expect(effectiveRetention(job(), undefined)).toEqual({ keepMs: Infinity, lockedUntilMs: -Infinity });
  });
});
