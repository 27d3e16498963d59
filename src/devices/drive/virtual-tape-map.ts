import { crc32 } from 'node:zlib';

/**
 * The map of a virtual tape: which blocks lie where in its `data` file, and where the filemarks are. A header record,
 * then one record for each run of equal-sized blocks (written before the run's first block) and one for each filemark.
 * Every record is 32 bytes, little-endian:
 *
 * | byte | run | filemark |
 * |---|---|---|
 * | 0, u8 | 1 | 2 |
 * | 4, u32 | bytes of each block | 0 |
 * | 8, u64 | offset in `data` of the first block | offset behind the last block |
 * | 16, u64 | blocks in the run that this record ends; 0 if it ends none | the same |
 * | 24, u32 | number of this record, the header is 0 | the same |
 * | 28, u32 | CRC-32 of the 28 bytes before | the same |
 *
 * The last run is open: its length is what whole blocks the data file holds. Nothing is ever written twice, so
 * whatever is cut off at the end leaves a shorter tape, never a wrong one.
 *
 * A crash leaves fewer records, a record that is not whole, or zeros after a loss of power: a record never crosses a
 * sector. Anything else that is no record is damage, behind which good data may lie.
 */
export const mapRecordBytes = 32;
export const dataAlignmentBytes = 4096;

const magic = Buffer.from('TWINREEL VIRTUAL TAPE 1\n');
const runKind = 1;
const filemarkKind = 2;

export type TapeElement = TapeRun | TapeFilemark;

export interface TapeRun {
  readonly kind: 'run';
  readonly firstObject: number;
  readonly blockBytes: number;
  readonly offset: number;
  blocks: number;
}

export interface TapeFilemark {
  readonly kind: 'filemark';
  readonly firstObject: number;
}

export interface TapeLayout {
  readonly elements: TapeElement[];
  /** Position in `elements` of each filemark. */
  readonly filemarks: number[];
  /** Objects on the tape: the object number of the end of data. */
  objects: number;
  /** Offset in `data` behind the last whole block. */
  dataEnd: number;
  /** Records of the map that are good, the header among them. */
  records: number;
  /** What comes behind can't be told: the objects end here, the tape does not. */
  damaged: boolean;
}

export const emptyLayout = (): TapeLayout => ({
  elements: [],
  filemarks: [],
  objects: 0,
  dataEnd: 0,
  records: 1,
  damaged: false,
});

export function encodeHeaderRecord(): Buffer {
  const record = Buffer.alloc(mapRecordBytes);
  magic.copy(record);
  return seal(record, 0);
}

export const encodeRunRecord = (run: TapeRun, endedBlocks: number, ordinal: number): Buffer =>
  encodeRecord(runKind, run.blockBytes, run.offset, endedBlocks, ordinal);

export const encodeFilemarkRecord = (dataEnd: number, endedBlocks: number, ordinal: number): Buffer =>
  encodeRecord(filemarkKind, 0, dataEnd, endedBlocks, ordinal);

function encodeRecord(kind: number, blockBytes: number, offset: number, endedBlocks: number, ordinal: number): Buffer {
  const record = Buffer.alloc(mapRecordBytes);
  record.writeUInt8(kind, 0);
  record.writeUInt32LE(blockBytes, 4);
  record.writeBigUInt64LE(BigInt(offset), 8);
  record.writeBigUInt64LE(BigInt(endedBlocks), 16);
  return seal(record, ordinal);
}

function seal(record: Buffer, ordinal: number): Buffer {
  record.writeUInt32LE(ordinal, 24);
  record.writeUInt32LE(crc32(record.subarray(0, 28)), 28);
  return record;
}

/** The blocks that an appended record closes: those of the open run, if there is one. */
export function openRun(layout: TapeLayout): TapeRun | undefined {
  const last = layout.elements.at(-1);
  return last?.kind === 'run' ? last : undefined;
}

/** Adds a filemark to the layout (not to the file). */
export function addFilemark(layout: TapeLayout): void {
  layout.filemarks.push(layout.elements.length);
  layout.elements.push({ kind: 'filemark', firstObject: layout.objects });
  layout.objects += 1;
  layout.records += 1;
}

