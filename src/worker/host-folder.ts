/**
 * Opens the folder of an order beneath the prefix that the hardware's owner allows. Whoever may write beneath the prefix
 * may put a link in place of any folder there, at any time: so no link is followed, each component is opened within the
 * folder before it, and what was opened is what is used from then on.
 */
import { constants } from 'node:os';
import type { HostFolder } from '../api/worker-order.ts';
import { bytesOf } from '../posix/bytes.ts';
import { errnoName } from '../posix/errno.ts';
import {
  AT_FDCWD,
  closeFd,
  mkdirAt,
  O_DIRECTORY,
  O_NOFOLLOW,
  O_PATH,
  O_RDONLY,
  openAt,
  openAt2,
  RESOLVE_BENEATH,
  RESOLVE_NO_MAGICLINKS,
  RESOLVE_NO_SYMLINKS,
} from '../posix/file.ts';
import { FileStat, S_IFLNK } from '../posix/stat.ts';
import { WorkerFailure } from './failure.ts';

const { EEXIST, EINVAL, ENOSYS } = constants.errno;
const BENEATH = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
const NEW_FOLDER_MODE = 0o755;

/** @returns a descriptor. @throws WorkerFailure SourceNotReachable where a link is in the way, else SourceNotReadable */
export const openSourceFolder = (mount: string, folder: HostFolder): number => {
  const found = openBeneath(mount, folder, false);
  if (found.kind === 'open') return found.fd;
  const reason = found.kind === 'link' ? 'SourceNotReachable' : 'SourceNotReadable';
  throw new WorkerFailure({ reason, fault: 'source', message: `The source can't be opened: ${describe(found)}.` });
};

/** Makes what is missing beneath the prefix. @throws WorkerFailure TargetNotAllowed where a link is in the way, else TargetRoot */
export const openTargetFolder = (mount: string, folder: HostFolder): number => {
  const found = openBeneath(mount, folder, true);
  if (found.kind === 'open') return found.fd;
  const reason = found.kind === 'link' ? 'TargetNotAllowed' : 'TargetRoot';
  throw new WorkerFailure({ reason, fault: 'target', message: `The target can't be opened: ${describe(found)}.` });
};

/** A path to an open folder, for whatever takes paths only; good in every thread as long as the descriptor is open. */
export const pathOfFd = (fd: number): string => `/proc/self/fd/${String(fd)}`;

type Found =
  | { readonly kind: 'open'; readonly fd: number }
  | { readonly kind: 'link'; readonly at: string; readonly prefix: string }
  | { readonly kind: 'failed'; readonly at: string; readonly errno: number };

const describe = (found: Exclude<Found, { kind: 'open' }>): string =>
  found.kind === 'link'
    ? `${found.at} is a symbolic link, and none is followed beneath ${found.prefix}; name the folder that it leads to`
    : `${found.at}: ${errnoName(found.errno)}`;

const openBeneath = (mount: string, { prefix, beneath }: HostFolder, make: boolean): Found => {
  const names = beneath.split('/').filter((name) => name !== '' && name !== '.');
  const flags = (index: number): number => O_DIRECTORY | (index === names.length ? O_RDONLY : O_PATH);
  let at = prefix;
  // The prefix is the owner's own word: it may be a link.
  let folder = openAt(AT_FDCWD, bytesOf(mount), flags(0));
  if (folder < 0) return { kind: 'failed', at, errno: -folder };
  for (const [index, name] of names.entries()) {
    at = `${at === '/' ? '' : at}/${name}`;
    const next = openComponent(folder, name, flags(index + 1), make);
    const isLink = next < 0 && isLinkAt(folder, name);
    closeFd(folder);
    if (next < 0) return isLink ? { kind: 'link', at, prefix } : { kind: 'failed', at, errno: -next };
    folder = next;
  }
  return { kind: 'open', fd: folder };
};

/** Returns a descriptor or −errno. */
const openComponent = (folder: number, name: string, flags: number, make: boolean): number => {
  // The call below refuses it, but not the one that stands in for it on old kernels.
  if (name === '..') return -EINVAL;
  const bytes = bytesOf(name);
  const made = make ? mkdirAt(folder, bytes, NEW_FOLDER_MODE) : -EEXIST;
  if (made < 0 && made !== -EEXIST) return made;
  const fd = openAt2(folder, bytes, flags | O_NOFOLLOW, 0, BENEATH);
  // Before Linux 5.6: one component, not followed, is as safe.
  return fd === -ENOSYS ? openAt(folder, bytes, flags | O_NOFOLLOW) : fd;
};

const isLinkAt = (folder: number, name: string): boolean => {
  const stat = new FileStat();
  return stat.loadAt(folder, bytesOf(name)) === 0 && stat.type === S_IFLNK;
};
