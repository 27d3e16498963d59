import type { Clock } from './clock.ts';

export interface Leading {
  readonly signal: AbortSignal;
  /** Looks at the time, too, and aborts the signal when it is up. */
  isLeading(): boolean;
}

export class LeadershipLost extends Error {
  readonly code = 'LeadershipLost';
  constructor(message: string) {
    super(message);
    this.name = 'LeadershipLost';
  }
}

export interface Tenure extends Leading {
  renewed(sentAt: number): void;
  lose(why: string): void;
  lost(): boolean;
  /** Aborts the signal without the lease being lost. */
  stop(reason: Error): void;
  end(): void;
}

/**
 * The time for which a lease is surely held. Counted twice: a timer is not misled by a wall clock that is set back, and
 * the clock is looked at by whoever is about to write before a late timer has fired.
 */
export const makeTenure = (clock: Clock, renewDeadlineMs: number, acquiredAt: number): Tenure => {
  const controller = new AbortController();
  let lost = false;
  let until = acquiredAt + renewDeadlineMs;
  let cancel = (): void => undefined;

  const lose = (why: string): void => {
    if (lost) return;
    lost = true;
    cancel();
    controller.abort(new LeadershipLost(`lease lost: ${why}`));
  };
  const late = (): void => lose(`not renewed for ${renewDeadlineMs} ms`);
  const arm = (): void => {
    cancel();
    cancel = clock.setTimer(late, Math.min(until - clock.now(), renewDeadlineMs));
  };
  arm();

  return {
    signal: controller.signal,
    isLeading: () => {
      if (!lost && clock.now() >= until) late();
      return !controller.signal.aborted;
    },
    renewed: (sentAt) => {
      if (lost) return;
      until = sentAt + renewDeadlineMs;
      arm();
    },
    lose,
    lost: () => lost,
    stop: (reason) => controller.abort(reason),
    end: () => cancel(),
  };
};
