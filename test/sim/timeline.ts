import type { Clock } from '../../src/kube/clock.ts';

interface Timer {
  readonly at: number;
  readonly order: number;
  fn: (() => void) | undefined;
}

const startMs = Date.UTC(2030, 0, 1);

/** Simulated time: it moves only when it is told to. Timers fire one by one, those of one moment in their order. */
export class Timeline {
  #nowMs = startMs;
  #order = 0;
  /** A binary heap by time and order. */
  readonly #heap: Timer[] = [];

  get nowMs(): number {
    return this.#nowMs;
  }

  /** Since the beginning. */
  get elapsedMs(): number {
    return this.#nowMs - startMs;
  }

  iso(): string {
    return new Date(this.#nowMs).toISOString();
  }

  after(ms: number, fn: () => void): () => void {
    const timer: Timer = { at: this.#nowMs + Math.max(0, ms), order: (this.#order += 1), fn };
    this.#push(timer);
    return () => void (timer.fn = undefined);
  }

  /** When the next timer is due; undefined when there is none. */
  nextAt(): number | undefined {
    this.#dropCancelled();
    return this.#heap[0]?.at;
  }

  /** Fires one timer that is due. @returns false when none is */
  fireDue(): boolean {
    this.#dropCancelled();
    const [first] = this.#heap;
    if (first === undefined || first.at > this.#nowMs) return false;
    this.#pop();
    first.fn?.();
    return true;
  }

  advanceTo(ms: number): void {
    this.#nowMs = Math.max(this.#nowMs, ms);
  }

  /** Time as one process sees it: it ends with the process. */
  clockOf(isAlive: () => boolean): Clock {
    return {
      now: () => this.#nowMs,
      setTimer: (fn, ms) =>
        this.after(ms, () => {
          if (isAlive()) fn();
        }),
    };
  }

  #dropCancelled(): void {
    while (this.#heap.length > 0 && this.#heap[0]?.fn === undefined) this.#pop();
  }

  #push(timer: Timer): void {
    const heap = this.#heap;
    let at = heap.push(timer) - 1;
    while (at > 0) {
      const up = (at - 1) >> 1;
      if (!this.#swapIfBefore(at, up)) break;
      at = up;
    }
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    heap[0] = last;
    for (let at = 0; ;) {
      let next = 2 * at + 1;
      if (next >= heap.length) return;
      if (this.#isBefore(next + 1, next)) next += 1;
      if (!this.#swapIfBefore(next, at)) return;
      at = next;
    }
  }

  #isBefore(a: number, b: number): boolean {
    const [one, other] = [this.#heap[a], this.#heap[b]];
    if (one === undefined || other === undefined) return false;
    return one.at < other.at || (one.at === other.at && one.order < other.order);
  }

  #swapIfBefore(a: number, b: number): boolean {
    const [one, other] = [this.#heap[a], this.#heap[b]];
    if (one === undefined || other === undefined || !this.#isBefore(a, b)) return false;
    this.#heap[a] = other;
    this.#heap[b] = one;
    return true;
  }
}
