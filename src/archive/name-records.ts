import { hash } from 'node:crypto';
import { closeSync, readFileSync, readdirSync, writeSync } from 'node:fs';
import { bufferOf, type Bytes } from '../posix/bytes.ts';
import { mustSucceed } from '../posix/errno.ts';
import { mkdirAt, O_CREAT, O_TRUNC, O_WRONLY, openAt } from '../posix/file.ts';
import type { RestoreTarget } from './restore-target.ts';

/*
 * Which restored name was which file when it was backed up: 64 bits for each name of a file with several (40 of the
 * path's digest, 24 of the identity's), one file per segment in the working folder. Two paths that share their 40 bits
 * keep each other from being joined; nothing worse.
 */

const FOLDER = 'names';
const IDENTITY_BITS = 24n;
const LOW_40 = (1n << 40n) - 1n;
const LOW_24 = (1n << IDENTITY_BITS) - 1n;

const digest = (bytes: Buffer): bigint => hash('sha256', bytes, 'buffer').readBigUInt64LE(0);
const pathBits = (path: Bytes): bigint => digest(bufferOf(path)) & LOW_40;

export const nameRecord = (path: Bytes, identity: readonly string[]): bigint =>
  (pathBits(path) << IDENTITY_BITS) | (digest(Buffer.from(JSON.stringify(identity))) & LOW_24);

/** Puts a segment's records into the working folder, in the place of earlier ones of that segment. */
export const writeNameRecords = (target: RestoreTarget, segment: number, records: readonly bigint[]): void => {
  if (records.length === 0) return;
  mkdirAt(target.workFd, FOLDER, 0o700);
  const name = `${FOLDER}/${String(segment).padStart(6, '0')}`;
  const fd = mustSucceed('openat', openAt(target.workFd, name, O_WRONLY | O_CREAT | O_TRUNC, 0o600), name);
  const values = new BigUint64Array(records);
  writeSync(fd, Buffer.from(values.buffer));
  closeSync(fd);
};

/** All records of a restore: 8 bytes for each name of a file with several. */
export class NameTable {
  readonly #records: BigUint64Array;

  constructor(target: RestoreTarget) {
    const folder = `/proc/self/fd/${String(target.workFd)}/${FOLDER}`;
    const files = readNames(folder).map((name) => readFileSync(`${folder}/${name}`));
    const bytes = Buffer.concat(files);
    this.#records = new BigUint64Array(bytes.length >> 3);
    new Uint8Array(this.#records.buffer).set(bytes.subarray(0, this.#records.byteLength));
    this.#records.sort();
  }

  /** The identity's bits; undefined where the path has no record, or records that differ. */
  identityOf(path: Bytes): bigint | undefined {
    const wanted = pathBits(path);
    let [low, high] = [0, this.#records.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#records[middle] ?? 0n) >> IDENTITY_BITS < wanted) low = middle + 1;
      else high = middle;
    }
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

const readNames = (folder: string): string[] => {
  try {
    return readdirSync(folder);
  } catch {
    // No segment had such names.
    return [];
  }
};
