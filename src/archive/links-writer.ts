import type { Bytes } from '../posix/bytes.ts';
import { S_IFDIR, S_IFREG, type FileStat } from '../posix/stat.ts';
import type { BlockSink } from './blocks.ts';
import { refusalOf } from './limits.ts';
import { compareCursors, START } from './order.ts';
import type { Boundaries } from './plan.ts';
import { folderAttributes } from './attributes.ts';
import { linkKey } from './index-line.ts';
import { beginSegment, type SegmentTask } from './segment-writer.ts';
import type { SegmentTotals } from './segment-totals.ts';
import { walk } from './walk.ts';

/**
 * Files with names still to come that are remembered, with paths of usual length about a gigabyte. Names of further
 * ones stand in the index alone.
 */
const MAX_FIRST_NAMES = 4_194_304;

export interface LinksTask extends Omit<SegmentTask, 'n' | 'from' | 'to' | 'firstSegmentOfFile'> {
  /** The whole plan, in order. */
  readonly boundaries: Boundaries;
  /** Begin of the plan, by the clock of the source's file system where it can be had. */
  readonly planStartedSec: number;
  readonly planStartedNs: number;
  /** Every other segment was read by the caller and met nothing that is told here: the source is not walked again. */
  readonly nothingToTell?: boolean;
  /** Instead of 4,194,304. */
  readonly maxFirstNames?: number;
}

interface FirstName {
  readonly path: Bytes;
  readonly segment: number;
  readonly divided: boolean;
  namesLeft: number;
}

/** Tells for ascending paths in which segment they lie, and whether the plan divides them. */
class SegmentFinder {
  readonly #boundaries: Boundaries;
  #at = 0;

  constructor(boundaries: Boundaries) {
    this.#boundaries = boundaries;
  }

  find(path: Bytes): { readonly segment: number; readonly divided: boolean } {
    const cursor = { path, offset: 0 };
    for (;;) {
      const next = this.#boundaries[this.#at + 1];
      if (next === undefined || compareCursors(next.from, cursor) > 0) break;
      this.#at += 1;
    }
    return {
      segment: this.#boundaries[this.#at]?.n ?? 0,
      divided: this.#boundaries[this.#at + 1]?.from.path === path,
    };
  }
}

/**
 * Writes the segment `links`, after everything else, from a walk of its own: the names of files whose first name lies
 * in another segment, in the folders that hold them, and the folders in which parts are joined. Names whose file has
 * changed since the plan began stand in the index alone. Memory grows with the files that have names still to come, up to
 * a bound.
 */
export const writeLinksSegment = (task: LinksTask, sink: BlockSink): SegmentTotals => {
  const { rootFd, boundaries, filter, oneFileSystem, folder, planStartedSec, planStartedNs } = task;
  const { maxFirstNames = MAX_FIRST_NAMES } = task;
  const n = boundaries.length;
  const frame = { ...task, n, from: START, to: null, firstSegmentOfFile: n };
  const segment = beginSegment(frame, 'links', sink);
  const { members } = segment;
  const finder = new SegmentFinder(boundaries);
  const firstNames = new Map<string, FirstName>();
  const folders: { readonly path: Bytes; readonly stat: FileStat; readonly records: Bytes; told: boolean }[] = [];

  const isOld = (stat: FileStat): boolean =>
    task.isClone === true ||
    stat.ctimeSec < planStartedSec ||
    (stat.ctimeSec === planStartedSec && stat.ctimeNs < planStartedNs);

  const tellFolder = (): void => {
    const open = folders.at(-1);
    if (open === undefined || open.told) return;
    open.told = true;
    members.writeFolderMember(open.path, open.stat, open.records, {});
  };

  const everything = { from: START, to: null, filter, oneFileSystem, hidden: folder };
  for (const step of task.nothingToTell === true ? [] : walk(rootFd, everything)) {
    const { path, stat } = step;
    while (folders.length > 0 && !contains(folders.at(-1)?.path ?? '', path)) folders.pop();
    if (stat.type === S_IFDIR && step.kind !== 'hidden') {
      // Its descriptor may be closed by the time a link is met in it: the attributes are read now.
      folders.push({ path, stat, records: folderAttributes(step), told: false });
      continue;
    }
    if (step.kind !== 'entry' || stat.mode === 0) continue;
    const { segment: number, divided } = finder.find(path);
    const joined = divided && stat.type === S_IFREG;
    if (joined) tellFolder();
    // Where one of the names could not be stored, there is nothing to join.
    if (stat.nlink < 2 || refusalOf(path, stat) !== undefined) continue;
    const key = linkKey(stat);
    const first = firstNames.get(key);
    if (first === undefined && firstNames.size >= maxFirstNames) {
      members.entries += 1;
      members.writeUnsureLink(path, undefined, stat);
      continue;
    }
    if (first === undefined) {
      firstNames.set(key, { path, segment: number, divided: joined, namesLeft: stat.nlink - 1 });
      continue;
    }
    first.namesLeft -= 1;
    if (first.namesLeft === 0) firstNames.delete(key);
    if (first.segment === number && !first.divided && !joined) continue;
    members.entries += 1;
    if (isOld(stat)) {
      tellFolder();
      members.writeLink(path, first.path, stat);
    } else members.writeUnsureLink(path, first.path, stat);
  }
  return segment.finish();
};

const contains = (folder: Bytes, path: Bytes): boolean =>
  folder === '' ? path !== '' : path.startsWith(folder) && path[folder.length] === '/';
