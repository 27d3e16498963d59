import { allocatePageAligned } from '../posix/page-aligned.ts';

/**
 * A ring of blocks in shared memory between exactly one producer thread and one consumer thread.
 *
 * Invariants: `produced` and `consumed` only grow (modulo 2³²) and only their own side writes them; a slot belongs to
 * the producer from `acquire` to `publish` and to the consumer from `take` to `release`. Nothing is counted before
 * the slot has been filled or freed: booking early gives silently wrong digests.
 */

export const ringBlockBytes = 262_144;

const controlBytes = 4096;
const produced = 0;
const consumed = 1;
const stopped = 2;
const cancelled = 3;
const firstSlotWord = 16;

/** What a slot holds: a payload block, or the producer's closing words on one segment. */
export type SlotKind = 'block' | 'end';

/** What passes between threads: both sides open the same memory. */
export interface RingMemory {
  readonly buffer: ArrayBufferLike;
  readonly byteOffset: number;
  readonly slots: number;
}

/** Each slot begins on a page, as O_DIRECT wants it. */
export const createRingMemory = (slots: number): RingMemory => {
  if (slots < 1 || (slots & (slots - 1)) !== 0) throw new RangeError('slots must be a power of two: the counts wrap');
  const bytes = allocatePageAligned(controlBytes + slots * ringBlockBytes, { shared: true });
  return { buffer: bytes.buffer, byteOffset: bytes.byteOffset, slots };
};

export interface TakenSlot {
  readonly kind: SlotKind;
  /** Valid until `release`. */
  readonly bytes: Buffer;
}

interface View {
  readonly words: Int32Array;
  readonly blocks: readonly Buffer[];
  readonly slots: number;
}

const openView = ({ buffer, byteOffset, slots }: RingMemory): View => ({
  words: new Int32Array(buffer, byteOffset, firstSlotWord + slots),
  blocks: Array.from({ length: slots }, (_, i) =>
    Buffer.from(buffer, byteOffset + controlBytes + i * ringBlockBytes, ringBlockBytes),
  ),
  slots,
});

const slotOf = (view: View, count: number): number => (count >>> 0) % view.slots;

const blockAt = (view: View, slot: number): Buffer => {
  const block = view.blocks[slot];
  if (block === undefined) throw new RangeError(`no slot ${slot}`);
  return block;
};

/** Both threads leave their waits at once; for ever. */
export const stopRing = (ring: RingMemory): void => {
  const { words } = openView(ring);
  Atomics.store(words, stopped, 1);
  Atomics.notify(words, produced);
  Atomics.notify(words, consumed);
};

export class RingProducer {
  readonly #view: View;

  constructor(ring: RingMemory) {
    this.#view = openView(ring);
  }

  /** Waits for a free block. Gives undefined when the ring was stopped. */
  acquire(): Buffer | undefined {
    const { words, slots } = this.#view;
    const count = Atomics.load(words, produced);
    for (;;) {
      if (Atomics.load(words, stopped) !== 0) return undefined;
      const freed = Atomics.load(words, consumed);
      if (((count - freed) | 0) < slots) return blockAt(this.#view, slotOf(this.#view, count));
      Atomics.wait(words, consumed, freed);
    }
  }

  /** No block is free: the next `acquire` would wait. */
  get isFull(): boolean {
    const { words, slots } = this.#view;
    return ((Atomics.load(words, produced) - Atomics.load(words, consumed)) | 0) >= slots;
  }

  /** The consumer has no use for the rest of this segment: say `end` and go on. */
  get isCancelled(): boolean {
    return Atomics.load(this.#view.words, cancelled) !== 0;
  }

  /** Hands the acquired block over. */
  publish(kind: SlotKind, length: number): void {
    const { words } = this.#view;
    const count = Atomics.load(words, produced);
    words[firstSlotWord + slotOf(this.#view, count)] = kind === 'block' ? length : -length;
    Atomics.store(words, produced, (count + 1) | 0);
    Atomics.notify(words, produced);
  }
}

export class RingConsumer {
  readonly #view: View;

  constructor(ring: RingMemory) {
    this.#view = openView(ring);
  }

  /** Waits for the next slot. Gives undefined when the ring was stopped, whatever is still in it. */
  take(): TakenSlot | undefined {
    const { words } = this.#view;
    const count = Atomics.load(words, consumed);
    for (;;) {
      if (Atomics.load(words, stopped) !== 0) return undefined;
      if (Atomics.load(words, produced) !== count) break;
      Atomics.wait(words, produced, count);
    }
    const slot = slotOf(this.#view, count);
    const length = words[firstSlotWord + slot] ?? 0;
    const bytes = blockAt(this.#view, slot).subarray(0, Math.abs(length));
    return { kind: length < 0 ? 'end' : 'block', bytes };
  }

  /** Nothing to take: the next `take` would wait. */
  get isEmpty(): boolean {
    const { words } = this.#view;
    return Atomics.load(words, produced) === Atomics.load(words, consumed);
  }

  /** Throws away what comes until the producer has said `end`; false when the ring was stopped. */
  discardSegment(): boolean {
    const { words } = this.#view;
    Atomics.store(words, cancelled, 1);
    for (;;) {
      const slot = this.take();
      if (slot === undefined) return false;
      if (slot.kind === 'end') Atomics.store(words, cancelled, 0);
      this.release();
      if (slot.kind === 'end') return true;
    }
  }

  release(): void {
    const { words } = this.#view;
    Atomics.store(words, consumed, (Atomics.load(words, consumed) + 1) | 0);
    Atomics.notify(words, consumed);
  }
}
