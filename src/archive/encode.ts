import { createCipheriv } from 'node:crypto';
import { constants, zstdCompressSync } from 'node:zlib';
import { BLOCK_BYTES, type BlockSink, type Encoding } from './blocks.ts';

/** Pax bytes in, payload blocks out. Buffers are multiples of 512 bytes, so that no header is ever divided. */
export interface PaxEncoder {
  /** An empty buffer for pax bytes. */
  take(): Buffer;
  /**
   * Hands on the first `usedBytes` of the buffer taken last; they are a frame of their own where the
   * encoding has frames. Less than all only then, or before `finish`.
   */
  put(usedBytes: number): void;
  /** Bytes of the encoded stream so far, before encryption, without what was not put yet. */
  readonly encodedBytes: number;
  /** [pax offset, offset in the encoded stream] of each frame begun; undefined where there are none. */
  readonly frames: readonly (readonly [number, number])[] | undefined;
  /** Pads to whole blocks and hands on the last of them. */
  finish(): void;
}

/** The encoded stream, cut into blocks. */
interface Packer {
  write(bytes: Buffer): void;
  /** Bytes free in the open block; what is written next begins a new one where it is 0. */
  readonly roomBytes: number;
  readonly recordBytes: number;
  finish(): void;
}

class BlockPacker implements Packer {
  readonly recordBytes = BLOCK_BYTES;
  readonly #sink: BlockSink;
  #block: Buffer | undefined;
  #at = 0;

  constructor(sink: BlockSink) {
    this.#sink = sink;
  }

  get roomBytes(): number {
    return this.#block === undefined ? 0 : BLOCK_BYTES - this.#at;
  }

  write(bytes: Buffer): void {
    for (let from = 0; from < bytes.length;) {
      if (this.#block === undefined) {
        this.#block = this.#sink.take();
        this.#at = 0;
      }
      const copied = bytes.copy(this.#block, this.#at, from);
      from += copied;
      this.#at += copied;
      if (this.#at === BLOCK_BYTES) {
        this.#sink.put();
        this.#block = undefined;
      }
    }
  }

  finish(): void {
    if (this.roomBytes > 0) throw new RangeError('the last block is not full');
  }
}

export const AEAD_TAG_BYTES = 16;
export const AEAD_RECORD_BYTES = BLOCK_BYTES - AEAD_TAG_BYTES;

/** 96 bits: 1 in the first byte of the last block's, then zeros, then the block's index in the last eight bytes. */
export const aeadNonce = (index: number, last: boolean): Buffer => {
  const nonce = Buffer.alloc(12);
  nonce[0] = last ? 1 : 0;
  nonce.writeBigUInt64BE(BigInt(index), 4);
  return nonce;
};

class AeadPacker implements Packer {
  readonly recordBytes = AEAD_RECORD_BYTES;
  readonly #sink: BlockSink;
  readonly #key: Buffer;
  readonly #uhl1: Buffer;
  readonly #record = Buffer.alloc(AEAD_RECORD_BYTES);
  #at = 0;
  #index = 0;

  constructor(sink: BlockSink, key: Buffer, uhl1: Buffer) {
    this.#sink = sink;
    this.#key = key;
    this.#uhl1 = uhl1;
  }

  get roomBytes(): number {
    return this.#at === 0 ? 0 : AEAD_RECORD_BYTES - this.#at;
  }

  write(bytes: Buffer): void {
    for (let from = 0; from < bytes.length;) {
      // A full record waits until more comes: the last one is sealed with another nonce.
      if (this.#at === AEAD_RECORD_BYTES) this.#seal(false);
      const copied = bytes.copy(this.#record, this.#at, from);
      from += copied;
      this.#at += copied;
    }
  }

  #seal(last: boolean): void {
    const cipher = createCipheriv('aes-256-gcm', this.#key, aeadNonce(this.#index, last));
    cipher.setAAD(this.#uhl1);
    const block = this.#sink.take();
    cipher.update(this.#record).copy(block, 0);
    cipher.final();
    cipher.getAuthTag().copy(block, AEAD_RECORD_BYTES);
    this.#sink.put();
    this.#index += 1;
    this.#at = 0;
  }

  finish(): void {
    if (this.#at !== AEAD_RECORD_BYTES) throw new RangeError('the last record is not full');
    this.#seal(true);
  }
}

/** Pax bytes go straight into the sink's blocks. */
class PlainEncoder implements PaxEncoder {
  readonly frames = undefined;
  readonly #sink: BlockSink;
  #block: Buffer | undefined;
  encodedBytes = 0;

  constructor(sink: BlockSink) {
    this.#sink = sink;
  }

  take(): Buffer {
    this.#block = this.#sink.take();
    return this.#block;
  }

  put(usedBytes: number): void {
    this.encodedBytes += usedBytes;
    this.#block?.fill(0, usedBytes);
    this.#sink.put();
  }

  finish(): void {
    // `put` has padded the last block.
  }
}

/** Frames of at most this many pax bytes. */
export const FRAME_BYTES = 1_048_576;
const SKIPPABLE_MAGIC = 0x184d2a50;
const SKIPPABLE_HEADER_BYTES = 8;

class StagedEncoder implements PaxEncoder {
  readonly #packer: Packer;
  readonly #compress: boolean;
  readonly #stage = Buffer.alloc(FRAME_BYTES);
  readonly #frames: (readonly [number, number])[] = [];
  #paxBytes = 0;
  encodedBytes = 0;

  constructor(packer: Packer, compress: boolean) {
    this.#packer = packer;
    this.#compress = compress;
  }

  get frames(): readonly (readonly [number, number])[] | undefined {
    return this.#compress ? this.#frames : undefined;
  }

  take(): Buffer {
    return this.#stage;
  }

  put(usedBytes: number): void {
    if (usedBytes === 0) return;
    const pax = this.#stage.subarray(0, usedBytes);
    const encoded = this.#compress ? zstdCompressSync(pax, { params: { [constants.ZSTD_c_checksumFlag]: 1 } }) : pax;
    this.#frames.push([this.#paxBytes, this.encodedBytes]);
    this.#paxBytes += usedBytes;
    this.encodedBytes += encoded.length;
    this.#packer.write(encoded);
  }

  finish(): void {
    let padding = this.#packer.roomBytes;
    if (!this.#compress) this.#packer.write(Buffer.alloc(padding));
    else if (padding > 0) {
      if (padding < SKIPPABLE_HEADER_BYTES) padding += this.#packer.recordBytes;
      const frame = Buffer.alloc(padding);
      frame.writeUInt32LE(SKIPPABLE_MAGIC, 0);
      frame.writeUInt32LE(padding - SKIPPABLE_HEADER_BYTES, 4);
      this.#packer.write(frame);
    }
    this.#packer.finish();
  }
}

export const makeEncoder = (encoding: Encoding, sink: BlockSink): PaxEncoder => {
  const { compression, encryption } = encoding;
  if (compression === 'N' && encryption === undefined) return new PlainEncoder(sink);
  const packer =
    encryption === undefined ? new BlockPacker(sink) : new AeadPacker(sink, encryption.dataKey, encryption.uhl1);
  return new StagedEncoder(packer, compression === 'Z');
};
