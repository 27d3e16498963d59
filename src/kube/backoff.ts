import type { Random } from './clock.ts';

export interface Backoff {
  readonly baseMs: number;
  readonly maxMs: number;
}

/** Delay before attempt `failures` + 1: `baseMs` after the first failure, doubled by each further one, at most `maxMs`. */
export const exponentialMs = (failures: number, { baseMs, maxMs }: Backoff): number =>
  // 2 ** 60 keeps the product finite for any base.
  failures <= 0 ? 0 : Math.min(baseMs * 2 ** Math.min(failures - 1, 60), maxMs);

/** Between half of `ms` and all of it, so that many clients of one restarted server do not come back together. */
export const jittered = (ms: number, random: Random): number => ms * (0.5 + random() / 2);
