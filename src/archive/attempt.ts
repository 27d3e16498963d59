import { closeSync, existsSync, fstatSync, fsyncSync, readdirSync, writeSync } from 'node:fs';
import { constants } from 'node:os';
import type { Bytes } from '../posix/bytes.ts';
import { mustSucceed } from '../posix/errno.ts';
import { mkdirAt, O_CREAT, O_RDONLY, O_RDWR, openAt, renameAt, rmdirAt, unlinkAt } from '../posix/file.ts';
import { FileStat, S_IFDIR } from '../posix/stat.ts';
import { ArchiveError } from './archive-error.ts';
import { ATTEMPT_FOLDER, readAttempt, readPath, type AttemptEntry } from './attempt-record.ts';
import { FolderStack, type FolderFault, type OpenFolder } from './folder-stack.ts';
import { fingerprint, MADE_FOLDER, RECORD_BYTES } from './made-record.ts';
import { forgetNameRecords } from './name-records.ts';
import { splitPath } from './order.ts';
import { takeBackPart } from './part-store.ts';
import { RestoreReport } from './restore-report.ts';
import type { RestoreTarget } from './restore-target.ts';

const TAKEN_BACK_FOLDER = 'taken-back';
const BATCH_RECORDS = 8192;
const { ENOENT } = constants.errno;
/** Then the name leads to nothing that this restore made. */
const GONE = new Set<FolderFault>(['ENOENT', 'NotAFolder']);

const namesIn = (target: RestoreTarget, folder: string): readonly string[] => {
  const path = `/proc/self/fd/${String(target.workFd)}/${folder}`;
  return existsSync(path) ? readdirSync(path).sort() : [];
};

const withRecord = <T>(target: RestoreTarget, name: string, use: (fd: number) => T): T => {
  const fd = mustSucceed('openat', openAt(target.workFd, name, O_RDONLY), name);
  try {
    return use(fd);
  } finally {
    closeSync(fd);
  }
};

/** Faults of the working folder are the target's. */
const ofTheTarget = <T>(work: () => T): T => {
  try {
    return work();
  } catch (cause) {
    if (cause instanceof ArchiveError) throw cause;
    throw new ArchiveError('TargetWrite', 'the record of what was made', { cause });
  }
};

/**
 * The verdict is good: what the attempt made stays. When this returns, that is so after a loss of power, too; only
 * then may the segment be called done.
 *
 * @param kept whether a restore of the same segment that comes again asks what this one made
 * @throws ArchiveError TargetWrite
 */
export const acceptAttempt = (target: RestoreTarget, kept: boolean): void => {
  ofTheTarget(() => {
    for (const segment of namesIn(target, ATTEMPT_FOLDER)) {
      const name = `${ATTEMPT_FOLDER}/${segment}`;
      if (kept) withRecord(target, name, (fd) => keepMade(target, segment, fd));
      mustSucceed('unlinkat', unlinkAt(target.workFd, name), name);
      withRecord(target, ATTEMPT_FOLDER, fsyncSync);
    }
  });
};

