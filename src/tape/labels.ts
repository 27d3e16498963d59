import { ColumnReader, ColumnWriter, labelBytes } from './label-columns.ts';
import {
  decodeDay,
  decodeRetainUntil,
  decodeTime,
  encodeDay,
  encodeMinute,
  encodeRetainUntil,
  encodeTime,
  type RetainUntil,
} from './label-time.ts';

/** Every label that stands on a tape, field by field. Numbers that the columns wrap are as the columns show them. */
export type Label = Vol1 | Uvl1 | Hdr1 | Hdr2 | Uhl1 | Uhl2 | Uhl3 | Uhl4 | Uhl5 | Utl1 | Utl2 | Utl3;

export interface Vol1 {
  readonly label: 'VOL1';
  readonly volumeId: string;
}

export interface Uvl1 {
  readonly label: 'UVL1';
  readonly barcode: string;
  readonly labelId: string;
  readonly labelledAt: Date;
}

export interface Hdr1 {
  readonly label: 'HDR1' | 'EOF1';
  readonly fileId: string;
  readonly volumeId: string;
  /** 1 to 9999, then 0. */
  readonly sequence: number;
  /** Days. */
  readonly created: RetainUntil;
  readonly expires: RetainUntil;
  /** Modulo 10⁶. */
  readonly blocks: number;
}

export interface Hdr2 {
  readonly label: 'HDR2' | 'EOF2';
}

export type GroupKind = 'data' | 'links' | 'catalogue';

export interface Encoding {
  readonly zstd: boolean;
  readonly encrypted: boolean;
}

export interface Uhl1 {
  readonly label: 'UHL1';
  readonly kind: GroupKind;
  readonly number: number;
  readonly group: number;
  /** 32 hexadecimal digits. */
  readonly uid: string;
  readonly stream: number;
  readonly epoch: number;
  readonly encoding: Encoding;
}

export interface Uhl2 {
  readonly label: 'UHL2';
  readonly namespace: string;
  readonly processNumber: number;
}

export interface Uhl3 {
  readonly label: 'UHL3';
  readonly jobName: string;
  readonly begunAt: Date;
}

export interface Uhl4 {
  readonly label: 'UHL4';
  readonly barcode: string;
  readonly retainUntil: RetainUntil;
  readonly latestRetainUntil: RetainUntil;
}

export interface Uhl5 {
  readonly label: 'UHL5';
  /** The data key, wrapped and in base64. */
  readonly wrappedKey: string;
  readonly keyId: string;
}

export interface Utl1 {
  readonly label: 'UTL1';
  readonly blocks: number;
  readonly paxBytes: number;
  readonly indexOffset: number;
  readonly entries: number;
  readonly files: number;
}

export interface Utl2 {
  readonly label: 'UTL2';
  readonly sha256: string;
}

export interface Utl3 {
  readonly label: 'UTL3';
  readonly outcome: 'WHOLE' | 'ABANDONED';
  readonly reason: string;
  readonly endedAt: Date;
  readonly group: number;
}

export const payloadBlockBytes = 262_144;
const owner = 'TWINREEL';
const system = 'TWINREEL 1';
const kindLetters: Readonly<Record<GroupKind, string>> = { data: 'D', links: 'L', catalogue: 'C' };

export const kindLetter = (kind: GroupKind): string => kindLetters[kind];

/** 80 bytes. @throws LabelError where a field does not fit its columns */
export function encodeLabel(label: Label): Buffer {
  const columns = new ColumnWriter(label.label);
  switch (label.label) {
    case 'VOL1':
      return columns.text(5, 6, label.volumeId).text(25, 13, owner).text(80, 1, '3').bytes();
    case 'UVL1':
      columns.text(5, 32, label.barcode).text(37, 32, label.labelId);
      return columns.text(69, 12, encodeMinute(label.labelledAt)).bytes();
    case 'HDR1':
    case 'EOF1':
      columns.text(5, 17, label.fileId).text(22, 6, label.volumeId).text(28, 4, '0001');
      columns.number(32, 4, label.sequence).text(36, 4, '0001').text(40, 2, '00');
      columns.text(42, 6, encodeDay(label.created)).text(48, 6, encodeDay(label.expires));
      return columns.number(55, 6, label.blocks).text(61, 13, system).bytes();
    case 'HDR2':
    case 'EOF2':
      return columns.text(5, 1, 'F').text(6, 5, '00000').text(11, 5, '00000').text(51, 2, '00').bytes();
    case 'UHL1':
      columns.text(5, 2, '01').text(7, 1, kindLetter(label.kind)).number(8, 6, label.number);
      columns.number(14, 10, label.group).text(24, 32, label.uid).number(56, 4, label.stream);
      columns.number(60, 6, label.epoch).number(66, 6, payloadBlockBytes);
      return columns.text(72, 2, encodeEncoding(label.encoding)).bytes();
    case 'UHL2':
      return columns.text(5, 63, label.namespace).number(68, 10, label.processNumber).bytes();
    case 'UHL3':
      return columns.text(5, 52, label.jobName).text(57, 14, encodeTime(label.begunAt)).bytes();
    case 'UHL4':
      columns.text(5, 32, label.barcode).text(37, 14, encodeRetainUntil(label.retainUntil));
      return columns.text(51, 14, encodeRetainUntil(label.latestRetainUntil)).bytes();
    case 'UHL5':
      return columns.text(5, 56, label.wrappedKey).text(61, 16, label.keyId).text(77, 4, 'GCM1').bytes();
    case 'UTL1':
      columns.number(5, 12, label.blocks).number(17, 20, label.paxBytes).number(37, 20, label.indexOffset);
      return columns.number(57, 12, label.entries).number(69, 12, label.files).bytes();
    case 'UTL2':
      return columns.text(5, 8, 'SHA-256').text(13, 64, label.sha256).bytes();
    case 'UTL3':
      columns.text(5, 9, label.outcome).text(14, 32, label.reason).text(46, 14, encodeTime(label.endedAt));
      return columns.number(60, 10, label.group).bytes();
  }
}

