import { constants } from 'node:os';
import type { Bytes } from '../posix/bytes.ts';
import { errnoName } from '../posix/errno.ts';
import { chmodFd, chmodOpened, closeFd, mkdirAt, O_NOFOLLOW, O_PATH, openAt } from '../posix/file.ts';
import { FileStat, S_IFDIR } from '../posix/stat.ts';
import { setTimesFd } from '../posix/times.ts';
import { applyAttributes, type Attributes } from './apply-attributes.ts';
import { openFolderBeneath } from './open-folder.ts';
import type { RestoreReport } from './restore-report.ts';
import type { RestoreTarget } from './restore-target.ts';

export interface OpenFolder {
  readonly path: Bytes;
  readonly fd: number;
  /** Whether a rename from the working folder can end here. */
  readonly reached: boolean;
}

interface Frame extends OpenFolder {
  fd: number;
  readonly name: Bytes;
  readonly parent: Frame | undefined;
  readonly stat: FileStat;
  /** Set when the folder is left: everything beneath it is done by then. */
  wanted: Attributes | undefined;
  /** What a higher segment gave it stays: `stat` has the times to give back. */
  kept: boolean;
  /** The mode to give back where it was widened to get in, and nothing else is wanted. */
  modeBefore: number | undefined;
}

const OWNER_ALL = 0o700;
const MAX_OPEN_FOLDERS = 256;
const { EACCES, ELOOP, ENOENT, ENOTDIR, EEXIST } = constants.errno;

/** Errno's name, or `NotAFolder`. */
export type FolderFault = string;

/**
 * The folders from the target's root to where the restore is at: opened one component at a time without following any
 * link, made where they are missing, given their attributes deepest first when they are left.
 */
export class FolderStack {
  readonly #target: RestoreTarget;
  readonly #report: RestoreReport;
  readonly #stack: Frame[];
  readonly #onMissing: (path: Bytes) => 'make' | 'leave';
  #openFolders = 0;

  /** @param onMissing asked before a folder is made; where it is left, there is none to enter */
  constructor(
    target: RestoreTarget,
    report: RestoreReport,
    onMissing: (path: Bytes) => 'make' | 'leave' = () => 'make',
  ) {
    this.#target = target;
    this.#report = report;
    this.#onMissing = onMissing;
    const stat = new FileStat();
    stat.loadFd(target.rootFd);
    const fd = target.rootFd;
    const reached = target.reaches(stat);
    const nothing = { wanted: undefined, kept: false, modeBefore: undefined };
    this.#stack = [{ path: '', name: '', fd, parent: undefined, stat, reached, ...nothing }];
  }