const keepMade = (target: RestoreTarget, segment: string, attempt: number): void => {
  mkdirAt(target.workFd, MADE_FOLDER, 0o700);
  const name = `${MADE_FOLDER}/${segment}`;
  const fd = mustSucceed('openat', openAt(target.workFd, name, O_RDWR | O_CREAT, 0o600), name);
  const batch = Buffer.alloc(BATCH_RECORDS * RECORD_BYTES);
  let held = 0;
  try {
    const size = fstatSync(fd).size;
    // A record that was cut off is written over.
    let position = size - (size % RECORD_BYTES);
    const flush = (): void => {
      for (let done = 0; done < held;) done += writeSync(fd, batch, done, held - done, position + done);
      position += held;
      held = 0;
    };
    for (const { kind, low, high } of readAttempt(attempt)) {
      if (kind !== 'file') continue;
      held = batch.writeUInt32LE(low, held);
      held = batch.writeUInt32LE(high, held);
      if (held === batch.length) flush();
    }
    flush();
    // On disk before the attempt is gone: one of the two tells whose the names are.
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
};

/**
 * Takes back whatever has no good verdict: of a copy that was bad, or of a process that was killed. Only what is still
 * as it was made is removed. What can't be made good by that is told by `tellLost`. May be called again, after it was
 * killed, too.
 *
 * @throws ArchiveError TargetWrite
 */
export const takeBack = (target: RestoreTarget): void => {
  ofTheTarget(() => {
    for (const segment of namesIn(target, ATTEMPT_FOLDER)) {
      const name = `${ATTEMPT_FOLDER}/${segment}`;
      if (withRecord(target, name, (fd) => new Undo(target).all(fd))) {
        mustSucceed('unlinkat', unlinkAt(target.workFd, name), name);
        continue;
      }
      mkdirAt(target.workFd, TAKEN_BACK_FOLDER, 0o700);
      const number = namesIn(target, TAKEN_BACK_FOLDER).length;
      const kept = `${TAKEN_BACK_FOLDER}/${String(number).padStart(6, '0')}`;
      mustSucceed('renameat', renameAt(target.workFd, name, target.workFd, kept, true), kept);
    }
  });
};

/**
 * Tells what taking back could not make good: names that had something else before and have nothing now, and files
 * that could not be removed. Names that another copy has brought since are not among them.
 *
 * @throws ArchiveError TargetWrite
 */
export const tellLost = (target: RestoreTarget, report: RestoreReport): void => {
  ofTheTarget(() => {
    for (const name of namesIn(target, TAKEN_BACK_FOLDER))
      withRecord(target, `${TAKEN_BACK_FOLDER}/${name}`, (fd) => {
        for (const path of new Undo(target).lost(fd)) report.fail(path, 'DigestMismatch');
      });
  });
};

/** Goes back over one attempt. Folders keep their times, and none is made. Memory: 8 bytes for each folder made. */
class Undo {
  readonly #target: RestoreTarget;
  readonly #stack: FolderStack;
  readonly #stat = new FileStat();

  constructor(target: RestoreTarget) {
    this.#target = target;
    this.#stack = new FolderStack(target, new RestoreReport(), () => 'leave');
  }

  /** Returns whether all is as if nothing had been made. */
  all(record: number): boolean {
    const folders: number[] = [];
    let whole = true;
    for (const entry of readAttempt(record)) {
      if (entry.kind === 'folder') folders.push(entry.offset);
      else whole = this.#undo(entry) && whole;
    }
    // The deepest were made last.
    for (const offset of folders.reverse()) this.#removeFolder(readPath(record, offset));
    this.#stack.leaveAll();
    return whole;
  }

  *lost(record: number): Generator<Bytes, void> {
    for (const entry of readAttempt(record)) {
      if (entry.kind === 'replaced' && this.#look(entry.path) === 'nothing') yield entry.path;
      else if (entry.kind === 'file' && this.#isThere(entry)) yield entry.path;
    }
    this.#stack.leaveAll();
  }

  #undo(entry: AttemptEntry): boolean {
    switch (entry.kind) {
      case 'file':
        return this.#removeFile(entry);
      case 'part':
        takeBackPart(this.#target, entry.path);
        return true;
      case 'names':
        forgetNameRecords(this.#target, entry.path);
        return true;
      case 'replaced':
        return false;
      case 'folder':
        return true;
    }
  }

  #enter(path: Bytes): OpenFolder | FolderFault {
    return this.#stack.enterMember(path, 'keep', false) ?? this.#stack.enter(path);
  }

  /** What has the name now goes into `#stat`. */
  #look(path: Bytes): 'something' | 'nothing' | 'unknown' {
    const [parent, name] = splitPath(path);
    const folder = this.#enter(parent);
    if (typeof folder === 'string') return GONE.has(folder) ? 'nothing' : 'unknown';
    const result = this.#stat.loadAt(folder.fd, name);
    if (result === 0) return 'something';
    return result === -ENOENT ? 'nothing' : 'unknown';
  }

  /** Where nobody can tell, it is. */
  #isThere({ path, low, high }: AttemptEntry): boolean {
    const found = this.#look(path);
    if (found !== 'something') return found === 'unknown';
    return fingerprint(this.#stat) === (BigInt(high) << 32n) + BigInt(low);
  }

  #removeFile(entry: AttemptEntry): boolean {
    if (!this.#isThere(entry)) return true;
    const [parent, name] = splitPath(entry.path);
    const folder = this.#enter(parent);
    return typeof folder !== 'string' && unlinkAt(folder.fd, name) === 0;
  }

  /** Where nobody else has put anything into it. */
  #removeFolder(path: Bytes): void {
    if (this.#look(path) !== 'something' || this.#stat.type !== S_IFDIR) return;
    if (!this.#target.isNewFolder(this.#stat)) return;
    const [parent, name] = splitPath(path);
    const folder = this.#enter(parent);
    if (typeof folder !== 'string') rmdirAt(folder.fd, name);
  }
}
