import { constants } from 'node:os';
import type { Bytes } from '../posix/bytes.ts';
import { errnoName } from '../posix/errno.ts';
import { closeFd, readLinkAt } from '../posix/file.ts';
import { FileStat, S_IFBLK, S_IFCHR, S_IFDIR, S_IFIFO, S_IFLNK, S_IFREG } from '../posix/stat.ts';
import { attributeRecords, folderAttributes } from './attributes.ts';
import { escapePath } from './escape.ts';
import { dataExtents, extentBytes, mayHaveHoles, type Extents } from './extents.ts';
import type { FileOpener } from './file-opener.ts';
import { paxRecord, TYPE, writeHeader, type TypeFlag } from './header.ts';
import {
  linkKey,
  partIdentity,
  writeIndexLine,
  type EntryFlag,
  type EntryType,
  type LineExtras,
} from './index-line.ts';
import type { IndexWriter } from './index-writer.ts';
import { MAX_LINK_BYTES, refusalOf } from './limits.ts';
import { padding, type PaxOut } from './pax-out.ts';
import { MAX_EXAMPLES } from './segment-totals.ts';
import { refuseProcessFault } from './source-fault.ts';
import type { PartRange, WalkStep } from './walk.ts';

const { ENOENT, ELOOP, ENXIO } = constants.errno;

export interface MemberContext {
  readonly out: PaxOut;
  readonly index: IndexWriter;
  /** `.twinreel-<uid8>` */
  readonly folder: Bytes;
  readonly segment: number;
  /** The segment in which the file begins that this range goes on with. */
  readonly firstSegmentOfFile: number;
  readonly startedSec: number;
  readonly opener: FileOpener;
  /** See `SegmentTask`. */
  readonly isClone?: boolean;
}

const NO_FLAGS: readonly EntryFlag[] = [];

/** Writes members and their index lines, and counts. */
export class MemberWriter {
  readonly #context: MemberContext;
  readonly #after = new FileStat();
  /** First name of each file with several names that has its data in this segment. */
  readonly #linked = new Map<string, Bytes>();
  entries = 0;
  files = 0;
  dataBytes = 0;
  skipped = 0;
  /** Gone though listed. */
  vanished = 0;
  /** Whether a part of a file was stored that goes on in the next segment. */
  endsInFile = false;
  changed = 0;
  padded = 0;
  cut = 0;
  /** Whether a name was met that `links` may have to tell of. */
  hasLinks = false;
  readonly examples: { path: string; why: string }[] = [];

  constructor(context: MemberContext) {
    this.#context = context;
  }

  /** Writes what a step of the walk met. */
  write(step: WalkStep): void {
    if (step.kind === 'above') {
      this.writeFolder(step, ['above']);
      return;
    }
    this.entries += 1;
    this.#watchForLinks(step);
    if (step.kind === 'hidden') this.#skip(step.path, step.stat, 'reserved');
    else if (step.kind === 'unread') this.#skip(step.path, step.stat, errnoName(step.errno));
    else if (step.stat.mode === 0) this.#skip(step.path, undefined, errnoName(step.errno));
    else this.#writeEntry(step);
  }

