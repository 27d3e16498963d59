import { constants } from 'node:os';
import type { Bytes } from '../posix/bytes.ts';
import { errnoName } from '../posix/errno.ts';
import { renameAt } from '../posix/file.ts';
import { FileStat, S_IFDIR } from '../posix/stat.ts';
import type { OpenFolder } from './folder-stack.ts';
import type { Member } from './pax-reader.ts';
import type { RestoreTarget } from './restore-target.ts';

/** What becomes of a name that is there already: `Restore.spec.conflict`. */
export type ConflictPolicy = 'Fail' | 'Skip' | 'Overwrite' | 'KeepNewer';

/** `new`: nothing has the name. `replace`: it may be replaced. */
export type Verdict = 'new' | 'replace' | 'keep' | 'exists';

const { EEXIST, EISDIR, ENOENT, ENOTEMPTY } = constants.errno;
const stat = new FileStat();

/** Looks at what has a name, and decides by policy. What this very restore made may always be replaced by it. */
export const readConflict = (
  target: RestoreTarget,
  folder: OpenFolder,
  name: Bytes,
  member: Pick<Member, 'mtimeSec' | 'mtimeNs'>,
  policy: ConflictPolicy,
): Verdict => {
  if (policy === 'Overwrite') return 'replace';
  const result = stat.loadAt(folder.fd, name);
  if (result === -ENOENT) return 'new';
  if (result < 0) return 'exists';
  if (stat.type !== S_IFDIR && target.made(stat)) return 'replace';
  if (policy === 'Skip') return 'keep';
  if (policy === 'Fail') return 'exists';
  const newer = member.mtimeSec - stat.mtimeSec || member.mtimeNs - stat.mtimeNs;
  return newer > 0 ? 'replace' : 'keep';
};

/** Where a file for `folder` is made until it is whole. */
export const temporaryPlace = (target: RestoreTarget, folder: OpenFolder): { fd: number; name: Bytes } =>
  folder.reached
    ? { fd: target.workFd, name: target.temporary }
    : { fd: folder.fd, name: `${target.folder}.${target.temporary}` };

/** Gives a whole file its name. Returns why not; it is still there then. */
export const placeFile = (
  from: { readonly fd: number; readonly name: Bytes },
  folder: OpenFolder,
  name: Bytes,
  verdict: 'new' | 'replace',
): string | undefined => {
  const result = renameAt(from.fd, from.name, folder.fd, name, verdict === 'replace');
  if (result >= 0) return undefined;
  if (result === -EISDIR || result === -ENOTEMPTY) return 'TargetIsFolder';
  return result === -EEXIST ? 'Exists' : errnoName(-result);
};