const encodeEncoding = ({ zstd, encrypted }: Encoding): string => `${zstd ? 'Z' : 'N'}${encrypted ? 'A' : 'N'}`;

/** Nothing where the block is none of our labels, or a damaged one. Pure. */
export function decodeLabel(block: Uint8Array): Label | undefined {
  if (block.length !== labelBytes) return undefined;
  const columns = new ColumnReader(block);
  const label = decodeColumns(columns);
  return columns.good ? label : undefined;
}

function decodeColumns(columns: ColumnReader): Label | undefined {
  const id = columns.raw(1, 4);
  switch (id) {
    case 'VOL1':
      columns.expect(columns.text(25, 13) === owner && columns.raw(80, 1) === '3');
      return { label: id, volumeId: columns.text(5, 6) };
    case 'UVL1':
      return {
        label: id,
        barcode: columns.text(5, 32),
        labelId: columns.text(37, 32),
        labelledAt: good(columns, decodeTime(columns.raw(69, 12))),
      };
    case 'HDR1':
    case 'EOF1':
      return decodeHdr1(columns, id);
    case 'HDR2':
    case 'EOF2':
      columns.expect(columns.raw(5, 1) === 'F');
      return { label: id };
    case 'UHL1':
      return decodeUhl1(columns);
    case 'UHL2':
      return { label: id, namespace: columns.text(5, 63), processNumber: columns.number(68, 10) };
    case 'UHL3':
      return { label: id, jobName: columns.text(5, 52), begunAt: good(columns, decodeTime(columns.raw(57, 14))) };
    case 'UHL4':
      return {
        label: id,
        barcode: columns.text(5, 32),
        retainUntil: good(columns, decodeRetainUntil(columns.raw(37, 14))),
        latestRetainUntil: good(columns, decodeRetainUntil(columns.raw(51, 14))),
      };
    case 'UHL5':
      columns.expect(columns.raw(77, 4) === 'GCM1');
      return { label: id, wrappedKey: columns.text(5, 56), keyId: columns.text(61, 16) };
    case 'UTL1':
    case 'UTL2':
    case 'UTL3':
      return decodeTrailer(columns, id);
    default:
      return undefined;
  }
}

function decodeHdr1(columns: ColumnReader, label: 'HDR1' | 'EOF1'): Hdr1 {
  columns.expect(columns.text(61, 13) === system);
  return {
    label,
    fileId: columns.text(5, 17),
    volumeId: columns.text(22, 6),
    sequence: columns.number(32, 4),
    created: good(columns, decodeDay(columns.raw(42, 6))),
    expires: good(columns, decodeDay(columns.raw(48, 6))),
    blocks: columns.number(55, 6),
  };
}

function decodeUhl1(columns: ColumnReader): Uhl1 {
  const letter = columns.raw(7, 1);
  const kind = (['data', 'links', 'catalogue'] as const).find((each) => kindLetter(each) === letter);
  const encoding = columns.raw(72, 2);
  columns.expect(columns.raw(5, 2) === '01' && kind !== undefined && /^[NZ][NA]$/.test(encoding));
  columns.expect(columns.number(66, 6) === payloadBlockBytes);
  return {
    label: 'UHL1',
    kind: kind ?? 'data',
    number: columns.number(8, 6),
    group: columns.number(14, 10),
    uid: columns.text(24, 32),
    stream: columns.number(56, 4),
    epoch: columns.number(60, 6),
    encoding: { zstd: encoding.startsWith('Z'), encrypted: encoding.endsWith('A') },
  };
}

function decodeTrailer(columns: ColumnReader, label: 'UTL1' | 'UTL2' | 'UTL3'): Utl1 | Utl2 | Utl3 {
  switch (label) {
    case 'UTL1':
      return {
        label,
        blocks: columns.number(5, 12),
        paxBytes: columns.number(17, 20),
        indexOffset: columns.number(37, 20),
        entries: columns.number(57, 12),
        files: columns.number(69, 12),
      };
    case 'UTL2':
      columns.expect(columns.text(5, 8) === 'SHA-256' && /^[0-9a-f]{64}$/.test(columns.raw(13, 64)));
      return { label, sha256: columns.raw(13, 64) };
    case 'UTL3': {
      const outcome = columns.text(5, 9);
      columns.expect(outcome === 'WHOLE' || outcome === 'ABANDONED');
      return {
        label,
        outcome: outcome === 'WHOLE' ? 'WHOLE' : 'ABANDONED',
        reason: columns.text(14, 32),
        endedAt: good(columns, decodeTime(columns.raw(46, 14))),
        group: columns.number(60, 10),
      };
    }
  }
}

/** The value, or a stand-in in a label that is given up. */
function good<T>(columns: ColumnReader, value: T | undefined): T | Date {
  columns.expect(value !== undefined);
  return value ?? new Date(0);
}
