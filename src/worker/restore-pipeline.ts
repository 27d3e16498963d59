import { setTimeout as delay } from 'node:timers/promises';
import type { RestoreTotals } from '../archive/restore-report.ts';
import type { Selection } from '../archive/selection.ts';
import { WorkerFailure, WorkerStopped } from './failure.ts';
import type { DriveAddress } from './open-drive.ts';
import type { SharedProgress } from './progress.ts';
import { createRingMemory, stopRing } from './ring.ts';
import type { FromRestorer, FromTapeReader, ToRestorer, ToTapeReader, WantedGroup } from './restore-protocol.ts';
import { ThreadPort } from './thread-port.ts';

const ringSlots = 32;
const stopPatienceMs = 1_000;

export type SegmentOutcome =
  | { readonly kind: 'restored'; readonly totals: readonly RestoreTotals[] }
  /** This copy can't be used. Nothing stays of what was made of it. */
  | { readonly kind: 'bad'; readonly reason: string; readonly message: string };

export type RestoreIdentity = Pick<Extract<ToRestorer, { kind: 'open' }>, 'workFolder' | 'restoreUid' | 'conflict'>;

/** A thread at the drive, one at the target, and 8 MiB of shared memory between them. */
export class RestorePipeline {
  readonly broken: Promise<never>;
  readonly #reader: ThreadPort<ToTapeReader, FromTapeReader>;
  readonly #restorer: ThreadPort<ToRestorer, FromRestorer>;
  readonly #ring = createRingMemory(ringSlots);
  readonly #progress: SharedProgress;

  constructor(progress: SharedProgress) {
    this.#progress = progress;
    this.#reader = new ThreadPort(new URL('./tape-reader-thread.ts', import.meta.url), 'tape');
    this.#restorer = new ThreadPort(new URL('./restorer-thread.ts', import.meta.url), 'target');
    this.broken = Promise.race([this.#reader.broken, this.#restorer.broken]);
    this.broken.catch(ignore);
  }

  /** Locks the drive and checks the label. @throws WorkerFailure */
  async openTape(address: DriveAddress, meant: { readonly barcode: string; readonly labelId: string }): Promise<void> {
    await this.#reader.ask({ kind: 'open', address, meant, ...this.#shared() });
  }

  async openTarget(target: string, restore: RestoreIdentity): Promise<void> {
    await this.#restorer.ask({ kind: 'open', target, ...restore, ...this.#shared() });
  }

  /**
   * Restores what was chosen of one segment; where the data of hard links lie under names that were not chosen, reads
   * it a second time.
   *
   * @throws WorkerFailure when nothing can go on: drive or target
   */
  async restore(wanted: WantedGroup, compression: 'N' | 'Z', selection: Selection): Promise<SegmentOutcome> {
    const outcome = await this.#passes(wanted, compression, selection);
    const judged = await this.#restorer.ask({ kind: outcome.kind === 'bad' ? 'takeBack' : 'accept' });
    if (judged.kind !== 'judged') throw unexpected(judged.kind);
    return outcome;
  }

  async #passes(wanted: WantedGroup, compression: 'N' | 'Z', selection: Selection): Promise<SegmentOutcome> {
    const first = await this.#pass(wanted, { kind: 'segment', compression, selection });
    if (first.kind === 'bad' || first.totals.unresolvedLinks.length === 0) return outcomeOf(first);
    const links = { kind: 'links', links: first.totals.unresolvedLinks } as const;
    const again = await this.#pass(wanted, { kind: 'segment', compression, selection: links });
    return again.kind === 'bad' ? again : { kind: 'restored', totals: [first.totals, again.totals] };
  }

  /** Instead of a target: payloads are looked through, and nothing is made of them. */
  async openCheck(workFolder: string): Promise<void> {
    await this.#restorer.ask({ kind: 'openCheck', workFolder, ...this.#shared() });
  }

  /** Reads one copy and checks its digest and its structure. @throws WorkerFailure */
  async check(wanted: WantedGroup, compression: 'N' | 'Z'): Promise<SegmentOutcome> {
    return outcomeOf(await this.#pass(wanted, { kind: 'check', compression, segment: wanted.segment }));
  }

  /** Ends the restore in the target. */
  async finish(): Promise<RestoreTotals> {
    const answer = await this.#restorer.ask({ kind: 'finish' });
    if (answer.kind !== 'finished') throw unexpected(answer.kind);
    return answer.totals;
  }

  async close(): Promise<void> {
    await this.#reader.ask({ kind: 'close' });
    await Promise.all([this.#reader.terminate(), this.#restorer.terminate()]);
  }

  /** When it resolves, nothing more is written into the target; a target that hangs may keep it for ever. */
  async stop(): Promise<void> {
    stopRing(this.#ring);
    const closed = this.#reader.ask({ kind: 'close' }).catch(ignore);
    await Promise.race([closed, delay(stopPatienceMs, undefined, { ref: false })]);
    await this.#restorer.terminate();
  }

  async #pass(wanted: WantedGroup, order: Extract<ToRestorer, { kind: 'segment' | 'check' }>) {
    const reading = this.#reader.ask({ kind: 'read', wanted });
    const restoring = this.#restorer.ask(order);
    const [read, restored] = await Promise.race([Promise.all([reading, restoring]), this.broken]);
    if (read.kind === 'closed' || restored.kind === 'stopped')
      throw new WorkerStopped('Terminated', 'the threads were stopped');
    if (read.kind !== 'read') throw unexpected(read.kind);
    // What the tape says comes first: a payload that broke off is refused, too.
    const refused = read.verdict.kind === 'bad' && read.verdict.reason === 'Refused';
    if (read.verdict.kind === 'bad' && !(refused && restored.kind === 'refused')) return read.verdict;
    if (restored.kind === 'refused')
      return { kind: 'bad', reason: restored.reason, message: restored.message } as const;
    if (restored.kind !== 'restored') throw unexpected(restored.kind);
    return { kind: 'restored', totals: restored.totals } as const;
  }

  #shared() {
    return { ring: this.#ring, progress: this.#progress.memory };
  }
}

const outcomeOf = (
  pass: { readonly kind: 'restored'; readonly totals: RestoreTotals } | Extract<SegmentOutcome, { kind: 'bad' }>,
): SegmentOutcome => (pass.kind === 'bad' ? pass : { kind: 'restored', totals: [pass.totals] });

const unexpected = (kind: string): WorkerFailure => {
  const message = `A thread answered ${kind} where that makes no sense.`;
  return new WorkerFailure({ reason: 'InternalError', fault: 'worker', message });
};

const ignore = (): void => undefined;
