import { constants } from 'node:os';
import { mustSucceed, PosixError } from '../posix/errno.ts';
import { closeFd, truncateFd, writeAt } from '../posix/file.ts';
import { ArchiveError } from './archive-error.ts';
import type { Member, PaxReader } from './pax-reader.ts';

const FATAL = new Set(['ENOSPC', 'EDQUOT', 'EROFS', 'EIO']);

const writeAll = (fd: number, bytes: Buffer, position: number): void => {
  for (let done = 0; done < bytes.length;) {
    const rest = done === 0 ? bytes : bytes.subarray(done);
    done += mustSucceed('pwrite', writeAt(fd, rest, position + done));
  }
};

const writePieces = (fd: number, member: Member, reader: PaxReader, base: number): number => {
  const { extents } = member;
  let bytes = 0;
  if (extents === undefined) {
    for (let piece = reader.read(); piece !== undefined; piece = reader.read()) {
      writeAll(fd, piece, base + bytes);
      bytes += piece.length;
    }
    return bytes;
  }
  let at = 0;
  let inExtent = 0;
  for (let piece = reader.read(); piece !== undefined; piece = reader.read()) {
    for (let done = 0; done < piece.length;) {
      const left = (extents[at + 1] ?? piece.length) - inExtent;
      if (left === 0) {
        at += 2;
        inExtent = 0;
        continue;
      }
      const length = Math.min(left, piece.length - done);
      writeAll(fd, piece.subarray(done, done + length), base + (extents[at] ?? 0) + inExtent);
      done += length;
      inExtent += length;
      bytes += length;
    }
  }
  return bytes;
};

const storedBytes = ({ size, extents }: Member): number => {
  if (extents === undefined) return size;
  let bytes = 0;
  for (let at = 1; at < extents.length; at += 2) bytes += extents[at] ?? 0;
  return bytes;
};

/**
 * Writes the open member's content into an open, empty file from `base` on; holes stay holes.
 *
 * @returns bytes of data written
 * @throws ArchiveError TargetWrite where going on makes no sense; other errors of Node (with `code`) concern this file
 */
export const writeContent = (fd: number, member: Member, reader: PaxReader, base: number): number => {
  const bytes = ofTarget(() => writePieces(fd, member, reader, base));
  // A content that was read before gives nothing: never a file without its data.
  if (bytes !== storedBytes(member)) throw new PosixError('read', constants.errno.ENODATA);
  if (member.extents !== undefined) mustSucceed('ftruncate', truncateFd(fd, base + member.size));
  return bytes;
};

/**
 * Closes a file when it was written, or when that failed. NFS, FUSE and others say only now what they could not keep.
 *
 * @throws as `writeContent` does; what `write` throws
 */
export const writeAndClose = (fd: number, write: () => void): void => {
  let closed = 0;
  try {
    write();
  } finally {
    closed = closeFd(fd);
  }
  ofTarget(() => mustSucceed('close', closed));
};

const ofTarget = <T>(write: () => T): T => {
  try {
    return write();
  } catch (fault) {
    if (fault instanceof Error && 'code' in fault && typeof fault.code === 'string' && FATAL.has(fault.code))
      throw new ArchiveError('TargetWrite', fault.code, { cause: fault });
    throw fault;
  }
};
