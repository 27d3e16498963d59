/** What a written segment came to; the trailer labels need it. */
export interface SegmentTotals {
  /** Bytes of the pax stream, its closing zeros included. */
  readonly paxBytes: number;
  /** Offset of the index member in the encoded stream, before encryption. */
  readonly indexOffset: number;
  /** Entries of the range, index lines only too; the folders above it are not counted. */
  readonly entries: number;
  /** Regular files with data here: a divided one counts where it begins, a further name of one here does not. */
  readonly files: number;
  /** Bytes of file data, as read or padded. */
  readonly dataBytes: number;
  /** Entries not stored though they hold something: what could not be read, the reserved name. Sockets do not count. */
  readonly skipped: number;
  /**
   * Entries that the plan counted or a folder listed and that were gone when it was their turn; at least so many, since
   * new ones may have come in their place. A divided file counts where it ends.
   */
  readonly vanished: number;
  readonly changed: number;
  readonly padded: number;
  readonly cut: number;
  /** Whether `links` may have to tell of something here: a file of several names, a part, what could not be seen. */
  readonly hasLinks: boolean;
  /** The first few skipped, vanished (`ENOENT`), changed, padded or cut, escaped, for a report. */
  readonly examples: readonly { readonly path: string; readonly why: string }[];
}

export const MAX_EXAMPLES = 20;
