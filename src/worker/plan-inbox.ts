import type { Clock } from '../kube/clock.ts';
import type { CutSegment, FromPlanWalker } from './plan-walker-protocol.ts';
import { failureOf } from './thread-failure.ts';

export type Begun = Extract<FromPlanWalker, { kind: 'begun' }>;

/** What the thread that walks the source tells. */
export interface PlanInbox {
  readonly begun: Promise<Begun>;
  /** Waits for the end of the source, at most so long; true when it was met. Rejects when the walker fails. */
  next(timeoutMs: number): Promise<boolean>;
  take(): readonly CutSegment[];
  /** Names that the walk has met: what moves as long as the source answers. */
  met(): number;
}

/** The thread, as far as it is listened to. */
export interface PlanWalker {
  on(event: 'message', listener: (message: FromPlanWalker) => void): unknown;
  on(event: 'error', listener: (error: unknown) => void): unknown;
}

type End = { readonly kind: 'complete' } | { readonly kind: 'broken'; readonly error: Error };

export const openPlanInbox = (walker: PlanWalker, clock: Clock, stop: AbortSignal): PlanInbox => {
  const segments: CutSegment[] = [];
  let met = 0;
  const begun = Promise.withResolvers<Begun>();
  let ended: End | undefined;
  // One waiter at a time, and no race with promises that live as long as the walk: each would keep a reaction per turn.
  let wake: () => void = ignore;
  const end = (how: End): void => {
    ended ??= how;
    if (how.kind === 'broken') begun.reject(how.error);
    wake();
  };
  const fail = (error: unknown): void => end({ kind: 'broken', error: asError(error) });
  begun.promise.catch(ignore);
  stop.addEventListener('abort', () => fail(stop.reason), { once: true });
  walker.on('error', fail);
  walker.on('message', (message) => {
    switch (message.kind) {
      case 'begun':
        return begun.resolve(message);
      case 'met':
        met = message.entries;
        return undefined;
      case 'cut':
        segments.push(...message.segments);
        return undefined;
      case 'complete':
        return end({ kind: 'complete' });
      case 'failed':
        return fail(failureOf(message.failure));
    }
  });
  return {
    begun: begun.promise,
    next: async (timeoutMs) => {
      if (ended === undefined) await waitFor(timeoutMs, clock, (woken) => (wake = woken));
      if (ended?.kind === 'broken') throw ended.error;
      return ended?.kind === 'complete';
    },
    take: () => segments.splice(0),
    met: () => met,
  };
};

const waitFor = async (ms: number, clock: Clock, whoWakes: (wake: () => void) => void): Promise<void> => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const cancel = clock.setTimer(resolve, ms);
  whoWakes(resolve);
  await promise.finally(cancel);
};

const asError = (error: unknown): Error => (error instanceof Error ? error : new Error(String(error)));

const ignore = (): void => undefined;
