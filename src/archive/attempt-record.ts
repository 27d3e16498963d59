import { readSync, writeSync } from 'node:fs';
import { errnoName } from '../posix/errno.ts';
import type { Bytes } from '../posix/bytes.ts';
import { mkdirAt, O_APPEND, O_CREAT, O_RDWR, openAt } from '../posix/file.ts';
import { ArchiveError } from './archive-error.ts';
import { MAX_PATH_BYTES } from './limits.ts';
import type { RestoreTarget } from './restore-target.ts';

/*
 * An attempt is what one copy of a segment has made while nobody knows yet whether its bytes are right: that is said at
 * its end. attempt/<segment> in the working folder lists it in order, so that whoever comes after can take it back.
 */

export const ATTEMPT_FOLDER = 'attempt';

const KINDS = ['file', 'replaced', 'folder', 'part', 'names'] as const;

/**
 * - `file`: anything but a folder got the name, or was about to
 * - `replaced`: it was somebody else's before
 * - `folder`: it was made, since something was to go into it
 * - `part`: `path` is its file's id and its offset, see `partPath`
 * - `names`: `path` says from where, see `writeNameRecords`
 */
export type AttemptKind = (typeof KINDS)[number];

export interface AttemptEntry {
  readonly kind: AttemptKind;
  readonly path: Bytes;
  /** Of a file: the halves of its fingerprint. */
  readonly low: number;
  readonly high: number;
  /** Where the entry stands in the record. */
  readonly offset: number;
}

/** Length of the path, kind, fingerprint. */
const HEAD_BYTES = 4 + 1 + 8;
const CHUNK_BYTES = 1_048_576;
const entryBytes = Buffer.alloc(HEAD_BYTES + MAX_PATH_BYTES);

/** Opens the record of a segment's attempt, to go on with it. @throws ArchiveError WorkFolder */
export const openAttempt = (target: RestoreTarget, segment: string): number => {
  mkdirAt(target.workFd, ATTEMPT_FOLDER, 0o700);
  const name = `${ATTEMPT_FOLDER}/${segment}`;
  const fd = openAt(target.workFd, name, O_RDWR | O_CREAT | O_APPEND, 0o600);
  if (fd < 0) throw new ArchiveError('WorkFolder', `${name}: ${errnoName(-fd)}`);
  return fd;
};

/** Call it before that happens of which it tells. @throws ArchiveError TargetWrite */
export const writeEntry = (fd: number, kind: AttemptKind, path: Bytes, low = 0, high = 0): void => {
  entryBytes.writeUInt32LE(path.length, 0);
  entryBytes[4] = KINDS.indexOf(kind);
  entryBytes.writeUInt32LE(low, 5);
  entryBytes.writeUInt32LE(high, 9);
  const length = HEAD_BYTES + entryBytes.write(path, HEAD_BYTES, 'latin1');
  try {
    for (let done = 0; done < length;) done += writeSync(fd, entryBytes, done, length - done);
  } catch (cause) {
    throw new ArchiveError('TargetWrite', 'the record of what was made', { cause });
  }
};

/** The entries in order; one that a full disk or a loss of power has cut off did not happen. Memory: one chunk. */
export function* readAttempt(fd: number): Generator<AttemptEntry, void> {
  const chunk = Buffer.alloc(CHUNK_BYTES);
  let [held, offset] = [0, 0];
  for (;;) {
    const read = readSync(fd, chunk, held, chunk.length - held, offset + held);
    if (read === 0) return;
    held += read;
    let at = 0;
    for (let end = endOfEntry(chunk, at, held); end !== undefined; end = endOfEntry(chunk, at, held)) {
      const [low, high] = [chunk.readUInt32LE(at + 5), chunk.readUInt32LE(at + 9)];
      const kind = KINDS[chunk[at + 4] ?? 0];
      if (kind === undefined) return;
      yield { kind, path: chunk.toString('latin1', at + HEAD_BYTES, end), low, high, offset: offset + at };
      at = end;
    }
    chunk.copyWithin(0, at, held);
    held -= at;
    offset += at;
  }
}

/** Undefined where not all of it is there. */
const endOfEntry = (chunk: Buffer, at: number, held: number): number | undefined => {
  if (at + HEAD_BYTES > held) return undefined;
  const end = at + HEAD_BYTES + chunk.readUInt32LE(at);
  return end > held ? undefined : end;
};

/** The path of an entry that `readAttempt` gave before. */
export const readPath = (fd: number, offset: number): Bytes => {
  readSync(fd, entryBytes, 0, HEAD_BYTES, offset);
  const length = entryBytes.readUInt32LE(0);
  readSync(fd, entryBytes, HEAD_BYTES, length, offset + HEAD_BYTES);
  return entryBytes.toString('latin1', HEAD_BYTES, HEAD_BYTES + length);
};
