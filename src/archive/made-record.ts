import { hash } from 'node:crypto';
import { closeSync, readFileSync, writeSync } from 'node:fs';
import { errnoName } from '../posix/errno.ts';
import { mkdirAt, O_APPEND, O_CREAT, O_RDWR, openAt } from '../posix/file.ts';
import type { FileStat } from '../posix/stat.ts';
import { ArchiveError } from './archive-error.ts';
import { FingerprintSet } from './fingerprint-set.ts';
import type { RestoreTarget } from './restore-target.ts';

const FOLDER = 'made';
const RECORD_BYTES = 8;
const HIGH = 2 ** 32;

const identity = new Int32Array(10);
const identityBytes = new Uint8Array(identity.buffer);
const digest = new BigUint64Array(1);
const digestBytes = Buffer.from(digest.buffer);
const digestHalves = new Uint32Array(digest.buffer);

/**
 * 64 bits of what a file is: device, inode, birth, mtime. The mtime is among them since inode numbers come again, and
 * not every file system keeps births; so a file that somebody has written to is not what was made any more, either.
 */
export const fingerprint = (stat: FileStat): bigint => {
  digestOf(stat);
  return digest[0] ?? 0n;
};

/** Puts the fingerprint into `digest`: a number of 64 bits for each file would be garbage. */
const digestOf = (stat: FileStat): void => {
  const { devMajor, devMinor, inodeHigh, inodeLow, birthSec, birthNs, mtimeSec, mtimeNs } = stat;
  identity[0] = devMajor;
  identity[1] = devMinor;
  identity[2] = inodeHigh;
  identity[3] = inodeLow;
  identity[4] = birthSec;
  identity[5] = Math.floor(birthSec / HIGH);
  identity[6] = birthNs;
  identity[7] = mtimeSec;
  identity[8] = Math.floor(mtimeSec / HIGH);
  identity[9] = mtimeNs;
  // A digest as text costs a fraction of one in a buffer of its own.
  digestBytes.write(hash('sha256', identityBytes, 'binary'), 0, RECORD_BYTES, 'latin1');
};

/**
 * What a restore has made of one segment, folders aside: kept in the working folder, so that a restore that goes on in
 * another process, or takes the segment again from another copy, replaces what it made itself and nothing else.
 * Memory: one segment's entries.
 */
export class MadeRecord {
  readonly #known = new FingerprintSet();
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
      this.#known.add(records.readUInt32LE(at), records.readUInt32LE(at + 4));
  }

  has(stat: FileStat): boolean {
    digestOf(stat);
    return this.#known.has(digestHalves[0] ?? 0, digestHalves[1] ?? 0);
  }

  /** Call it before the file gets its name. @throws ArchiveError TargetWrite */
  add(stat: FileStat): void {
    digestOf(stat);
    this.#known.add(digestHalves[0] ?? 0, digestHalves[1] ?? 0);
    if (this.#fd < 0) return;
    try {
      writeSync(this.#fd, digestBytes);
    } catch (cause) {
      throw new ArchiveError('TargetWrite', 'the record of what was made', { cause });
    }
  }

  close(): void {
    if (this.#fd >= 0) closeSync(this.#fd);
    this.#fd = -1;
  }
}
