import { hash } from 'node:crypto';
import { closeSync, readFileSync, writeSync } from 'node:fs';
import { errnoName } from '../posix/errno.ts';
import { mkdirAt, O_APPEND, O_CREAT, O_RDWR, openAt } from '../posix/file.ts';
import type { FileStat } from '../posix/stat.ts';
import { ArchiveError } from './archive-error.ts';
import type { RestoreTarget } from './restore-target.ts';

const FOLDER = 'made';
const RECORD_BYTES = 8;

/**
 * 64 bits of what a file is: device, inode, birth, mtime. The mtime is among them since inode numbers come again, and
 * not every file system keeps births; so a file that somebody has written to is not what was made any more, either.
 */
export const fingerprint = (stat: FileStat): bigint => {
  const { devMajor, devMinor, inodeHigh, inodeLow, birthSec, birthNs, mtimeSec, mtimeNs } = stat;
  const key = [devMajor, devMinor, inodeHigh, inodeLow, birthSec, birthNs, mtimeSec, mtimeNs].join();
  return hash('sha256', key, 'buffer').readBigUInt64LE(0);
};

/**
 * What a restore has made of one segment, folders aside: kept in the working folder, so that a restore that goes on in
 * another process, or takes the segment again from another copy, replaces what it made itself and nothing else.
 * Memory: one segment's entries.
 */
export class MadeRecord {
  readonly #known = new Set<bigint>();
  readonly #record = Buffer.alloc(RECORD_BYTES);
  #fd = -1;

  /** @param kept false: for this pass alone, where nobody asks later */
  constructor(target: RestoreTarget, segment: number, kept: boolean) {
    if (!kept) return;
    mkdirAt(target.workFd, FOLDER, 0o700);
    const name = `${FOLDER}/${String(segment).padStart(6, '0')}`;
    const fd = openAt(target.workFd, name, O_RDWR | O_CREAT | O_APPEND, 0o600);
    if (fd < 0) throw new ArchiveError('WorkFolder', `${name}: ${errnoName(-fd)}`);
    this.#fd = fd;
    const records = readFileSync(fd);
    for (let at = 0; at + RECORD_BYTES <= records.length; at += RECORD_BYTES)
      this.#known.add(records.readBigUInt64LE(at));
  }

  has(stat: FileStat): boolean {
    return this.#known.has(fingerprint(stat));
  }

  /** Call it before the file gets its name. @throws ArchiveError TargetWrite */
  add(stat: FileStat): void {
    const made = fingerprint(stat);
    this.#known.add(made);
    if (this.#fd < 0) return;
    this.#record.writeBigUInt64LE(made);
    try {
      writeSync(this.#fd, this.#record);
    } catch (cause) {
      throw new ArchiveError('TargetWrite', 'the record of what was made', { cause });
    }
  }

  close(): void {
    if (this.#fd >= 0) closeSync(this.#fd);
    this.#fd = -1;
  }
}