  /** What can't be seen now may be seen when `links` is written. */
  #watchForLinks({ kind, stat, part, errno }: WalkStep): void {
    if (kind === 'hidden') return;
    if (errno !== 0 || part !== undefined || (stat.type !== S_IFDIR && stat.nlink > 1)) this.hasLinks = true;
  }

  #writeEntry(step: WalkStep): void {
    const { stat, path } = step;
    const type = stat.type;
    if (type !== S_IFDIR && this.#refuse(path, stat)) return;
    if (type === S_IFDIR) {
      if (step.errno !== 0) {
        this.skipped += 1;
        this.#note(path, errnoName(step.errno));
      }
      this.writeFolder(step, step.errno === 0 ? NO_FLAGS : ['skipped']);
      return;
    }
    if (stat.nlink > 1 && step.part === undefined && this.#writeLinkMember(path, stat)) return;
    if (type === S_IFREG) this.#writeFile(step);
    else if (type === S_IFLNK) this.#writeSymlink(step);
    else if (type === S_IFIFO) this.#writeNode(step, TYPE.fifo, 'p');
    else if (type === S_IFCHR) this.#writeNode(step, TYPE.character, 'c');
    else if (type === S_IFBLK) this.#writeNode(step, TYPE.block, 'b');
    else this.#skip(path, stat, 'socket');
  }

  #skip(path: Bytes, stat: FileStat | undefined, why: string): void {
    // A socket has nothing that could be lost: who reads `skipped` looks for files that a backup lacks.
    if (why !== 'socket') {
      this.skipped += 1;
      this.#note(path, why);
    }
    const extras: LineExtras = why === 'socket' || why === 'reserved' ? {} : { error: why };
    this.#line(path, 's', stat, undefined, { ...extras, flags: ['skipped'] });
  }

  /** What a folder listed and is not there. */
  noteVanished(path: Bytes): void {
    this.vanished += 1;
    this.#note(path, 'ENOENT');
  }

  /** Met, and gone before it was opened: a file that goes on in the next segment is missed where it ends. */
  #lose({ path, part }: WalkStep): void {
    this.entries -= 1;
    if (part === undefined || part.to === null) this.noteVanished(path);
  }

  /** Whether it can't become a member: its index line says so then. */
  #refuse(path: Bytes, stat: FileStat, attributeBytes = 0): boolean {
    const why = refusalOf(path, stat, attributeBytes);
    if (why !== undefined) this.#skip(path, stat, why);
    return why !== undefined;
  }

  #note(path: Bytes, why: string): void {
    if (this.examples.length < MAX_EXAMPLES) this.examples.push({ path: escapePath(path), why });
  }

  #header(
    name: Bytes,
    type: TypeFlag,
    stat: FileStat,
    sizeBytes: number,
    linkName: Bytes,
    records: Bytes,
    sparseName?: Bytes,
  ): void {
    const { mode, uid, gid, mtimeSec, mtimeNs } = stat;
    const device = type === TYPE.character || type === TYPE.block;
    const [major, minor] = device ? [stat.rdevMajor, stat.rdevMinor] : [0, 0];
    writeHeader(
      this.#context.out,
      { name, type, mode, uid, gid, sizeBytes, mtimeSec, mtimeNs, linkName, major, minor },
      records,
      sparseName,
    );
  }

  /** @param start  where its member begins; absent where it has none */
  #line(path: Bytes, type: EntryType, stat: FileStat | undefined, start: number | undefined, extras: LineExtras): void {
    const { index, out, isClone } = this.#context;
    const length = start === undefined ? 0 : out.offset - start;
    writeIndexLine(index.line, path, type, stat, extras, isClone, start, length);
    index.endLine();
  }

  writeFolder(step: WalkStep, flags: readonly EntryFlag[]): void {
    const { path, stat, errno } = step;
    const error = errno === 0 ? {} : { error: errnoName(errno) };
    this.writeFolderMember(path, stat, folderAttributes(step), { flags, ...error });
  }

  writeFolderMember(path: Bytes, stat: FileStat, records: Bytes, extras: LineExtras): void {
    if (this.#refuse(path, stat, records.length)) return;
    const start = this.#context.out.offset;
    this.#header(path === '' ? './' : `${path}/`, TYPE.folder, stat, 0, '', records);
    this.#line(path, 'd', stat, start, extras);
  }

  /** Returns false where this is the first name here. */
  #writeLinkMember(path: Bytes, stat: FileStat): boolean {
    const target = this.#linked.get(linkKey(stat));
    if (target === undefined) return false;
    this.writeLink(path, target, stat);
    return true;
  }

  writeLink(path: Bytes, target: Bytes, stat: FileStat): void {
    const start = this.#context.out.offset;
    this.#header(path, TYPE.link, stat, 0, target, '');
    this.#line(path, 'h', stat, start, { linkTarget: target });
  }

  /** A name that stands in the index alone; of some even the first name is not known. */
  writeUnsureLink(path: Bytes, target: Bytes | undefined, stat: FileStat): void {
    this.#line(path, 'h', stat, undefined, { linkTarget: target, flags: ['unsure'] });
  }

  #rememberName(path: Bytes, stat: FileStat): void {
    if (stat.nlink > 1) this.#linked.set(linkKey(stat), path);
  }

  #writeSymlink(step: WalkStep): void {
    const { path, stat, folder, name } = step;
    const target = readLinkAt(folder, name);
    if (typeof target === 'number') {
      if (target === -ENOENT) this.#lose(step);
      else this.#skip(path, stat, errnoName(-target));
      return;
    }
    const records = attributeRecords({ folder, name });
    if (target === '' || target.length > MAX_LINK_BYTES) {
      this.#skip(path, stat, target === '' ? 'EINVAL' : 'ENAMETOOLONG');
      return;
    }
    if (this.#refuse(path, stat, records.length)) return;
    const start = this.#context.out.offset;
    this.#header(path, TYPE.symlink, stat, 0, target, records);
    this.#line(path, 'l', stat, start, { linkTarget: target });
    this.#rememberName(path, stat);
  }

  #writeNode(step: WalkStep, type: TypeFlag, letter: EntryType): void {
    const { path, stat, folder, name } = step;
    const records = attributeRecords({ folder, name });
    if (this.#refuse(path, stat, records.length)) return;
    const start = this.#context.out.offset;
    this.#header(path, type, stat, 0, '', records);
    this.#line(path, letter, stat, start, {});
    this.#rememberName(path, stat);
  }

  #writeFile(step: WalkStep): void {
    const { path, stat, folder, name } = step;
    if (step.fd >= 0) return this.#writeOpenFile(step, step.fd);
    const fd = this.#context.opener.open(folder, name);
    if (fd < 0) {
      refuseProcessFault(path, -fd);
      if (fd === -ELOOP || fd === -ENXIO) this.#writeReplaced(step);
      else if (fd === -ENOENT) this.#lose(step);
      else this.#skip(path, stat, errnoName(-fd));
      return;
    }
    try {
      // It may have been replaced since it was looked at: the open one counts, and is looked at before it is read.
      const looked = stat.loadFd(fd);
      if (looked < 0) this.#skip(path, stat, errnoName(-looked));
      else if (stat.type !== S_IFREG) this.#writeReplaced(step);
      else this.#writeOpenFile(step, fd);
    } finally {
      closeFd(fd);
    }
  }

  #writeOpenFile({ path, stat, part }: WalkStep, fd: number): void {
    if (part !== undefined) this.#writePart(path, stat, fd, part);
    else this.#writeWhole(path, stat, fd);
  }

  /** It was a regular file when looked at and is none any more. */
  #writeReplaced(step: WalkStep): void {
    const { stat, folder, name, path } = step;
    const looked = stat.loadAt(folder, name);
    if (looked === -ENOENT) return this.#lose(step);
    if (looked < 0) this.#skip(path, stat, errnoName(-looked));
    else if (stat.type === S_IFREG || stat.type === S_IFDIR) this.#skip(path, stat, 'ESTALE');
    else this.#writeEntry(step);
  }

  #writeWhole(path: Bytes, stat: FileStat, fd: number): void {
    const start = this.#context.out.offset;
    const records = attributeRecords({ fd });
    if (this.#refuse(path, stat, records.length)) return;
    const extents = mayHaveHoles(stat) ? dataExtents(fd, 0, stat.size) : undefined;
    const flags: EntryFlag[] = [];
    const error = this.#writeContent(path, stat, fd, 0, stat.size, extents, records, flags);
    this.#after.loadFd(fd);
    this.#flagDifferences(path, stat, flags);
    if (extents !== undefined) flags.push('sparse');
    this.files += 1;
    this.#line(path, 'f', stat, start, error === undefined ? { flags } : { flags, error });
    this.#rememberName(path, stat);
  }

  #differs(stat: FileStat): boolean {
    const after = this.#after;
    return (
      after.size !== stat.size ||
      after.mtimeSec !== stat.mtimeSec ||
      after.mtimeNs !== stat.mtimeNs ||
      after.ctimeSec !== stat.ctimeSec ||
      after.ctimeNs !== stat.ctimeNs ||
      !after.sameFile(stat)
    );
  }

  #flagDifferences(path: Bytes, stat: FileStat, flags: EntryFlag[]): void {
    if (flags.includes('padded')) this.padded += 1;
    if (this.#after.size > stat.size) {
      flags.push('cut');
      this.cut += 1;
    }
    if (this.#differs(stat)) {
      flags.push('changed');
      this.changed += 1;
    }
    if (flags.length > 0) this.#note(path, flags.join(' '));
  }

  /** Header and bytes [from, to); what does not come is zeros. Returns the error that ended the reading. */
  #writeContent(
    name: Bytes,
    stat: FileStat,
    fd: number,
    from: number,
    to: number,
    extents: Extents | undefined,
    records: Bytes,
    flags: EntryFlag[],
  ): string | undefined {
    const { out } = this.#context;
    const ranges = extents ?? [from, to - from];
    const bytes = extentBytes(ranges);
    if (extents === undefined) this.#header(name, TYPE.file, stat, bytes, '', records);
    else this.#sparseHeader(name, stat, from, to, extents, records);
    let error: string | undefined;
    for (let at = 0; at < ranges.length && error === undefined; at += 2) {
      const [offset, length] = [ranges[at] ?? 0, ranges[at + 1] ?? 0];
      const begun = out.offset;
      try {
        out.readFile(fd, offset, length);
      } catch (fault) {
        error = fault instanceof Error && 'code' in fault ? String(fault.code) : 'EIO';
        if (!error.startsWith('E')) throw fault;
      }
      const missing = length - (out.offset - begun);
      if (missing > 0) {
        out.zeros(missing);
        if (!flags.includes('padded')) flags.push('padded');
      }
      if (error !== undefined) for (let rest = at + 3; rest < ranges.length; rest += 2) out.zeros(ranges[rest] ?? 0);
    }
    out.zeros(padding(bytes));
    this.dataBytes += bytes;
    return error;
  }

  #sparseHeader(name: Bytes, stat: FileStat, from: number, to: number, extents: Extents, records: Bytes): void {
    const size = to - from;
    const last = extents.length - 2;
    const reachesEnd = last >= 0 && (extents[last] ?? 0) + (extents[last + 1] ?? 0) === to;
    const pairs = extents.length / 2 + (reachesEnd ? 0 : 1);
    let map = `${String(pairs)}\n`;
    for (let at = 0; at < extents.length; at += 2)
      map += `${String((extents[at] ?? 0) - from)}\n${String(extents[at + 1] ?? 0)}\n`;
    if (!reachesEnd) map += `${String(size)}\n0\n`;
    const mapBytes = map.length + padding(map.length);
    const sparse =
      paxRecord('GNU.sparse.major', '1') +
      paxRecord('GNU.sparse.minor', '0') +
      paxRecord('GNU.sparse.name', name) +
      paxRecord('GNU.sparse.realsize', String(size));
    const sizeBytes = mapBytes + extentBytes(extents);
    this.#header(name, TYPE.file, stat, sizeBytes, '', records + sparse, `GNUSparseFile.0/${name}`);
    this.#context.out.writeText(map);
    this.#context.out.zeros(padding(map.length));
  }

  #writePart(path: Bytes, stat: FileStat, fd: number, part: PartRange): void {
    const { out, folder, segment, firstSegmentOfFile } = this.#context;
    const records = attributeRecords({ fd });
    if (this.#refuse(path, stat, records.length)) return;
    const first = part.from === 0 ? segment : firstSegmentOfFile;
    const parts = `${folder}/parts`;
    const own = `${parts}/${String(first).padStart(6, '0')}`;
    this.writeOwnFolder(`${parts}/`);
    this.writeOwnFolder(`${own}/`);
    this.writeOwnFile(`${own}/name`, Buffer.from(path, 'latin1'));

    const start = out.offset;
    const from = part.from;
    const to = Math.max(from, Math.min(part.to ?? Number.MAX_SAFE_INTEGER, stat.size));
    const opened = partIdentity(stat, this.#context.isClone);
    const extents = to > from && mayHaveHoles(stat) ? dataExtents(fd, from, to) : undefined;
    const name = `${own}/${String(from).padStart(20, '0')}`;
    const flags: EntryFlag[] = [];
    const error = this.#writeContent(name, stat, fd, from, to, extents, records, flags);
    this.#after.loadFd(fd);
    this.#flagDifferences(path, stat, flags);
    if (extents !== undefined) flags.push('sparse');
    const closed = partIdentity(this.#after, this.#context.isClone);
    if (from === 0) this.files += 1;
    if (part.to !== null) this.endsInFile = true;
    this.#line(path, 'x', stat, start, {
      part: { first, offset: from, length: to - from, opened, closed },
      flags,
      ...(error === undefined ? {} : { error }),
    });
  }

  writeOwnFolder(name: Bytes): void {
    this.#own(name, TYPE.folder, 0o700, 0);
  }

  writeOwnFile(name: Bytes, content: Buffer): void {
    this.#own(name, TYPE.file, 0o600, content.length);
    this.#context.out.writeBytes(content);
    this.#context.out.zeros(padding(content.length));
  }

  #own(name: Bytes, type: TypeFlag, mode: number, sizeBytes: number): void {
    const mtimeSec = this.#context.startedSec;
    writeHeader(
      this.#context.out,
      { name, type, mode, uid: 0, gid: 0, sizeBytes, mtimeSec, mtimeNs: 0, linkName: '', major: 0, minor: 0 },
      '',
    );
  }
}
