import { constants } from 'node:os';
import type { Bytes } from './bytes.ts';
import { linkAt, renameAt, unlinkAt } from './file.ts';
import { FileStat } from './stat.ts';

const { EEXIST, EINVAL, EMLINK, ENOENT, ENOSYS, ENOTSUP, EOPNOTSUPP, EPERM } = constants.errno;
/** renameat2(2): the file system knows no flags (NFS, CephFS, 9p), or the kernel not the call. */
const NO_FLAGS = new Set([EINVAL, ENOSYS]);
/** link(2): the file system, or this kind of file, takes no second name. */
const NO_LINKS = new Set([EINVAL, EMLINK, ENOSYS, ENOTSUP, EOPNOTSUPP, EPERM]);
const stat = new FileStat();

/**
 * Renames anything but a folder to a name that nothing has; −EEXIST where something has it, then nothing happens.
 * Where rename can't promise that, a link does; where there are none, either, a look before: not proof against
 * somebody who takes the name in that moment, but the best there is.
 *
 * @returns 0 or −errno
 */
export const renameNewAt = (fromFolder: number, from: Bytes, toFolder: number, to: Bytes): number => {
  const renamed = renameAt(fromFolder, from, toFolder, to, false);
  if (!NO_FLAGS.has(-renamed)) return renamed;
  const linked = linkAt(fromFolder, from, toFolder, to);
  if (linked === 0) return unlinkAt(fromFolder, from);
  if (!NO_LINKS.has(-linked)) return linked;
  const found = stat.loadAt(toFolder, to);
  if (found === 0) return -EEXIST;
  return found === -ENOENT ? renameAt(fromFolder, from, toFolder, to, true) : found;
};
