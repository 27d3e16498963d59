import { hash } from 'node:crypto';
import { closeSync, existsSync, readFileSync } from 'node:fs';
import type { Bytes } from '../posix/bytes.ts';
import type { FileStat } from '../posix/stat.ts';
import { openAttempt, readAttempt, writeEntry, type AttemptKind } from './attempt-record.ts';
import { FingerprintSet } from './fingerprint-set.ts';
import type { RestoreTarget } from './restore-target.ts';

export const MADE_FOLDER = 'made';
export const RECORD_BYTES = 8;
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
 * another process, or takes the segment again from another copy, replaces what it made itself and nothing else. What
 * was made now is an attempt until its copy was found good (see attempt-record.ts).
 * Memory: one segment's entries.
 */
export class MadeRecord {
  readonly #known = new FingerprintSet();
  readonly #attempt: number;

  constructor(target: RestoreTarget, segment: number) {
    const name = String(segment).padStart(6, '0');
    const kept = `/proc/self/fd/${String(target.workFd)}/${MADE_FOLDER}/${name}`;
    const records = existsSync(kept) ? readFileSync(kept) : Buffer.alloc(0);
    for (let at = 0; at + RECORD_BYTES <= records.length; at += RECORD_BYTES)
      this.#known.add(records.readUInt32LE(at), records.readUInt32LE(at + 4));
    this.#attempt = openAttempt(target, name);
    for (const { kind, low, high } of readAttempt(this.#attempt)) if (kind === 'file') this.#known.add(low, high);
  }

  has(stat: FileStat): boolean {
    digestOf(stat);
    return this.#known.has(digestHalves[0] ?? 0, digestHalves[1] ?? 0);
  }

  /** Call it before the file gets the name. @throws ArchiveError TargetWrite */
  add(stat: FileStat, path: Bytes): void {
    digestOf(stat);
    const [low = 0, high = 0] = digestHalves;
    this.#known.add(low, high);
    writeEntry(this.#attempt, 'file', path, low, high);
  }

  /** Anything else: call it before. @throws ArchiveError TargetWrite */
  note(kind: Exclude<AttemptKind, 'file'>, path: Bytes): void {
    writeEntry(this.#attempt, kind, path);
  }

  close(): void {
    closeSync(this.#attempt);
  }
}
