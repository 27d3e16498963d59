import { constants } from 'node:os';
import type { Bytes } from '../posix/bytes.ts';
import {
  O_DIRECTORY,
  O_NOFOLLOW,
  O_RDONLY,
  openAt,
  openAt2,
  RESOLVE_BENEATH,
  RESOLVE_NO_MAGICLINKS,
  RESOLVE_NO_SYMLINKS,
} from '../posix/file.ts';

const { ENOSYS } = constants.errno;
const BENEATH = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS;
const FOLDER_FLAGS = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;

/** Opens a folder by one component of a path: no link of any kind is followed. Returns a descriptor or −errno. */
export const openFolderBeneath = (folder: number, name: Bytes): number => {
  const fd = openAt2(folder, name, FOLDER_FLAGS, 0, BENEATH);
  // Before Linux 5.6: one component, not followed, is as safe.
  return fd === -ENOSYS ? openAt(folder, name, FOLDER_FLAGS) : fd;
};
