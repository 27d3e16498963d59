import { constants } from 'node:os';
import type { Bytes } from '../posix/bytes.ts';
import { errnoName } from '../posix/errno.ts';
import {
  closeFd,
  mknodAt,
  O_CREAT,
  O_EXCL,
  O_NOFOLLOW,
  O_PATH,
  O_WRONLY,
  openAt,
  symlinkAt,
  unlinkAt,
} from '../posix/file.ts';
import { FileStat, S_IFBLK, S_IFCHR, S_IFIFO, S_IFLNK } from '../posix/stat.ts';
import { applyAttributes } from './apply-attributes.ts';
import { ArchiveError } from './archive-error.ts';
import { writeAndClose, writeContent } from './file-content.ts';
import type { MadeRecord } from './made-record.ts';
import type { Member, PaxReader } from './pax-reader.ts';
import type { Place } from './place.ts';
import type { RestoreReport } from './restore-report.ts';
import type { RestoreTarget } from './restore-target.ts';

const { EEXIST } = constants.errno;
const stat = new FileStat();

export interface Making {
  readonly target: RestoreTarget;
  readonly report: RestoreReport;
  readonly made: MadeRecord;
  /** Where the open member's content comes from. */
  readonly reader: PaxReader;
}

/**
 * Makes a member, whole and recorded as made, under a temporary name.
 *
 * @returns why it could not be made: then nothing is left of it
 */
export const makeMember = (making: Making, place: Place, path: Bytes, member: Member): string | undefined =>
  member.type === 'f' ? makeFile(making, place, path, member) : makeOther(making, place, path, member);

/** Opens a file that is not there yet. Returns a descriptor or −errno. */
export const openNew = (target: RestoreTarget, place: Place, mode: number): number => {
  const flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW;
  const fd = openAt(place.fd, place.name, flags, mode);
  // Elsewhere the name is the same in each process of this restore: what has it was left by one that was killed.
  if (fd !== -EEXIST || place.fd === target.workFd) return fd;
  unlinkAt(place.fd, place.name);
  return openAt(place.fd, place.name, flags, mode);
};

const makeFile = (
  { target, report, made, reader }: Making,
  place: Place,
  path: Bytes,
  member: Member,
): string | undefined => {
  // In the working folder, which nobody else may enter, a file may have its own mode from the beginning.
  const hidden = place.fd === target.workFd;
  const mode = hidden ? member.mode & 0o777 & ~target.umask : 0o600;
  const fd = openNew(target, place, mode);
  if (fd < 0) return errnoName(-fd);
  try {
    writeAndClose(fd, () => {
      report.bytes += writeContent(fd, member, reader, 0);
      const { uid, gid } = target;
      applyAttributes({ fd }, path, member, report, hidden ? { uid, gid, mode } : undefined);
      stat.loadFd(fd);
      made.add(stat, path);
    });
    return undefined;
  } catch (fault) {
    unlinkAt(place.fd, place.name);
    if (fault instanceof ArchiveError || !(fault instanceof Error) || !('code' in fault)) throw fault;
    return String(fault.code);
  }
};

const TYPES: Readonly<Partial<Record<Member['type'], number>>> = { l: S_IFLNK, p: S_IFIFO, c: S_IFCHR, b: S_IFBLK };

const makeOther = ({ report, made }: Making, place: Place, path: Bytes, member: Member): string | undefined => {
  unlinkAt(place.fd, place.name);
  const { major, minor } = member;
  let result: number;
  if (member.type === 'l') result = symlinkAt(member.linkName, place.fd, place.name);
  else if (member.type === 'p') result = mknodAt(place.fd, place.name, S_IFIFO | 0o600);
  else result = mknodAt(place.fd, place.name, (member.type === 'c' ? S_IFCHR : S_IFBLK) | 0o600, major, minor);
  if (result < 0) return errnoName(-result);
  const fd = openAt(place.fd, place.name, O_PATH | O_NOFOLLOW);
  if (fd < 0) return errnoName(-fd);
  try {
    if (!isAsMade(fd, member)) return 'ESTALE';
    applyAttributes({ opened: fd }, path, member, report);
    stat.loadFd(fd);
    made.add(stat, path);
    return undefined;
  } finally {
    closeFd(fd);
  }
};

/** In a folder that others may write somebody may have put another file in its place, to get that file's owner and mode. */
const isAsMade = (fd: number, { type, major, minor }: Member): boolean => {
  stat.loadFd(fd);
  const isDevice = type === 'c' || type === 'b';
  const sameDevice = !isDevice || (stat.rdevMajor === major && stat.rdevMinor === minor);
  return stat.type === TYPES[type] && stat.nlink === 1 && sameDevice;
};
