import { hash } from 'node:crypto';
import { closeSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { bufferOf, type Bytes } from '../posix/bytes.ts';
import { mustSucceed } from '../posix/errno.ts';
import { mkdirAt, O_APPEND, O_CREAT, O_TRUNC, O_WRONLY, openAt } from '../posix/file.ts';
import type { FileStat } from '../posix/stat.ts';
import { ArchiveError } from './archive-error.ts';
import { fingerprint } from './made-record.ts';
import type { RestoreTarget } from './restore-target.ts';

/*
 * Which restored name was which file when it was backed up: 128 bits for each name of a file with several (40 of the
 * path's digest, 24 of the identity's, 64 of what was made under it), one file per segment in the working folder. Two
 * paths that share their 40 bits keep each other from being joined; nothing worse.
 */

const FOLDER = 'names';
const IDENTITY_BITS = 24n;
const LOW_40 = (1n << 40n) - 1n;
const LOW_24 = (1n << IDENTITY_BITS) - 1n;

export interface NameRecord {
  readonly path: Bytes;
  /** As the index line has it. */
  readonly identity: readonly string[];
  /** See `fingerprint`. */
  readonly made: bigint;
}

const digest = (bytes: Buffer): bigint => hash('sha256', bytes, 'buffer').readBigUInt64LE(0);
const pathBits = (path: Bytes): bigint => digest(bufferOf(path)) & LOW_40;

const nameBits = ({ path, identity }: NameRecord): bigint =>
  (pathBits(path) << IDENTITY_BITS) | (digest(Buffer.from(JSON.stringify(identity))) & LOW_24);

/**
 * Puts records into the working folder.
 *
 * @param from what they come from: a segment, a divided file
 * @param how `instead` of earlier ones from there, or `more` of them
 * @throws ArchiveError TargetWrite
 */
export const writeNameRecords = (
  target: RestoreTarget,
  from: string,
  records: readonly NameRecord[],
  how: 'instead' | 'more',
): void => {
  if (records.length === 0) return;
  const values = new BigUint64Array(records.flatMap((record) => [nameBits(record), record.made]));
  try {
    mkdirAt(target.workFd, FOLDER, 0o700);
    const name = `${FOLDER}/${from}`;
    const flags = O_WRONLY | O_CREAT | (how === 'more' ? O_APPEND : O_TRUNC);
    const fd = mustSucceed('openat', openAt(target.workFd, name, flags, 0o600), name);
    try {
      writeFileSync(fd, Buffer.from(values.buffer));
    } finally {
      closeSync(fd);
    }
  } catch (cause) {
    throw new ArchiveError('TargetWrite', 'the records of names', { cause });
  }
};

/** Nothing is known any more of the names that come from there. */
export const forgetNameRecords = (target: RestoreTarget, from: string): void => {
  rmSync(`/proc/self/fd/${String(target.workFd)}/${FOLDER}/${from}`, { force: true });
};

/** All records of a restore: 16 bytes for each name of a file with several. */
export class NameTable {
  readonly #records: BigUint64Array;
  readonly #made: BigUint64Array;

  constructor(target: RestoreTarget) {
    const folder = `/proc/self/fd/${String(target.workFd)}/${FOLDER}`;
    const bytes = Buffer.concat(readNames(folder).map((name) => readFileSync(`${folder}/${name}`)));
    const count = bytes.length >> 4;
    this.#records = new BigUint64Array(count);
    this.#made = new BigUint64Array(count);
    for (let at = 0; at < count; at += 1) {
      this.#records[at] = bytes.readBigUInt64LE(16 * at);
      this.#made[at] = bytes.readBigUInt64LE(16 * at + 8);
    }
    this.#records.sort();
    this.#made.sort();
  }

  /** Whether it is what this restore made under one of the names. */
  made(stat: FileStat): boolean {
    const wanted = fingerprint(stat);
    return this.#made[lowerBound(this.#made, wanted)] === wanted;
  }

  /** The identity's bits; undefined where the path has no record, or records that differ. */
  identityOf(path: Bytes): bigint | undefined {
    const wanted = pathBits(path);
    const low = lowerBound(this.#records, wanted << IDENTITY_BITS);
    const first = this.#records[low];
    if (first === undefined || first >> IDENTITY_BITS !== wanted) return undefined;
    for (let at = low + 1; at < this.#records.length; at += 1) {
      const next = this.#records[at] ?? 0n;
      if (next >> IDENTITY_BITS !== wanted) break;
      if (next !== first) return undefined;
    }
    return first & LOW_24;
  }
}

const lowerBound = (sorted: BigUint64Array, wanted: bigint): number => {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle] ?? 0n) < wanted) low = middle + 1;
    else high = middle;
  }
  return low;
};

const readNames = (folder: string): string[] => {
  try {
    return readdirSync(folder);
  } catch {
    // No segment had such names.
    return [];
  }
};
