import { constants } from 'node:os';
import type { Bytes } from '../posix/bytes.ts';
import {
  closeFd,
  listEntries,
  type FolderList,
  O_DIRECTORY,
  O_NOFOLLOW,
  O_NONBLOCK,
  O_RDONLY,
  openAt,
} from '../posix/file.ts';
import { errnoName } from '../posix/errno.ts';
import { FileStat, S_IFDIR, S_IFREG } from '../posix/stat.ts';
import { ArchiveError } from './archive-error.ts';
import type { FileOpener } from './file-opener.ts';
import { firstComponentBeneath, lowerBound } from './name-range.ts';
import type { Cursor } from './order.ts';
import type { PathFilter } from './path-filter.ts';
import type { ReadAhead } from './read-ahead.ts';
import { refuseFolderFault } from './source-fault.ts';

/** Which bytes of a divided file belong to the range: [from, to), to its end where `to` is null. */
export interface PartRange {
  readonly from: number;
  readonly to: number | null;
}

/**
 * What a walk meets. The same objects, filled anew for each step: take what must last.
 * - `above`: a folder before the range (or not included itself), in which the next step lies
 * - `entry`: something in the range
 * - `hidden`: the reserved name in the root
 * - `unread`: a folder before the range (or not included itself) that can't be entered: what the range holds of it is
 *   not met
 */
export interface WalkStep {
  kind: 'above' | 'entry' | 'hidden' | 'unread';
  path: Bytes;
  name: Bytes;
  /** The open folder that holds `name`; −1 where the step is an opened folder. */
  folder: number;
  /**
   * A folder opened for reading, or a file that was opened instead of being looked at, until the next step; −1 for
   * anything else and where it can't be opened.
   */
  fd: number;
  stat: FileStat;
  part: PartRange | undefined;
  /** errno of what could not be looked at, else 0; with `stat.mode` 0 nothing at all is known. */
  errno: number;
}

export interface WalkOptions {
  readonly from: Cursor;
  /** Null: to the end. */
  readonly to: Cursor | null;
  readonly filter: PathFilter | undefined;
  /** Folders on another file system are met, but not entered. */
  readonly oneFileSystem: boolean;
  /** A name in the root that is never entered or read. */
  readonly hidden: Bytes;
  /** Told of every folder that is entered and closed. */
  readonly readAhead?: ReadAhead | undefined;
  /**
   * Opens what is listed as a regular file, which tells what it is now as well as a look before would, and costs less.
   * What can't be opened, or is something else by now, is looked at as it is without this.
   */
  readonly opener?: FileOpener | undefined;
  /** Told of what a folder listed, belongs to the range, ends in it, and is gone now. */
  readonly onVanished?: (path: Bytes) => void;
}

interface Frame {
  readonly path: Bytes;
  readonly prefix: Bytes;
  readonly name: Bytes;
  readonly parent: Frame | undefined;
  readonly stat: FileStat;
  readonly included: boolean;
  readonly names: readonly Bytes[];
  /** Those that are not listed as regular files. */
  readonly others: ReadonlySet<Bytes>;
  /** The child in or after which the range begins, ends: only in the folders above those cursors. */
  readonly fromName: Bytes | undefined;
  readonly toName: Bytes | undefined;
  fd: number;
  at: number;
  /** Not met yet: a folder above the range, told as soon as something beneath it is met. */
  pending: boolean;
}

const FOLDER_FLAGS = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK;
/** More open folders than this are closed from the root down and opened again on the way back. */
const MAX_OPEN_FOLDERS = 256;
const { ENOENT, ESTALE } = constants.errno;
const NOTHING: FolderList = { names: [], others: new Set() };

/** A folder to be entered; `told` where it belongs to the range itself, `alone` where the range ends at it. */
interface FolderMet {
  readonly kind: 'folder';
  readonly path: Bytes;
  readonly told: boolean;
  readonly alone: boolean;
}

const emptyStep = (stat: FileStat): WalkStep => ({
  ...{ kind: 'entry', path: '', name: '', folder: -1, fd: -1, stat, part: undefined, errno: 0 },
});

