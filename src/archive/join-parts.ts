import {
  closeSync,
  existsSync,
  fstatSync,
  readdirSync,
  readFileSync,
  readSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { constants } from 'node:os';
import type { Bytes } from '../posix/bytes.ts';
import { errnoName, mustSucceed } from '../posix/errno.ts';
import { O_RDWR, openAt, seekData, seekHole, truncateFd, unlinkAt } from '../posix/file.ts';
import { FileStat } from '../posix/stat.ts';
import { setTimesFd } from '../posix/times.ts';
import { applyAttributes } from './apply-attributes.ts';
import { ArchiveError } from './archive-error.ts';
import { unescapePath } from './escape.ts';
import { writeAndClose } from './file-content.ts';
import type { FolderStack, OpenFolder } from './folder-stack.ts';
import { fingerprint } from './made-record.ts';
import { openNew } from './make-member.ts';
import { writeNameRecords } from './name-records.ts';
import { splitPath } from './order.ts';
import { findFault, partsFolder, readAbout, readState, type PartState, type StoredAbout } from './part-store.ts';
import { placeFile, readConflict, temporaryPlace, type ConflictPolicy, type Place } from './place.ts';
import type { RestoreReport } from './restore-report.ts';
import type { RestoreTarget } from './restore-target.ts';

const { ENXIO } = constants.errno;
const COPY_BYTES = 1_048_576;

interface Joining {
  readonly target: RestoreTarget;
  readonly stack: FolderStack;
  readonly policy: ConflictPolicy;
  readonly report: RestoreReport;
}

/** What has become of a divided file; kept until the restore's end, since a report may be lost with its process. */
type Outcome =
  { readonly kind: 'joined' } | { readonly kind: 'kept' } | { readonly kind: 'failed'; readonly code: string };

const failed = (code: string): Outcome => ({ kind: 'failed', code });

const readText = (path: string): string | undefined => (existsSync(path) ? readFileSync(path, 'utf8') : undefined);

/** Copies an open file's data; holes stay holes. */
const copyData = (from: number, to: number): void => {
  const size = fstatSync(from).size;
  const buffer = Buffer.alloc(COPY_BYTES);
  for (let at = 0; at < size;) {
    const data = seekData(from, at);
    if (data === -ENXIO) break;
    // Where holes are not known all of it is data.
    const hole = data < 0 ? size : seekHole(from, data);
    const end = hole < 0 ? size : hole;
    for (at = data < 0 ? at : data; at < end;) {
      const read = readSync(from, buffer, 0, Math.min(COPY_BYTES, end - at), at);
      if (read === 0) return;
      for (let done = 0; done < read;) done += writeSync(to, buffer, done, read - done, at + done);
      at += read;
    }
  }
};

/** Gives one divided file its name. */
class Joint {
  readonly #joining: Joining;
  readonly #id: string;
  readonly #about: StoredAbout;
  readonly #path: Bytes;
  readonly #parts: readonly PartState[];
  readonly #whole: Place;

  constructor(joining: Joining, id: string, about: StoredAbout, path: Bytes) {
    this.#joining = joining;
    this.#id = id;
    this.#about = about;
    this.#path = path;
    this.#parts = readState(partsFolder(joining.target, id));
    this.#whole = { fd: joining.target.workFd, name: `parts/${id}/whole` };
  }

  join(): Outcome {
    const { stack, policy, target } = this.#joining;
    const placed = readText(`${partsFolder(target, this.#id)}/placed`);
    // Killed between the rename and the word about it.
    if (placed !== undefined && !existsSync(`${partsFolder(target, this.#id)}/whole`)) return { kind: 'joined' };
    const fault = findFault(this.#parts);
    if (fault !== undefined) return failed(fault);
    const [parent, name] = splitPath(this.#path);
    const folder = stack.enter(parent);
    if (typeof folder === 'string') return failed(folder);
    const made = (there: FileStat): boolean => String(fingerprint(there)) === placed;
    const verdict = readConflict(made, folder, name, this.#about.attributes, policy);
    if (verdict === 'keep') return { kind: 'kept' };
    if (verdict === 'exists') return failed('Exists');
    // The folder has its times already: they stay.
    const before = new FileStat();
    before.loadFd(folder.fd);
    try {
      const problem = this.#place(folder, name, verdict);
      return problem === undefined ? { kind: 'joined' } : failed(problem);
    } finally {
      setTimesFd(folder.fd, before.mtimeSec, before.mtimeNs);
    }
  }

  #place(folder: OpenFolder, name: Bytes, verdict: 'new' | 'replace'): string | undefined {
    const place = folder.reached ? this.#whole : temporaryPlace(this.#joining.target, folder);
    let problem = folder.reached ? this.#finish(place) : this.#copyOrNothing(place);
    problem ??= placeFile(place, folder, name, verdict);
    if (problem !== undefined && !folder.reached) unlinkAt(place.fd, place.name);
    return problem;
  }

  #finish({ fd: parent, name }: Place): string | undefined {
    const fd = openAt(parent, name, O_RDWR);
    if (fd < 0) return errnoName(-fd);
    writeAndClose(fd, () => this.#complete(fd));
    return undefined;
  }

  /** A copy that fails would go on filling a disk that is full. */
  #copyOrNothing(place: Place): string | undefined {
    try {
      return this.#copyTo(place);
    } catch (fault) {
      unlinkAt(place.fd, place.name);
      throw fault;
    }
  }

  /** No rename leads to another mount. */
  #copyTo(place: Place): string | undefined {
    const from = openAt(this.#whole.fd, this.#whole.name, O_RDWR);
    if (from < 0) return errnoName(-from);
    const to = openNew(this.#joining.target, place, 0o600);
    try {
      if (to < 0) return errnoName(-to);
      writeAndClose(to, () => {
        copyData(from, to);
        this.#complete(to);
      });
      return undefined;
    } finally {
      closeSync(from);
    }
  }

  /** Size and attributes, and the record of what gets the name. */
  #complete(fd: number): void {
    const { target, report } = this.#joining;
    const { attributes, xattrs } = this.#about;
    mustSucceed('ftruncate', truncateFd(fd, this.#parts[0]?.opened[1] ?? 0));
    const values = xattrs.map(([key, value]) => [unescapePath(key), Buffer.from(value, 'base64')] as const);
    applyAttributes({ fd }, this.#path, { ...attributes, xattrs: values }, report);
    const stat = new FileStat();
    stat.loadFd(fd);
    const made = fingerprint(stat);
    writeFileSync(`${partsFolder(target, this.#id)}/placed`, String(made));
    const identity = this.#parts.at(-1)?.identity;
    if (identity === undefined) return;
    writeNameRecords(target, `part-${this.#id}`, [{ path: this.#path, identity, made }], 'instead');
  }
}

const joinOne = (joint: Joint): Outcome => {
  try {
    return joint.join();
  } catch (fault) {
    if (fault instanceof ArchiveError || !(fault instanceof Error) || !('code' in fault)) throw fault;
    return failed(String(fault.code));
  }
};

const tell = (outcome: Outcome, path: Bytes, report: RestoreReport): void => {
  switch (outcome.kind) {
    case 'joined':
      report.files += 1;
      break;
    case 'kept':
      report.keep(path);
      break;
    case 'failed':
      report.fail(path, outcome.code);
  }
};

const idsOf = (target: RestoreTarget): readonly string[] => {
  try {
    return readdirSync(partsFolder(target)).sort();
  } catch {
    // No segment had parts.
    return [];
  }
};

/**
 * Gives every divided file whose parts are all there and agree its name; reports the others.
 *
 * @param again whether what was told by an earlier call is told once more: that call's report may have been lost
 */
export const joinParts = (joining: Joining, again: boolean): void => {
  const { target, report } = joining;
  for (const id of idsOf(target)) {
    const folder = partsFolder(target, id);
    const about = readAbout(folder);
    if (about === undefined) {
      // Nobody knows its name any more.
      if (readState(folder).length > 0) report.fail(`${target.folder}/parts/${id}`, 'PartMissing');
      continue;
    }
    const path = unescapePath(about.path);
    const known = readText(`${folder}/outcome`);
    // Written below, in a folder that nobody else may enter.
    const outcome = known === undefined ? joinOne(new Joint(joining, id, about, path)) : (JSON.parse(known) as Outcome);
    if (known === undefined || again) tell(outcome, path, report);
    if (known !== undefined) continue;
    writeFileSync(`${folder}/outcome`, JSON.stringify(outcome));
    rmSync(`${folder}/whole`, { force: true });
  }
};
