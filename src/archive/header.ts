import type { Bytes } from '../posix/bytes.ts';
import { byteSum } from './byte-sum.ts';
import { ByteText, decimalDigits } from './byte-text.ts';
import { HEADER_BYTES, padding, type PaxOut } from './pax-out.ts';

/** The type flags that this format writes. */
export const TYPE = { file: '0', link: '1', symlink: '2', character: '3', block: '4', folder: '5', fifo: '6' } as const;
export type TypeFlag = (typeof TYPE)[keyof typeof TYPE];

const NAME_BYTES = 100;
const MAX_OCTAL_7 = 8 ** 7;
const MAX_OCTAL_11 = 8 ** 11;

export interface HeaderFields {
  /** A folder's with its closing `/`. */
  readonly name: Bytes;
  readonly type: TypeFlag | 'x';
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly sizeBytes: number;
  readonly mtimeSec: number;
  readonly mtimeNs: number;
  readonly linkName: Bytes;
  readonly major: number;
  readonly minor: number;
}

/** One pax record: its own length counts. */
export const paxRecord = (key: Bytes, value: Bytes): Bytes => {
  const rest = key.length + value.length + 3;
  let length = rest + String(rest).length;
  if (String(length).length !== String(rest).length) length = rest + String(length).length;
  return `${String(length)} ${key}=${value}\n`;
};

const nineDigits = (ns: number): string => String(ns).padStart(9, '0');

/** `sec.nnnnnnnnn`, sign and magnitude: one nanosecond before 1970 is `-0.000000001`. */
export const timeText = (sec: number, ns: number): string => {
  if (sec >= 0) return `${String(sec)}.${nineDigits(ns)}`;
  return ns === 0 ? `${String(sec)}.${nineDigits(0)}` : `-${String(-sec - 1)}.${nineDigits(1_000_000_000 - ns)}`;
};

/** `timeText` without a string, for times of our days. */
export const writeTime = (out: ByteText, sec: number, ns: number): void => {
  if (sec < 0) {
    out.text(timeText(sec, ns));
    return;
  }
  out.decimal(sec);
  out.text('.');
  out.padded(ns, 9);
};

const BLANKS = 0x20202020;

/** One header block. What no header of it ever says is written once; names are wiped as far as the last ones went. */
class HeaderBlock {
  readonly #bytes: Uint8Array;
  readonly #words: Int32Array;
  #nameBytes = 0;
  #linkBytes = 0;

  /** @param memory  of zeros */
  constructor(memory: Buffer) {
    this.#bytes = memory;
    this.#words = new Int32Array(memory.buffer, memory.byteOffset, HEADER_BYTES / 4);
    memory.write('ustar\x0000', 257, 'latin1');
  }

  put(fields: HeaderFields, name: Bytes): void {
    this.#nameBytes = this.#putName(0, name, this.#nameBytes);
    this.#putOctal(100, 7, fields.mode & 0o7777);
    this.#putOctal(108, 7, fields.uid < MAX_OCTAL_7 ? fields.uid : 0);
    this.#putOctal(116, 7, fields.gid < MAX_OCTAL_7 ? fields.gid : 0);
    this.#putOctal(124, 11, fields.sizeBytes < MAX_OCTAL_11 ? fields.sizeBytes : 0);
    this.#putOctal(136, 11, fields.mtimeSec >= 0 && fields.mtimeSec < MAX_OCTAL_11 ? fields.mtimeSec : 0);
    this.#bytes[156] = fields.type.charCodeAt(0);
    this.#linkBytes = this.#putName(157, fields.linkName, this.#linkBytes);
    this.#putOctal(329, 7, fields.major);
    this.#putOctal(337, 7, fields.minor);
    // The sum of all bytes with the field itself blank.
    this.#words[37] = this.#words[38] = BLANKS;
    this.#putOctal(148, 6, byteSum(this.#words));
  }

  /** Writes at most 100 bytes, and NULs as far as `before`. @returns how many were written */
  #putName(at: number, name: Bytes, before: number): number {
    const bytes = this.#bytes;
    const length = Math.min(NAME_BYTES, name.length);
    for (let from = 0; from < length; from += 1) bytes[at + from] = name.charCodeAt(from);
    for (let from = length; from < before; from += 1) bytes[at + from] = 0;
    return length;
  }

  /** Writes `digits` octal digits of a number that fits and a NUL. */
  #putOctal(at: number, digits: number, value: number): void {
    const bytes = this.#bytes;
    let position = at + digits - 1;
    let large = value;
    for (; large > 0x7fffffff; position -= 1) {
      const next = Math.floor(large / 8);
      bytes[position] = 0x30 + (large - next * 8);
      large = next;
    }
    for (let rest = large | 0; position >= at; position -= 1) {
      bytes[position] = 0x30 + (rest & 7);
      rest >>>= 3;
    }
    bytes[at + digits] = 0;
  }
}

