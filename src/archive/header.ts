import type { Bytes } from '../posix/bytes.ts';
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
  readonly type: TypeFlag;
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

/** Writes `digits` octal digits of a number that fits and a NUL. */
const putOctal = (buffer: Buffer, at: number, digits: number, value: number): void => {
  let rest = value;
  for (let position = at + digits - 1; position >= at; position -= 1) {
    const next = Math.floor(rest / 8);
    buffer[position] = 0x30 + (rest - next * 8);
    rest = next;
  }
  buffer[at + digits] = 0;
};

const putChecksum = (buffer: Buffer, at: number): void => {
  buffer.fill(0x20, at + 148, at + 156);
  let sum = 0;
  for (let position = at; position < at + HEADER_BYTES; position += 1) sum += buffer[position] ?? 0;
  putOctal(buffer, at + 148, 6, sum);
};

const USTAR = Buffer.from('ustar\x0000', 'latin1');

const putHeader = (buffer: Buffer, at: number, fields: HeaderFields): void => {
  buffer.fill(0, at, at + HEADER_BYTES);
  buffer.write(fields.name, at, Math.min(NAME_BYTES, fields.name.length), 'latin1');
  putOctal(buffer, at + 100, 7, fields.mode & 0o7777);
  putOctal(buffer, at + 108, 7, fields.uid < MAX_OCTAL_7 ? fields.uid : 0);
  putOctal(buffer, at + 116, 7, fields.gid < MAX_OCTAL_7 ? fields.gid : 0);
  putOctal(buffer, at + 124, 11, fields.sizeBytes < MAX_OCTAL_11 ? fields.sizeBytes : 0);
  putOctal(buffer, at + 136, 11, fields.mtimeSec >= 0 && fields.mtimeSec < MAX_OCTAL_11 ? fields.mtimeSec : 0);
  buffer.write(fields.type, at + 156, 'latin1');
  if (fields.linkName !== '')
    buffer.write(fields.linkName, at + 157, Math.min(NAME_BYTES, fields.linkName.length), 'latin1');
  USTAR.copy(buffer, at + 257);
  putOctal(buffer, at + 329, 7, fields.major);
  putOctal(buffer, at + 337, 7, fields.minor);
  putChecksum(buffer, at);
};

const recordHeaders = new Map<number, Buffer>();

/** The header of records `sizeBytes` long: nothing in it differs but the size. */
const recordHeader = (sizeBytes: number): Buffer => {
  const known = recordHeaders.get(sizeBytes);
  if (known !== undefined) return known;
  const header = Buffer.alloc(HEADER_BYTES);
  header.write('././@PaxHeader', 0, 'latin1');
  putOctal(header, 100, 7, 0o644);
  putOctal(header, 108, 7, 0);
  putOctal(header, 116, 7, 0);
  putOctal(header, 124, 11, sizeBytes);
  putOctal(header, 136, 11, 0);
  header.write('x', 156, 'latin1');
  USTAR.copy(header, 257);
  putOctal(header, 329, 7, 0);
  putOctal(header, 337, 7, 0);
  putChecksum(header, 0);
  if (sizeBytes <= HEADER_BYTES) recordHeaders.set(sizeBytes, header);
  return header;
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
    const header = recordHeader(records.length);
    const { buffer, at } = out.open();
    header.copy(buffer, at);
    out.advance(HEADER_BYTES);
    out.writeText(records);
    out.zeros(padding(records.length));
  }
  const { buffer, at } = out.open();
  putHeader(buffer, at, sparseName === undefined ? fields : { ...fields, name: sparseName });
  out.advance(HEADER_BYTES);
};
