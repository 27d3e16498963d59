/**
 * For how long nothing has changed, by the operator's own clock: a worker's time stamp proves nothing. Only the time for
 * which somebody looked counts: a restart begins anew, and a long gap between two looks adds no more than a short one.
 * While the API is away nobody can be heard, so nobody is silent.
 */
import type { Silence } from '../decide/job/stream-fault.ts';

export interface SilenceMeter {
  /**
   * @param key      one stream of one job under one epoch
   * @param head     changes with every sign of life
   * @param progress changes with every byte or segment
   */
  look(key: string, head: string, progress: string, nowMs: number): Silence;
  forget(prefix: string): void;
}

/**
 * What one gap between two looks adds at most. It must add something: looks are far apart just when reconciles fail, and
 * silence that began anew each time would never be found.
 */
const longestGapMs = 15_000;

interface Seen extends Silence {
  readonly head: string;
  readonly progress: string;
  readonly lookedAtMs: number;
}

/** @param heardSinceMs since when news of heads come without a break, by the same clock; now while none come */
export const makeSilenceMeter = (heardSinceMs: () => number): SilenceMeter => {
  const seen = new Map<string, Seen>();
  return {
    look(key, head, progress, nowMs) {
      const before = seen.get(key);
      const sinceMs = Math.max(before?.lookedAtMs ?? nowMs, heardSinceMs());
      const gapMs = Math.min(Math.max(0, nowMs - sinceMs), longestGapMs);
      const headMs = before?.head === head ? before.headMs + gapMs : 0;
      const progressMs = before?.progress === progress ? before.progressMs + gapMs : 0;
      seen.set(key, { head, headMs, progress, progressMs, lookedAtMs: nowMs });
      return { headMs, progressMs };
    },
    forget(prefix) {
      for (const key of seen.keys()) if (key.startsWith(prefix)) seen.delete(key);
    },
  };
};
