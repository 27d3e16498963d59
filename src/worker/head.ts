import type { BackupSaveRecord, BackupSaveRecordStatus } from '../api/generated/index.ts';
import { backupSaveRecords } from '../api/resources.ts';
import { ApiError, isApiError, type Api, type Ref } from '../kube/api.ts';
import { jittered } from '../kube/backoff.ts';
import { sleep, type Clock } from '../kube/clock.ts';
import { WorkerFailure, WorkerStopped } from './failure.ts';
import { followObject } from './follow-object.ts';
import { LatestObject } from './latest-object.ts';

/** A merge patch of the status: null takes a field away. */
export type StatusPatch = { readonly [K in keyof BackupSaveRecordStatus]?: BackupSaveRecordStatus[K] | null };

/** Who may write the head: anybody else stops. */
export interface HeadOwner {
  readonly pod: string;
  /** Absent where the head is not bound to a grant: plans. */
  readonly epoch?: number;
}

export interface HeadDeps {
  readonly api: Api;
  readonly clock: Clock;
  readonly ref: Ref;
  readonly owner: HeadOwner;
}

/** What an action reads before it touches anything costs nothing but time: a restart of the API shall end none. */
export const openPatienceMs = 60_000;
const retryMs = 200;
const longestRetryMs = 2_000;

/** One head as this worker last saw it. Every write is a compare-and-swap on that, one after the other. */
export class Head {
  readonly #deps: HeadDeps;
  readonly #latest: LatestObject<BackupSaveRecord>;
  #queue: Promise<unknown> = Promise.resolve();

  private constructor(deps: HeadDeps, object: BackupSaveRecord) {
    this.#deps = deps;
    this.#latest = new LatestObject(object, deps.clock);
  }

  /** Reads the head, uncached. */
  static async open(deps: HeadDeps, signal: AbortSignal): Promise<Head> {
    const head = new Head(deps, await deps.api.get(backupSaveRecords, deps.ref, signal));
    head.check();
    return head;
  }

  get record(): BackupSaveRecord {
    return this.#latest.object;
  }

  get status(): BackupSaveRecordStatus {
    return this.#latest.object.status ?? {};
  }

  /** @throws WorkerStopped when the head is sealed or belongs to another grant */
  check(): void {
    const { epoch, pod, sealed } = this.status;
    const { owner, ref } = this.#deps;
    if (owner.epoch !== undefined && epoch !== undefined && epoch !== owner.epoch)
      throw new WorkerStopped('ForeignEpoch', `${ref.name} belongs to epoch ${epoch}, this worker to ${owner.epoch}`);
    if (pod !== undefined && pod !== owner.pod)
      throw new WorkerStopped('ForeignPod', `${ref.name} belongs to pod ${pod}, not to ${owner.pod}`);
    if (sealed === true) throw new WorkerStopped('Sealed', `${ref.name} is sealed`);
  }

  /** Watches until the signal is aborted; `lost` is told once when the head is no longer ours. */
  async follow(lost: (reason: WorkerStopped) => void, signal: AbortSignal): Promise<void> {
    const { api, ref, clock } = this.#deps;
    const seen = (object: BackupSaveRecord): void => {
      this.#latest.observe(object);
      try {
        this.check();
      } catch (error) {
        if (error instanceof WorkerStopped) lost(error);
      }
    };
    await followObject(api, backupSaveRecords, ref, seen, clock, signal);
  }

  /** Resolves at the next change that is seen, or after `timeoutMs`. */
  change(timeoutMs: number, signal: AbortSignal): Promise<void> {
    return this.#latest.change(timeoutMs, signal);
  }

  /** Ends all waiting for a change as a change would. */
  wake(): void {
    this.#latest.wake();
  }

  /**
   * Writes what `change` makes of the status as it is then; nothing when that is undefined. A conflict reads the head
   * again, checks whose it is, and asks `change` anew, which must therefore give the same when asked twice.
   *
   * @param patienceMs  how long an API that does not answer is tried again; then its error is thrown
   */
  write(
    change: (status: BackupSaveRecordStatus) => StatusPatch | undefined,
    patienceMs: number,
    signal: AbortSignal,
  ): Promise<void> {
    const written = this.#queue.then(() => this.#writeNow(change, patienceMs, signal));
    this.#queue = written.catch(ignore);
    return written;
  }

  async #writeNow(
    change: (status: BackupSaveRecordStatus) => StatusPatch | undefined,
    patienceMs: number,
    signal: AbortSignal,
  ): Promise<void> {
    await withPatience(this.#deps.clock, patienceMs, signal, async () => {
      for (;;) {
        this.check();
        const status = change(this.status);
        if (status === undefined) return;
        try {
          this.#latest.observe(await this.#patch(status, signal));
          return;
        } catch (error) {
          if (!isApiError(error, 'Conflict')) throw error;
          this.#latest.observe(await this.#deps.api.get(backupSaveRecords, this.#deps.ref, signal));
        }
      }
    });
  }

  #patch(status: StatusPatch, signal: AbortSignal): Promise<BackupSaveRecord> {
    const { api, ref } = this.#deps;
    const body = { metadata: { resourceVersion: this.#latest.object.metadata.resourceVersion }, status };
    return api.patch(backupSaveRecords, ref, body, { type: 'merge', subresource: 'status' }, signal);
  }
}

/** Tries again, with growing pauses, as long as the API says that it may help and the patience lasts. */
export const withPatience = async <T>(
  clock: Clock,
  patienceMs: number,
  signal: AbortSignal,
  act: () => Promise<T>,
): Promise<T> => {
  const until = clock.now() + patienceMs;
  for (let pauseMs = retryMs; ; pauseMs = Math.min(pauseMs * 2, longestRetryMs)) {
    try {
      return await act();
    } catch (error) {
      if (!(error instanceof ApiError) || !isAway(error) || clock.now() >= until) throw error;
      await sleep(clock, jittered(Math.max(pauseMs, error.retryAfterMs ?? 0), Math.random), signal);
    }
  }
};

/** The API can't be asked now, as opposed to one that has said no. */
export const isAway = (error: unknown): error is ApiError =>
  isApiError(error, 'Unreachable', 'ServerError', 'TooManyRequests') || (error instanceof ApiError && error.retryable);

/** An API error that ends an action, in the words of a termination message. */
export const apiFailure = (what: string, error: unknown): WorkerFailure => {
  const detail = error instanceof Error ? error.message : String(error);
  return new WorkerFailure({ reason: 'ApiError', fault: 'api', message: `${what}: ${detail}`, cause: error });
};

const ignore = (): void => undefined;
