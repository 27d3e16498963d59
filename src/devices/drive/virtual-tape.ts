import {
  closeSync,
  constants,
  fdatasyncSync,
  fstatSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { constants as osConstants } from 'node:os';
import { join } from 'node:path';
import { PosixError } from '../../posix/errno.ts';
import { OverlappedWrite } from '../../posix/overlapped-write.ts';
import { allocatePageAligned, isPageAligned } from '../../posix/page-aligned.ts';
import { errorCode } from '../error-code.ts';
import {
  addFilemark,
  addRun,
  alignedOffset,
  dataAlignmentBytes,
  emptyLayout,
  encodeFilemarkRecord,
  encodeHeaderRecord,
  encodeRunRecord,
  findElement,
  mapRecordBytes,
  openRun,
  parseMap,
  type TapeLayout,
  type TapeRun,
} from './virtual-tape-map.ts';

const { EAGAIN, EINVAL } = osConstants.errno;
/** What a filemark takes of the capacity. */
const filemarkBytes = 4096;
const readAheadBytes = 1_048_576;

export interface CartridgeFacts {
  readonly barcode: string;
  readonly capacityBytes: number;
  /** So much before the end of the medium the drive begins to warn. */
  readonly earlyWarningBytes: number;
  readonly worm: boolean;
  readonly writeProtected: boolean;
}

export class NotAVirtualTape extends Error {
  readonly code = 'NotAVirtualTape';
}

export class MediumDamaged extends Error {
  readonly code = 'MediumDamaged';
}

/** Puts a blank cartridge into `folder`. `tape.json` is written last: without it there is none. */
export function createVirtualTape(folder: string, facts: CartridgeFacts): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'data'), '');
  writeFileSync(join(folder, 'map'), '');
  writeFileSync(join(folder, 'tape.json'), `${JSON.stringify(facts, undefined, 2)}\n`);
}

export function readCartridgeFacts(folder: string): CartridgeFacts {
  const facts: unknown = JSON.parse(readFileSync(join(folder, 'tape.json'), 'utf8'));
  if (!isCartridgeFacts(facts)) throw new NotAVirtualTape(`${folder}/tape.json does not describe a cartridge`);
  return facts;
}

function isCartridgeFacts(value: unknown): value is CartridgeFacts {
  return (
    typeof value === 'object' &&
    value !== null &&
    'barcode' in value &&
    typeof value.barcode === 'string' &&
    'capacityBytes' in value &&
    typeof value.capacityBytes === 'number' &&
    'earlyWarningBytes' in value &&
    typeof value.earlyWarningBytes === 'number' &&
    'worm' in value &&
    'writeProtected' in value
  );
}

/**
 * A virtual cartridge: the medium, without position, faults or lock. Blocks and filemarks can be appended and read;
 * nothing is ever changed in place. What a killed process leaves is whole blocks, as on a real tape: a torn last block
 * is passed over, and cut off by the first append. After a loss of power the tape is good up to the last `sync()`.
 */
export class VirtualTape {
  readonly layout: TapeLayout;
  readonly #mapFd: number;
  readonly #dataFd: number;
  /** The same file with O_DIRECT: for whole pages, whose detour over the page cache costs more than it gives. */
  #directFd: number | undefined;
  #bounce: Uint8Array | undefined;
  #overlapped: OverlappedWrite | undefined;
  /** Whether torn remains may lie behind the end of the layout, where they would be taken for what comes next. */
  #mayHaveRemains = true;
  #readAhead: { readonly buffer: Uint8Array; run?: TapeRun; firstBlock: number; blocks: number } | undefined;

  private constructor(layout: TapeLayout, mapFd: number, dataFd: number, directFd: number | undefined) {
    this.layout = layout;
    this.#mapFd = mapFd;
    this.#dataFd = dataFd;
    this.#directFd = directFd;
  }

  /**
   * Opening changes nothing and sees the tape as it is at this moment; who opens for writing has the drive's lock,
   * beside it others may read.
   *
   * @throws NotAVirtualTape
   */
  static open(folder: string, access: 'read' | 'write'): VirtualTape {
    const flags = access === 'write' ? constants.O_RDWR : constants.O_RDONLY;
    const mapFd = openSync(join(folder, 'map'), flags);
    const dataFd = openSync(join(folder, 'data'), flags);
    const parsed = parseMap(readFileSync(mapFd), fstatSync(dataFd).size);
    if (parsed.kind === 'notATape') {
      closeSync(mapFd);
      closeSync(dataFd);
      throw new NotAVirtualTape(`${folder}: ${parsed.message}`);
    }
    return new VirtualTape(parsed.layout, mapFd, dataFd, tryOpenDirect(join(folder, 'data'), flags));
  }

