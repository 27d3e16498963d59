import type { Bytes } from '../posix/bytes.ts';
import { ArchiveError } from './archive-error.ts';
import { byteSum } from './byte-sum.ts';
import type { ByteSource } from './decode.ts';
import { MAX_EXTENTS } from './extents.ts';
import { MAX_PATH_BYTES, MAX_RECORDS_BYTES, type Refusal } from './limits.ts';
import { parseRecords, type PaxRecords } from './pax-records.ts';

/** f file, d folder, l symbolic link, h hard link, c b p devices and fifo. */
export type MemberType = 'f' | 'd' | 'l' | 'h' | 'c' | 'b' | 'p';

export interface Member {
  /** Relative, without closing `/`; empty for the root. Never `..`, absolute, or with empty components. */
  readonly path: Bytes;
  readonly type: MemberType;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtimeSec: number;
  readonly mtimeNs: number;
  /** Of a symbolic link as it is; of a hard link checked as a path is. */
  readonly linkName: Bytes;
  /** Apparent size of a file. */
  readonly size: number;
  /** Offset, length, … of a sparse file's data; undefined: all of it. */
  readonly extents: readonly number[] | undefined;
  readonly xattrs: readonly (readonly [Bytes, Buffer])[];
  readonly aclAccess: Bytes | undefined;
  readonly aclDefault: Bytes | undefined;
  readonly major: number;
  readonly minor: number;
  /** Pax offset of its first header block. */
  readonly offset: number;
  /** It says something too large to be restored: `path` tells which it is, cut where it is too long. */
  readonly refused: Refusal | undefined;
}

const HEADER = 512;
const NAME_BYTES = 100;
/** Of a path that is too long, to tell which one it is. */
const TOLD_PATH_BYTES = 1000;
const MAX_MAP_BYTES = (2 * MAX_EXTENTS + 4) * 18;

const TYPES: ReadonlyMap<string, MemberType> = new Map([
  ['0', 'f'],
  ['1', 'h'],
  ['2', 'l'],
  ['3', 'c'],
  ['4', 'b'],
  ['5', 'd'],
  ['6', 'p'],
]);

const invalid = (message: string): never => {
  throw new ArchiveError('HeaderInvalid', message);
};

/**
 * A path from an archive, checked: relative, no empty component, no `.` or `..`, no NUL.
 *
 * @throws ArchiveError NameRefused
 */
export const checkPath = (name: Bytes): Bytes => {
  if (name === '' || name.includes('\0'))
    throw new ArchiveError('NameRefused', `empty, or with a NUL: ${JSON.stringify(name.slice(0, 200))}`);
  for (let begin = 0; begin <= name.length;) {
    const slash = name.indexOf('/', begin);
    const end = slash < 0 ? name.length : slash;
    if (isNoName(name, begin, end)) throw new ArchiveError('NameRefused', JSON.stringify(name.slice(0, 200)));
    begin = end + 1;
  }
  return name;
};

const DOT = 0x2e;

/** Whether a component is empty, `.` or `..`. */
const isNoName = (name: Bytes, begin: number, end: number): boolean =>
  end === begin ||
  (name.charCodeAt(begin) === DOT && (end === begin + 1 || (end === begin + 2 && name.charCodeAt(begin + 1) === DOT)));

/** What stands for a path that is too long. */
export const cutPath = (name: Bytes): Bytes => name.slice(0, TOLD_PATH_BYTES).replace(/\/[^/]*$/, '');

const text = (block: Buffer, at: number, width: number): Bytes => {
  const end = block.indexOf(0, at);
  return block.toString('latin1', at, end < 0 || end > at + width ? at + width : end);
};

const octal = (block: Buffer, at: number, width: number): number => {
  let value = 0;
  for (let position = at; position < at + width; position += 1) {
    const byte = block[position] ?? 0;
    if (byte === 0 || byte === 0x20) break;
    if (byte < 0x30 || byte > 0x37) return invalid('a field that is no octal number');
    value = value * 8 + byte - 0x30;
  }
  return value;
};

/** False for a block of zeros. */
const checkHeader = (block: Buffer, words: Int32Array): boolean => {
  let sum = byteSum(words);
  if (sum === 0) return false;
  for (let at = 148; at < 156; at += 1) sum += 0x20 - (block[at] ?? 0);
  if (octal(block, 148, 8) !== sum) invalid('the checksum differs');
  if (block.toString('latin1', 257, 265) !== 'ustar\x0000') invalid('no ustar header');
  return true;
};

