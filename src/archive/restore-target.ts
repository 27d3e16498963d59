import { randomBytes } from 'node:crypto';
import { constants } from 'node:os';
import type { Bytes } from '../posix/bytes.ts';
import { errnoName } from '../posix/errno.ts';
import {
  chmodFd,
  closeFd,
  listNames,
  mkdirAt,
  O_CREAT,
  O_DIRECTORY,
  O_EXCL,
  O_RDONLY,
  O_WRONLY,
  openAt,
  syncFs,
  unlinkAt,
} from '../posix/file.ts';
import { tryFlock } from '../posix/flock.ts';
import { FileStat } from '../posix/stat.ts';
import { setTimesFd } from '../posix/times.ts';
import { removeXattr } from '../posix/xattr.ts';
import { ACL_DEFAULT } from './acl.ts';
import { ArchiveError } from './archive-error.ts';
import { openFolderBeneath } from './open-folder.ts';
import { removeTree } from './remove-folder.ts';

const { EEXIST } = constants.errno;
const MARKER = 'begun';
const TEMPORARY = 'file-';
const MAX_TICK_MS = 2000;

/**
 * The working folder's name in the target. It is the restore's own: two restores of one backup know nothing of each
 * other, and what one of them left behind tells the next one nothing.
 *
 * @param restoreUid uid of the Restore
 */
export const workFolderName = (restoreUid: string): Bytes => {
  if (!/^[0-9A-Za-z-]{8,64}$/.test(restoreUid)) throw new ArchiveError('WorkFolder', `no uid: ${restoreUid}`);
  return `.twinreel-restore-${restoreUid}`;
};

/**
 * The folder that takes a restore, with a working folder in it that lasts from its first segment to its end: parts,
 * unfinished files, records of what was made, and a marker whose birth tells which folders were there before. So no
 * state is needed between segments, and a restore that was killed goes on where it was.
 */
export class RestoreTarget {
  readonly rootFd: number;
  readonly workFd: number;
  readonly folder: Bytes;
  /** A name in the working folder that nobody else uses. */
  readonly temporary: Bytes;
  readonly mountId: number;
  readonly device: string;
  readonly uid = process.geteuid?.() ?? 0;
  readonly gid = process.getegid?.() ?? 0;
  /** Bits that a new file does not get. */
  readonly umask = process.umask();
  readonly #begun: FileStat;
  /** An open folder on each further mount that the restore has come to. */
  readonly #mounts = new Map<string, number>();

  constructor(rootFd: number, workFd: number, folder: Bytes, begun: FileStat) {
    this.rootFd = rootFd;
    this.workFd = workFd;
    this.folder = folder;
    this.temporary = `${TEMPORARY}${randomBytes(8).toString('hex')}`;
    this.#begun = begun;
    const stat = new FileStat();
    stat.loadFd(workFd);
    this.mountId = stat.mountId;
    this.device = `${String(stat.devMajor)}:${String(stat.devMinor)}`;
  }

  /**
   * Whether a folder was made since the restore began (where births are not kept: changed). Of files that is not
   * enough: somebody else's that appears meanwhile is not to be replaced. See MadeRecord.
   */
  isNewFolder(stat: FileStat): boolean {
    const begun = this.#begun;
    if (stat.hasBirth && begun.hasBirth)
      return stat.birthSec > begun.birthSec || (stat.birthSec === begun.birthSec && stat.birthNs > begun.birthNs);
    return stat.ctimeSec > begun.ctimeSec || (stat.ctimeSec === begun.ctimeSec && stat.ctimeNs > begun.ctimeNs);
  }

  /** Whether a file can be renamed from the working folder into that folder. */
  reaches(stat: FileStat): boolean {
    return stat.mountId === this.mountId && `${String(stat.devMajor)}:${String(stat.devMinor)}` === this.device;
  }

