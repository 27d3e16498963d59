import { createHash } from 'node:crypto';
import { ArchiveError } from './archive-error.ts';
import type { BlockSource, Encoding } from './blocks.ts';
import { readIndex, parseIndexLine } from './index-reader.ts';
import { openSegment, type SegmentReader } from './segment-reader.ts';
import type { Bytes } from '../posix/bytes.ts';

export interface CheckSegmentTask {
  /** The payload's blocks. Whoever reads them off the tape checks their digest. */
  readonly source: BlockSource;
  readonly encoding: Encoding;
  /** The working folder's name that the backup's plan records, as payloads have it. */
  readonly folder: Bytes;
  readonly segment: number;
}

/**
 * Looks through the payload of a segment without making anything of it: every member's header and length, and an index
 * that names the same members at the same places.
 *
 * @returns regular files and parts that it holds
 * @throws ArchiveError for a payload that is not what it should be; what `source` throws
 */
export const checkSegment = ({ source, encoding, folder, segment }: CheckSegmentTask): number => {
  const opened = openSegment(source, encoding);
  const { info } = opened;
  if (info.folder !== folder || info.segment !== segment)
    throw new ArchiveError('InfoInvalid', `segment ${String(info.segment)} of ${info.folder} stands where it should`);
  // Places of members, as met and as the index has them: a digest of each, since there may be very many.
  const met = createHash('sha256');
  let files = 0;
  for (const item of opened.items()) {
    if (item.kind === 'index') compareIndex(opened, met.digest('hex'));
    else {
      met.update(`${String(item.member.offset)}\n`);
      if (item.member.type === 'f') files += 1;
    }
  }
  return files;
};

const compareIndex = ({ reader }: SegmentReader, met: string): void => {
  const told = createHash('sha256');
  for (const text of readIndex({ next: () => reader.read() })) {
    const { o: offset } = parseIndexLine(text);
    if (offset !== undefined) told.update(`${String(offset)}\n`);
  }
  if (told.digest('hex') !== met) throw new ArchiveError('IndexInvalid', 'it names other members than there are');
};
