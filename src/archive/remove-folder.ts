import { constants } from 'node:os';
import type { Bytes } from '../posix/bytes.ts';
import { mustSucceed } from '../posix/errno.ts';
import { closeFd, listNames, rmdirAt, unlinkAt } from '../posix/file.ts';
import { openFolderBeneath } from './open-folder.ts';

const { EISDIR, ENOENT, ENOTDIR, ELOOP, EPERM } = constants.errno;

const absent = (result: number): number => (result === -ENOENT ? 0 : result);

/**
 * Removes a name and all beneath it, by open folders: no link is followed, whoever moves what meanwhile.
 *
 * @throws PosixError
 */
export const removeTree = (parent: number, name: Bytes): void => {
  const unlinked = unlinkAt(parent, name);
  // POSIX has EPERM for a folder, Linux EISDIR.
  if (unlinked !== -EISDIR && unlinked !== -EPERM) {
    mustSucceed('unlinkat', absent(unlinked));
    return;
  }
  const folder = openFolderBeneath(parent, name);
  if (folder === -ENOTDIR || folder === -ELOOP) mustSucceed('unlinkat', unlinked);
  if (folder === -ENOENT) return;
  mustSucceed('openat', folder);
  try {
    const names = listNames(folder);
    if (typeof names === 'number') mustSucceed('getdents', names);
    else for (const child of names) removeTree(folder, child);
  } finally {
    closeFd(folder);
  }
  mustSucceed('unlinkat', absent(rmdirAt(parent, name)));
};
