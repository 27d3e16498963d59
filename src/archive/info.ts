import { bytesOf } from '../posix/bytes.ts';
import { ArchiveError } from './archive-error.ts';
import type { CursorJson } from './escape.ts';

/** What a segment says about itself, in its first file. Paths are escaped, times are RFC 3339. */
export interface SegmentInfo {
  readonly format: 1;
  readonly about: string;
  readonly byHand: string;
  /** The working folder, `.twinreel-<uid8>`. */
  readonly folder: string;
  readonly kind: 'data' | 'links';
  readonly segment: number;
  /** Segments of the plan, `links` apart; null while it is still being cut. */
  readonly count: number | null;
  readonly from: CursorJson;
  readonly to: CursorJson | null;
  readonly weight: number;
  readonly encoding: string;
  readonly job: {
    readonly uid: string;
    readonly namespace: string;
    readonly name: string;
    readonly processNumber: number;
  };
  readonly source: SourceInfo;
  readonly dataTime: string;
  readonly planStarted: string;
  readonly consistent: boolean;
  readonly stream: number;
  readonly epoch: number;
  readonly server: string;
  readonly library: string;
  readonly drive: string | number;
  readonly barcode: string;
  readonly labelId: string;
  readonly group: number;
  readonly startedAt: string;
  /** RFC 3339; null: for ever. */
  readonly retainUntil: string | null;
}

export interface SourceInfo {
  readonly kind: string;
  readonly path?: string;
  readonly claim?: string;
  readonly command?: readonly string[];
  readonly machineID: string;
  readonly rootInode: string;
  readonly include: readonly string[];
  readonly exclude: readonly string[];
  readonly oneFileSystem: boolean;
}

/** The part that the worker knows; the rest is the same for all or known to the writer. */
export type InfoGiven = Omit<
  SegmentInfo,
  'format' | 'about' | 'byHand' | 'folder' | 'kind' | 'segment' | 'from' | 'to' | 'encoding'
>;

export const ABOUT =
  'A segment of a Twinreel backup: a half-open range of the sorted paths of one source, as a pax archive that GNU tar ' +
  'reads. File 3g+2 of the tape is the payload of group g; file 3g+3 ends with UTL3, which says WHOLE or ABANDONED.';

export const BY_HAND =
  'Skip groups whose last UTL3 is not WHOLE. In an empty folder: cat the payloads in order of segments (without the ' +
  "one of kind links) | tar -i --delay-directory-restore --xattrs '--xattrs-include=*' --acls --same-owner -p -b 512 " +
  '-xf -; for each folder of <folder>/parts: cat its files 0* in order into the file whose path its file `name` ' +
  'holds; then tar -xf the payload of kind links; then remove <folder>.';

const MAX_INFO_BYTES = 1_048_576;

const isCursor = (value: unknown): boolean =>
  typeof value === 'object' &&
  value !== null &&
  'path' in value &&
  typeof value.path === 'string' &&
  'offset' in value &&
  Number.isSafeInteger(value.offset);

const isInfo = (value: unknown): value is SegmentInfo =>
  typeof value === 'object' &&
  value !== null &&
  'folder' in value &&
  typeof value.folder === 'string' &&
  /^\.twinreel-[0-9a-f]{8,32}$/.test(value.folder) &&
  'kind' in value &&
  (value.kind === 'data' || value.kind === 'links') &&
  'segment' in value &&
  Number.isSafeInteger(value.segment) &&
  'from' in value &&
  isCursor(value.from) &&
  'to' in value &&
  (value.to === null || isCursor(value.to));

/** @throws ArchiveError InfoInvalid where it is no info member of format 1 */
export const parseInfo = (content: Buffer): SegmentInfo => {
  if (content.length > MAX_INFO_BYTES) throw new ArchiveError('InfoInvalid', `${String(content.length)} bytes`);
  let value: unknown;
  try {
    value = JSON.parse(content.toString('utf8'));
  } catch (cause) {
    throw new ArchiveError('InfoInvalid', 'not JSON', { cause });
  }
  if (typeof value !== 'object' || value === null || !('format' in value) || value.format !== 1)
    throw new ArchiveError('InfoInvalid', 'not of format 1');
  if (!isInfo(value)) throw new ArchiveError('InfoInvalid', 'fields are missing or of another type');
  return value;
};

/** The info member's content. */
export const infoContent = (info: SegmentInfo): Buffer => Buffer.from(bytesOf(`${JSON.stringify(info)}\n`), 'latin1');