  /** What of the capacity is taken. */
  get usedBytes(): number {
    return this.layout.dataEnd + this.layout.filemarks.length * filemarkBytes;
  }

  /** What would be taken after a block of so many bytes. */
  usedBytesAfterBlock(blockBytes: number): number {
    const begin = this.#runFor(blockBytes) === undefined ? alignedOffset(this.layout.dataEnd) : this.layout.dataEnd;
    return begin + blockBytes + this.layout.filemarks.length * filemarkBytes;
  }

  usedBytesAfterFilemark(): number {
    return this.usedBytes + filemarkBytes;
  }

  /**
   * @param meanwhile  called once, while the block is being written where that can be had
   * @throws MediumDamaged, and whatever the file system says
   */
  appendBlock(block: Uint8Array, meanwhile?: () => void): void {
    this.#cutRemains();
    const run = this.#runFor(block.length) ?? this.#beginRun(block.length);
    const offset = run.offset + run.blocks * run.blockBytes;
    const written = meanwhile === undefined ? 0 : this.#writeOverlapped(block, offset, meanwhile);
    if (written < block.length) this.#write(block.subarray(written), offset + written);
    run.blocks += 1;
    this.layout.objects += 1;
    this.layout.dataEnd = offset + block.length;
  }

  /** @throws MediumDamaged, and whatever the file system says */
  appendFilemark(): void {
    this.#cutRemains();
    this.#appendRecord((ordinal, ended) => encodeFilemarkRecord(this.layout.dataEnd, ended, ordinal));
    addFilemark(this.layout);
  }

