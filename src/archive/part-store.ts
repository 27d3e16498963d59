import {
  appendFileSync,
  closeSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import type { Bytes } from '../posix/bytes.ts';
import { mustSucceed } from '../posix/errno.ts';
import {
  FALLOC_FL_KEEP_SIZE,
  FALLOC_FL_PUNCH_HOLE,
  fallocateFd,
  O_CREAT,
  O_RDWR,
  openAt,
  truncateFd,
} from '../posix/file.ts';
import { FileStat } from '../posix/stat.ts';
import { setTimesFd } from '../posix/times.ts';
import { applyAttributes, type Attributes } from './apply-attributes.ts';
import { escapePath, unescapePath } from './escape.ts';
import { writeContent } from './file-content.ts';
import type { FolderStack } from './folder-stack.ts';
import type { IndexLine, PartIdentity } from './index-line.ts';
import { fingerprint } from './made-record.ts';
import { writeNameRecords, type NameRecord } from './name-records.ts';
import { splitPath } from './order.ts';
import type { Member, PaxReader } from './pax-reader.ts';
import { placeFile, readConflict, type ConflictPolicy } from './place.ts';
import type { RestoreReport } from './restore-report.ts';
import type { RestoreTarget } from './restore-target.ts';

/*
 * Parts of divided files gather in the working folder, parts/<first segment>/: `whole` takes the bytes at their
 * offsets, `about` the path and the attributes of the last part, `state` a line for each part whose index line came,
 * `placed` the fingerprint of what gets the name.
 */

interface PartState {
  readonly offset: number;
  readonly length: number;
  readonly opened: PartIdentity;
  readonly closed: PartIdentity;
  /** Where the file has several names: the index line's `k`. */
  readonly identity?: readonly string[];
}

interface StoredAbout {
  readonly path: string;
  readonly offset: number;
  readonly attributes: Omit<Attributes, 'xattrs'>;
  readonly xattrs: readonly (readonly [string, string])[];
}

const folderOf = (target: RestoreTarget, id = ''): string => `/proc/self/fd/${String(target.workFd)}/parts/${id}`;

const readAbout = (folder: string): StoredAbout | undefined => {
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
  writeFileSync(`${folder}/about`, JSON.stringify(about));
};

/** Writes a part's bytes at their place. */
export const storePart = (
  target: RestoreTarget,
  part: { readonly id: string; readonly path: Bytes; readonly offset: number; readonly member: Member },
  reader: PaxReader,
): number => {
  const { id, path, offset, member } = part;
  const folder = folderOf(target, id);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const fd = mustSucceed('openat', openAt(target.workFd, `parts/${id}/whole`, O_RDWR | O_CREAT, 0o600));
  try {
    const stat = new FileStat();
    stat.loadFd(fd);
    // What an earlier copy of this segment has left there must not show through holes.
    if (stat.size > offset && member.extents !== undefined && member.size > 0)
      mustSucceed('fallocate', fallocateFd(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, member.size));
    // The end of a sparse part is set by its size; never shorten what later parts have written.
    const bytes = writeContent(fd, { ...member, size: Math.max(member.size, stat.size - offset) }, reader, offset);
    storeAbout(folder, path, offset, member);
    return bytes;
  } finally {
    closeSync(fd);
  }
};

/** Notes what the index says about a part that was stored. */
export const notePart = (target: RestoreTarget, line: IndexLine): void => {
  const { y, i, j, k } = line;
  if (y === undefined || i === undefined || j === undefined) return;
  const [first, offset, length] = y;
  const state: PartState = { offset, length, opened: i, closed: j, ...(k !== undefined && { identity: k }) };
  const folder = folderOf(target, String(first).padStart(6, '0'));
  appendFileSync(`${folder}/state`, `${JSON.stringify(state)}\n`);
};

/** Undefined where the parts make the whole file, in one state of it. */
const findFault = (parts: readonly PartState[]): 'FileTorn' | 'PartMissing' | undefined => {
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

const readState = (folder: string): readonly PartState[] => {
  const parts = new Map<number, PartState>();
  // Without a state no index line of a part has come.
  const text = existsSync(`${folder}/state`) ? readFileSync(`${folder}/state`, 'utf8') : '';
  for (const line of text.split('\n')) {
    if (line === '') continue;
    // As above: our own.
    const part = JSON.parse(line) as PartState;
    parts.set(part.offset, part);
  }
  return [...parts.values()].sort((left, right) => left.offset - right.offset);
};

const readPlaced = (folder: string): string | undefined =>
  existsSync(`${folder}/placed`) ? readFileSync(`${folder}/placed`, 'utf8') : undefined;

/** Before the file gets its name: by whom it was made can be told afterwards. */
const notePlaced = (
  target: RestoreTarget,
  id: string,
  { path, made, identity }: Omit<NameRecord, 'identity'> & { readonly identity: NameRecord['identity'] | undefined },
): void => {
  writeFileSync(`${folderOf(target, id)}/placed`, String(made));
  if (identity !== undefined) writeNameRecords(target, `part-${id}`, [{ path, made, identity }], 'instead');
};

const joinOne = (
  target: RestoreTarget,
  id: string,
  stack: FolderStack,
  policy: ConflictPolicy,
  report: RestoreReport,
): void => {
  const folder = folderOf(target, id);
  const about = readAbout(folder);
  if (about === undefined) return;
  const path = unescapePath(about.path);
  const parts = readState(folder);
  const fault = findFault(parts);
  if (fault !== undefined) {
    report.fail(path, fault);
    return;
  }
  const [parent, name] = splitPath(path);
  const open = stack.enter(parent);
  if (typeof open === 'string') {
    report.fail(path, open);
    return;
  }
  const attributes = about.attributes;
  const placed = readPlaced(folder);
  const verdict = readConflict((there) => String(fingerprint(there)) === placed, open, name, attributes, policy);
  if (verdict === 'keep') report.kept += 1;
  else if (verdict === 'exists') report.fail(path, 'Exists');
  if (verdict === 'keep' || verdict === 'exists') return;
  const xattrs = about.xattrs.map(([key, value]) => [unescapePath(key), Buffer.from(value, 'base64')] as const);
  const fd = mustSucceed('openat', openAt(target.workFd, `parts/${id}/whole`, O_RDWR));
  truncateFd(fd, parts[0]?.opened[1] ?? 0);
  applyAttributes({ fd }, path, { ...attributes, xattrs }, report);
  const made = new FileStat();
  made.loadFd(fd);
  closeSync(fd);
  notePlaced(target, id, { path, made: fingerprint(made), identity: parts.at(-1)?.identity });
  // The folder has its times already: they stay.
  const before = new FileStat();
  before.loadFd(open.fd);
  const problem = placeFile({ fd: target.workFd, name: `parts/${id}/whole` }, open, name, verdict);
  setTimesFd(open.fd, before.mtimeSec, before.mtimeNs);
  if (problem === undefined) report.files += 1;
  else report.fail(path, problem);
};

/** Gives every divided file whose parts are all there and agree its name; reports the others. */
export const joinParts = (
  target: RestoreTarget,
  stack: FolderStack,
  policy: ConflictPolicy,
  report: RestoreReport,
): void => {
  let ids: string[];
  try {
    ids = readdirSync(folderOf(target));
  } catch {
    // No segment had parts.
    return;
  }
  for (const id of ids.sort()) {
    joinOne(target, id, stack, policy, report);
    // Told once, joined or not.
    rmSync(folderOf(target, id), { recursive: true, force: true });
  }
};