/** Most folders hold nothing but files: no name is looked up in them. */
const isOther = ({ others }: Frame, name: Bytes): boolean => others.size > 0 && others.has(name);

class Walker {
  readonly #options: WalkOptions;
  readonly #stack: Frame[] = [];
  readonly #stat = new FileStat();
  // A folder above is told between the moment when an entry is met and the moment when it is told.
  readonly #entry: WalkStep = emptyStep(this.#stat);
  readonly #folder: WalkStep = emptyStep(this.#stat);
  #openFolders = 0;
  /** The file that is told now; −1 where none is open. */
  #fileFd = -1;
  #rootStat = new FileStat();

  constructor(rootFd: number, options: WalkOptions) {
    this.#options = options;
    const fd = openAt(rootFd, '.', O_RDONLY | O_DIRECTORY);
    const errno = fd < 0 ? -fd : -this.#rootStat.loadFd(fd);
    if (errno === 0) this.#push(undefined, '', fd, this.#rootStat, this.#includes(''));
    const fault = errno === 0 ? this.#listError : errno;
    if (fault === 0) return;
    if (errno !== 0 && fd >= 0) closeFd(fd);
    this.close();
    throw new ArchiveError('SourceRoot', `cannot be read: ${errnoName(fault)}`);
  }

  close(): void {
    this.#closeFile();
    for (const frame of this.#stack) if (frame.fd >= 0) this.#closeFolder(frame);
    this.#stack.length = 0;
  }

  *steps(): Generator<WalkStep, void> {
    const root = this.#stack[0];
    if (root === undefined) return;
    const { from } = this.#options;
    root.pending = from.path !== '' || from.offset > 0 || !root.included;
    if (!root.pending) yield this.#tellFolder(root, 'entry', 0);
    for (let frame = this.#stack.at(-1); frame !== undefined; frame = this.#stack.at(-1)) {
      const name = frame.names[frame.at];
      frame.at += 1;
      if (name === undefined) {
        this.#pop();
        continue;
      }
      const met = this.#meet(frame, name);
      if (met === 'end') return;
      if (met === undefined) continue;
      if (met.kind === 'folder') yield* this.#enter(frame, met.path, name, met.told, met.alone);
      else {
        if (frame.pending) yield* this.#tellAbove(frame);
        yield met;
        this.#closeFile();
      }
    }
  }

  /** A step, a folder to enter, nothing to tell, or the end of the range. No generator: it is called for every name. */
  #meet(frame: Frame, name: Bytes): WalkStep | FolderMet | 'end' | undefined {
    const { from, to, filter, hidden, oneFileSystem } = this.#options;
    const path = frame.prefix + name;
    const atTo = name === frame.toName;
    if (frame.toName !== undefined && name > frame.toName) return 'end';
    const endsHere = atTo && to?.path === path;
    if (endsHere && to.offset === 0) return 'end';
    const atFrom = name === frame.fromName;
    const beginsHere = atFrom && from.path === path;
    const inRange = !atFrom || (beginsHere && from.offset === 0);

    if (inRange && !endsHere && !isOther(frame, name) && (frame.parent !== undefined || name !== hidden)) {
      if (filter !== undefined && filter.decide(path, false, frame.included) === 'out') return undefined;
      if (this.#openFile(frame, name)) return this.#tell(frame, 'entry', path, name, undefined, 0);
    }
    const stat = this.#stat;
    const folder = this.#open(frame);
    const errno = folder < 0 ? -folder : -stat.loadAt(folder, name);
    if (errno === ENOENT) {
      if ((inRange || beginsHere) && !endsHere) this.#tellVanished(frame, path, name);
      return undefined;
    }
    if (errno !== 0) {
      refuseFolderFault(path, errno, !inRange);
      stat.mode = 0;
    }
    const isFolder = stat.type === S_IFDIR;
    // What can't be looked at may be a folder with something included in it.
    const verdict = filter === undefined ? 'in' : filter.decide(path, isFolder || errno !== 0, frame.included);
    if (verdict === 'out') return undefined;
    if (frame.parent === undefined && name === hidden)
      return inRange ? this.#tell(frame, 'hidden', path, name, undefined, 0) : undefined;
    if (!isFolder) {
      const divided = stat.type === S_IFREG && ((beginsHere && from.offset > 0) || endsHere);
      if (!divided && !inRange)
        return errno === 0 ? undefined : this.#tell(frame, 'unread', path, name, undefined, errno);
      const part = divided ? { from: beginsHere ? from.offset : 0, to: endsHere ? to.offset : null } : undefined;
      return this.#tell(frame, 'entry', path, name, part, errno);
    }
    const elsewhere = oneFileSystem && !this.#onRootFileSystem(stat);
    if (elsewhere || (endsHere && !inRange))
      return inRange ? this.#tell(frame, 'entry', path, name, undefined, 0) : undefined;
    return { kind: 'folder', path, told: inRange && verdict === 'in', alone: endsHere };
  }

  *#enter(frame: Frame, path: Bytes, name: Bytes, told: boolean, alone: boolean): Generator<WalkStep, void> {
    const folderStat = new FileStat();
    const parent = this.#open(frame);
    const fd = parent < 0 ? parent : openAt(parent, name, FOLDER_FLAGS);
    const errno = fd < 0 ? -fd : -folderStat.loadFd(fd);
    if (errno === ENOENT) {
      if (told) this.#options.onVanished?.(path);
      return;
    }
    if (errno !== 0) {
      if (fd >= 0) closeFd(fd);
      refuseFolderFault(path, errno, !told);
      yield* this.#tellAbove(frame);
      yield this.#tell(frame, told ? 'entry' : 'unread', path, name, undefined, errno);
      return;
    }
    const child = this.#push(frame, name, fd, folderStat, frame.included || this.#includes(path), alone);
    const listError = this.#listError;
    child.pending = !told;
    if (listError !== 0 && listError !== ENOENT) refuseFolderFault(path, listError, !told);
    if (told) {
      yield* this.#tellAbove(frame);
      yield this.#tellFolder(child, 'entry', listError);
    } else if (listError !== 0 && listError !== ENOENT) {
      yield* this.#tellAbove(frame);
      yield this.#tell(frame, 'unread', path, name, undefined, listError);
    }
  }

