import {
  encodeLabel,
  kindLetter,
  type Encoding,
  type GroupKind,
  type Hdr1,
  type Label,
  type Uhl1,
  type Uhl4,
} from './labels.ts';
import type { RetainUntil } from './label-time.ts';

/** What the labels in front of a group's payload say. */
export interface GroupHeader {
  /** Ordinal on this tape, from 0. */
  readonly group: number;
  readonly kind: GroupKind;
  /** Of the segment, or of the catalogue. */
  readonly number: number;
  readonly job: {
    /** With dashes. */
    readonly uid: string;
    readonly namespace: string;
    readonly name: string;
    readonly processNumber: number;
  };
  readonly stream: number;
  readonly epoch: number;
  readonly encoding: Encoding;
  readonly barcode: string;
  readonly begunAt: Date;
  readonly retainUntil: RetainUntil;
  /** The latest of all groups up to this one. */
  readonly latestRetainUntil: RetainUntil;
  /** Present exactly when the payload is encrypted. */
  readonly dataKey?: { readonly wrappedKey: string; readonly keyId: string };
}

/** What the trailers behind it say. */
export interface GroupTotals {
  /** Payload blocks. */
  readonly blocks: number;
  readonly paxBytes: number;
  /** Of the index member in the encoded stream, before AEAD. */
  readonly indexOffset: number;
  readonly entries: number;
  readonly files: number;
  /** 64 hexadecimal digits: of the payload blocks as they are on tape. */
  readonly sha256: string;
}

export interface GroupOutcome {
  readonly outcome: 'WHOLE' | 'ABANDONED';
  /** At most 32 printable ASCII characters are kept. */
  readonly reason: string;
  readonly endedAt: Date;
}

/** Numbers of the three tape files of a group. */
export const labelsFile = (group: number): number => 3 * group + 1;
export const payloadFile = (group: number): number => 3 * group + 2;
export const trailersFile = (group: number): number => 3 * group + 3;

/** The first six characters of the barcode. */
export const volumeIdOf = (barcode: string): string => barcode.slice(0, 6);

const undashed = (uid: string): string => uid.replaceAll('-', '').toLowerCase();

const dashed = (uid: string): string => uid.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');

/** The label that an encrypted payload takes as additional data. */
export const uhl1Of = (header: GroupHeader): Uhl1 => ({
  label: 'UHL1',
  kind: header.kind,
  number: header.number,
  group: header.group,
  uid: undashed(header.job.uid),
  stream: header.stream,
  epoch: header.epoch,
  encoding: header.encoding,
});

const hdr1Of = (header: GroupHeader): Hdr1 => ({
  label: 'HDR1',
  fileId: `${undashed(header.job.uid).slice(0, 8).toUpperCase()}.${kindLetter(header.kind)}${String(header.number).padStart(6, '0')}`,
  volumeId: volumeIdOf(header.barcode),
  sequence: (header.group + 1) % 10_000,
  created: header.begunAt,
  expires: header.retainUntil,
  blocks: 0,
});

/** The blocks of the labels file. @throws LabelError */
export function encodeGroupLabels(header: GroupHeader): readonly Buffer[] {
  const { job, barcode, begunAt, retainUntil, latestRetainUntil, dataKey } = header;
  const labels: Label[] = [
    hdr1Of(header),
    { label: 'HDR2' },
    uhl1Of(header),
    { label: 'UHL2', namespace: job.namespace, processNumber: job.processNumber },
    { label: 'UHL3', jobName: job.name, begunAt },
    { label: 'UHL4', barcode, retainUntil, latestRetainUntil },
    ...(dataKey === undefined ? [] : [{ label: 'UHL5' as const, ...dataKey }]),
  ];
  return labels.map(encodeLabel);
}