/** Reads the members of a pax stream in order, trusting nothing in it. Memory: one piece of the stream and one header. */
export class PaxReader {
  readonly #source: ByteSource;
  #chunk: Buffer = Buffer.alloc(0);
  #at = 0;
  #offset = 0;
  /** Of the open member: bytes not read yet, and the padding behind them. */
  #contentLeft = 0;
  #paddingLeft = 0;
  readonly #block = Buffer.from(new ArrayBuffer(HEADER));
  readonly #words = new Int32Array(this.#block.buffer);
  #ended = false;

  constructor(source: ByteSource) {
    this.#source = source;
  }

  /** Bytes of the pax stream read so far. */
  get offset(): number {
    return this.#offset;
  }

  /**
   * The next member; what is left of the one before is passed over. Undefined at the archive's end.
   *
   * @throws ArchiveError Truncated, HeaderInvalid, RecordInvalid, NameRefused, SizeRefused
   */
  next(): Member | undefined {
    if (this.#ended) return undefined;
    this.#passOver(this.#contentLeft + this.#paddingLeft);
    this.#contentLeft = this.#paddingLeft = 0;
    const offset = this.#offset;
    let block = this.#header();
    if (block === undefined) return this.#end();
    let records: PaxRecords = { xattrs: [] };
    if (text(block, 156, 1) === 'x') {
      records = this.#records(octal(block, 124, 12));
      block = this.#header();
      if (block === undefined) throw new ArchiveError('Truncated', 'after an x header');
    }
    return this.#member(block, records, offset);
  }

  /** The next piece of the open member's content, valid until the next call; undefined at its end. */
  read(): Buffer | undefined {
    if (this.#contentLeft === 0) return undefined;
    this.#fill();
    const length = Math.min(this.#contentLeft, this.#chunk.length - this.#at);
    const piece = this.#chunk.subarray(this.#at, this.#at + length);
    this.#take(length);
    this.#contentLeft -= length;
    return piece;
  }

  /**
   * The whole content of the open member.
   *
   * @throws ArchiveError SizeRefused where it is larger than `maxBytes`
   */
  readAll(maxBytes: number): Buffer {
    if (this.#contentLeft > maxBytes) throw new ArchiveError('SizeRefused', `${String(this.#contentLeft)} bytes`);
    const content = Buffer.alloc(this.#contentLeft);
    for (let at = 0, piece = this.read(); piece !== undefined; piece = this.read()) at += piece.copy(content, at);
    return content;
  }

  #end(): undefined {
    this.#ended = true;
    return undefined;
  }

  #fill(): void {
    while (this.#at === this.#chunk.length) {
      const chunk = this.#source.next();
      if (chunk === undefined) throw new ArchiveError('Truncated', `at ${String(this.#offset)} of the pax stream`);
      this.#chunk = chunk;
      this.#at = 0;
    }
  }

  #take(bytes: number): void {
    this.#at += bytes;
    this.#offset += bytes;
  }

  #passOver(bytes: number): void {
    for (let left = bytes; left > 0;) {
      this.#fill();
      const length = Math.min(left, this.#chunk.length - this.#at);
      this.#take(length);
      left -= length;
    }
  }

  #copy(target: Buffer): void {
    for (let done = 0; done < target.length;) {
      this.#fill();
      const copied = this.#chunk.copy(target, done, this.#at);
      this.#take(copied);
      done += copied;
    }
  }

  /** Undefined for the block of zeros that ends the archive. */
  #header(): Buffer | undefined {
    this.#copy(this.#block);
    return checkHeader(this.#block, this.#words) ? this.#block : undefined;
  }

  #records(bytes: number): PaxRecords {
    const content = Buffer.alloc(Math.min(bytes, MAX_RECORDS_BYTES));
    this.#copy(content);
    this.#passOver(bytes - content.length + (-bytes & 511));
    if (bytes === content.length) return parseRecords(content);
    // The first of them tell the path and where the member ends.
    return { ...parseRecords(content, true), refused: 'EOVERFLOW' };
  }

