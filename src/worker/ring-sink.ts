import { createHash, type Hash } from 'node:crypto';
import type { BlockSink } from '../archive/blocks.ts';
import { ringBlockBytes, type RingProducer } from './ring.ts';
import { encodePayloadEnd } from './payload-end.ts';
import type { PayloadEnd } from './payload-end.ts';

/** Thrown through the archive's writer: the other side wants no more of this payload. */
export class PayloadCancelled extends Error {
  readonly code = 'PayloadCancelled';
}

/** Thrown through the archive's writer: the process is about to end. */
export class ReaderStopped extends Error {
  readonly code = 'ReaderStopped';
}

/** Blocks of one payload into the ring, hashed on the way where this side is to do it. */
export class RingSink implements BlockSink {
  readonly #ring: RingProducer;
  readonly #hash: Hash | undefined;
  #block: Buffer | undefined;

  constructor(ring: RingProducer, hashHere: boolean) {
    this.#ring = ring;
    this.#hash = hashHere ? createHash('sha256') : undefined;
  }

  /** @throws PayloadCancelled, ReaderStopped */
  take(): Buffer {
    if (this.#ring.isCancelled) throw new PayloadCancelled();
    const block = this.#ring.acquire();
    if (block === undefined) throw new ReaderStopped();
    this.#block = block;
    return block;
  }

  put(): void {
    if (this.#block === undefined) throw new TypeError('no block was taken');
    this.#hash?.update(this.#block);
    this.#ring.publish('block', ringBlockBytes);
  }

  /** The last words on this payload; the block taken last, if it was not put, is what carries them. */
  end(end: PayloadEnd): void {
    const slot = this.#ring.acquire();
    if (slot === undefined) throw new ReaderStopped();
    const sha256 = this.#hash?.digest('hex');
    const words = end.kind === 'complete' && sha256 !== undefined ? { ...end, sha256 } : end;
    this.#ring.publish('end', encodePayloadEnd(words).copy(slot));
  }
}
