import type { Bytes } from '../posix/bytes.ts';
import { byteSum } from './byte-sum.ts';
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

// A header is made here, with integers, in memory of this thread alone, and copied whole: each byte that is written into
// memory that threads share costs many times as much.
const header = Buffer.from(new ArrayBuffer(HEADER_BYTES));
const headerWords = new Int32Array(header.buffer);

/** Writes `digits` octal digits of a number that fits and a NUL. */
const putOctal = (at: number, digits: number, value: number): void => {
  let position = at + digits - 1;
  let rest = value;
  for (; rest > 0x7fffffff; position -= 1) {
    const next = Math.floor(rest / 8);
    header[position] = 0x30 + (rest - next * 8);
    rest = next;
  }
  for (; position >= at; position -= 1) {
    header[position] = 0x30 + (rest & 7);
    rest >>>= 3;
  }
  header[at + digits] = 0;
};

const BLANKS = 0x20202020;

/** The sum of all bytes with the field itself, at 148, blank. */
const putChecksum = (): void => {
  headerWords[37] = headerWords[38] = BLANKS;
  putOctal(148, 6, byteSum(headerWords));
};

/** Writes a byte string of at most 100 bytes, and NULs behind it. */
const putName = (at: number, name: Bytes): void => {
  const length = Math.min(NAME_BYTES, name.length);
  if (length > 0) header.write(name, at, length, 'latin1');
  header.fill(0, at + length, at + NAME_BYTES);
};

const putHeader = (fields: HeaderFields): void => {
  putName(0, fields.name);
  putOctal(100, 7, fields.mode & 0o7777);
  putOctal(108, 7, fields.uid < MAX_OCTAL_7 ? fields.uid : 0);
  putOctal(116, 7, fields.gid < MAX_OCTAL_7 ? fields.gid : 0);
  putOctal(124, 11, fields.sizeBytes < MAX_OCTAL_11 ? fields.sizeBytes : 0);
  putOctal(136, 11, fields.mtimeSec >= 0 && fields.mtimeSec < MAX_OCTAL_11 ? fields.mtimeSec : 0);
  header[156] = fields.type.charCodeAt(0);
  putName(157, fields.linkName);
  header.write('ustar\x0000', 257, 'latin1');
  putOctal(329, 7, fields.major);
  putOctal(337, 7, fields.minor);
  putChecksum();
};

const RECORDS = { name: '././@PaxHeader', mode: 0o644, linkName: '', ...{ uid: 0, gid: 0, mtimeSec: 0, mtimeNs: 0 } };
/** Header and room for the records themselves, by their length. */
const recordBlocks = new Map<number, Buffer>();

/** The header of records so long, and what they fill: nothing in it differs but the records. */
const recordBlock = (sizeBytes: number): Buffer => {
  const known = recordBlocks.get(sizeBytes);
  if (known !== undefined) return known;
  putHeader({ ...RECORDS, type: 'x', sizeBytes, major: 0, minor: 0 });
  const block = Buffer.alloc(HEADER_BYTES + sizeBytes + padding(sizeBytes));
  header.copy(block);
  if (sizeBytes <= HEADER_BYTES) recordBlocks.set(sizeBytes, block);
  return block;
};

/**
 * The records that the header's own fields need: what is too long, too large or too fine for them.
 * Link members carry only `path` and `linkpath`.
 */
const fieldRecords = (fields: HeaderFields, pathRecord: boolean): Bytes => {
  let records = '';
  if (pathRecord && fields.name.length > NAME_BYTES) records += paxRecord('path', fields.name);
  if (fields.linkName.length > NAME_BYTES) records += paxRecord('linkpath', fields.linkName);
  if (fields.type === TYPE.link) return records;
  if (fields.sizeBytes >= MAX_OCTAL_11) records += paxRecord('size', String(fields.sizeBytes));
  if (fields.uid >= MAX_OCTAL_7) records += paxRecord('uid', String(fields.uid));
  if (fields.gid >= MAX_OCTAL_7) records += paxRecord('gid', String(fields.gid));
  if (fields.mtimeNs !== 0 || fields.mtimeSec < 0 || fields.mtimeSec >= MAX_OCTAL_11)
    records += paxRecord('mtime', timeText(fields.mtimeSec, fields.mtimeNs));
  return records;
};

/**
 * Writes a member's header blocks, the `x` header before it where any record is needed.
 *
 * @param moreRecords records beside those of the fields: xattrs, ACLs, `GNU.sparse.*`
 * @param sparseName the header's name of a sparse member, whose own name stands in `GNU.sparse.name`
 */
export const writeHeader = (out: PaxOut, fields: HeaderFields, moreRecords: Bytes, sparseName?: Bytes): void => {
  const records = fieldRecords(fields, sparseName === undefined) + moreRecords;
  if (records !== '') {
    const block = recordBlock(records.length);
    block.write(records, HEADER_BYTES, 'latin1');
    out.writeBytes(block);
  }
  putHeader(sparseName === undefined ? fields : { ...fields, name: sparseName });
  out.writeBytes(header);
};
