import type { Bytes } from '../posix/bytes.ts';
import { escapePath } from './escape.ts';
import type { UnresolvedLink } from './selection.ts';

/**
 * Why one file was not restored: an errno's name, or
 * - `Exists` something else has the name, and the policy is Fail
 * - `TargetIsFolder`, `NotAFolder` a folder stands where a file goes, or the reverse (a link counts as no folder)
 * - `LinkTargetMissing` the first name of a hard link is not in the target
 * - `FileTorn` parts of different states of the file; `PartMissing` not all parts were there
 * - `DigestMismatch` it came from a bad copy, no other brought it, and it could not be removed, or what had its name
 *   before is gone
 * - `NameRefused` the name would lead out of the target or into the working folder
 */
export interface RestoreFailure {
  /** Escaped. */
  readonly path: string;
  readonly code: string;
}

/**
 * What came back otherwise than it was, though nothing failed.
 * - `Damaged` a file that was padded, cut or changed when it was backed up: `message` has the flags
 * - `AttributeFailed` without root an owner, or what the target does not take: `message` has the attribute and the error
 * - `LinkNotJoined` a name that has data of its own, since it could not be proven to be a link
 * - `Kept` what was there before and was left, by policy
 */
export interface RestoreExample {
  /** Escaped. */
  readonly path: string;
  readonly reason: 'Damaged' | 'AttributeFailed' | 'LinkNotJoined' | 'Kept';
  readonly message?: string;
}

/** What a restore came to, of one segment or of its end. */
export interface RestoreTotals {
  readonly files: number;
  readonly folders: number;
  /** Symbolic links, fifos, devices. */
  readonly others: number;
  /** Names joined to a file that was there. */
  readonly hardLinks: number;
  /** Names whose files keep their own data, since they could not be proven to be links. */
  readonly notJoined: number;
  /** Bytes of file data written. */
  readonly bytes: number;
  /** What was there before and was left, by policy. */
  readonly kept: number;
  /** Files that were padded, cut or changed when they were backed up. */
  readonly flagged: number;
  readonly failed: number;
  /** The first of them. */
  readonly failures: readonly RestoreFailure[];
  /** Attributes that could not be set: owners without root, xattrs that the target does not take. */
  readonly attributesFailed: number;
  /** The first few of each reason. */
  readonly examples: readonly RestoreExample[];
  /** Which of the chosen paths were met, escaped. */
  readonly found: readonly string[];
  /** Hard links whose data lies under a name that was not chosen: restore the segment again with kind `links`. */
  readonly unresolvedLinks: readonly UnresolvedLink[];
}

const MAX_FAILURES = 1000;
const MAX_EXAMPLES_EACH = 5;

export class RestoreReport implements RestoreTotals {
  files = 0;
  folders = 0;
  others = 0;
  hardLinks = 0;
  notJoined = 0;
  bytes = 0;
  kept = 0;
  flagged = 0;
  failed = 0;
  attributesFailed = 0;
  readonly found: readonly string[] = [];
  readonly failures: RestoreFailure[] = [];
  readonly examples: RestoreExample[] = [];
  readonly unresolvedLinks: UnresolvedLink[] = [];

  fail(path: Bytes, code: string): void {
    this.failed += 1;
    if (this.failures.length < MAX_FAILURES) this.failures.push({ path: escapePath(path), code });
  }

  failAttribute(path: Bytes, attribute: Bytes, code: string): void {
    this.attributesFailed += 1;
    if (this.attributesFailed > MAX_EXAMPLES_EACH) return;
    const message = `${escapePath(attribute)}: ${code}`;
    this.examples.push({ path: escapePath(path), reason: 'AttributeFailed', message });
  }

  /** @param path escaped */
  flag(path: string, flags: readonly string[]): void {
    this.flagged += 1;
    if (this.flagged <= MAX_EXAMPLES_EACH) this.examples.push({ path, reason: 'Damaged', message: flags.join(' ') });
  }

  leaveUnjoined(path: Bytes): void {
    this.notJoined += 1;
    if (this.notJoined <= MAX_EXAMPLES_EACH) this.examples.push({ path: escapePath(path), reason: 'LinkNotJoined' });
  }

  keep(path: Bytes): void {
    this.kept += 1;
    if (this.kept <= MAX_EXAMPLES_EACH) this.examples.push({ path: escapePath(path), reason: 'Kept' });
  }
}
