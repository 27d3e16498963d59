import { rmSync } from 'node:fs';
import { constants } from 'node:os';
import { threadId } from 'node:worker_threads';
import type { Bytes } from '../posix/bytes.ts';
import { errnoName } from '../posix/errno.ts';
import {
  chmodFd,
  closeFd,
  mkdirAt,
  O_CREAT,
  O_DIRECTORY,
  O_EXCL,
  O_NOFOLLOW,
  O_RDONLY,
  O_WRONLY,
  openAt,
  openAt2,
  RESOLVE_BENEATH,
  RESOLVE_NO_MAGICLINKS,
  RESOLVE_NO_SYMLINKS,
  unlinkAt,
} from '../posix/file.ts';
import { FileStat } from '../posix/stat.ts';
import { setTimesFd } from '../posix/times.ts';
import { removeXattr } from '../posix/xattr.ts';
import { ACL_DEFAULT } from './acl.ts';
import { ArchiveError } from './archive-error.ts';

const { EEXIST, ENOSYS } = constants.errno;
const BENEATH = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS;
const FOLDER_FLAGS = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;

/** Opens a folder by one component of a path: no link of any kind is followed. Returns a descriptor or −errno. */
export const openFolderBeneath = (folder: number, name: Bytes): number => {
  const fd = openAt2(folder, name, FOLDER_FLAGS, 0, BENEATH);
  // Before Linux 5.6: one component, not followed, is as safe.
  return fd === -ENOSYS ? openAt(folder, name, FOLDER_FLAGS) : fd;
};

const MARKER = 'begun';
const MAX_TICK_MS = 2000;

/**
 * The folder that takes a restore, with a working folder in it that lasts from its first segment to its end: parts,
 * unfinished files, and a marker whose birth tells what was there before the restore and what it made itself. So no
 * state is needed between segments, and a restore that was killed goes on where it was.
 */
export class RestoreTarget {
  readonly rootFd: number;
  readonly workFd: number;
  readonly folder: Bytes;
  /** A name in the working folder (or, with `folder` before it, in any other) that no other thread uses. */
  readonly temporary: Bytes;
  readonly mountId: number;
  readonly device: string;
  readonly uid = process.geteuid?.() ?? 0;
  readonly gid = process.getegid?.() ?? 0;
  /** Bits that a new file does not get. */
  readonly umask = process.umask();
  readonly #begun: FileStat;

  constructor(rootFd: number, workFd: number, folder: Bytes, begun: FileStat) {
    this.rootFd = rootFd;
    this.workFd = workFd;
    this.folder = folder;
    this.temporary = `file-${String(process.pid)}-${String(threadId)}`;
    this.#begun = begun;
    const stat = new FileStat();
    stat.loadFd(workFd);
    this.mountId = stat.mountId;
    this.device = `${String(stat.devMajor)}:${String(stat.devMinor)}`;
  }

  /** Whether this restore made it: it was born after the marker (where births are not kept: changed after it). */
  made(stat: FileStat): boolean {
    const begun = this.#begun;
    if (stat.hasBirth && begun.hasBirth)
      return stat.birthSec > begun.birthSec || (stat.birthSec === begun.birthSec && stat.birthNs > begun.birthNs);
    return stat.ctimeSec > begun.ctimeSec || (stat.ctimeSec === begun.ctimeSec && stat.ctimeNs > begun.ctimeNs);
  }

  /** Whether a file can be renamed from the working folder into that folder. */
  reaches(stat: FileStat): boolean {
    return stat.mountId === this.mountId && `${String(stat.devMajor)}:${String(stat.devMinor)}` === this.device;
  }

  close(): void {
    closeFd(this.workFd);
    closeFd(this.rootFd);
  }

  /** Removes the working folder; the target folder keeps its times. The target is closed by it. */
  remove(): void {
    const root = new FileStat();
    root.loadFd(this.rootFd);
    try {
      rmSync(`/proc/self/fd/${String(this.rootFd)}/${this.folder}`, { recursive: true, force: true });
    } catch (cause) {
      throw new ArchiveError('WorkFolder', 'cannot be removed', { cause });
    }
    setTimesFd(this.rootFd, root.mtimeSec, root.mtimeNs);
    this.close();
  }
}

const birthOrChange = (stat: FileStat): readonly [number, number] =>
  stat.hasBirth ? [stat.birthSec, stat.birthNs] : [stat.ctimeSec, stat.ctimeNs];

/** File systems keep times by ticks of some milliseconds: waits until a new file is younger than the marker. */
const awaitTick = (workFd: number, begun: FileStat): void => {
  const stat = new FileStat();
  const until = performance.now() + MAX_TICK_MS;
  const [sec, ns] = birthOrChange(begun);
  while (performance.now() < until) {
    const fd = openAt(workFd, 'tick', O_WRONLY | O_CREAT | O_EXCL, 0o600);
    stat.loadFd(fd);
    closeFd(fd);
    unlinkAt(workFd, 'tick');
    const [nextSec, nextNs] = birthOrChange(stat);
    if (nextSec > sec || (nextSec === sec && nextNs > ns)) return;
  }
};

const fail = (code: 'TargetRoot' | 'WorkFolder', what: string, result: number): never => {
  throw new ArchiveError(code, `${what}: ${errnoName(-result)}`);
};

const openWorkFolder = (rootFd: number, folder: Bytes): number => {
  const made = mkdirAt(rootFd, folder, 0o700);
  if (made < 0 && made !== -EEXIST) fail('WorkFolder', `cannot be made`, made);
  const workFd = openFolderBeneath(rootFd, folder);
  if (workFd < 0) fail('WorkFolder', 'cannot be opened', workFd);
  const stat = new FileStat();
  stat.loadFd(workFd);
  if (stat.uid !== (process.geteuid?.() ?? 0) || (stat.mode & 0o022) !== 0) {
    closeFd(workFd);
    throw new ArchiveError('WorkFolder', 'it belongs to somebody else');
  }
  // Nothing made in it inherits a group or an ACL from the target.
  if (made === 0) {
    chmodFd(workFd, 0o700);
    removeXattr({ fd: workFd }, ACL_DEFAULT);
  }
  return workFd;
};

/**
 * Opens the target for a segment, and begins the restore where it has not begun. The target folder must exist.
 *
 * @param path the target folder; its last component may be a link
 * @param folder the working folder's name, as every segment's info says it (`.twinreel-<uid8>`)
 * @throws ArchiveError TargetRoot, WorkFolder
 */
export const openRestoreTarget = (path: Buffer, folder: Bytes): RestoreTarget => {
  const rootFd = openAt(-100, path.toString('latin1'), O_RDONLY | O_DIRECTORY);
  if (rootFd < 0) return fail('TargetRoot', 'cannot be opened', rootFd);
  try {
    const workFd = openWorkFolder(rootFd, folder);
    const begun = new FileStat();
    const marker = openAt(workFd, MARKER, O_WRONLY | O_CREAT | O_EXCL, 0o600);
    if (marker >= 0) closeFd(marker);
    if (begun.loadAt(workFd, MARKER) < 0) fail('WorkFolder', 'its marker cannot be read', marker);
    if (marker >= 0) awaitTick(workFd, begun);
    return new RestoreTarget(rootFd, workFd, folder, begun);
  } catch (fault) {
    closeFd(rootFd);
    throw fault;
  }
};
