import type { Clock } from './clock.ts';

export interface TokenBucket {
  /** Takes one token, on credit if need be, and says how long to wait until it is covered; 0 when it is now. */
  reserveMs(): number;
  /** Takes one token if there is one. */
  tryTake(): boolean;
}

export interface BucketSize {
  readonly perSecond: number;
  readonly burst: number;
}

/** Full at the start; refilled by the clock. A clock that steps back refills nothing. */
export const makeTokenBucket = ({ perSecond, burst }: BucketSize, clock: Clock): TokenBucket => {
  let tokens = burst;
  let filledAt = clock.now();

  const refill = (): void => {
    const now = clock.now();
    tokens = Math.min(burst, tokens + (Math.max(now - filledAt, 0) / 1000) * perSecond);
    filledAt = now;
  };

  return {
    reserveMs: () => {
      refill();
      tokens -= 1;
      return tokens >= 0 ? 0 : Math.ceil((-tokens / perSecond) * 1000);
    },
    tryTake: () => {
      refill();
      if (tokens < 1) return false;
      tokens -= 1;
      return true;
    },
  };
};
