/**
 * A tape drive with a cartridge in it, seen as Linux `st` shows it in variable-block mode: one call moves one block, a
 * filemark is an object of its own, writing happens at the end of data only. All calls are synchronous and may block
 * for minutes; they belong on a thread of their own.
 *
 * Objects (blocks and filemarks alike) are counted from 0 at the beginning of the tape; tape file n begins after the
 * n-th filemark.
 */
export interface TapeDrive {
  /** For messages, such as `drive 0`. */
  readonly name: string;

  /** Never blocks, moves nothing, throws nothing: an unreachable drive is `ready: false`. */
  status(): DriveStatus;

  /** Where the next operation happens. Throws nothing. */
  position(): TapePosition;

  rewind(): void;

  /** To the first object of tape file `file`. At the end of data where the tape ends before it (`found: false`). */
  locateFile(file: number): Located;

  /** To object `block` (the unit of `position().block`). At the end of data where the tape ends before it. */
  locateBlock(block: number): Located;

  /**
   * Over `count` filemarks: forwards onto the far side of the last one, backwards (negative) onto the near side, as
   * MTFSF and MTBSF do. Stops at the end of data or at the beginning of the tape when there are fewer.
   */
  spaceFilemarks(count: number): Spaced;

  /** To where the next block would be written; the file and object number there. */
  spaceToEndOfData(): EndOfDataPosition;

  /**
   * Reads one block into the front of `into`, or passes one filemark.
   *
   * @throws DriveError `BlockTooLarge` when `into` is smaller than the block; the tape then stands behind the block
   */
  read(into: Uint8Array): ReadResult;

  /**
   * Writes one block. Only at the end of data, or at the beginning of the tape after `allowOverwrite()`.
   * `block` is no longer used once the call has returned.
   *
   * @param meanwhile  what else is to be done with the block: called once where it is written, at the same time where
   *   the driver can; not where the answer is another. It may have been called where this throws.
   */
  write(block: Uint8Array, meanwhile?: () => void): WriteResult;

  /** Not immediate: returns when everything written before stands on the medium. */
  writeFilemarks(count: number, options: { readonly immediate: boolean }): FilemarksResult;

  /** Returns when everything written before stands on the medium. */
  flush(): void;

  /**
   * Lets the next write, if it happens at the beginning of the tape, replace everything on it (SSC-5, ALLOW OVERWRITE).
   * Every other motion takes the permission back.
   *
   * @throws DriveError `WriteProtected` on WORM media that hold data
   */
  allowOverwrite(): void;

  /** Gives the drive back; the cartridge stays loaded. Writes nothing, or at most the one filemark that `st` adds. */
  close(): void;
}

export interface DriveStatus {
  /** A cartridge is loaded and the drive takes commands. */
  readonly ready: boolean;
  /** Why it is not ready. */
  readonly reason?: 'NoMedium' | 'Offline';
  readonly writeProtected: boolean;
  readonly worm: boolean;
  /** Absent where the drive can't tell. */
  readonly barcode?: string;
  /** As the drive estimates it; absent where it can't tell. */
  readonly capacityBytes?: number;
  readonly usedBytes?: number;
}

/** Both are absent after an error that lost the position; `block` also where the driver can't count objects. */
export interface TapePosition {
  readonly block?: number;
  readonly file?: number;
}

export interface EndOfDataPosition {
  readonly file: number;
  readonly block?: number;
}

export interface Located {
  readonly found: boolean;
}

export interface Spaced {
  /** Filemarks passed, never negative. */
  readonly filemarks: number;
  readonly stoppedAt?: 'endOfData' | 'beginningOfTape';
}

export type ReadResult =
  { readonly kind: 'block'; readonly bytes: number } | { readonly kind: 'filemark' } | { readonly kind: 'endOfData' };

/**
 * `earlyWarning`: nothing was written, the end of the medium is near; the same write may be tried again and will
 * usually succeed (`st` answers ENOSPC to every other write from there on). `written` may carry the warning already.
 * `endOfMedium`: nothing was written and nothing more ever will be.
 */
export type WriteResult =
  | { readonly kind: 'written'; readonly earlyWarning: boolean }
  | { readonly kind: 'earlyWarning' }
  | { readonly kind: 'endOfMedium' };

export type FilemarksResult =
  { readonly kind: 'written'; readonly earlyWarning: boolean } | { readonly kind: 'endOfMedium' };

export type DriveErrorCode =
  /** The block may or may not stand on the tape; the position is lost. */
  | 'WriteError'
  | 'ReadError'
  /** No cartridge is loaded. */
  | 'NotReady'
  | 'Offline'
  /** Somebody else has the drive. */
  | 'Busy'
  | 'WriteProtected'
  /** A write anywhere but at the end of data. */
  | 'Overwrite'
  | 'BlockTooLarge'
  /** Something was asked for that needs a known position; rewind or space to the end of data first. */
  | 'PositionLost'
  | 'Closed'
  | 'NoSuchDrive';

/** Where to look for the cause: it decides what is avoided afterwards. */
export type DriveFault = 'drive' | 'tape' | 'route' | 'caller';

const faultOf: Readonly<Record<DriveErrorCode, { readonly fault: DriveFault; readonly retryable: boolean }>> = {
  WriteError: { fault: 'tape', retryable: false },
  ReadError: { fault: 'tape', retryable: true },
  NotReady: { fault: 'drive', retryable: true },
  Offline: { fault: 'drive', retryable: true },
  Busy: { fault: 'drive', retryable: true },
  WriteProtected: { fault: 'tape', retryable: false },
  Overwrite: { fault: 'caller', retryable: false },
  BlockTooLarge: { fault: 'caller', retryable: false },
  PositionLost: { fault: 'caller', retryable: false },
  Closed: { fault: 'caller', retryable: false },
  NoSuchDrive: { fault: 'caller', retryable: false },
};

export interface DriveErrorDetails {
  readonly cause?: unknown;
  /** Where the driver knows better than the code's default. */
  readonly fault?: DriveFault;
  readonly retryable?: boolean;
}

export class DriveError extends Error {
  readonly code: DriveErrorCode;
  readonly fault: DriveFault;
  /** Whether the same operation on the same drive and tape may succeed later. */
  readonly retryable: boolean;

  constructor(code: DriveErrorCode, message: string, details: DriveErrorDetails = {}) {
    super(message, { cause: details.cause });
    this.name = 'DriveError';
    this.code = code;
    this.fault = details.fault ?? faultOf[code].fault;
    this.retryable = details.retryable ?? faultOf[code].retryable;
  }
}
