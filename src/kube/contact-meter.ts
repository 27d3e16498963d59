import type { Clock } from './clock.ts';
import type { Contact } from './list-watch.ts';

export interface ContactMeter extends Contact {
  /** For how long nothing but failures was met; 0 when the way to the server is well, as far as is known. */
  brokenMs(): number;
  /** Since when, by the clock, the way has been well without a break; now while it is broken, 0 when it never was. */
  wellSinceMs(): number;
}

/**
 * A watch that was begun again says nothing until something changes or the server sends its bookmark, every minute or
 * so. So an attempt that has not failed for as long is taken for well; one that hangs fails by its time-out.
 */
const quietMs = 60_000;

export const makeContactMeter = (clock: Pick<Clock, 'now'>): ContactMeter => {
  let firstFailureAt: number | undefined;
  let lastFailureAt = 0;
  let wellSince = 0;
  const brokenMs = (): number => {
    if (firstFailureAt === undefined || clock.now() - lastFailureAt > quietMs) return 0;
    return clock.now() - firstFailureAt;
  };
  const wellSinceMs = (): number => {
    if (firstFailureAt === undefined) return wellSince;
    return Math.min(clock.now(), brokenMs() > 0 ? Infinity : lastFailureAt + quietMs);
  };
  return {
    heard: () => {
      wellSince = wellSinceMs();
      firstFailureAt = undefined;
    },
    failed: () => {
      lastFailureAt = clock.now();
      firstFailureAt ??= lastFailureAt;
    },
    brokenMs,
    wellSinceMs,
  };
};