  /** Takes note of a folder that lies on another mount than the working folder. */
  enterMount(stat: FileStat, fd: number): void {
    const mount = `${String(stat.mountId)} ${String(stat.devMajor)}:${String(stat.devMinor)}`;
    if (this.#mounts.has(mount)) return;
    const root = openFolderBeneath(fd, '.');
    if (root < 0) throw new ArchiveError('TargetWrite', `a mount cannot be kept open: ${errnoName(-root)}`);
    this.#mounts.set(mount, root);
  }

  /**
   * Waits until all that was made is on disk: what is recorded as done is not made again.
   *
   * @throws ArchiveError TargetWrite
   */
  sync(): void {
    for (const fd of [this.workFd, ...this.#mounts.values()]) {
      const result = syncFs(fd);
      if (result < 0) throw new ArchiveError('TargetWrite', `not all is on disk: ${errnoName(-result)}`);
    }
  }

  close(): void {
    for (const fd of this.#mounts.values()) closeFd(fd);
    closeFd(this.workFd);
    closeFd(this.rootFd);
  }

  /** Removes the working folder; the target folder keeps its times. The target is closed by it. */
  remove(): void {
    try {
      // Not before all is safe that another process would need the folder for.
      this.sync();
      removeWorkFolder(this.rootFd, this.folder);
      this.sync();
    } finally {
      this.close();
    }
  }
}

/** @throws ArchiveError WorkFolder */
const removeWorkFolder = (rootFd: number, folder: Bytes): void => {
  const root = new FileStat();
  root.loadFd(rootFd);
  try {
    removeTree(rootFd, folder);
  } catch (cause) {
    throw new ArchiveError('WorkFolder', 'cannot be removed', { cause });
  }
  setTimesFd(rootFd, root.mtimeSec, root.mtimeNs);
};

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

/** Held until the working folder is closed. False where the file system knows no such locks. */
const lockWorkFolder = (workFd: number): boolean => {
  let held: boolean;
  try {
    held = tryFlock(workFd);
  } catch {
    return false;
  }
  if (!held) throw new ArchiveError('WorkFolder', 'another process restores with it');
  return true;
};

/** What a process that was killed had not finished; a file may be as large as any. */
const removeTemporaries = (workFd: number): void => {
  const names = listNames(workFd);
  if (typeof names === 'number') return;
  for (const name of names) if (name.startsWith(TEMPORARY)) unlinkAt(workFd, name);
};

const prepareWorkFolder = (workFd: number): FileStat => {
  if (lockWorkFolder(workFd)) removeTemporaries(workFd);
  const begun = new FileStat();
  const marker = openAt(workFd, MARKER, O_WRONLY | O_CREAT | O_EXCL, 0o600);
  if (marker >= 0) closeFd(marker);
  if (begun.loadAt(workFd, MARKER) < 0) fail('WorkFolder', 'its marker cannot be read', marker);
  if (marker >= 0) awaitTick(workFd, begun);
  return begun;
};

const openRoot = (path: Buffer): number => {
  const rootFd = openAt(-100, path.toString('latin1'), O_RDONLY | O_DIRECTORY);
  return rootFd < 0 ? fail('TargetRoot', 'cannot be opened', rootFd) : rootFd;
};

/**
 * Opens the target for a segment, and begins the restore where it has not begun. The target folder must exist.
 *
 * @param path the target folder; its last component may be a link
 * @throws ArchiveError TargetRoot, WorkFolder
 */
export const openRestoreTarget = (path: Buffer, restoreUid: string): RestoreTarget => {
  const folder = workFolderName(restoreUid);
  const rootFd = openRoot(path);
  let workFd = -1;
  try {
    workFd = openWorkFolder(rootFd, folder);
    return new RestoreTarget(rootFd, workFd, folder, prepareWorkFolder(workFd));
  } catch (fault) {
    if (workFd >= 0) closeFd(workFd);
    closeFd(rootFd);
    throw fault;
  }
};

/**
 * Removes what a restore that will not go on has left in its target beside what it restored; nothing where there is
 * none. No link is followed.
 *
 * @throws ArchiveError TargetRoot, WorkFolder
 */
export const discardRestore = (path: Buffer, restoreUid: string): void => {
  const rootFd = openRoot(path);
  try {
    removeWorkFolder(rootFd, workFolderName(restoreUid));
  } finally {
    closeFd(rootFd);
  }
};
