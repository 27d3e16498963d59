/**
 * The folder that takes an exported tape. Every file in it that an export made says so in an extended attribute: nothing
 * else is ever replaced or removed, whatever its name. The mark is no file, since the folder shall hold tape files only.
 */
import { mkdirSync } from 'node:fs';
import { bytesOf } from '../posix/bytes.ts';
import { errnoName } from '../posix/errno.ts';
import {
  AT_FDCWD,
  closeFd,
  listNames,
  O_CREAT,
  O_DIRECTORY,
  O_EXCL,
  O_NOFOLLOW,
  O_RDONLY,
  O_WRONLY,
  openAt,
  unlinkAt,
} from '../posix/file.ts';
import { FileStat, S_IFREG } from '../posix/stat.ts';
import { getXattr, setXattr } from '../posix/xattr.ts';

export class ExportError extends Error {
  readonly code: 'NoSuchTape' | 'OutNotEmpty' | 'OutNotWritable';

  constructor(code: ExportError['code'], message: string) {
    super(message);
    this.code = code;
  }
}

export class ExportFolder {
  readonly #path: string;
  readonly #fd: number;

  /** Made where it does not exist. @throws ExportError */
  constructor(path: string) {
    mkdirSync(path, { recursive: true });
    this.#path = path;
    this.#fd = this.#must('cannot be opened', openAt(AT_FDCWD, bytesOf(path), O_RDONLY | O_DIRECTORY));
  }

  /**
   * Removes what an earlier export left.
   *
   * @param wanted the names that are about to be made
   * @throws ExportError, and then nothing was changed, where something of another's is in the way
   */
  clear(wanted: ReadonlySet<string>): void {
    const names = listNames(this.#fd);
    if (typeof names === 'number') return void this.#must('cannot be read', names);
    const ours = names.filter((name) => this.#isOurs(name));
    const foreign = names.filter((name) => !ours.includes(name));
    // A folder without any export in it was hardly meant.
    const inTheWay = ours.length === 0 ? foreign : foreign.filter((name) => wanted.has(name));
    const [first] = inTheWay;
    if (first !== undefined) {
      const others = inTheWay.length === 1 ? '' : ` and ${inTheWay.length - 1} more`;
      const message = `${this.#path} holds ${first}${others}, not made by an earlier export: name a new or empty folder`;
      throw new ExportError('OutNotEmpty', message);
    }
    for (const name of ours) this.#must(`${name} cannot be removed`, unlinkAt(this.#fd, name));
  }

  /** @returns a descriptor to write to. @throws ExportError where the name exists, be it as a link that leads elsewhere */
  create(name: string): number {
    const flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW;
    const fd = this.#must(`${name} cannot be made`, openAt(this.#fd, name, flags, 0o644));
    // Where the file system keeps no attributes, the next export into this folder is refused: that loses nothing.
    setXattr({ fd }, mark, Buffer.from('1'));
    return fd;
  }

  close(): void {
    closeFd(this.#fd);
  }

  #isOurs(name: string): boolean {
    const stat = new FileStat();
    const isFile = stat.loadAt(this.#fd, name) === 0 && stat.type === S_IFREG;
    return isFile && typeof getXattr({ folder: this.#fd, name }, mark) !== 'number';
  }

  #must(what: string, result: number): number {
    if (result >= 0) return result;
    throw new ExportError('OutNotWritable', `${this.#path}: ${what}: ${errnoName(-result)}`);
  }
}

const mark = 'user.twinreel.export';
