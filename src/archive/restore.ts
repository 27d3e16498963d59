import type { Bytes } from '../posix/bytes.ts';
import { mustSucceed } from '../posix/errno.ts';
import { closeFd } from '../posix/file.ts';
import { FileStat } from '../posix/stat.ts';
import { setTimesFd } from '../posix/times.ts';
import { ArchiveError } from './archive-error.ts';
import { acceptAttempt, takeBack, tellLost } from './attempt.ts';
import type { BlockSource, Encoding } from './blocks.ts';
import { escapePath } from './escape.ts';
import { FolderStack } from './folder-stack.ts';
import type { SegmentInfo } from './info.ts';
import { joinParts } from './join-parts.ts';
import { NameTable } from './name-records.ts';
import { openFolderBeneath } from './open-folder.ts';
import { splitPath } from './order.ts';
import type { ConflictPolicy, Place } from './place.ts';
import { RestoreReport, type RestoreTotals } from './restore-report.ts';
import { openRestoreTarget, type RestoreTarget } from './restore-target.ts';
import { openSegment, type SegmentItem, type SegmentReader } from './segment-reader.ts';
import { SegmentRestorer } from './segment-restorer.ts';
import { makeChooser, type Chooser, type Selection } from './selection.ts';
import { Spare } from './spare.ts';

export { discardRestore } from './restore-target.ts';

export interface RestoreSegmentTask {
  /** The payload's blocks. Whoever reads them off the tape checks their digest. */
  readonly source: BlockSource;
  readonly encoding: Encoding;
  /** The target folder, which exists. */
  readonly targetPath: Buffer;
  /** The working folder's name that the backup's plan records, as payloads have it. */
  readonly folder: Bytes;
  /** Uid of the Restore: all that it does in the target goes on from one call to the next. */
  readonly restoreUid: string;
  readonly selection: Selection;
  readonly conflict: ConflictPolicy;
}

export interface SegmentRestored extends RestoreTotals {
  readonly info: SegmentInfo;
}

const restoreData = (restorer: SegmentRestorer, items: Iterable<SegmentItem>, choose: Chooser): void => {
  for (const item of items) {
    if (item.kind === 'index') restorer.readIndex();
    else if (item.kind === 'part') restorer.restorePart(item);
    else {
      const { member } = item;
      const choice = choose(member.path);
      const refused = choice === 'no' ? undefined : restorer.refusalOf(member);
      if (refused !== undefined) restorer.report.fail(member.path, refused);
      else if (member.type === 'd') {
        if (choice !== 'no') restorer.restoreFolder(member, choice);
      } else if (choice === 'chosen') {
        if (member.type === 'h') restorer.restoreLink(member);
        else restorer.restoreAs(member.path, member);
      }
    }
  }
};

const restoreLinks = (
  restorer: SegmentRestorer,
  target: RestoreTarget,
  items: Iterable<SegmentItem>,
  choose: Chooser,
  policy: ConflictPolicy,
): void => {
  const { stack, report } = restorer;
  joinParts({ target, stack, policy, report }, true);
  const table = new NameTable(target);
  const heads = new Map<Bytes, Bytes>();
  for (const item of items) {
    if (item.kind !== 'entry') continue;
    const { member } = item;
    const choice = choose(member.path);
    if (choice === 'no' && member.type === 'd') continue;
    const refused = restorer.refusalOf(member);
    if (refused !== undefined) restorer.report.fail(member.path, refused);
    else if (member.type === 'd') {
      if (choice !== 'no') restorer.restoreFolder(member, choice);
    } else if (member.type === 'h') restorer.joinLink(member, table, heads);
    else throw new ArchiveError('HeaderInvalid', 'a member of the segment links that is no link');
  }
};

