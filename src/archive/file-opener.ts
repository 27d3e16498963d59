import { constants } from 'node:os';
import type { Bytes } from '../posix/bytes.ts';
import { O_NOATIME, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, openAt } from '../posix/file.ts';
import type { ReadAhead } from './read-ahead.ts';

const { EPERM } = constants.errno;
const FILE_FLAGS = O_RDONLY | O_NOFOLLOW | O_NONBLOCK;

/** Opens a source's files for reading, so that nobody sees it where that can be had. */
export class FileOpener {
  readonly #readAhead: ReadAhead | undefined;
  #noatime = O_NOATIME;

  constructor(readAhead: ReadAhead | undefined) {
    this.#readAhead = readAhead;
  }

  /** A descriptor or −errno. */
  open(folder: number, name: Bytes): number {
    const flags = FILE_FLAGS | this.#noatime;
    const fd = this.#readAhead === undefined ? openAt(folder, name, flags) : this.#readAhead.open(folder, name, flags);
    if (fd !== -EPERM || this.#noatime === 0) return fd;
    // Only the owner and root may leave the access time alone.
    this.#noatime = 0;
    return openAt(folder, name, FILE_FLAGS);
  }
}
