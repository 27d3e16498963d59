import { constants } from 'node:os';
import type { Bytes } from '../posix/bytes.ts';
import { errnoName } from '../posix/errno.ts';
import { closeFd, linkAt, unlinkAt } from '../posix/file.ts';
import { FileStat } from '../posix/stat.ts';
import { ArchiveError } from './archive-error.ts';
import { unescapePath } from './escape.ts';
import { FolderRecord } from './folder-record.ts';
import { FolderStack, type OpenFolder } from './folder-stack.ts';
import type { IndexLine } from './index-line.ts';
import { parseIndexLine, readIndex } from './index-reader.ts';
import { fingerprint, MadeRecord } from './made-record.ts';
import { makeMember } from './make-member.ts';
import { writeNameRecords, type NameRecord, type NameTable } from './name-records.ts';
import { openFolderBeneath } from './open-folder.ts';
import { splitPath } from './order.ts';
import { notePart, partPath, storePart } from './part-store.ts';
import type { Member, PaxReader } from './pax-reader.ts';
import { placeFile, readConflict, temporaryPlace, type ConflictPolicy, type Place } from './place.ts';
import { RestoreReport } from './restore-report.ts';
import type { RestoreTarget } from './restore-target.ts';
import type { SegmentInfo } from './info.ts';
import type { SegmentItem } from './segment-reader.ts';
import type { Spare } from './spare.ts';
import type { Chooser } from './selection.ts';

const { EEXIST, ENOENT } = constants.errno;

/** Quick test of an index line for what a restore needs of it: identities of names and of parts, and flags. */
const mattersHere = (line: string): boolean =>
  line.includes(',"k":[') || line.includes(',"y":[') || line.includes(',"z":[');

const DAMAGE = new Set(['padded', 'cut', 'changed']);

/** Restores one segment's items, one call each. Failures of single files go into the report. */
export class SegmentRestorer {
  readonly report = new RestoreReport();
  readonly stack: FolderStack;
  readonly #target: RestoreTarget;
  readonly #policy: ConflictPolicy;
  readonly #choose: Chooser;
  readonly #reader: PaxReader;
  readonly #stat = new FileStat();
  readonly #made: MadeRecord;
  readonly #folders: FolderRecord;
  readonly #info: SegmentInfo;
  readonly #storedParts = new Set<string>();
  #linkFolder: { path: Bytes; fd: number } | undefined;

  constructor(
    target: RestoreTarget,
    policy: ConflictPolicy,
    choose: Chooser,
    { info, reader }: { readonly info: SegmentInfo; readonly reader: PaxReader },
  ) {
    this.#target = target;
    this.#info = info;
    this.#folders = new FolderRecord(target, info);
    this.#made = new MadeRecord(target, info.segment);
    this.#policy = policy;
    this.#choose = choose;
    this.#reader = reader;
    this.stack = new FolderStack(target, this.report, (path) => {
      this.#made.note('folder', path);
      return 'make';
    });
  }

  close(): void {
    this.#made.close();
    if (this.#linkFolder !== undefined) closeFd(this.#linkFolder.fd);
  }

  /**
   * Anything but a folder, under a name that may be another than its own. Returns whether the name has it now.
   *
   * @param spare takes what was made and got no name, for the next one; else nothing is left of it
   */
  restoreAs(path: Bytes, member: Member, spare?: Spare): boolean {
    const [parent, name] = splitPath(path);
    const folder = this.stack.enter(parent);
    if (typeof folder === 'string') return this.#fail(path, folder);
    // Under Fail a name is free as a rule: it is looked at only where the rename finds it taken.
    const early = this.#policy === 'Fail' ? 'new' : this.#conflict(folder, path, name, member);
    if (early === undefined) return false;
    const place = spare?.take() ?? this.#make(folder, path, member);
    if (place === undefined) return false;
    if (!this.#give(place, folder, path, name, member, early)) {
      if (spare === undefined) unlinkAt(place.fd, place.name);
      else spare.put(place);
      return false;
    }
    if (member.type === 'f') this.report.files += 1;
    else this.report.others += 1;
    return true;
  }

  #make(folder: OpenFolder, path: Bytes, member: Member): Place | undefined {
    const place = temporaryPlace(this.#target, folder);
    const making = { target: this.#target, report: this.report, made: this.#made, reader: this.#reader };
    const fault = makeMember(making, place, path, member);
    if (fault === undefined) return place;
    this.report.fail(path, fault);
    return undefined;
  }

  /** Gives what was made its name, where that may be; it is still there else. */
  #give(place: Place, folder: OpenFolder, path: Bytes, name: Bytes, member: Member, early: 'new' | 'replace'): boolean {
    let problem = placeFile(place, folder, name, early);
    if (problem === 'Exists') {
      const late = this.#conflict(folder, path, name, member);
      if (late === undefined) return false;
      problem = placeFile(place, folder, name, late);
    }
    return problem === undefined || this.#fail(path, problem);
  }

  /** Undefined where the name stays as it is; that is counted. */
  #conflict(folder: OpenFolder, path: Bytes, name: Bytes, member: Member): 'new' | 'replace' | undefined {
    const verdict = readConflict((there) => this.#made.has(there), folder, name, member, this.#policy);
    if (verdict === 'replace') this.#noteReplaced(folder, path, name);
    if (verdict === 'new' || verdict === 'replace') return verdict;
    if (verdict === 'keep') this.report.keep(path);
    else this.report.fail(path, 'Exists');
    return undefined;
  }

  /** What is replaced can't be brought back. */
  #noteReplaced(folder: OpenFolder, path: Bytes, name: Bytes): void {
    if (this.#stat.loadAt(folder.fd, name) === 0 && !this.#made.has(this.#stat)) this.#made.note('replaced', path);
  }

  #fail(path: Bytes, code: string): false {
    this.report.fail(path, code);
    return false;
  }

