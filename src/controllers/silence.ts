/**
 * For how long nothing has changed, by the operator's own clock since it saw the last change: a worker's time stamp
 * proves nothing. While nobody looks (a restart, an API outage) silence does not grow.
 */
import type { Silence } from '../decide/stream-fault.ts';

export interface SilenceMeter {
  /**
   * @param key      one stream of one job under one epoch
   * @param head     changes with every sign of life
   * @param progress changes with every byte or segment
   */
  look(key: string, head: string, progress: string, nowMs: number): Silence;
  forget(prefix: string): void;
}

/** A longer gap between two looks means that the observer was away. */
const awayMs = 15_000;

interface Seen {
  head: string;
  headAtMs: number;
  progress: string;
  progressAtMs: number;
  lookedAtMs: number;
}

export const makeSilenceMeter = (): SilenceMeter => {
  const seen = new Map<string, Seen>();
  return {
    look(key, head, progress, nowMs) {
      const before = seen.get(key);
      const fresh = before === undefined || nowMs - before.lookedAtMs > awayMs;
      const headAtMs = fresh || before.head !== head ? nowMs : before.headAtMs;
      const progressAtMs = fresh || before.progress !== progress ? nowMs : before.progressAtMs;
      seen.set(key, { head, headAtMs, progress, progressAtMs, lookedAtMs: nowMs });
      return { headMs: nowMs - headAtMs, progressMs: nowMs - progressAtMs };
    },
    forget(prefix) {
      for (const key of seen.keys()) if (key.startsWith(prefix)) seen.delete(key);
    },
  };
};