/** The blocks of the trailers file of a group whose HDR1 is known. */
export function encodeTrailers(
  hdr1: Hdr1,
  group: number,
  totals: GroupTotals,
  { outcome, reason, endedAt }: GroupOutcome,
): readonly Buffer[] {
  const labels: Label[] = [
    { ...hdr1, label: 'EOF1', blocks: totals.blocks % 1_000_000 },
    { label: 'EOF2' },
    {
      label: 'UTL1',
      blocks: totals.blocks,
      paxBytes: totals.paxBytes,
      indexOffset: totals.indexOffset,
      entries: totals.entries,
      files: totals.files,
    },
    { label: 'UTL2', sha256: totals.sha256 },
    { label: 'UTL3', outcome, reason: printableStart(reason), endedAt, group },
  ];
  return labels.map(encodeLabel);
}

export const encodeGroupTrailers = (
  header: GroupHeader,
  totals: GroupTotals,
  outcome: GroupOutcome,
): readonly Buffer[] => encodeTrailers(hdr1Of(header), header.group, totals, outcome);

/** What the trailers of an abandoned group say: the blocks are counted, everything else is zero. */
export const abandonedTotals = (blocks: number): GroupTotals => ({
  blocks,
  paxBytes: 0,
  indexOffset: 0,
  entries: 0,
  files: 0,
  sha256: '0'.repeat(64),
});

const printableStart = (reason: string): string =>
  reason
    .replace(/[^ -~]/g, '?')
    .slice(0, 32)
    .trimEnd();

/** What the labels say; nothing where one is missing. Pure. */
export function decodeGroupHeader(labels: readonly Label[]): GroupHeader | undefined {
  const uhl1 = findLabel(labels, 'UHL1');
  const uhl2 = findLabel(labels, 'UHL2');
  const uhl3 = findLabel(labels, 'UHL3');
  const uhl4 = findLabel(labels, 'UHL4');
  const uhl5 = findLabel(labels, 'UHL5');
  if (uhl1 === undefined || uhl2 === undefined || uhl3 === undefined || uhl4 === undefined) return undefined;
  if (uhl1.encoding.encrypted && uhl5 === undefined) return undefined;
  const { group, kind, number, stream, epoch, encoding } = uhl1;
  const { namespace, processNumber } = uhl2;
  return {
    ...{ group, kind, number, stream, epoch, encoding },
    job: { uid: dashed(uhl1.uid), namespace, name: uhl3.jobName, processNumber },
    ...fieldsOfUhl4(uhl4),
    begunAt: uhl3.begunAt,
    ...(uhl5 !== undefined && { dataKey: { wrappedKey: uhl5.wrappedKey, keyId: uhl5.keyId } }),
  };
}

const fieldsOfUhl4 = ({ barcode, retainUntil, latestRetainUntil }: Uhl4) => ({
  barcode,
  retainUntil,
  latestRetainUntil,
});

export type DecodedTrailers = GroupTotals & GroupOutcome & { readonly group: number };

/**
 * What the last set of trailers says: a set that a crash tore stands in front of the one that counts. Nothing where
 * the set is not whole.
 */
export function decodeTrailers(labels: readonly Label[]): DecodedTrailers | undefined {
  const [utl1, utl2, utl3] = labels.slice(-3);
  if (utl1?.label !== 'UTL1' || utl2?.label !== 'UTL2' || utl3?.label !== 'UTL3') return undefined;
  const { blocks, paxBytes, indexOffset, entries, files } = utl1;
  const { outcome, reason, endedAt, group } = utl3;
  return { blocks, paxBytes, indexOffset, entries, files, sha256: utl2.sha256, outcome, reason, endedAt, group };
}

/** The last label of that kind. */
export function findLabel<K extends Label['label']>(
  labels: readonly Label[],
  kind: K,
): Extract<Label, { readonly label: K }> | undefined {
  const isKind = (label: Label): label is Extract<Label, { readonly label: K }> => label.label === kind;
  return labels.findLast(isKind);
}
