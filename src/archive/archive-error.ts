/**
 * What can be wrong with an archive or its handling.
 * - `PathEscape`: text that is no escaped path
 * - `Pattern`: an include or exclude pattern that can't be read
 * - `Truncated`: the payload ends inside a member, or before its index
 * - `HeaderInvalid`: checksum, magic, or a number that can't be read
 * - `RecordInvalid`: a pax record that breaks its own length, or one too large
 * - `NameRefused`: an absolute name, an empty component, `.` or `..`, a NUL
 * - `SizeRefused`: a length beyond what this format writes
 * - `EncodingInvalid`: a zstd frame that can't be decoded; a record that does not authenticate
 * - `EncodingNotSupported`: an encoding that this version does not know
 * - `InfoInvalid`: an info member that can't be read, or of another format
 * - `IndexInvalid`: an index line that can't be read
 * - `SourceRoot`, `TargetRoot`: the root folder can't be opened; the source's can't be listed
 * - `SourceRead`: the source can't be read any more, for a reason that is not one file's
 * - `WorkFolder`: the working folder in the target can't be made, opened or removed
 * - `TargetWrite`: the target takes no more data (full, read-only, an I/O error); `cause` says which
 */
export type ArchiveErrorCode =
  | 'PathEscape'
  | 'Pattern'
  | 'Truncated'
  | 'HeaderInvalid'
  | 'RecordInvalid'
  | 'NameRefused'
  | 'SizeRefused'
  | 'EncodingInvalid'
  | 'EncodingNotSupported'
  | 'InfoInvalid'
  | 'IndexInvalid'
  | 'SourceRoot'
  | 'SourceRead'
  | 'TargetRoot'
  | 'WorkFolder'
  | 'TargetWrite';

export class ArchiveError extends Error {
  override readonly name = 'ArchiveError';
  readonly code: ArchiveErrorCode;

  constructor(code: ArchiveErrorCode, message: string, options?: ErrorOptions) {
    super(`${code}: ${message}`, options);
    this.code = code;
  }
}
