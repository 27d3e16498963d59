import { readSync } from 'node:fs';
import type { Bytes } from '../posix/bytes.ts';
import type { PaxEncoder } from './encode.ts';

export const HEADER_BYTES = 512;

const ZEROS = Buffer.alloc(HEADER_BYTES);

/** Zeros up to a multiple of 512. */
export const padding = (bytes: number): number => -bytes & 511;

/** Writes the pax stream, 512 bytes or file contents at a time, straight into the encoder's buffers. */
export class PaxOut {
  readonly #encoder: PaxEncoder;
  #buffer: Buffer = Buffer.alloc(0);
  #at = 0;
  #flushedBytes = 0;

  constructor(encoder: PaxEncoder) {
    this.#encoder = encoder;
  }

  /** Bytes of pax so far. */
  get offset(): number {
    return this.#flushedBytes + this.#at;
  }

  /** The open buffer and the place in it where the next byte goes; not full. */
  open(): { readonly buffer: Buffer; readonly at: number } {
    if (this.#at === this.#buffer.length) this.#next();
    return { buffer: this.#buffer, at: this.#at };
  }

  /** Takes in `bytes` that the caller has put at the place that `open` told. */
  advance(bytes: number): void {
    this.#at += bytes;
  }

  #next(): void {
    if (this.#buffer.length > 0) this.#encoder.put(this.#buffer.length);
    this.#flushedBytes += this.#buffer.length;
    this.#buffer = this.#encoder.take();
    this.#at = 0;
  }

  writeText(text: Bytes): void {
    for (let from = 0; from < text.length;) {
      const { buffer, at } = this.open();
      const length = Math.min(text.length - from, buffer.length - at);
      buffer.write(from === 0 && length === text.length ? text : text.slice(from, from + length), at, 'latin1');
      from += length;
      this.#at += length;
    }
  }

  writeBytes(bytes: Buffer): void {
    for (let from = 0; from < bytes.length;) {
      const { buffer, at } = this.open();
      const copied = bytes.copy(buffer, at, from);
      from += copied;
      this.#at += copied;
    }
  }

  zeros(bytes: number): void {
    for (let left = bytes; left > 0;) {
      const { buffer, at } = this.open();
      const length = Math.min(left, buffer.length - at);
      // Filling memory that threads share goes byte by byte.
      if (length <= ZEROS.length) ZEROS.copy(buffer, at, 0, length);
      else buffer.fill(0, at, at + length);
      left -= length;
      this.#at += length;
    }
  }

  /**
   * Reads a file's bytes at `position` into the stream.
   *
   * @returns how many came: fewer than `length` where the file ends
   * @throws what `fs.readSync` throws; what came before stands in the stream, `offset` tells how much
   */
  readFile(fd: number, position: number, length: number): number {
    let done = 0;
    while (done < length) {
      const { buffer, at } = this.open();
      const read = readSync(fd, buffer, at, Math.min(length - done, buffer.length - at), position + done);
      if (read === 0) break;
      done += read;
      this.#at += read;
    }
    return done;
  }

  /** What follows begins a frame of its own, where the encoding has frames. */
  beginFrame(): void {
    if (this.#encoder.frames === undefined) return;
    this.#encoder.put(this.#at);
    this.#flushedBytes += this.#at;
    this.#buffer = this.#encoder.take();
    this.#at = 0;
  }

  finish(): void {
    if (this.#at > 0) this.#encoder.put(this.#at);
    this.#flushedBytes += this.#at;
    this.#buffer = Buffer.alloc(0);
    this.#at = 0;
    this.#encoder.finish();
  }
}
