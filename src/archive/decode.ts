import { createDecipheriv } from 'node:crypto';
import { zstdDecompressSync } from 'node:zlib';
import { ArchiveError } from './archive-error.ts';
import { BLOCK_BYTES, type BlockSource, type Encoding } from './blocks.ts';
import { AEAD_RECORD_BYTES, aeadNonce, FRAME_BYTES } from './encode.ts';

/** Bytes in pieces of any size; a piece is valid until the next call. Undefined at the end. */
export interface ByteSource {
  next(): Buffer | undefined;
}

const ZSTD_MAGIC = 0xfd2fb528;
const SKIPPABLE_MAGIC = 0x184d2a50;
/** What a frame of our own can come to: its pax bytes stored as they are, and headers. */
const MAX_FRAME_BYTES = 4 * FRAME_BYTES;
const FCS_BYTES = [0, 2, 4, 8] as const;
const DICTIONARY_BYTES = [0, 1, 2, 4] as const;

const refuse = (message: string): never => {
  throw new ArchiveError('EncodingInvalid', message);
};

/**
 * The length of the zstd frame (RFC 8878) that begins at `at`, found from its block headers.
 *
 * @returns undefined while the bytes do not tell yet
 */
const frameLength = (bytes: Buffer, at: number, end: number): number | undefined => {
  if (end - at < 8) return undefined;
  const magic = bytes.readUInt32LE(at);
  if ((magic & 0xfffffff0) >>> 0 === SKIPPABLE_MAGIC) return 8 + bytes.readUInt32LE(at + 4);
  if (magic !== ZSTD_MAGIC) return refuse('no zstd frame where one should begin');
  const descriptor = bytes.readUInt8(at + 4);
  const single = (descriptor & 0x20) !== 0;
  const sizeFlag = descriptor >> 6;
  const sizeBytes = sizeFlag === 0 && single ? 1 : (FCS_BYTES[sizeFlag] ?? 0);
  let next = at + 5 + (single ? 0 : 1) + (DICTIONARY_BYTES[descriptor & 3] ?? 0) + sizeBytes;
  for (;;) {
    if (next - at > MAX_FRAME_BYTES) return refuse('a zstd frame is too large');
    if (next + 3 > end) return undefined;
    const header = bytes.readUIntLE(next, 3);
    const type = (header >> 1) & 3;
    if (type === 3) return refuse('a zstd block of a reserved type');
    next += 3 + (type === 1 ? 1 : header >> 3);
    if ((header & 1) !== 0) return next + ((descriptor & 4) !== 0 ? 4 : 0) - at;
  }
};

const decompress = (frame: Buffer, maxOutputLength: number): Buffer => {
  try {
    return zstdDecompressSync(frame, { maxOutputLength });
  } catch (cause) {
    throw new ArchiveError('EncodingInvalid', 'a zstd frame cannot be decoded', { cause });
  }
};

/**
 * Decodes zstd frames one at a time, in memory bounded by the largest frame allowed.
 *
 * @param maxOutputBytes what a frame may decode to
 */
export class ZstdSource implements ByteSource {
  readonly #source: ByteSource;
  readonly #maxOutputBytes: number;
  #pending = Buffer.alloc(MAX_FRAME_BYTES + BLOCK_BYTES);
  #at = 0;
  #end = 0;

  constructor(source: ByteSource, maxOutputBytes: number) {
    this.#source = source;
    this.#maxOutputBytes = maxOutputBytes;
  }

  next(): Buffer | undefined {
    for (;;) {
      const length = frameLength(this.#pending, this.#at, this.#end);
      if (length !== undefined && length > MAX_FRAME_BYTES) refuse('a zstd frame is too large');
      if (length === undefined || this.#at + length > this.#end) {
        if (!this.#fill()) return undefined;
        continue;
      }
      const frame = this.#pending.subarray(this.#at, this.#at + length);
      this.#at += length;
      if (frame.readUInt32LE(0) === ZSTD_MAGIC) return decompress(frame, this.#maxOutputBytes);
    }
  }

  #fill(): boolean {
    const more = this.#source.next();
    if (more === undefined) {
      if (this.#at < this.#end) throw new ArchiveError('Truncated', 'inside a zstd frame');
      return false;
    }
    if (this.#at > 0) {
      this.#pending.copyWithin(0, this.#at, this.#end);
      this.#end -= this.#at;
      this.#at = 0;
    }
    if (this.#end + more.length > this.#pending.length) {
      const larger = Buffer.alloc(this.#end + more.length);
      this.#pending.copy(larger, 0, 0, this.#end);
      this.#pending = larger;
    }
    more.copy(this.#pending, this.#end);
    this.#end += more.length;
    return true;
  }
}

class AeadSource implements ByteSource {
  readonly #source: BlockSource;
  readonly #key: Buffer;
  readonly #uhl1: Buffer;
  readonly #block = Buffer.alloc(BLOCK_BYTES);
  #index = 0;
  #ahead = false;
  #begun = false;

  constructor(source: BlockSource, key: Buffer, uhl1: Buffer) {
    this.#source = source;
    this.#key = key;
    this.#uhl1 = uhl1;
  }

  next(): Buffer | undefined {
    if (!this.#begun) {
      this.#begun = true;
      this.#readAhead();
    }
    if (!this.#ahead) return undefined;
    const current = Buffer.from(this.#block);
    this.#readAhead();
    // The last block bears another nonce: a payload cut between two blocks does not pass.
    const decipher = createDecipheriv('aes-256-gcm', this.#key, aeadNonce(this.#index, !this.#ahead));
    decipher.setAAD(this.#uhl1);
    decipher.setAuthTag(current.subarray(AEAD_RECORD_BYTES));
    const plain = decipher.update(current.subarray(0, AEAD_RECORD_BYTES));
    try {
      decipher.final();
    } catch (cause) {
      throw new ArchiveError('EncodingInvalid', `block ${String(this.#index)} does not authenticate`, { cause });
    }
    this.#index += 1;
    return plain;
  }

  #readAhead(): void {
    const block = this.#source.next();
    this.#ahead = block !== undefined;
    if (block === undefined) return;
    if (block.length !== BLOCK_BYTES) refuse(`a block of ${String(block.length)} bytes`);
    block.copy(this.#block);
  }
}

/** The pax stream of a payload. */
export const decodeBlocks = (source: BlockSource, encoding: Encoding): ByteSource => {
  const { compression, encryption } = encoding;
  const opened = encryption === undefined ? source : new AeadSource(source, encryption.dataKey, encryption.uhl1);
  return compression === 'Z' ? new ZstdSource(opened, FRAME_BYTES) : opened;
};
