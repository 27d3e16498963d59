/** The thread at the target of a restore: takes payload blocks from the ring and makes files of them. */
import { flushCompileCache } from 'node:module';
import { parentPort } from 'node:worker_threads';
import { ArchiveError } from '../archive/archive-error.ts';
import type { BlockSource } from '../archive/blocks.ts';
import { checkSegment } from '../archive/check-segment.ts';
import { acceptSegment, finishRestore, restoreSegment, takeBackSegment } from '../archive/restore.ts';
import { RestoreReport, type RestoreTotals } from '../archive/restore-report.ts';
import { SharedProgress } from './progress.ts';
import { RingConsumer } from './ring.ts';
import type { FromRestorer, ToRestorer } from './restore-protocol.ts';
import { describeFailure } from './thread-failure.ts';

class RestorerStopped extends Error {
  readonly code = 'RestorerStopped';
}

/** One payload out of the ring; a block goes back when the next one is asked for. */
class RingSource implements BlockSource {
  readonly #ring: RingConsumer;
  #holds = false;
  #ended = false;

  constructor(ring: RingConsumer) {
    this.#ring = ring;
  }

  next(): Buffer | undefined {
    if (this.#ended) return undefined;
    if (this.#holds) this.#ring.release();
    const slot = this.#ring.take();
    if (slot === undefined) throw new RestorerStopped();
    this.#holds = slot.kind === 'block';
    if (slot.kind === 'block') return slot.bytes;
    this.#ended = true;
    this.#ring.release();
    return undefined;
  }

  /** Takes what is left of the payload, without use for it. */
  drain(): void {
    if (this.#ended) return;
    if (this.#holds) this.#ring.release();
    this.#holds = false;
    this.#ended = true;
    if (!this.#ring.discardSegment()) throw new RestorerStopped();
  }

  /** Reads to the end, so that the digest covers all of it. */
  readOut(): void {
    while (this.next() !== undefined);
  }
}

let open: Extract<ToRestorer, { kind: 'open' | 'openCheck' }> | undefined;
let ring: RingConsumer | undefined;

const opened = (): Extract<ToRestorer, { kind: 'open' }> => {
  if (open?.kind !== 'open') throw new TypeError('the target is not open');
  return open;
};

const restore = (order: Extract<ToRestorer, { kind: 'segment' }>): FromRestorer => {
  const { target, workFolder, restoreUid, conflict } = opened();
  return take((source) =>
    restoreSegment({
      source,
      encoding: { compression: order.compression },
      targetPath: Buffer.from(target),
      folder: workFolder,
      restoreUid,
      selection: order.selection,
      conflict,
    }),
  );
};

const judge = (verdict: 'accept' | 'takeBack'): void => {
  const { target, restoreUid, conflict } = opened();
  if (verdict === 'accept') acceptSegment(Buffer.from(target), restoreUid, conflict);
  else takeBackSegment(Buffer.from(target), restoreUid);
};

const check = ({ compression, segment }: Extract<ToRestorer, { kind: 'check' }>): FromRestorer => {
  if (open === undefined) throw new TypeError('nothing is open');
  const { workFolder: folder } = open;
  return take((source) => {
    const files = checkSegment({ source, encoding: { compression }, folder, segment });
    return { ...new RestoreReport(), files };
  });
};

/** Takes one payload out of the ring, to its end. */
const take = (use: (source: BlockSource) => RestoreTotals): FromRestorer => {
  if (open === undefined || ring === undefined) throw new TypeError('the ring is not open');
  const source = new RingSource(ring);
  try {
    const totals = use(source);
    source.readOut();
    new SharedProgress(open.progress).addFiles(totals.files);
    return { kind: 'restored', totals };
  } catch (error) {
    if (!(error instanceof ArchiveError) || isOfTheTarget(error)) throw error;
    source.drain();
    return { kind: 'refused', reason: error.code, message: error.message };
  }
};

/** Then no other copy restores better. */
const isOfTheTarget = ({ code }: ArchiveError): boolean =>
  code === 'TargetRoot' || code === 'TargetWrite' || code === 'WorkFolder';

const answer = (order: ToRestorer): FromRestorer => {
  switch (order.kind) {
    case 'open':
    case 'openCheck':
      open = order;
      ring = new RingConsumer(order.ring);
      return { kind: 'opened' };
    case 'segment':
      return restore(order);
    case 'check':
      return check(order);
    case 'accept':
    case 'takeBack':
      judge(order.kind);
      return { kind: 'judged' };
    case 'finish': {
      const { target, restoreUid, conflict } = opened();
      return { kind: 'finished', totals: finishRestore(Buffer.from(target), restoreUid, conflict) };
    }
  }
};

const say = (message: FromRestorer): void => parentPort?.postMessage(message);

parentPort?.on('message', (order: ToRestorer) => {
  try {
    say(answer(order));
  } catch (error) {
    if (error instanceof RestorerStopped) say({ kind: 'stopped' });
    else say({ kind: 'failed', failure: describeFailure(error) });
    parentPort?.close();
  }
});

// The process may end without a word; what was compiled is kept now.
flushCompileCache();
