import type { Bytes } from '../posix/bytes.ts';
import { encodingName, type BlockSink, type Encoding } from './blocks.ts';
import { makeEncoder } from './encode.ts';
import { cursorToJson } from './escape.ts';
import { IndexWriter } from './index-writer.ts';
import { ABOUT, BY_HAND, infoContent, type InfoGiven, type SegmentInfo } from './info.ts';
import { FileOpener } from './file-opener.ts';
import { MemberWriter } from './member-writer.ts';
import { START, type Cursor } from './order.ts';
import type { PathFilter } from './path-filter.ts';
import type { ReadAhead } from './read-ahead.ts';
import { HEADER_BYTES, PaxOut } from './pax-out.ts';
import type { SegmentTotals } from './segment-totals.ts';
import { walk } from './walk.ts';

export interface SegmentTask {
  /** The source's root, an open folder. */
  readonly rootFd: number;
  readonly n: number;
  readonly from: Cursor;
  readonly to: Cursor | null;
  /** Where `from` lies inside a file: the segment that holds (its path, 0). See `firstSegmentOfFile`. */
  readonly firstSegmentOfFile: number;
  readonly filter: PathFilter | undefined;
  readonly oneFileSystem: boolean;
  /** The root is one of several clones of a snapshot, which other segments may be read from. */
  readonly isClone?: boolean;
  /** The working folder's name from the plan. */
  readonly folder: Bytes;
  readonly encoding: Encoding;
  readonly info: InfoGiven;
  /** Told the index member's content when it is written. */
  readonly onIndex?: (content: Buffer) => void;
  /** As the plan counted them; absent: not known. */
  readonly plannedEntries?: number;
  /** Absent: each file is opened when its turn comes. */
  readonly readAhead?: ReadAhead;
}

/** Info, members, index: the frame that data and links segments share. */
export interface OpenSegment {
  readonly members: MemberWriter;
  readonly opener: FileOpener;
  finish(): SegmentTotals;
}

/** Those known by name, or as many as the plan knew more. A file that goes on in the next segment counts there. */
const vanishedOf = ({ plannedEntries = 0, to }: SegmentTask, members: MemberWriter): number => {
  const planned = plannedEntries - Number(to !== null && to.offset > 0);
  const met = members.entries - Number(members.endsInFile);
  return Math.max(members.vanished, planned - met);
};

const segmentFile = (folder: Bytes, kind: 'segment' | 'index', n: number, suffix: string): Bytes =>
  `${folder}/${kind}-${String(n).padStart(6, '0')}${suffix}`;

/** Writes the members before the range. */
export const beginSegment = (task: SegmentTask, kind: 'data' | 'links', sink: BlockSink): OpenSegment => {
  const { n, from, to, folder, encoding, info } = task;
  const encoder = makeEncoder(encoding, sink);
  const out = new PaxOut(encoder);
  const index = new IndexWriter({ uid: info.job.uid, segment: n, stream: info.stream, epoch: info.epoch });
  const startedSec = Math.floor(Date.parse(info.startedAt) / 1000);
  const { firstSegmentOfFile } = task;
  const { readAhead, isClone = false } = task;
  const opener = new FileOpener(readAhead);
  const place = { out, index, folder, segment: n, firstSegmentOfFile };
  const members = new MemberWriter({ ...place, startedSec, opener, isClone });
  const whole: SegmentInfo = {
    format: 1,
    about: ABOUT,
    byHand: BY_HAND,
    folder,
    kind,
    segment: n,
    from: cursorToJson(from),
    to: to === null ? null : cursorToJson(to),
    encoding: encodingName(encoding),
    ...info,
  };
  members.writeOwnFolder(`${folder}/`);
  members.writeOwnFile(segmentFile(folder, 'segment', n, '.json'), infoContent(whole));
  return {
    members,
    opener,
    finish: () => {
      out.beginFrame();
      const indexOffset = encoder.frames === undefined ? out.offset : encoder.encodedBytes;
      const content = index.finish(encoder.frames);
      members.writeOwnFile(segmentFile(folder, 'index', n, '.jsonl.zst'), content);
      task.onIndex?.(content);
      // POSIX: an archive ends with two blocks of zeros.
      out.zeros(2 * HEADER_BYTES);
      const paxBytes = out.offset;
      out.finish();
      const { entries, files, dataBytes, skipped, changed, padded, cut, hasLinks, examples } = members;
      const counts = { entries, files, dataBytes, skipped, vanished: vanishedOf(task, members), changed, padded, cut };
      return { paxBytes, indexOffset, ...counts, hasLinks, examples };
    },
  };
};

/**
 * Writes one data segment: walks its range, reads, and fills the sink's blocks, all synchronous. Faults of single
 * files become index lines; what the sink throws ends the writing.
 */
export const writeSegment = (task: SegmentTask, sink: BlockSink): SegmentTotals => {
  const { rootFd, from, to, filter, oneFileSystem, folder, readAhead } = task;
  const segment = beginSegment(task, 'data', sink);
  const { members, opener } = segment;
  const onVanished = (path: Bytes): void => members.noteVanished(path);
  const options = { from, to, filter, oneFileSystem, hidden: folder, readAhead, opener, onVanished };
  for (const step of walk(rootFd, options)) members.write(step);
  return segment.finish();
};

/**
 * The segment in which the file begins that segment n goes on with: n itself where it goes on with none.
 *
 * @param boundaries the plan up to n, in order, from number 0 on
 */
export const firstSegmentOfFile = (boundaries: readonly { readonly from: Cursor }[], n: number): number => {
  const path = boundaries[n]?.from.path;
  let first = n;
  while (first > 0 && (boundaries[first] ?? { from: START }).from.offset > 0 && boundaries[first]?.from.path === path)
    first -= 1;
  return first;
};
