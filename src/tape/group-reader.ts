import { createHash } from 'node:crypto';
import type { TapeDrive } from '../devices/drive/drive.ts';
import { allocatePageAligned } from '../posix/page-aligned.ts';
import {
  decodeGroupHeader,
  decodeTrailers,
  labelsFile,
  payloadFile,
  type DecodedTrailers,
  type GroupHeader,
} from './group-labels.ts';
import { readLabelFile } from './label-file.ts';
import { payloadBlockBytes } from './labels.ts';

/** Blocks in order; the bytes are valid until the next call. */
export interface BlockSource {
  next(): Uint8Array | undefined;
}

export type OpenedGroup =
  | { readonly kind: 'group'; readonly header: GroupHeader; readonly reader: GroupReader }
  | { readonly kind: 'noSuchGroup' }
  | { readonly kind: 'damaged'; readonly message: string };

export type GroupEnd =
  | { readonly kind: 'whole'; readonly trailers: DecodedTrailers }
  /** The payload is not what was written. */
  | { readonly kind: 'mismatch'; readonly message: string }
  | { readonly kind: 'abandoned'; readonly reason: string }
  | { readonly kind: 'torn' };

/**
 * Locates a group and reads its labels; the drive then stands before the payload.
 *
 * @throws DriveError
 */
export function openGroup(drive: TapeDrive, group: number, options: { readonly hash?: boolean } = {}): OpenedGroup {
  if (!drive.locateFile(labelsFile(group)).found) return { kind: 'noSuchGroup' };
  const file = readLabelFile(drive);
  if (file.blocks === 0 && !file.closed) return { kind: 'noSuchGroup' };
  const header = decodeGroupHeader(file.labels);
  if (header === undefined || !file.closed)
    return { kind: 'damaged', message: `the labels of group ${group} are not whole` };
  if (header.group !== group) return { kind: 'damaged', message: `group ${group} calls itself group ${header.group}` };
  return { kind: 'group', header, reader: new GroupReader(drive, group, options.hash ?? true) };
}

/** The payload of one group as it streams by, and the verdict on it at the end. Holds one block. */
export class GroupReader implements BlockSource {
  readonly #drive: TapeDrive;
  readonly #group: number;
  readonly #hash: ReturnType<typeof createHash> | undefined;
  readonly #block = allocatePageAligned(payloadBlockBytes);
  #blocks = 0;
  #end: 'filemark' | 'endOfData' | undefined;

  /** The drive stands before the payload. @param hash  false: the digest is not compared */
  constructor(drive: TapeDrive, group: number, hash: boolean) {
    this.#drive = drive;
    this.#group = group;
    this.#hash = hash ? createHash('sha256') : undefined;
  }

  /** @throws DriveError */
  next(): Uint8Array | undefined {
    return this.nextInto(this.#block);
  }

  /** As `next`, into memory of the caller's (262,144 bytes, best page-aligned). @throws DriveError */
  nextInto(into: Uint8Array): Uint8Array | undefined {
    if (this.#end !== undefined) return undefined;
    const result = this.#drive.read(into);
    if (result.kind !== 'block') {
      this.#end = result.kind;
      return undefined;
    }
    const block = into.subarray(0, result.bytes);
    this.#hash?.update(block);
    this.#blocks += 1;
    return block;
  }

  /** Reads what is left of the payload, then the trailers, and compares. @throws DriveError */
  end(): GroupEnd {
    while (this.#end === undefined) this.next();
    if (this.#end === 'endOfData' || this.#drive.position().file !== payloadFile(this.#group) + 1)
      return { kind: 'torn' };
    const file = readLabelFile(this.#drive);
    if (!file.closed) return { kind: 'torn' };
    const trailers = decodeTrailers(file.labels);
    if (trailers === undefined) return { kind: 'abandoned', reason: 'its trailers are not whole' };
    if (trailers.outcome === 'ABANDONED') return { kind: 'abandoned', reason: trailers.reason };
    const message = this.#difference(trailers);
    return message === undefined ? { kind: 'whole', trailers } : { kind: 'mismatch', message };
  }

  #difference(trailers: DecodedTrailers): string | undefined {
    if (trailers.group !== this.#group) return `its trailers are those of group ${trailers.group}`;
    if (trailers.blocks !== this.#blocks) return `${this.#blocks} blocks, its trailers say ${trailers.blocks}`;
    const sha256 = this.#hash?.digest('hex') ?? trailers.sha256;
    return sha256 === trailers.sha256 ? undefined : `SHA-256 ${sha256}, its trailers say ${trailers.sha256}`;
  }
}