  sync(): void {
    // Data before map: a map that claims more than the data holds is cut when the tape is opened, not the other way.
    fdatasyncSync(this.#dataFd);
    fdatasyncSync(this.#mapFd);
  }

  /** Makes the tape blank. Data goes before the map, for the same reason as in `sync`. */
  erase(): void {
    ftruncateSync(this.#dataFd, 0);
    ftruncateSync(this.#mapFd, 0);
    this.#readAhead = undefined;
    this.#mayHaveRemains = false;
    Object.assign(this.layout, emptyLayout(), { records: 0 });
    this.sync();
  }

  /**
   * @param object  number of a block, as `layout` counts
   * @param block  index within `run` of the block to be read
   * @param into  at least `run.blockBytes` long
   */
  readBlock(run: TapeRun, block: number, into: Uint8Array): void {
    if (!this.#readThroughAhead(run, block, into)) {
      readFully(this.#dataFd, into, run.blockBytes, run.offset + block * run.blockBytes);
    }
  }

  elementAt(object: number): TapeLayout['elements'][number] | undefined {
    return this.layout.elements[findElement(this.layout, object)];
  }

  close(): void {
    closeSync(this.#mapFd);
    closeSync(this.#dataFd);
    if (this.#directFd !== undefined) closeSync(this.#directFd);
    this.#directFd = undefined;
  }

  #cutRemains(): void {
    if (!this.#mayHaveRemains) return;
    if (this.layout.damaged) throw new MediumDamaged('behind the end that can be read may lie data');
    ftruncateSync(this.#dataFd, this.layout.dataEnd);
    ftruncateSync(this.#mapFd, this.layout.records * mapRecordBytes);
    this.#mayHaveRemains = false;
  }

  #runFor(blockBytes: number): TapeRun | undefined {
    const run = openRun(this.layout);
    return run?.blockBytes === blockBytes ? run : undefined;
  }

  #beginRun(blockBytes: number): TapeRun {
    const run: TapeRun = {
      kind: 'run',
      firstObject: this.layout.objects,
      blockBytes,
      offset: alignedOffset(this.layout.dataEnd),
      blocks: 0,
    };
    this.#appendRecord((ordinal, ended) => encodeRunRecord(run, ended, ordinal));
    addRun(this.layout, run);
    return run;
  }

  #appendRecord(encode: (ordinal: number, endedBlocks: number) => Buffer): void {
    if (this.layout.records === 0) {
      writeFully(this.#mapFd, encodeHeaderRecord(), 0);
      this.layout.records = 1;
    }
    const { records } = this.layout;
    writeFully(this.#mapFd, encode(records, openRun(this.layout)?.blocks ?? 0), records * mapRecordBytes);
  }

  #write(bytes: Uint8Array, offset: number): void {
    if (!this.#writeDirect(bytes, offset)) writeFully(this.#dataFd, bytes, offset);
  }

  /** Returns how many bytes stand there; 0 where it can't be done in this way. */
  #writeOverlapped(block: Uint8Array, offset: number, meanwhile: () => void): number {
    const direct = this.#directFor(block);
    const overlapped = direct === undefined ? undefined : (this.#overlapped ??= OverlappedWrite.open());
    if (direct === undefined || overlapped === undefined) {
      meanwhile();
      return 0;
    }
    const result = overlapped.write(direct, this.#paged(block), offset, meanwhile);
    if (result >= 0) return result;
    // No O_DIRECT here, or no more such writes now.
    if (result === -EINVAL || result === -EAGAIN) return 0;
    throw new PosixError('aio_write', -result);
  }

  #writeDirect(block: Uint8Array, offset: number): boolean {
    const direct = this.#directFor(block);
    if (direct === undefined) return false;
    try {
      writeFully(direct, this.#paged(block), offset);
      return true;
    } catch (error) {
      if (errorCode(error) !== 'EINVAL') throw error;
      this.#forgetDirect();
      return false;
    }
  }

  /** Undefined where the block has to take the way over the page cache. */
  #directFor(block: Uint8Array): number | undefined {
    return block.length % dataAlignmentBytes === 0 ? this.#directFd : undefined;
  }

  /** The block, or a copy of it, at the beginning of a page. */
  #paged(block: Uint8Array): Uint8Array {
    if (isPageAligned(block)) return block;
    if (this.#bounce === undefined || this.#bounce.length < block.length)
      this.#bounce = allocatePageAligned(block.length);
    const bounced = this.#bounce.subarray(0, block.length);
    bounced.set(block);
    return bounced;
  }

  #readThroughAhead(run: TapeRun, block: number, into: Uint8Array): boolean {
    if (this.#directFd === undefined || run.blockBytes % dataAlignmentBytes !== 0) return false;
    if (run.blockBytes > readAheadBytes) return false;
    const ahead = (this.#readAhead ??= { buffer: allocatePageAligned(readAheadBytes), firstBlock: 0, blocks: 0 });
    if (ahead.run !== run || block < ahead.firstBlock || block >= ahead.firstBlock + ahead.blocks) {
      const blocks = Math.min(Math.floor(readAheadBytes / run.blockBytes), run.blocks - block);
      ahead.blocks = 0;
      try {
        readFully(this.#directFd, ahead.buffer, blocks * run.blockBytes, run.offset + block * run.blockBytes);
      } catch (error) {
        if (errorCode(error) !== 'EINVAL') throw error;
        this.#forgetDirect();
        return false;
      }
      Object.assign(ahead, { run, firstBlock: block, blocks });
    }
    const begin = (block - ahead.firstBlock) * run.blockBytes;
    into.set(ahead.buffer.subarray(begin, begin + run.blockBytes));
    return true;
  }

  #forgetDirect(): void {
    if (this.#directFd !== undefined) closeSync(this.#directFd);
    this.#directFd = undefined;
  }
}

/** Absent where the file system knows no O_DIRECT. */
function tryOpenDirect(path: string, flags: number): number | undefined {
  try {
    return openSync(path, flags | constants.O_DIRECT);
  } catch (error) {
    if (errorCode(error) === 'EINVAL') return undefined;
    throw error;
  }
}

function writeFully(fd: number, bytes: Uint8Array, offset: number): void {
  for (let done = 0; done < bytes.length;) done += writeSync(fd, bytes, done, bytes.length - done, offset + done);
}

function readFully(fd: number, into: Uint8Array, bytes: number, offset: number): void {
  for (let done = 0; done < bytes;) {
    const got = readSync(fd, into, done, bytes - done, offset + done);
    if (got === 0) throw Object.assign(new Error(`the data file ends at ${offset + done}`), { code: 'EIO' });
    done += got;
  }
}
