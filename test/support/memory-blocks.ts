import { BLOCK_BYTES, type BlockSink, type BlockSource } from '../../src/archive/blocks.ts';

/** Payload blocks in memory; `onPut` is called before each block is taken in. */
export class MemoryBlocks implements BlockSink {
  readonly blocks: Buffer[] = [];
  readonly #onPut: (count: number) => void;
  #open: Buffer | undefined;

  constructor(onPut: (count: number) => void = () => undefined) {
    this.#onPut = onPut;
  }

  take(): Buffer {
    this.#open = Buffer.alloc(BLOCK_BYTES, 0xee);
    return this.#open;
  }

  put(): void {
    this.#onPut(this.blocks.length);
    if (this.#open !== undefined) this.blocks.push(this.#open);
  }

  source(): BlockSource {
    return sourceOf(this.blocks);
  }
}

/** Any bytes as a payload, in blocks, the last one as short as it is. */
export const sourceOf = (blocks: readonly Buffer[]): BlockSource => {
  let at = 0;
  return {
    next: () => {
      at += 1;
      return blocks[at - 1];
    },
  };
};