  /** Not where it was not wanted; what it was stood in the listing. */
  #tellVanished(frame: Frame, path: Bytes, name: Bytes): void {
    const { filter, hidden, onVanished } = this.#options;
    if (onVanished === undefined || (frame.parent === undefined && name === hidden)) return;
    const mayBeFolder = frame.others.has(name);
    if (filter === undefined || filter.decide(path, mayBeFolder, frame.included) === 'in') onVanished(path);
  }

  /** Whether it is a regular file and could be opened: `#stat` tells what is open then. */
  #openFile(frame: Frame, name: Bytes): boolean {
    const { opener } = this.#options;
    const folder = opener === undefined ? -1 : this.#open(frame);
    const fd = folder < 0 ? folder : (opener?.open(folder, name) ?? -1);
    if (fd < 0) return false;
    if (this.#stat.loadFd(fd) === 0 && this.#stat.type === S_IFREG) {
      this.#fileFd = fd;
      return true;
    }
    closeFd(fd);
    return false;
  }

  #closeFile(): void {
    if (this.#fileFd >= 0) closeFd(this.#fileFd);
    this.#fileFd = -1;
  }

  #includes(path: Bytes): boolean {
    const { filter } = this.#options;
    return filter === undefined || filter.decide(path, true, false) === 'in';
  }

  #tell(
    frame: Frame,
    kind: 'entry' | 'hidden' | 'unread',
    path: Bytes,
    name: Bytes,
    part: PartRange | undefined,
    errno: number,
  ): WalkStep {
    const step = this.#entry;
    step.kind = kind;
    step.path = path;
    step.name = name;
    step.folder = this.#open(frame);
    step.fd = this.#fileFd;
    step.stat = this.#stat;
    step.part = part;
    step.errno = errno;
    return step;
  }

  *#tellAbove(frame: Frame): Generator<WalkStep, void> {
    if (!frame.pending) return;
    for (const above of this.#stack) {
      if (above.pending) {
        above.pending = false;
        yield this.#tellFolder(above, 'above', 0);
      }
      if (above === frame) return;
    }
  }

  #tellFolder(frame: Frame, kind: 'above' | 'entry', errno: number): WalkStep {
    const step = this.#folder;
    step.kind = kind;
    step.path = frame.path;
    step.name = frame.name;
    step.folder = -1;
    step.fd = this.#open(frame);
    step.stat = frame.stat;
    step.part = undefined;
    step.errno = errno;
    return step;
  }

  #listError = 0;

  /** `alone`: the range ends at this folder, before anything beneath it. */
  #push(parent: Frame | undefined, name: Bytes, fd: number, stat: FileStat, included: boolean, alone = false): Frame {
    const path = parent === undefined ? '' : parent.prefix + name;
    const prefix = parent === undefined ? '' : `${path}/`;
    const listed = alone ? NOTHING : listEntries(fd);
    this.#listError = typeof listed === 'number' ? -listed : 0;
    const { names, others } = typeof listed === 'number' ? NOTHING : listed;
    names.sort();
    const { from, to } = this.#options;
    const fromName = firstComponentBeneath(prefix, from.path);
    const toName = firstComponentBeneath(prefix, to?.path);
    const at = fromName === undefined ? 0 : lowerBound(names, fromName);
    const frame = {
      path,
      prefix,
      name,
      parent,
      stat,
      included,
      names,
      others,
      fromName,
      toName,
      fd,
      at,
      pending: false,
    };
    this.#stack.push(frame);
    this.#openFolders += 1;
    this.#options.readAhead?.enter(fd, names, at);
    if (this.#openFolders > MAX_OPEN_FOLDERS) this.#closeShallowest();
    return frame;
  }

  #pop(): void {
    const frame = this.#stack.pop();
    if (frame !== undefined && frame.fd >= 0) this.#closeFolder(frame);
  }

  #closeFolder(frame: Frame): void {
    this.#options.readAhead?.leave(frame.fd);
    closeFd(frame.fd);
    frame.fd = -1;
    this.#openFolders -= 1;
  }

  #closeShallowest(): void {
    const frame = this.#stack.find((candidate) => candidate.fd >= 0 && candidate.parent !== undefined);
    if (frame !== undefined && frame !== this.#stack.at(-1)) this.#closeFolder(frame);
  }

  /** The folder's descriptor, opened again where it was closed; a folder that has gone fails like a name in it. */
  #open(frame: Frame): number {
    if (frame.fd >= 0 || frame.parent === undefined) return frame.fd;
    const parent = this.#open(frame.parent);
    const fd = parent < 0 ? parent : openAt(parent, frame.name, FOLDER_FLAGS);
    if (fd < 0) {
      // A folder closed on the way down counts as before it: what is left of it would not be met.
      if (parent >= 0) refuseFolderFault(frame.path, -fd, true);
      return fd;
    }
    const stat = new FileStat();
    if (stat.loadFd(fd) < 0 || !stat.sameFile(frame.stat)) {
      closeFd(fd);
      return -ESTALE;
    }
    frame.fd = fd;
    this.#openFolders += 1;
    this.#options.readAhead?.enter(fd, frame.names, frame.at);
    return fd;
  }

  #onRootFileSystem(stat: FileStat): boolean {
    return stat.devMajor === this.#rootStat.devMajor && stat.devMinor === this.#rootStat.devMinor;
  }
}

/**
 * Walks a source in its order within a range, following no links; every folder whose subtree meets the range is
 * entered. Memory: the names of the folders that are open at a time. Names that vanish while walked are not met: see `onVanished`.
 *
 * @param rootFd an open folder, which stays open
 * @throws ArchiveError SourceRoot where the root can't be read; SourceRead where more than one file can't be
 */
export function* walk(rootFd: number, options: WalkOptions): Generator<WalkStep, void> {
  const walker = new Walker(rootFd, options);
  try {
    yield* walker.steps();
  } finally {
    walker.close();
  }
}