/** Adds an empty run to the layout (not to the file). */
export function addRun(layout: TapeLayout, run: TapeRun): void {
  layout.elements.push(run);
  layout.records += 1;
}

export type ParsedMap =
  { readonly kind: 'tape'; readonly layout: TapeLayout } | { readonly kind: 'notATape'; readonly message: string };

/**
 * What of a tape is good: whole records, each backed by as much data as it speaks of. Pure.
 *
 * @param dataBytes  size of the `data` file
 */
export function parseMap(map: Buffer, dataBytes: number): ParsedMap {
  if (!map.subarray(0, magic.length).equals(magic.subarray(0, map.length)))
    return { kind: 'notATape', message: 'the map does not begin as that of a virtual tape' };
  if (map.length < mapRecordBytes) return { kind: 'tape', layout: { ...emptyLayout(), records: 0 } };
  const layout = emptyLayout();
  for (let ordinal = 1; (ordinal + 1) * mapRecordBytes <= map.length; ordinal++) {
    const record = map.subarray(ordinal * mapRecordBytes, (ordinal + 1) * mapRecordBytes);
    if (!isGood(record, ordinal)) {
      layout.damaged = !isTorn(map, ordinal);
      break;
    }
    if (!closeRun(layout, Number(record.readBigUInt64LE(16)), dataBytes)) break;
    if (record.readUInt8(0) === filemarkKind) addFilemark(layout);
    else addRun(layout, runOf(record, layout.objects));
  }
  closeRun(layout, undefined, dataBytes);
  return { kind: 'tape', layout };
}

const isGood = (record: Buffer, ordinal: number): boolean =>
  record.readUInt32LE(28) === crc32(record.subarray(0, 28)) && record.readUInt32LE(24) === ordinal;

const noRecord = Buffer.alloc(mapRecordBytes);

/** Nothing but zeros from here on, and at last perhaps a part of a record. */
function isTorn(map: Buffer, from: number): boolean {
  for (let at = from * mapRecordBytes; at + mapRecordBytes <= map.length; at += mapRecordBytes)
    if (!map.subarray(at, at + mapRecordBytes).equals(noRecord)) return false;
  return true;
}

const runOf = (record: Buffer, firstObject: number): TapeRun => ({
  kind: 'run',
  firstObject,
  blockBytes: record.readUInt32LE(4),
  offset: Number(record.readBigUInt64LE(8)),
  blocks: 0,
});

/** Gives the open run its length; false when the data file holds less than the map claims: the tape ends there. */
function closeRun(layout: TapeLayout, claimed: number | undefined, dataBytes: number): boolean {
  const run = openRun(layout);
  if (run === undefined || run.blocks > 0) return true;
  const held = Math.max(0, Math.floor((dataBytes - run.offset) / run.blockBytes));
  run.blocks = claimed === undefined ? held : Math.min(claimed, held);
  layout.objects += run.blocks;
  if (run.blocks > 0) layout.dataEnd = run.offset + run.blocks * run.blockBytes;
  return claimed === undefined || held >= claimed;
}

/** Where a run of blocks may begin: O_DIRECT wants whole pages. */
export const alignedOffset = (offset: number): number => Math.ceil(offset / dataAlignmentBytes) * dataAlignmentBytes;

/** Position in `elements` of the element that holds `object`; `elements.length` at the end of data. Logarithmic. */
export function findElement(layout: TapeLayout, object: number): number {
  if (object >= layout.objects) return layout.elements.length;
  let low = 0;
  let high = layout.elements.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    const element = layout.elements[middle];
    if (element !== undefined && element.firstObject <= object) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** Filemarks before `object`: the number of the tape file in which it lies. */
export function fileOf(layout: TapeLayout, object: number): number {
  let low = 0;
  let high = layout.filemarks.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (filemarkObject(layout, middle) < object) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Object number of the n-th filemark, from 0; infinite where there is none. */
export function filemarkObject(layout: TapeLayout, n: number): number {
  const index = layout.filemarks[n];
  const element = index === undefined ? undefined : layout.elements[index];
  return element?.firstObject ?? Number.POSITIVE_INFINITY;
}