/** The second pass: data of names that were not chosen, under names that were. */
const restoreAliases = (
  restorer: SegmentRestorer,
  items: Iterable<SegmentItem>,
  selection: Extract<Selection, { kind: 'links' }>,
): void => {
  const wanted = Map.groupBy(selection.links, (link) => link.target);
  const parentStat = new FileStat();
  const names = new Set(selection.links.map(({ path }) => path));
  for (const item of items) {
    if (item.kind === 'index') restorer.readNames(names);
    const aliases = item.kind === 'entry' ? wanted.get(item.member.path) : undefined;
    if (item.kind !== 'entry' || item.member.type === 'd' || item.member.type === 'h') continue;
    if (item.member.refused !== undefined) continue;
    let first: Place | undefined;
    const spare = new Spare();
    for (const { path } of aliases ?? []) {
      const [parent, name] = splitPath(path);
      const folder = restorer.stack.enter(parent);
      // The folder has its times already: they stay.
      const known = typeof folder !== 'string' && parentStat.loadFd(folder.fd) === 0;
      if (first !== undefined) restorer.linkTo(first, path, item.member);
      else if (restorer.restoreAs(path, item.member, spare) && typeof folder !== 'string')
        first = { fd: mustSucceed('openat', openFolderBeneath(folder.fd, '.')), name };
      if (known) setTimesFd(folder.fd, parentStat.mtimeSec, parentStat.mtimeNs);
    }
    spare.close();
    if (first !== undefined) closeFd(first.fd);
  }
};

/**
 * Restores what was chosen of one segment into the target. Segments may come in any order but for `links`, which comes
 * last; one may come again, from another copy, and replaces what it made before.
 *
 * A file gets its name when all its bytes have come; what was there before is touched only as the policy allows.
 * Bytes that came wrong are found by the digest at the segment's end: say then by `acceptSegment` or `takeBackSegment`
 * what becomes of what was made. Until that it is an attempt, which the next call takes back. Where this throws, the
 * file at which it was has no name, and those before it are whole. When it returns, all of it is on disk.
 *
 * @returns totals with the failures of single files
 * @throws ArchiveError for a payload that is not what it should be, a target that takes no more; what `source` throws
 */
export const restoreSegment = (task: RestoreSegmentTask): SegmentRestored => {
  const segment = openSegment(task.source, task.encoding);
  const { info } = segment;
  if (info.folder !== task.folder) throw new ArchiveError('InfoInvalid', `of another backup: ${info.folder}`);
  const found = new Set<Bytes>();
  const choose = makeChooser(task.selection, (path) => found.add(path));
  const target = openRestoreTarget(task.targetPath, task.restoreUid);
  try {
    // What a process that was killed, or a copy that was bad, has left. A second pass goes on with the first one's.
    if (task.selection.kind !== 'links') takeBack(target);
    const report = restoreItems(target, segment, choose, task);
    target.sync();
    return { ...report, found: [...found].map(escapePath), info };
  } finally {
    target.close();
  }
};

const restoreItems = (
  target: RestoreTarget,
  segment: SegmentReader,
  choose: Chooser,
  { selection, conflict }: RestoreSegmentTask,
): RestoreReport => {
  const restorer = new SegmentRestorer(target, conflict, choose, segment);
  try {
    if (selection.kind === 'links') restoreAliases(restorer, segment.items(), selection);
    else if (segment.info.kind === 'links') restoreLinks(restorer, target, segment.items(), choose, conflict);
    else restoreData(restorer, segment.items(), choose);
  } finally {
    restorer.stack.leaveAll();
    restorer.close();
  }
  return restorer.report;
};

/** The copy that was restored last holds its digest, in all its passes: what was made of it stays. */
export const acceptSegment = (targetPath: Buffer, restoreUid: string, conflict: ConflictPolicy): void => {
  const target = openRestoreTarget(targetPath, restoreUid);
  try {
    // Overwrite asks of no name what has it.
    acceptAttempt(target, conflict !== 'Overwrite');
  } finally {
    target.close();
  }
};

/** The copy that was restored last is bad: nothing stays of it. */
export const takeBackSegment = (targetPath: Buffer, restoreUid: string): void => {
  const target = openRestoreTarget(targetPath, restoreUid);
  try {
    takeBack(target);
  } finally {
    target.close();
  }
};

/**
 * Ends a restore: takes back what was not accepted, joins parts where no `links` came, tells what bad copies have done
 * for good, and removes the working folder. Call it once, after everything; also after a failure, to leave nothing
 * behind.
 */
export const finishRestore = (targetPath: Buffer, restoreUid: string, conflict: ConflictPolicy): RestoreTotals => {
  const target = openRestoreTarget(targetPath, restoreUid);
  const report = new RestoreReport();
  takeBack(target);
  const stack = new FolderStack(target, report);
  joinParts({ target, stack, policy: conflict, report }, false);
  stack.leaveAll();
  tellLost(target, report);
  target.remove();
  return { ...report };
};
