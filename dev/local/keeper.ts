import { setTimeout as sleep } from 'node:timers/promises';
import { type Daemon, type DaemonCommand, startDaemon } from '../processes/daemon.ts';

// What dies must be back within two seconds, however often it dies.
const firstDelayMs = 100;
const longestDelayMs = 1500;
// Whoever lived that long did not die of its start.
const steadyMs = 10_000;

export interface KeeperOptions {
  readonly command: DaemonCommand;
  readonly log: (line: string) => void;
  /** Called when the process has started and when it is gone. */
  readonly onChange: () => void;
}

/** Keeps one process running: starts it again whenever it ends, until told to stop. */
export class Keeper {
  readonly command: DaemonCommand;
  readonly #options: KeeperOptions;
  readonly #stop = new AbortController();
  #daemon: Daemon | undefined;
  #loop: Promise<void> | undefined;

  constructor(options: KeeperOptions) {
    this.#options = options;
    this.command = options.command;
  }

  /** The running process; undefined between two. */
  running(): Daemon | undefined {
    return this.#daemon?.hasExited() === false ? this.#daemon : undefined;
  }

  /** Returns at once; the process may have to be tried several times. */
  start(): void {
    this.#loop ??= this.#keep();
  }

  /** No restart from now on; returns when the process is gone. */
  async stop(boundMs: number): Promise<void> {
    this.#stop.abort();
    await this.#daemon?.stop('SIGTERM', boundMs);
    await this.#loop;
  }

  async #keep(): Promise<void> {
    const { command, log, onChange } = this.#options;
    let delayMs = firstDelayMs;
    let ending = '';
    while (!this.#stop.signal.aborted) {
      const startedMs = performance.now();
      try {
        const daemon = await startDaemon(command, false);
        this.#daemon = daemon;
        onChange();
        // Told to stop between the start and here: stop() has not seen this process.
        if (this.#stop.signal.aborted) await daemon.stop('SIGKILL', 0);
        ending = `has ended (${await daemon.exited})`;
        onChange();
      } catch (error) {
        ending = `can't be started (${error instanceof Error ? error.message : String(error)})`;
      }
      if (this.#stop.signal.aborted) return;
      delayMs = performance.now() - startedMs > steadyMs ? firstDelayMs : Math.min(delayMs * 2, longestDelayMs);
      log(`${command.name} ${ending}; starting it again in ${delayMs} ms`);
      await sleep(delayMs, undefined, { signal: this.#stop.signal }).catch(() => undefined);
    }
  }
}
