import { createHash, type Hash } from 'node:crypto';
import type { TapeDrive } from '../devices/drive/drive.ts';
import { appendBlock, appendFile, type Appended } from './append.ts';
import {
  abandonedTotals,
  encodeGroupLabels,
  encodeGroupTrailers,
  labelsFile,
  type GroupHeader,
  type GroupTotals,
} from './group-labels.ts';
import { payloadBlockBytes } from './labels.ts';

export interface GroupWriterOptions {
  /** `own` (default): blocks are hashed as they are written. `callers`: whoever fills the blocks hashes them. */
  readonly hash?: 'own' | 'callers';
}

export interface FinishOrder {
  readonly paxBytes: number;
  readonly indexOffset: number;
  readonly entries: number;
  readonly files: number;
  readonly endedAt: Date;
  /** Required with `hash: 'callers'`, refused otherwise. */
  readonly sha256?: string;
}

export type Finished =
  | { readonly kind: 'whole'; readonly totals: GroupTotals; readonly bytes: number; readonly earlyWarning: boolean }
  /** The group is torn and stays so: the tape is full. */
  | { readonly kind: 'endOfMedium' };

export class GroupWriterError extends Error {
  readonly code: 'NotAtEndOfData' | 'WrongBlockSize' | 'WrongDigest' | 'GroupEnded';

  constructor(code: GroupWriterError['code'], message: string) {
    super(message);
    this.name = 'GroupWriterError';
    this.code = code;
  }
}

/**
 * Writes one group: labels, payload, trailers. Filemarks inside are immediate; the last one is the group's only sync
 * point, and only then does the group count. The early warning is told with each block, so that the caller can decide
 * whether to finish or to abandon.
 */
export class GroupWriter {
  /** Payload blocks written so far. */
  blocks = 0;
  readonly #drive: TapeDrive;
  readonly #header: GroupHeader;
  readonly #hash: Hash | undefined;
  #ended = false;

  private constructor(drive: TapeDrive, header: GroupHeader, hash: Hash | undefined) {
    this.#drive = drive;
    this.#header = header;
    this.#hash = hash;
  }

  /**
   * Writes the labels. The drive stands at the end of data, where group `header.group` begins.
   *
   * @throws DriveError, GroupWriterError, LabelError
   */
  static begin(
    drive: TapeDrive,
    header: GroupHeader,
    options: GroupWriterOptions = {},
  ):
    | { readonly kind: 'begun'; readonly writer: GroupWriter; readonly earlyWarning: boolean }
    | { readonly kind: 'endOfMedium' } {
    const { file } = drive.position();
    if (file !== labelsFile(header.group))
      throw new GroupWriterError('NotAtEndOfData', `group ${header.group} does not begin in tape file ${file ?? '?'}`);
    const labels = appendFile(drive, encodeGroupLabels(header), true);
    if (labels.kind === 'endOfMedium') return labels;
    const hash = options.hash === 'callers' ? undefined : createHash('sha256');
    return { kind: 'begun', writer: new GroupWriter(drive, header, hash), earlyWarning: labels.earlyWarning };
  }

  /** @param block  262,144 bytes; free again when the call has returned. @throws DriveError, GroupWriterError */
  writeBlock(block: Uint8Array): Appended {
    this.#mustBeOpen();
    if (block.length !== payloadBlockBytes)
      throw new GroupWriterError(
        'WrongBlockSize',
        `a payload block has ${payloadBlockBytes} bytes, not ${block.length}`,
      );
    const hash = this.#hash;
    const result = appendBlock(this.#drive, block, hash === undefined ? undefined : () => hash.update(block));
    if (result.kind === 'endOfMedium') return result;
    this.blocks += 1;
    return result;
  }

  /** Trailers that say WHOLE, and the flush. @throws DriveError, GroupWriterError */
  finish(order: FinishOrder): Finished {
    const { endedAt, paxBytes, indexOffset, entries, files } = order;
    const sha256 = this.#digest(order.sha256);
    const totals: GroupTotals = { blocks: this.blocks, paxBytes, indexOffset, entries, files, sha256 };
    const ended = this.#end(totals, { outcome: 'WHOLE', reason: '', endedAt });
    if (ended.kind === 'endOfMedium') return ended;
    return { kind: 'whole', totals, bytes: this.blocks * payloadBlockBytes, earlyWarning: ended.earlyWarning };
  }

  /**
   * Trailers that say ABANDONED, so that the tape can be written on. A group without payload gets a block of zeros.
   *
   * @param reason  its first 32 characters are kept
   * @throws DriveError, GroupWriterError
   */
  abandon(reason: string, endedAt: Date): Appended {
    this.#mustBeOpen();
    if (this.blocks === 0) {
      const zeros = this.writeBlock(new Uint8Array(payloadBlockBytes));
      if (zeros.kind === 'endOfMedium') return zeros;
    }
    return this.#end(abandonedTotals(this.blocks), { outcome: 'ABANDONED', reason, endedAt });
  }

  #end(totals: GroupTotals, outcome: Parameters<typeof encodeGroupTrailers>[2]): Appended {
    this.#mustBeOpen();
    this.#ended = true;
    const trailers = encodeGroupTrailers(this.#header, totals, outcome);
    const payload = appendFile(this.#drive, [], true);
    return payload.kind === 'endOfMedium' ? payload : appendFile(this.#drive, trailers, false);
  }

  #digest(given: string | undefined): string {
    if ((this.#hash === undefined) !== (given !== undefined))
      throw new GroupWriterError('WrongDigest', 'the digest comes from the caller exactly if the caller hashes');
    return given ?? this.#hash?.digest('hex') ?? '';
  }

  #mustBeOpen(): void {
    if (this.#ended) throw new GroupWriterError('GroupEnded', `group ${this.#header.group} has been ended`);
  }
}