  restoreFolder(member: Member, choice: 'chosen' | 'above'): void {
    const { path } = member;
    const always = choice === 'chosen' && this.#policy !== 'Skip';
    const wanted = this.#folders.take(path) ? member : 'keep';
    let fault = this.stack.enterMember(path, wanted, always);
    if (fault === 'NotAFolder' && choice === 'chosen' && this.#clearName(path, member))
      fault = this.stack.enterMember(path, wanted, always);
    if (fault !== undefined) this.report.fail(path, fault);
  }

  /** Removes what stands where a folder goes, where the policy allows it. */
  #clearName(path: Bytes, member: Member): boolean {
    const [parent, name] = splitPath(path);
    const folder = this.stack.enter(parent);
    if (typeof folder === 'string') return false;
    if (readConflict((there) => this.#made.has(there), folder, name, member, this.#policy) !== 'replace') return false;
    this.#noteReplaced(folder, path, name);
    return unlinkAt(folder.fd, name) === 0;
  }

  /** The open folder and the name of a hard link's first name, without following links. */
  #openLinkTarget(path: Bytes): Place | undefined {
    const [parent, name] = splitPath(path);
    if (parent === '') return { fd: this.#target.rootFd, name };
    if (this.#linkFolder?.path === parent) return { fd: this.#linkFolder.fd, name };
    let fd = this.#target.rootFd;
    for (const component of parent.split('/')) {
      const next = openFolderBeneath(fd, component);
      if (fd !== this.#target.rootFd) closeFd(fd);
      if (next < 0) return undefined;
      fd = next;
    }
    if (this.#linkFolder !== undefined) closeFd(this.#linkFolder.fd);
    this.#linkFolder = { path: parent, fd };
    return { fd, name };
  }

  /** Whether a name lies in a working folder: this restore's, or the backup's in a payload. */
  isOwn(path: Bytes): boolean {
    return [this.#target.folder, this.#info.folder].some(
      (folder) => path.startsWith(folder) && (path.length === folder.length || path[folder.length] === '/'),
    );
  }

  /** Why a member is not restored at all. */
  refusalOf({ path, refused }: Pick<Member, 'path' | 'refused'>): string | undefined {
    return refused ?? (this.isOwn(path) ? 'NameRefused' : undefined);
  }

  /** A hard link within its segment. */
  restoreLink(member: Member): void {
    const { path, linkName } = member;
    if (this.isOwn(linkName)) this.report.fail(path, 'NameRefused');
    else if (this.#choose(linkName) !== 'chosen') this.report.unresolvedLinks.push({ path, target: linkName });
    else {
      const first = this.#openLinkTarget(linkName);
      const found = first === undefined ? -ENOENT : this.#stat.loadAt(first.fd, first.name);
      if (first === undefined || found < 0) this.report.fail(path, 'LinkTargetMissing');
      // What was there before is another file: the link needs the data under a name of its own.
      else if (!this.#made.has(this.#stat)) this.report.unresolvedLinks.push({ path, target: linkName });
      else this.linkTo(first, path, member);
    }
  }

  /** @param known both names have the same data already: what has this one may be replaced, and it stays */
  linkTo(first: Place, path: Bytes, member: Member, known = false): void {
    const [parent, name] = splitPath(path);
    const folder = this.stack.enter(parent);
    if (typeof folder === 'string') {
      this.report.fail(path, folder);
      return;
    }
    if (!known && this.#stat.loadAt(first.fd, first.name) === 0) this.#made.add(this.#stat, path);
    const result = linkAt(first.fd, first.name, folder.fd, name);
    if (result === 0) this.report.hardLinks += 1;
    else if (result !== -EEXIST) this.report.fail(path, errnoName(-result));
    else {
      const verdict = known ? 'replace' : this.#conflict(folder, path, name, member);
      if (verdict !== undefined) this.#replaceByLink(first, folder, path, name, verdict);
    }
  }

  #replaceByLink(first: Place, folder: OpenFolder, path: Bytes, name: Bytes, verdict: 'new' | 'replace'): void {
    const place = temporaryPlace(this.#target, folder);
    unlinkAt(place.fd, place.name);
    const linked = linkAt(first.fd, first.name, place.fd, place.name);
    if (linked < 0) {
      this.report.fail(path, errnoName(-linked));
      return;
    }
    const problem = placeFile(place, folder, name, verdict);
    // Where it failed, and where both are names of the file already and rename does nothing.
    unlinkAt(place.fd, place.name);
    if (problem === undefined) this.report.hardLinks += 1;
    else this.report.fail(path, problem);
  }

  /** A link of the segment `links`: both names were restored, each with data of its own. */
  joinLink(member: Member, table: NameTable, heads: Map<Bytes, Bytes>): void {
    const { path, linkName } = member;
    if (this.#choose(path) !== 'chosen') return;
    if (this.isOwn(linkName)) {
      this.report.fail(path, 'NameRefused');
      return;
    }
    // Where the first name was not chosen, the first one that was stands for it.
    const head = this.#choose(linkName) === 'chosen' ? linkName : heads.get(linkName);
    if (head === undefined) {
      heads.set(linkName, path);
      return;
    }
    const first = this.#openLinkTarget(head);
    const there = this.#lookAt(path);
    const identity = table.identityOf(path);
    if (
      identity === undefined ||
      identity !== table.identityOf(head) ||
      there === undefined ||
      first === undefined ||
      this.#stat.loadAt(first.fd, first.name) < 0 ||
      !table.made(this.#stat)
    )
      this.report.leaveUnjoined(path);
    // Joined before, by a process that was killed.
    else if (there.sameFile(this.#stat)) this.report.hardLinks += 1;
    else if (table.made(there)) this.linkTo(first, path, member, true);
    else this.report.leaveUnjoined(path);
  }

  #lookAt(path: Bytes): FileStat | undefined {
    const [parent, name] = splitPath(path);
    const folder = this.stack.enter(parent);
    const stat = new FileStat();
    return typeof folder !== 'string' && stat.loadAt(folder.fd, name) === 0 ? stat : undefined;
  }

  restorePart(item: Extract<SegmentItem, { kind: 'part' }>): void {
    if (this.#choose(item.path) !== 'chosen') return;
    const refused = this.refusalOf(item);
    if (refused !== undefined) {
      this.report.fail(item.path, refused);
      return;
    }
    this.#made.note('part', partPath(item));
    try {
      this.report.bytes += storePart(this.#target, item, this.#reader);
    } catch (fault) {
      if (fault instanceof ArchiveError || !(fault instanceof Error) || !('code' in fault)) throw fault;
      this.report.fail(item.path, String(fault.code));
      return;
    }
    this.#storedParts.add(`${String(Number(item.id))} ${String(item.offset)}`);
  }

  /** Reads the index: identities of names and parts, and what was damaged when it was backed up. */
  readIndex(): void {
    const records: NameRecord[] = [];
    for (const text of readIndex({ next: () => this.#reader.read() })) {
      if (!mattersHere(text)) continue;
      const line = parseIndexLine(text);
      const path = unescapePath(line.p);
      if (this.#choose(path) !== 'chosen') continue;
      if (line.z?.some((flag) => DAMAGE.has(flag)) === true) this.report.flag(line.p, line.z);
      if (line.y === undefined) records.push(...this.#nameRecords(path, line));
      else if (this.#storedParts.has(`${String(line.y[0])} ${String(line.y[1])}`)) notePart(this.#target, line);
    }
    this.#writeNames(records, 'instead');
  }

  /** Reads the index of a second pass, for names that have their data only now. */
  readNames(names: { has(path: Bytes): boolean }): void {
    const records: NameRecord[] = [];
    for (const text of readIndex({ next: () => this.#reader.read() })) {
      if (!mattersHere(text)) continue;
      const line = parseIndexLine(text);
      const path = unescapePath(line.p);
      if (names.has(path)) records.push(...this.#nameRecords(path, line));
    }
    this.#writeNames(records, 'more');
  }

  #writeNames(records: readonly NameRecord[], how: 'instead' | 'more'): void {
    const from = `segment-${String(this.#info.segment)}`;
    this.#made.note('names', from);
    writeNameRecords(this.#target, from, records, how);
  }

  /** One where the name is one of several and this restore made what has it, else none. */
  #nameRecords(path: Bytes, line: IndexLine): readonly NameRecord[] {
    if (line.k === undefined || line.t === 'd') return [];
    const place = this.#openLinkTarget(path);
    if (place === undefined || this.#stat.loadAt(place.fd, place.name) < 0 || !this.#made.has(this.#stat)) return [];
    return [{ path, identity: line.k, made: fingerprint(this.#stat) }];
  }
}
