import { constants } from 'node:os';
import {
  appendFileSync,
  closeSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import type { Bytes } from '../posix/bytes.ts';
import { mustSucceed } from '../posix/errno.ts';
import { FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE, fallocateFd, O_CREAT, O_RDWR, openAt } from '../posix/file.ts';
import { FileStat } from '../posix/stat.ts';
import type { Attributes } from './apply-attributes.ts';
import { ArchiveError } from './archive-error.ts';
import { escapePath } from './escape.ts';
import { writeContent } from './file-content.ts';
import type { IndexLine, PartIdentity } from './index-line.ts';
import type { Member, PaxReader } from './pax-reader.ts';
import type { RestoreTarget } from './restore-target.ts';

const { ENOSYS, ENOTSUP, EOPNOTSUPP } = constants.errno;
/** fallocate(2): the file system makes no holes. */
const NO_HOLES = new Set([ENOSYS, ENOTSUP, EOPNOTSUPP]);

/*
 * Parts of divided files gather in the working folder, parts/<first segment>/: `whole` takes the bytes at their
 * offsets, `about` the path and the attributes of the last part, `state` a line for each part whose index line came,
 * `placed` the fingerprint of what gets the name, `outcome` what became of the file.
 */

export interface PartState {
  readonly offset: number;
  readonly length: number;
  readonly opened: PartIdentity;
  readonly closed: PartIdentity;
  /** Where the file has several names: the index line's `k`. */
  readonly identity?: readonly string[];
}

interface PartGone {
  readonly offset: number;
  readonly gone: true;
}

export interface StoredAbout {
  readonly path: string;
  readonly offset: number;
  readonly attributes: Omit<Attributes, 'xattrs'>;
  readonly xattrs: readonly (readonly [string, string])[];
}

export const partsFolder = (target: RestoreTarget, id = ''): string =>
  `/proc/self/fd/${String(target.workFd)}/parts/${id}`;

export const readAbout = (folder: string): StoredAbout | undefined => {
  try {
    // Written by `storePart` alone, in a folder that nobody else may enter.
    return JSON.parse(readFileSync(`${folder}/about`, 'utf8')) as StoredAbout;
  } catch {
    return undefined;
  }
};

const storeAbout = (folder: string, path: Bytes, offset: number, member: Member): void => {
  const known = readAbout(folder);
  if (known !== undefined && known.offset > offset) return;
  const { type, mode, uid, gid, mtimeSec, mtimeNs, aclAccess, aclDefault } = member;
  const about: StoredAbout = {
    path: escapePath(path),
    offset,
    attributes: { type, mode, uid, gid, mtimeSec, mtimeNs, aclAccess, aclDefault },
    xattrs: member.xattrs.map(([name, value]) => [escapePath(name), value.toString('base64')]),
  };
  // By rename: a disk that fills up leaves no half of it.
  writeFileSync(`${folder}/about.new`, JSON.stringify(about));
  renameSync(`${folder}/about.new`, `${folder}/about`);
};

/** A line of its own also behind one that a full disk has cut off. */
const addToState = (folder: string, line: PartState | PartGone): void => {
  appendFileSync(`${folder}/state`, `\n${JSON.stringify(line)}\n`);
};

/** From now on nothing is known of these bytes. */
const forgetParts = (folder: string, offset: number, length: number): void => {
  for (const part of readState(folder)) {
    const meets = part.offset < offset + length && offset < part.offset + part.length;
    if (!meets && part.offset !== offset) continue;
    addToState(folder, { offset: part.offset, gone: true });
  }
};

/** Names a part in the record of an attempt. */
export const partPath = ({ id, offset }: { readonly id: string; readonly offset: number }): string =>
  `${id}/${String(offset)}`;

/** The copy that a part came from was bad: as if the part had not come. @param path see `partPath` */
export const takeBackPart = (target: RestoreTarget, path: string): void => {
  const [id = '', offset = ''] = path.split('/');
  const folder = partsFolder(target, id);
  // With an outcome the file was done before, and the part never stored.
  if (!existsSync(folder) || existsSync(`${folder}/outcome`)) return;
  forgetParts(folder, Number(offset), 0);
  const about = readAbout(folder);
  if (readState(folder).length === 0 && (about === undefined || about.offset === Number(offset)))
    rmSync(folder, { recursive: true, force: true });
};

const ZEROS = Buffer.alloc(1_048_576);

const clear = (fd: number, offset: number, length: number): void => {
  const punched = fallocateFd(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, length);
  if (!NO_HOLES.has(-punched)) {
    mustSucceed('fallocate', punched);
    return;
  }
  for (let done = 0; done < length;)
    done += writeSync(fd, ZEROS, 0, Math.min(ZEROS.length, length - done), offset + done);
};

/**
 * Writes a part's bytes at their place.
 *
 * @throws ArchiveError TargetWrite; other errors with `code` concern this file
 */
export const storePart = (
  target: RestoreTarget,
  part: { readonly id: string; readonly path: Bytes; readonly offset: number; readonly member: Member },
  reader: PaxReader,
): number => {
  const { id, path, offset, member } = part;
  const folder = partsFolder(target, id);
  // The file has its name, or was told to get none: its parts begin anew.
  if (existsSync(`${folder}/outcome`)) rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  forgetParts(folder, offset, member.size);
  const fd = mustSucceed('openat', openAt(target.workFd, `parts/${id}/whole`, O_RDWR | O_CREAT, 0o600));
  try {
    const stat = new FileStat();
    stat.loadFd(fd);
    // What an earlier copy of this segment has left there must not show through holes.
    if (stat.size > offset && member.extents !== undefined && member.size > 0)
      clear(fd, offset, Math.min(member.size, stat.size - offset));
    // The end of a sparse part is set by its size; never shorten what later parts have written.
    const size = member.extents === undefined ? member.size : Math.max(member.size, stat.size - offset);
    const bytes = writeContent(fd, { ...member, size }, reader, offset);
    storeAbout(folder, path, offset, member);
    return bytes;
  } finally {
    closeSync(fd);
  }
};

/** Notes what the index says about a part that was stored. @throws ArchiveError TargetWrite */
export const notePart = (target: RestoreTarget, line: IndexLine): void => {
  const { y, i, j, k } = line;
  if (y === undefined || i === undefined || j === undefined) return;
  const [first, offset, length] = y;
  const state: PartState = { offset, length, opened: i, closed: j, ...(k !== undefined && { identity: k }) };
  const folder = partsFolder(target, String(first).padStart(6, '0'));
  try {
    addToState(folder, state);
  } catch (cause) {
    throw new ArchiveError('TargetWrite', 'the record of a part', { cause });
  }
};

/** Undefined where the parts make the whole file, in one state of it. */
export const findFault = (parts: readonly PartState[]): 'FileTorn' | 'PartMissing' | undefined => {
  const first = parts[0];
  if (first === undefined) return 'PartMissing';
  const identity = JSON.stringify(first.opened);
  if (parts.some(({ opened, closed }) => JSON.stringify(opened) !== identity || JSON.stringify(closed) !== identity))
    return 'FileTorn';
  let end = 0;
  for (const part of parts) {
    if (part.offset > end && part.length > 0) return 'PartMissing';
    end = Math.max(end, part.offset + part.length);
  }
  return end === first.opened[1] ? undefined : 'PartMissing';
};

/** Undefined for a line that was cut off: its part counts as missing. */
const parseState = (line: string): PartState | PartGone | undefined => {
  try {
    // As above: our own.
    return JSON.parse(line) as PartState | PartGone;
  } catch {
    return undefined;
  }
};

export const readState = (folder: string): readonly PartState[] => {
  const parts = new Map<number, PartState>();
  // Without a state no index line of a part has come.
  const text = existsSync(`${folder}/state`) ? readFileSync(`${folder}/state`, 'utf8') : '';
  for (const line of text.split('\n')) {
    if (line === '') continue;
    const part = parseState(line);
    if (part === undefined) continue;
    if ('gone' in part) parts.delete(part.offset);
    else parts.set(part.offset, part);
  }
  return [...parts.values()].sort((left, right) => left.offset - right.offset);
};
