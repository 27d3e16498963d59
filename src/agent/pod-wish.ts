/** What the world wants of one pod, as last seen, and a way to wait for a change of it. */
import type { Pod } from './core-objects.ts';

export interface Stop {
  /** When the processes are killed; only ever moved earlier. */
  readonly killAtMs: number;
  /** Set when it is the pod itself that is told to end, not its deletion. */
  readonly because?: { readonly reason: string; readonly message: string; readonly failed: boolean };
}

export class PodWish {
  pod: Pod;
  /** The object has left the API. */
  gone = false;
  stop: Stop | undefined;
  readonly #idle = Promise.withResolvers<void>();
  readonly #quiet = Promise.withResolvers<void>();
  #changed = Promise.withResolvers<void>();

  constructor(pod: Pod) {
    this.pod = pod;
  }

  /** Resolves at the next change. */
  get changed(): Promise<void> {
    return this.#changed.promise;
  }

  /** Resolves when no process of the pod runs and none will be started. */
  get idle(): Promise<void> {
    return this.#idle.promise;
  }

  /** Resolves when, after that, what there was to report has been accepted. */
  get quiet(): Promise<void> {
    return this.#quiet.promise;
  }

  rest(): void {
    this.#idle.resolve();
  }

  settle(): void {
    this.#idle.resolve();
    this.#quiet.resolve();
  }

  see(pod: Pod): void {
    this.pod = pod;
    this.#tell();
  }

  vanish(): void {
    this.gone = true;
    this.#tell();
  }

  end(stop: Stop): void {
    if (this.stop !== undefined && this.stop.killAtMs <= stop.killAtMs) return;
    this.stop = { ...stop, ...(this.stop?.because === undefined ? {} : { because: this.stop.because }) };
    this.#tell();
  }

  get deleted(): boolean {
    return this.gone || this.pod.metadata?.deletionTimestamp !== undefined;
  }

  #tell(): void {
    const before = this.#changed;
    this.#changed = Promise.withResolvers<void>();
    before.resolve();
  }
}
