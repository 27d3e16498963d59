import type { Bytes } from '../posix/bytes.ts';
import { ArchiveError } from './archive-error.ts';
import type { BlockSource, Encoding } from './blocks.ts';
import { decodeBlocks } from './decode.ts';
import { parseInfo, type SegmentInfo } from './info.ts';
import { MAX_PATH_BYTES, type Refusal } from './limits.ts';
import { checkPath, cutPath, PaxReader, type Member } from './pax-reader.ts';

const MAX_INFO_BYTES = 1_048_576;
/** A longer one is passed over, up to here. */
const MAX_NAME_BYTES = 1_048_576;
const PART = /^parts\/(\d{6,10})\/(name|\d{20})$/;
const INDEX = /^index-\d{6,10}\.jsonl\.zst$/;

/**
 * What stands in a segment, behind its info. Contents are read from `reader` before the next item is asked for.
 * - `entry`: of the source
 * - `part`: bytes of a divided file from `offset` on
 * - `index`: the index, last
 */
export type SegmentItem =
  | { readonly kind: 'entry'; readonly member: Member }
  | {
      readonly kind: 'part';
      readonly member: Member;
      readonly path: Bytes;
      /** Names the file among the parts: the number of its first segment. */
      readonly id: string;
      readonly offset: number;
      /** As of a member. */
      readonly refused: Refusal | undefined;
    }
  | { readonly kind: 'index'; readonly member: Member };

/** A segment's payload, its info already read. */
export interface SegmentReader {
  readonly info: SegmentInfo;
  readonly reader: PaxReader;
  /** @throws ArchiveError for whatever does not belong into a segment */
  readonly items: () => Generator<SegmentItem, void>;
}

function* readItems(reader: PaxReader, folder: Bytes): Generator<SegmentItem, void> {
  let open: { id: string; path: Bytes; refused: Refusal | undefined } | undefined;
  let indexRead = false;
  const own = `${folder}/`;
  for (let member = reader.next(); member !== undefined; member = reader.next()) {
    if (indexRead) throw new ArchiveError('HeaderInvalid', 'a member behind the index');
    if (!member.path.startsWith(own)) {
      if (member.path !== folder) yield { kind: 'entry', member };
      continue;
    }
    const name = member.path.slice(own.length);
    if (member.type === 'd') continue;
    if (member.type !== 'f') throw new ArchiveError('NameRefused', `${member.path} is no file`);
    const part = PART.exec(name);
    const [, id = '', last = ''] = part ?? [];
    if (INDEX.test(name)) {
      indexRead = true;
      yield { kind: 'index', member };
    } else if (part === null) throw new ArchiveError('NameRefused', member.path);
    else if (last === 'name') open = { id, ...partPath(reader.readAll(MAX_NAME_BYTES), folder) };
    else if (open?.id !== id) throw new ArchiveError('NameRefused', `a part without its name: ${member.path}`);
    else {
      const refused = open.refused ?? member.refused;
      yield { kind: 'part', member, path: open.path, id, offset: Number(last), refused };
    }
  }
  if (!indexRead) throw new ArchiveError('Truncated', 'a segment without its index');
}

const partPath = (content: Buffer, folder: Bytes): { path: Bytes; refused: Refusal | undefined } => {
  const name = content.toString('latin1');
  const refused = name.length > MAX_PATH_BYTES ? 'ENAMETOOLONG' : undefined;
  const path = checkPath(refused === undefined ? name : cutPath(name));
  if (path === folder || path.startsWith(`${folder}/`)) throw new ArchiveError('NameRefused', path);
  return { path, refused };
};

/**
 * Opens a payload, independent of tape.
 *
 * @throws ArchiveError InfoInvalid, EncodingInvalid, and what `PaxReader.next` throws
 */
export const openSegment = (source: BlockSource, encoding: Encoding): SegmentReader => {
  const reader = new PaxReader(decodeBlocks(source, encoding));
  const folder = reader.next();
  const file = reader.next();
  if (folder?.type !== 'd' || file?.type !== 'f' || !file.path.startsWith(`${folder.path}/segment-`))
    throw new ArchiveError('InfoInvalid', 'the first members are no working folder and info');
  const info = parseInfo(reader.readAll(MAX_INFO_BYTES));
  if (info.folder !== folder.path) throw new ArchiveError('InfoInvalid', 'the working folder has another name');
  return { info, reader, items: () => readItems(reader, info.folder) };
};
