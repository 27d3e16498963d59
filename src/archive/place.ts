import { constants } from 'node:os';
import type { Bytes } from '../posix/bytes.ts';
import { errnoName } from '../posix/errno.ts';
import { renameAt } from '../posix/file.ts';
import { renameNewAt } from '../posix/rename-new.ts';
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

/**
 * Looks at what has a name, and decides by policy.
 *
 * @param made tells what this very restore made: it may always replace that
 */
export const readConflict = (
  made: (there: FileStat) => boolean,
  folder: OpenFolder,
  name: Bytes,
  member: Pick<Member, 'mtimeSec' | 'mtimeNs'>,
  policy: ConflictPolicy,
): Verdict => {
  if (policy === 'Overwrite') return 'replace';
  const result = stat.loadAt(folder.fd, name);
  if (result === -ENOENT) return 'new';
  if (result < 0) return 'exists';
  if (stat.type !== S_IFDIR && made(stat)) return 'replace';
  if (policy === 'Skip') return 'keep';
  if (policy === 'Fail') return 'exists';
  const newer = member.mtimeSec - stat.mtimeSec || member.mtimeNs - stat.mtimeNs;
  return newer > 0 ? 'replace' : 'keep';
};

/** An open folder and a name in it. */
export interface Place {
  readonly fd: number;
  readonly name: Bytes;
}

/** Where a file for `folder` is made until it is whole. */
export const temporaryPlace = (target: RestoreTarget, folder: OpenFolder): Place =>
  folder.reached ? { fd: target.workFd, name: target.temporary } : { fd: folder.fd, name: `${target.folder}.file` };

/** Gives a whole file its name. Returns why not; it is still there then. */
export const placeFile = (
  from: Place,
  folder: OpenFolder,
  name: Bytes,
  verdict: 'new' | 'replace',
): string | undefined => {
  const result =
    verdict === 'replace'
      ? renameAt(from.fd, from.name, folder.fd, name, true)
      : renameNewAt(from.fd, from.name, folder.fd, name);
  if (result >= 0) return undefined;
  if (result === -EISDIR || result === -ENOTEMPTY) return 'TargetIsFolder';
  return result === -EEXIST ? 'Exists' : errnoName(-result);
};