// The blocks of a member are made here, in memory of this thread alone, and copied at once: each byte that is written
// into memory that threads share costs many times as much. `x` header, its records, the member's own header.
const staged = Buffer.from(new ArrayBuffer(3 * HEADER_BYTES));
const recordsHeader = new HeaderBlock(staged.subarray(0, HEADER_BYTES));
const records = new ByteText(staged.subarray(HEADER_BYTES, 2 * HEADER_BYTES));
const ownBlock = staged.subarray(2 * HEADER_BYTES);
const ownHeader = new HeaderBlock(ownBlock);
/** Of the records that `recordsHeader` speaks of. */
let stagedRecords = 0;

const RECORDS = { name: '././@PaxHeader', mode: 0o644, linkName: '', ...{ uid: 0, gid: 0, mtimeSec: 0, mtimeNs: 0 } };

/** The `x` header of records so long. */
const putRecordsHeader = (sizeBytes: number): void => {
  if (sizeBytes === stagedRecords) return;
  recordsHeader.put({ ...RECORDS, type: 'x', sizeBytes, major: 0, minor: 0 }, RECORDS.name);
  if (sizeBytes < stagedRecords) staged.fill(0, HEADER_BYTES + sizeBytes, 2 * HEADER_BYTES);
  stagedRecords = sizeBytes;
};

/** Of a time in its record: `sec.nnnnnnnnn`. */
const timeDigits = (sec: number, ns: number): number =>
  sec >= 0 && sec <= 0x7fffffff ? decimalDigits(sec) + 10 : timeText(sec, ns).length;

/** ` mtime=`, the line feed, and two digits of its length. */
const TIME_RECORD_BYTES = 10;

/**
 * Writes the records that the header's own fields need: what is too long, too large or too fine for them.
 * Link members carry only `path` and `linkpath`.
 */
const writeFieldRecords = (fields: HeaderFields, pathRecord: boolean): void => {
  const { name, linkName, sizeBytes, uid, gid, mtimeSec, mtimeNs } = fields;
  if (pathRecord && name.length > NAME_BYTES) records.text(paxRecord('path', name));
  if (linkName.length > NAME_BYTES) records.text(paxRecord('linkpath', linkName));
  if (fields.type === TYPE.link) return;
  if (sizeBytes >= MAX_OCTAL_11) records.text(paxRecord('size', String(sizeBytes)));
  if (uid >= MAX_OCTAL_7) records.text(paxRecord('uid', String(uid)));
  if (gid >= MAX_OCTAL_7) records.text(paxRecord('gid', String(gid)));
  if (mtimeNs === 0 && mtimeSec >= 0 && mtimeSec < MAX_OCTAL_11) return;
  // As `paxRecord` would make it.
  records.decimal(timeDigits(mtimeSec, mtimeNs) + TIME_RECORD_BYTES);
  records.text(' mtime=');
  writeTime(records, mtimeSec, mtimeNs);
  records.text('\n');
};

/**
 * Writes a member's header blocks, the `x` header before it where any record is needed.
 *
 * @param moreRecords records beside those of the fields: xattrs, ACLs, `GNU.sparse.*`
 * @param sparseName the header's name of a sparse member, whose own name stands in `GNU.sparse.name`
 */
export const writeHeader = (out: PaxOut, fields: HeaderFields, moreRecords: Bytes, sparseName?: Bytes): void => {
  records.clear();
  writeFieldRecords(fields, sparseName === undefined);
  records.text(moreRecords);
  ownHeader.put(fields, sparseName ?? fields.name);
  const { length } = records;
  if (length === 0) {
    out.writeBytes(ownBlock);
    return;
  }
  putRecordsHeader(length);
  if (length <= HEADER_BYTES) {
    out.writeBytes(staged);
    return;
  }
  out.writeBytes(staged.subarray(0, HEADER_BYTES));
  out.writeBytes(records.written);
  out.zeros(padding(length));
  out.writeBytes(ownBlock);
};
