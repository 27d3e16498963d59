import type { KubeObject } from '../kube/api.ts';
import type { Clock } from '../kube/clock.ts';
import { compareResourceVersions } from '../kube/resource-version.ts';

/** The newest version of one object that this process has seen, from answers and from a watch, in whatever order. */
export class LatestObject<T extends KubeObject> {
  readonly #clock: Clock;
  readonly #wake = new Set<() => void>();
  #object: T;

  constructor(object: T, clock: Clock) {
    this.#object = object;
    this.#clock = clock;
  }

  get object(): T {
    return this.#object;
  }

  observe(object: T): void {
    const order = compareResourceVersions(object.metadata?.resourceVersion, this.#object.metadata?.resourceVersion);
    if (order !== undefined && order < 0) return;
    this.#object = object;
    this.wake();
  }

  /** Ends all waiting as a change would. */
  wake(): void {
    for (const wake of this.#wake) wake();
  }

  /** Resolves at the next version, or after `timeoutMs`; rejects with the signal's reason. */
  async change(timeoutMs: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const { promise, resolve } = Promise.withResolvers<void>();
    const wake = (): void => resolve();
    const cancel = this.#clock.setTimer(wake, timeoutMs);
    this.#wake.add(wake);
    signal.addEventListener('abort', wake, { once: true });
    await promise;
    signal.removeEventListener('abort', wake);
    this.#wake.delete(wake);
    cancel();
    signal.throwIfAborted();
  }
}
