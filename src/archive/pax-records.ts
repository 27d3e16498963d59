import type { Bytes } from '../posix/bytes.ts';
import { ArchiveError } from './archive-error.ts';
import { MAX_ID, MAX_TIME_DIGITS, type Refusal } from './limits.ts';

/** What the records of one member say; later ones win. */
export interface PaxRecords {
  path?: Bytes;
  linkPath?: Bytes;
  size?: number;
  uid?: number;
  gid?: number;
  mtime?: { readonly sec: number; readonly ns: number };
  aclAccess?: Bytes;
  aclDefault?: Bytes;
  sparseMajor?: string;
  sparseMinor?: string;
  sparseName?: Bytes;
  sparseRealSize?: number;
  /** A record says something that is well formed and too large. */
  refused?: Refusal;
  readonly xattrs: (readonly [Bytes, Buffer])[];
}

const invalid = (message: string): never => {
  throw new ArchiveError('RecordInvalid', message);
};

const DECIMAL = /^\d{1,40}$/;
const TIME = /^(-?)(\d{1,40})(?:\.(\d{1,9})\d*)?$/;

const decimal = (key: string, value: Bytes): number =>
  DECIMAL.test(value) ? Number(value) : invalid(`${key}=${value.slice(0, 40)}`);

/** What is larger is no number that the member could have: 0, and the member is refused. */
const toNumber = (records: PaxRecords, key: string, value: Bytes, max: number): number => {
  const number = decimal(key, value);
  if (number <= max) return number;
  records.refused = 'EOVERFLOW';
  return 0;
};

/** Where a member ends is found by its size: one that is no number ends the reading. */
const toSize = (value: Bytes): number => {
  const size = decimal('size', value);
  return Number.isSafeInteger(size) ? size : invalid(`size=${value}`);
};

/** A time of our days as `writeHeader` writes it: ten digits, a dot, nine digits. */
const usualTime = (value: Bytes): { readonly sec: number; readonly ns: number } | undefined => {
  if (value.length !== 20 || value.charCodeAt(10) !== 0x2e) return undefined;
  let sec = 0;
  let ns = 0;
  for (let at = 0; at < 20; at += 1) {
    if (at === 10) continue;
    const digit = value.charCodeAt(at) - 0x30;
    if (digit < 0 || digit > 9) return undefined;
    if (at < 10) sec = sec * 10 + digit;
    else ns = ns * 10 + digit;
  }
  return { sec, ns };
};

const toTime = (records: PaxRecords, value: Bytes): { readonly sec: number; readonly ns: number } => {
  const match = TIME.exec(value);
  if (match === null) return invalid(`mtime=${value.slice(0, 40)}`);
  if ((match[2] ?? '').length > MAX_TIME_DIGITS) {
    records.refused = 'EOVERFLOW';
    return { sec: 0, ns: 0 };
  }
  const sec = Number(match[2]);
  const ns = Number((match[3] ?? '').padEnd(9, '0'));
  if (match[1] === '') return { sec, ns };
  return ns === 0 ? { sec: sec === 0 ? 0 : -sec, ns: 0 } : { sec: -sec - 1, ns: 1_000_000_000 - ns };
};

const XATTR = 'SCHILY.xattr.';

const apply = (records: PaxRecords, key: Bytes, value: Bytes): void => {
  if (key.startsWith(XATTR)) {
    const name = key.slice(XATTR.length).replaceAll('%3D', '=').replaceAll('%25', '%');
    records.xattrs.push([name, Buffer.from(value, 'latin1')]);
    return;
  }
  switch (key) {
    case 'path':
      records.path = value;
      break;
    case 'linkpath':
      records.linkPath = value;
      break;
    case 'size':
      records.size = toSize(value);
      break;
    case 'uid':
      records.uid = toNumber(records, key, value, MAX_ID);
      break;
    case 'gid':
      records.gid = toNumber(records, key, value, MAX_ID);
      break;
    case 'mtime':
      records.mtime = usualTime(value) ?? toTime(records, value);
      break;
    case 'SCHILY.acl.access':
      records.aclAccess = value;
      break;
    case 'SCHILY.acl.default':
      records.aclDefault = value;
      break;
    case 'GNU.sparse.major':
      records.sparseMajor = value;
      break;
    case 'GNU.sparse.minor':
      records.sparseMinor = value;
      break;
    case 'GNU.sparse.name':
      records.sparseName = value;
      break;
    case 'GNU.sparse.realsize':
      records.sparseRealSize = toNumber(records, key, value, Number.MAX_SAFE_INTEGER);
      break;
    default:
    // Others change nothing that is restored.
  }
};

const SPACE = 0x20;
const LINE_FEED = 0x0a;

/**
 * @param cut the records go on behind these bytes: what does not end here is left out
 * @throws ArchiveError RecordInvalid
 */
export const parseRecords = (bytes: Buffer, cut = false): PaxRecords => {
  const records: PaxRecords = { xattrs: [] };
  for (let at = 0; at < bytes.length;) {
    let length = 0;
    let digits = at;
    for (; digits < at + 9 && digits < bytes.length && bytes[digits] !== SPACE; digits += 1) {
      const digit = (bytes[digits] ?? 0) - 0x30;
      if (digit < 0 || digit > 9) invalid('a length that is no number');
      length = length * 10 + digit;
    }
    const end = at + length;
    if (cut && (digits >= bytes.length || end > bytes.length)) break;
    if (digits === at || bytes[digits] !== SPACE || length < 5 || end > bytes.length || bytes[end - 1] !== LINE_FEED)
      invalid('a length that does not fit');
    const equals = bytes.indexOf(0x3d, digits + 1);
    if (equals < 0 || equals >= end) invalid('no = in a record');
    apply(records, bytes.toString('latin1', digits + 1, equals), bytes.toString('latin1', equals + 1, end - 1));
    at = end;
  }
  return records;
};
