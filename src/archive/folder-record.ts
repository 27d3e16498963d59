import { hash } from 'node:crypto';
import { closeSync, readFileSync, writeSync } from 'node:fs';
import { bufferOf, type Bytes } from '../posix/bytes.ts';
import { errnoName } from '../posix/errno.ts';
import { mkdirAt, O_CREAT, O_RDWR, openAt } from '../posix/file.ts';
import { ArchiveError } from './archive-error.ts';
import { unescapePath } from './escape.ts';
import type { SegmentInfo } from './info.ts';
import { isWithin } from './order.ts';
import type { RestoreTarget } from './restore-target.ts';

const FOLDER = 'folders';

/**
 * Which segment a folder has its attributes from. The highest of those that hold its member wins, and they come in any
 * order. Only the folders above the segment's two boundaries are in other segments, too: for these a number is kept in
 * the working folder, one file each.
 */
export class FolderRecord {
  readonly #target: RestoreTarget;
  readonly #segment: number;
  readonly #boundaries: readonly Bytes[];

  constructor(target: RestoreTarget, { segment, from, to }: SegmentInfo) {
    this.#target = target;
    this.#segment = segment;
    this.#boundaries = (to === null ? [from] : [from, to]).map(({ path }) => unescapePath(path));
  }

  /**
   * Takes the folder for this segment, where no higher one has it.
   *
   * @throws ArchiveError TargetWrite
   */
  take(path: Bytes): boolean {
    if (!this.#boundaries.some((boundary) => isWithin(boundary, path))) return true;
    mkdirAt(this.#target.workFd, FOLDER, 0o700);
    const name = `${FOLDER}/${hash('sha256', bufferOf(path), 'hex')}`;
    const fd = openAt(this.#target.workFd, name, O_RDWR | O_CREAT, 0o600);
    if (fd < 0) throw new ArchiveError('TargetWrite', `${name}: ${errnoName(-fd)}`);
    try {
      const known = readFileSync(fd, 'latin1');
      if (known !== '' && Number(known) > this.#segment) return false;
      // Of one width: a lower number leaves nothing of a higher one.
      writeSync(fd, String(this.#segment).padStart(10, '0'), 0);
      return true;
    } catch (cause) {
      throw new ArchiveError('TargetWrite', 'the record of a folder', { cause });
    } finally {
      closeSync(fd);
    }
  }
}
