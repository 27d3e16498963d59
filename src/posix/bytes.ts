/**
 * A byte string: every character is one byte (latin1). File names are bytes, not text; as byte strings they keep every
 * byte, compare in byte order with `<`, and serve as Map keys. Never build one from text by hand: `bytesOf(text)`.
 */
export type Bytes = string;

/** Bytes of a Buffer, or of text in UTF-8. */
export const bytesOf = (from: Buffer | string): Bytes =>
  typeof from === 'string' ? Buffer.from(from, 'utf8').toString('latin1') : from.toString('latin1');

export const bufferOf = (bytes: Bytes): Buffer => Buffer.from(bytes, 'latin1');