  get #top(): Frame {
    const top = this.#stack.at(-1);
    if (top === undefined) throw new RangeError('the root is never left');
    return top;
  }

  /** The open folder of that path, or why there is none. */
  enter(path: Bytes): OpenFolder | FolderFault {
    for (let top = this.#top; top.path !== path;) {
      if (top.path === '' || (path.startsWith(top.path) && path[top.path.length] === '/')) {
        const start = top.path === '' ? 0 : top.path.length + 1;
        const slash = path.indexOf('/', start);
        const fault = this.#push(top, path.slice(start, slash < 0 ? undefined : slash));
        if (fault !== undefined) return fault;
      } else this.#pop();
      top = this.#top;
    }
    const { parent, fd } = this.#top;
    return parent !== undefined && fd < 0 ? this.#reopen(this.#top) : this.#top;
  }

  /**
   * Enters a folder and says what attributes it is to get.
   *
   * @param wanted `keep`: those that it has
   * @param always false: only where this restore made it
   */
  enterMember(path: Bytes, wanted: Attributes | 'keep', always: boolean): FolderFault | undefined {
    const folder = this.enter(path);
    if (typeof folder === 'string') return folder;
    const top = this.#top;
    if (wanted === 'keep') top.kept = true;
    else if (always || this.#target.isNewFolder(top.stat)) top.wanted = wanted;
    return undefined;
  }

  /** Leaves all folders but the root, and gives the root its attributes. */
  leaveAll(): void {
    while (this.#stack.length > 1) this.#pop();
    this.#finish(this.#top);
  }

  #push(parent: Frame, name: Bytes): FolderFault | undefined {
    const parentFd = this.#fdOf(parent);
    if (parentFd < 0) return errnoName(-parentFd);
    let fd = openFolderBeneath(parentFd, name);
    let modeBefore: number | undefined;
    const path = parent.path === '' ? name : `${parent.path}/${name}`;
    if (fd === -ENOENT && this.#onMissing(path) === 'make') {
      const made = mkdirAt(parentFd, name, OWNER_ALL);
      if (made < 0 && made !== -EEXIST) return errnoName(-made);
      fd = openFolderBeneath(parentFd, name);
    } else if (fd === -EACCES) [fd, modeBefore] = this.#widen(parentFd, name);
    if (fd === -ELOOP || fd === -ENOTDIR) return 'NotAFolder';
    if (fd < 0) return errnoName(-fd);
    const stat = new FileStat();
    stat.loadFd(fd);
    const frame: Frame = {
      path,
      name,
      parent,
      fd,
      stat,
      reached: this.#target.reaches(stat),
      wanted: undefined,
      kept: false,
      modeBefore,
    };
    if (this.#target.uid !== 0 && (stat.mode & OWNER_ALL) !== OWNER_ALL) {
      frame.modeBefore = stat.mode & 0o7777;
      chmodFd(fd, frame.modeBefore | OWNER_ALL);
    }
    if (!frame.reached) this.#target.enterMount(stat, fd);
    this.#stack.push(frame);
    this.#openFolders += 1;
    if (this.#openFolders > MAX_OPEN_FOLDERS) this.#closeShallowest();
    return undefined;
  }

  /** A folder of one's own that may not be read (root may always): a segment before has given it its mode. */
  #widen(parentFd: number, name: Bytes): [fd: number, modeBefore: number | undefined] {
    const opened = openAt(parentFd, name, O_PATH | O_NOFOLLOW);
    if (opened < 0) return [opened, undefined];
    try {
      const stat = new FileStat();
      stat.loadFd(opened);
      if (stat.type !== S_IFDIR || stat.uid !== this.#target.uid) return [-EACCES, undefined];
      const mode = stat.mode & 0o7777;
      chmodOpened(opened, mode | OWNER_ALL);
      return [openFolderBeneath(opened, '.'), mode];
    } finally {
      closeFd(opened);
    }
  }

  #fdOf(frame: Frame): number {
    if (frame.fd >= 0) return frame.fd;
    const folder = this.#reopen(frame);
    return typeof folder === 'string' ? -ENOENT : folder.fd;
  }

  #reopen(frame: Frame): OpenFolder | FolderFault {
    if (frame.fd >= 0 || frame.parent === undefined) return frame;
    const parent = this.#reopen(frame.parent);
    if (typeof parent === 'string') return parent;
    const fd = openFolderBeneath(parent.fd, frame.name);
    if (fd < 0) return errnoName(-fd);
    const stat = new FileStat();
    stat.loadFd(fd);
    if (!stat.sameFile(frame.stat)) {
      closeFd(fd);
      return 'ESTALE';
    }
    frame.fd = fd;
    this.#openFolders += 1;
    return frame;
  }

  #closeShallowest(): void {
    const frame = this.#stack.find((candidate) => candidate.fd >= 0 && candidate.parent !== undefined);
    if (frame === undefined || frame === this.#top) return;
    closeFd(frame.fd);
    frame.fd = -1;
    this.#openFolders -= 1;
  }

  #pop(): void {
    const frame = this.#top;
    this.#finish(frame);
    this.#stack.pop();
    if (frame.fd < 0) return;
    closeFd(frame.fd);
    frame.fd = -1;
    this.#openFolders -= 1;
  }

  #finish(frame: Frame): void {
    const { wanted, kept, modeBefore, stat } = frame;
    if (wanted === undefined && !kept && modeBefore === undefined) return;
    const fd = this.#fdOf(frame);
    if (fd < 0) this.#report.failAttribute(frame.path, 'folder', errnoName(-fd));
    else if (wanted !== undefined) {
      applyAttributes({ fd }, frame.path, wanted, this.#report);
      this.#report.folders += 1;
    } else {
      if (modeBefore !== undefined) chmodFd(fd, modeBefore);
      if (kept) setTimesFd(fd, stat.mtimeSec, stat.mtimeNs);
    }
    frame.wanted = undefined;
    frame.kept = false;
  }
}
