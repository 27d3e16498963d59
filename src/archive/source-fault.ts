import { constants } from 'node:os';
import type { Bytes } from '../posix/bytes.ts';
import { errnoName } from '../posix/errno.ts';
import { ArchiveError } from './archive-error.ts';
import { escapePath } from './escape.ts';

const { EIO, EMFILE, ENFILE, ENOMEM, ESTALE } = constants.errno;

/** They come from this process or machine, whatever is opened. */
const OF_THE_PROCESS = new Set([EMFILE, ENFILE, ENOMEM]);
/** They tell of the file system rather than of the folder at which they came. */
const OF_THE_FILE_SYSTEM = new Set([ESTALE]);

const fault = (path: Bytes, errno: number): ArchiveError =>
  new ArchiveError('SourceRead', `${path === '' ? 'the root' : escapePath(path)}: ${errnoName(errno)}`);

/** @throws ArchiveError SourceRead for an errno that the next file would meet as well */
export const refuseProcessFault = (path: Bytes, errno: number): void => {
  if (OF_THE_PROCESS.has(errno)) throw fault(path, errno);
};

/**
 * @param above the folder lies before the range: nothing of the range would be met, and its own line stands elsewhere
 * @throws ArchiveError SourceRead where a walk that goes on would leave out more than this folder
 */
export const refuseFolderFault = (path: Bytes, errno: number, above: boolean): void => {
  refuseProcessFault(path, errno);
  if (OF_THE_FILE_SYSTEM.has(errno) || (above && errno === EIO)) throw fault(path, errno);
};
