import type { Clock } from '../src/kube/clock.ts';

/** Time that stands still until it is told to go on. */
export interface ManualClock extends Clock {
  /** Fires what falls due, in order, and lets what waits on it run in between. */
  advance(ms: number): Promise<void>;
  /** Moves the wall clock alone; no timer comes nearer. */
  step(ms: number): void;
  timers(): number;
}

interface Timer {
  readonly at: number;
  readonly fn: () => void;
}

export const makeManualClock = (start = Date.UTC(2030, 0, 1)): ManualClock => {
  const timers = new Set<Timer>();
  let elapsed = 0;
  let wall = start;

  const nextDue = (until: number): Timer | undefined => {
    let next: Timer | undefined;
    for (const timer of timers) {
      if (timer.at <= until && (next === undefined || timer.at < next.at)) next = timer;
    }
    return next;
  };
  const moveTo = (at: number): void => {
    wall += at - elapsed;
    elapsed = at;
  };

  return {
    now: () => wall,
    setTimer: (fn, ms) => {
      const timer: Timer = { at: elapsed + Math.max(ms, 0), fn };
      timers.add(timer);
      return () => void timers.delete(timer);
    },
    advance: async (ms) => {
      const until = elapsed + ms;
      await settle();
      for (let timer = nextDue(until); timer !== undefined; timer = nextDue(until)) {
        timers.delete(timer);
        moveTo(Math.max(timer.at, elapsed));
        timer.fn();
        await settle();
      }
      moveTo(until);
      await settle();
    },
    step: (ms) => {
      wall += ms;
    },
    timers: () => timers.size,
  };
};

/** Lets everything run that waits for nothing outside. */
export const settle = async (): Promise<void> => {
  for (let turn = 0; turn < 3; turn += 1) await new Promise((resolve) => setImmediate(resolve));
};
