import { mustSucceed } from '../posix/errno.ts';
import { closeFd, unlinkAt } from '../posix/file.ts';
import { openFolderBeneath } from './open-folder.ts';
import type { Place } from './place.ts';

/**
 * A file that was made, whole, and has no name yet: a member's content can be read once only, and the next of its names
 * may take it. Keeps the folder open by a descriptor of its own.
 */
export class Spare {
  #place: Place | undefined;
  #fd = -1;

  take(): Place | undefined {
    return this.#place;
  }

  put(place: Place): void {
    if (this.#place !== undefined) return;
    this.#fd = mustSucceed('openat', openFolderBeneath(place.fd, '.'));
    this.#place = { fd: this.#fd, name: place.name };
  }

  /** Removes what got no name. */
  close(): void {
    if (this.#place === undefined) return;
    unlinkAt(this.#fd, this.#place.name);
    closeFd(this.#fd);
    this.#place = undefined;
  }
}
