/** The robot of a tape library: what lies where, and one motion at a time. Barcodes are as on the cartridge's label. */
export interface Changer {
  /** For messages. */
  readonly name: string;

  /**
   * What lies where now, by element address in rising order.
   *
   * @throws ChangerError `NotReady`
   */
  inventory(signal?: AbortSignal): Promise<ChangerInventory>;

  /**
   * Moves a cartridge from one element to another; resolves when it is there (for a drive: threaded and ready).
   * Waits for motions that others have under way.
   *
   * @throws ChangerError every code below
   */
  move(fromAddress: number, toAddress: number, signal?: AbortSignal): Promise<void>;

  close(): Promise<void>;
}

export interface ChangerInventory {
  readonly drives: readonly DriveElement[];
  readonly slots: readonly SlotElement[];
}

export interface DriveElement {
  readonly address: number;
  /** Absent: empty. */
  readonly barcode?: string;
  /** Where its cartridge came from; absent when the library does not know. */
  readonly sourceSlot?: number;
}

export interface SlotElement {
  readonly address: number;
  /** Absent: empty. */
  readonly barcode?: string;
  /** A mail slot, by which cartridges come and go. */
  readonly importExport: boolean;
}

export type ChangerErrorCode =
  | 'NoSuchElement'
  | 'SourceEmpty'
  | 'DestinationFull'
  /** Somebody uses the drive and prevents the removal of its cartridge (SPC, PREVENT ALLOW MEDIUM REMOVAL). */
  | 'DriveLocked'
  /** The library is busy or being served. */
  | 'NotReady';

export class ChangerError extends Error {
  readonly code: ChangerErrorCode;
  /** Whether the same motion may succeed later without anything else being done. */
  readonly retryable: boolean;

  constructor(code: ChangerErrorCode, message: string, options: { readonly cause?: unknown } = {}) {
    super(message, options);
    this.name = 'ChangerError';
    this.code = code;
    this.retryable = code === 'DriveLocked' || code === 'NotReady';
  }
}