  #member(block: Buffer, records: PaxRecords, offset: number): Member {
    const flag = text(block, 156, 1);
    const type = TYPES.get(flag) ?? invalid(`a member of type ${JSON.stringify(flag)}`);
    const bytes = records.size ?? octal(block, 124, 12);
    if (!Number.isSafeInteger(bytes) || (type !== 'f' && bytes !== 0))
      throw new ArchiveError('SizeRefused', `${String(bytes)} bytes of content, type ${flag}`);
    this.#contentLeft = bytes;
    this.#paddingLeft = -bytes & 511;
    const header = {
      mode: octal(block, 100, 8) & 0o7777,
      uid: records.uid ?? octal(block, 108, 8),
      gid: records.gid ?? octal(block, 116, 8),
      mtimeSec: records.mtime?.sec ?? octal(block, 136, 12),
      mtimeNs: records.mtime?.ns ?? 0,
      major: octal(block, 329, 8),
      minor: octal(block, 337, 8),
    };
    const name = records.sparseName ?? records.path ?? text(block, 0, NAME_BYTES);
    const target = records.linkPath ?? text(block, 157, 100);
    const long = name.length > MAX_PATH_BYTES + 1 || target.length > MAX_PATH_BYTES;
    const refused = long ? 'ENAMETOOLONG' : records.refused;
    const path = this.#path(long ? this.#cutName(name, type) : name, type);
    const linkName = long ? '' : this.#linkName(target, type);
    const isSparse = records.sparseMajor !== undefined && refused === undefined;
    const sparse = isSparse ? this.#sparseMap(records, bytes, type) : undefined;
    const { xattrs, aclAccess, aclDefault } = records;
    const size = sparse?.size ?? bytes;
    const extents = sparse?.extents;
    return { path, type, ...header, linkName, size, extents, xattrs, aclAccess, aclDefault, offset, refused };
  }

  #cutName(name: Bytes, type: MemberType): Bytes {
    return type === 'd' ? `${cutPath(name)}/` : cutPath(name);
  }

  #path(name: Bytes, type: MemberType): Bytes {
    if (type !== 'd') return checkPath(name);
    if (name === './') return '';
    if (!name.endsWith('/'))
      throw new ArchiveError('NameRefused', `a folder without closing /: ${JSON.stringify(name)}`);
    return checkPath(name.slice(0, -1));
  }

  #linkName(name: Bytes, type: MemberType): Bytes {
    if (type === 'h') return checkPath(name);
    if (type !== 'l') return '';
    if (name === '' || name.includes('\0')) throw new ArchiveError('NameRefused', 'the target of a symbolic link');
    return name;
  }

  /** Reads the map at the content's beginning: decimal numbers, one a line, padded to 512. */
  #sparseMap(records: PaxRecords, bytes: number, type: MemberType): { size: number; extents: number[] } {
    const size = records.sparseRealSize;
    if (records.sparseMajor !== '1' || records.sparseMinor !== '0' || size === undefined || type !== 'f')
      throw new ArchiveError('RecordInvalid', 'a sparse member of another kind than 1.0');
    const numbers: number[] = [];
    let wanted = 1;
    let rest = '';
    const piece = Buffer.alloc(HEADER);
    for (let read = 0; numbers.length < wanted; read += HEADER) {
      if (read > MAX_MAP_BYTES || this.#contentLeft < HEADER) throw new ArchiveError('RecordInvalid', 'a sparse map');
      this.#copy(piece);
      this.#contentLeft -= HEADER;
      const lines = (rest + piece.toString('latin1')).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        if (numbers.length === wanted) break;
        if (!/^\d{1,16}$/.test(line)) throw new ArchiveError('RecordInvalid', 'a sparse map');
        numbers.push(Number(line));
        if (numbers.length === 1) wanted = 1 + 2 * Number(line);
      }
      if (wanted > 2 * MAX_EXTENTS + 3) throw new ArchiveError('RecordInvalid', 'too many extents');
    }
    const extents = numbers.slice(1);
    let end = 0;
    let data = 0;
    for (let at = 0; at < extents.length; at += 2) {
      const [offset, length] = [extents[at] ?? 0, extents[at + 1] ?? 0];
      if (offset < end || offset + length > size)
        throw new ArchiveError('RecordInvalid', 'extents that overlap or exceed');
      end = offset + length;
      data += length;
    }
    if (data !== this.#contentLeft || bytes < data) throw new ArchiveError('SizeRefused', 'a sparse map and its data');
    return { size, extents };
  }
}
