import type { Bytes } from '../posix/bytes.ts';

/** Text longer than this is written by Node: a call into it costs as much as some dozens of bytes. */
const LONG_TEXT = 64;
const MAX_INT32 = 0x7fffffff;
const ZERO = 0x30;

/** What JSON has to write otherwise, as `"` and `\`, or an escaped path, as `%` and all that is not printable ASCII. */
const isPlain = (code: number): boolean =>
  code >= 0x20 && code <= 0x7e && code !== 0x22 && code !== 0x25 && code !== 0x5c;

/**
 * Text that grows at its end, as bytes in memory of this thread alone. No string is made of what is written into it: a
 * backup writes millions of lines and numbers, and what a collector of garbage never sees costs nothing.
 */
export class ByteText {
  readonly #memory: Buffer;
  #bytes: Buffer;
  #length = 0;

  /** @param memory  where the text stands as long as it fits */
  constructor(memory: Buffer) {
    this.#memory = memory;
    this.#bytes = memory;
  }

  get length(): number {
    return this.#length;
  }

  /** What was written; valid until more is. */
  get written(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  clear(): void {
    this.#bytes = this.#memory;
    this.#length = 0;
  }

  text(text: Bytes): void {
    const { length } = text;
    const bytes = this.#room(length);
    let at = this.#length;
    if (length > LONG_TEXT) at += bytes.write(text, at, 'latin1');
    else for (let from = 0; from < length; from += 1) bytes[at++] = text.charCodeAt(from);
    this.#length = at;
  }

  /** Text that is printable ASCII without `"`, `%` and `\`. @returns false where it is none: then nothing was written */
  plain(text: Bytes): boolean {
    const { length } = text;
    const bytes = this.#room(length);
    let at = this.#length;
    for (let from = 0; from < length; from += 1) {
      const code = text.charCodeAt(from);
      if (!isPlain(code)) return false;
      bytes[at++] = code;
    }
    this.#length = at;
    return true;
  }

  /** An integer in as many digits as it has. */
  decimal(value: number): void {
    if (value < 0 || value > MAX_INT32) {
      this.text(String(value));
      return;
    }
    this.padded(value, decimalDigits(value));
  }

  /** An integer of at most 31 bits in so many digits, zeros in front. */
  padded(value: number, digits: number): void {
    const bytes = this.#room(digits);
    const begin = this.#length;
    // Integers divide many times as fast as what a file's status is kept in.
    let rest = value | 0;
    for (let at = begin + digits - 1; at >= begin; at -= 1) {
      const next = (rest / 10) | 0;
      bytes[at] = ZERO + rest - next * 10;
      rest = next;
    }
    this.#length = begin + digits;
  }

  /** An integer of at most 31 bits in base 8. */
  octal(value: number): void {
    let digits = 1;
    for (let rest = value >>> 3; rest > 0; rest >>>= 3) digits += 1;
    const bytes = this.#room(digits);
    for (let at = digits - 1; at >= 0; at -= 1) bytes[this.#length++] = ZERO + ((value >>> (3 * at)) & 7);
  }

  #room(bytes: number): Buffer {
    const wanted = this.#length + bytes;
    if (wanted <= this.#bytes.length) return this.#bytes;
    const longer = Buffer.allocUnsafeSlow(Math.max(wanted, 2 * this.#bytes.length));
    this.#bytes.copy(longer, 0, 0, this.#length);
    this.#bytes = longer;
    return longer;
  }
}

/** @param value  of at most 31 bits */
export const decimalDigits = (value: number): number => {
  let digits = 1;
  for (let limit = 10; value >= limit && digits < 10; limit *= 10) digits += 1;
  return digits;
};
