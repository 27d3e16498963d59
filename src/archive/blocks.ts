/** Payload blocks on tape. */
export const BLOCK_BYTES = 262_144;

/** Where finished payload blocks go: a ring between threads, a file, a tape drive. Calls may wait, and may throw. */
export interface BlockSink {
  /** An empty block of 262,144 bytes (contents undefined); it belongs to the caller until `put`. */
  take(): Buffer;
  /** Hands on the block taken last, full. */
  put(): void;
}

/** Where payload blocks come from. */
export interface BlockSource {
  /** The next block, in order; valid until the next call. Undefined at the payload's end. Calls may wait and throw. */
  next(): Buffer | undefined;
}

/**
 * Compression and encryption, as they stand in UHL1: `N` or `Z` (zstd), then `N` or AEAD with a data key and the
 * UHL1 block as additional data.
 */
export interface Encoding {
  readonly compression: 'N' | 'Z';
  readonly encryption?: { readonly dataKey: Buffer; readonly uhl1: Buffer } | undefined;
}

export const PLAIN: Encoding = { compression: 'N' };

/** `NN`, `ZN`, `NA`, `ZA`. */
export const encodingName = (encoding: Encoding): string =>
  encoding.compression + (encoding.encryption === undefined ? 'N' : 'A');
