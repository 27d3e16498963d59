import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  closeSync,
  constants,
  mkdirSync,
  openSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { constants as osConstants } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { ArchiveError } from '../../../src/archive/archive-error.ts';
import { PLAIN } from '../../../src/archive/blocks.ts';
import type { IndexLine } from '../../../src/archive/index-line.ts';
import { parseIndexLine, readIndex } from '../../../src/archive/index-reader.ts';
import { START, type Cursor } from '../../../src/archive/order.ts';
import { makePathFilter } from '../../../src/archive/path-filter.ts';
import type { ReadAhead } from '../../../src/archive/read-ahead.ts';
import { restoreSegment } from '../../../src/archive/restore.ts';
import { openSegment } from '../../../src/archive/segment-reader.ts';
import { writeSegment } from '../../../src/archive/segment-writer.ts';
import type { SegmentTotals } from '../../../src/archive/segment-totals.ts';
import { refuseFolderFault, refuseProcessFault } from '../../../src/archive/source-fault.ts';
import { mknodAt, openAt } from '../../../src/posix/file.ts';
import { S_IFSOCK } from '../../../src/posix/stat.ts';
import { asWorkerFailure } from '../../../src/worker/thread-failure.ts';
import { MemoryBlocks } from '../../support/memory-blocks.ts';
import { testInfo } from '../../support/payload-files.ts';
import { RESTORE_UID } from '../../support/restore-payloads.ts';
import { makeTempFolder } from '../../support/temp-folder.ts';

// Whole trees on a disk that others may use, too.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const errnos = osConstants.errno;
const SIZE = 1_500_000;
const FOLDER = '.twinreel-0a1b2c3d';

let temp: ReturnType<typeof makeTempFolder>;
let file: string;
let rootFd: number;

beforeEach(() => {
  temp = makeTempFolder('tw-archive-live-');
  file = join(temp.path, 'file');
  writeFileSync(file, Buffer.alloc(SIZE, 1));
  rootFd = openSync(temp.path, constants.O_RDONLY);
});

afterEach(() => {
  closeSync(rootFd);
  temp.remove();
});

interface Written {
  readonly totals: SegmentTotals;
  readonly lines: readonly IndexLine[];
  readonly contents: ReadonlyMap<string, Buffer>;
  readonly payload: MemoryBlocks;
}

/** Writes the source, from `from` on, while `meanwhile` happens after the first block. */
const writeWhile = (
  meanwhile: () => void,
  from: Cursor = START,
  readAhead?: ReadAhead,
  range: { readonly to?: Cursor; readonly plannedEntries?: number; readonly exclude?: readonly string[] } = {},
): Written => {
  const { to = null, plannedEntries, exclude = [] } = range;
  const blocks = new MemoryBlocks((count) => {
    if (count === 0) meanwhile();
  });
  const totals = writeSegment(
    {
      rootFd,
      n: 0,
      from,
      to,
      firstSegmentOfFile: 0,
      filter: makePathFilter([], exclude),
      oneFileSystem: true,
      folder: FOLDER,
      encoding: PLAIN,
      info: testInfo(1),
      ...(readAhead !== undefined && { readAhead }),
      ...(plannedEntries !== undefined && { plannedEntries }),
    },
    blocks,
  );
  const { items, reader } = openSegment(blocks.source(), PLAIN);
  const lines: IndexLine[] = [];
  const contents = new Map<string, Buffer>();
  for (const item of items()) {
    if (item.kind === 'entry') contents.set(item.member.path, reader.readAll(2 * SIZE));
    else if (item.kind === 'index')
      for (const line of readIndex({ next: () => reader.read() })) lines.push(parseIndexLine(line));
  }
  return { totals, lines, contents, payload: blocks };
};

/** Root may read anything: the work is done by somebody else then. */
const asSomebody = <T>(work: () => T): T => {
  if (process.geteuid?.() !== 0) return work();
  process.seteuid?.(65534);
  try {
    return work();
  } finally {
    process.seteuid?.(0);
  }
};

const lineOf = ({ lines }: Written, path: string): IndexLine | undefined => lines.find((line) => line.p === path);

describe('a file that changes while it is read', () => {
  test('is padded to the size of its header when it shrinks', () => {
    const written = writeWhile(() => {
      truncateSync(file, 600_000);
    });
    expect(lineOf(written, 'file')?.z).toEqual(['padded', 'changed']);
    expect([written.totals.padded, written.totals.changed, written.totals.cut]).toEqual([1, 1, 0]);
    const content = written.contents.get('file');
    expect(content?.length).toBe(SIZE);
    expect(content?.subarray(SIZE - 100).every((byte) => byte === 0)).toBe(true);
    expect(written.totals.examples).toEqual([{ path: 'file', why: 'padded changed' }]);
  });

  test('says so when it is restored', () => {
    const { payload } = writeWhile(() => {
      truncateSync(file, 600_000);
    });
    const target = makeTempFolder('tw-archive-live-to-');
    try {
      const restored = restoreSegment({
        source: payload.source(),
        encoding: PLAIN,
        targetPath: Buffer.from(target.path),
        folder: FOLDER,
        restoreUid: RESTORE_UID,
        selection: { kind: 'all' },
        conflict: 'Fail',
      });
      const examples = [{ path: 'file', reason: 'Damaged', message: 'padded changed' }];
      expect(restored).toMatchObject({ files: 1, failed: 0, flagged: 1, examples });
    } finally {
      target.remove();
    }
  });

  test('is cut at the size of its header when it grows', () => {
    const written = writeWhile(() => {
      appendFileSync(file, 'more');
    });
    expect(lineOf(written, 'file')?.z).toEqual(['cut', 'changed']);
    expect(written.contents.get('file')?.equals(Buffer.alloc(SIZE, 1))).toBe(true);
  });

  test('is flagged when only its attributes change', () => {
    const written = writeWhile(() => {
      chmodSync(file, 0o600);
    });
    expect(lineOf(written, 'file')?.z).toEqual(['changed']);
  });

  test('is not flagged when nothing happens', () => {
    const written = writeWhile(() => undefined);
    expect(lineOf(written, 'file')?.z).toBeUndefined();
    expect([written.totals.entries, written.totals.files, written.totals.dataBytes]).toEqual([2, 1, SIZE]);
  });
});

describe('what is listed and then', () => {
  test.each([
    { name: 'a file', make: (path: string) => writeFileSync(path, 'x') },
    { name: 'a folder', make: (path: string) => mkdirSync(path) },
    { name: 'a link', make: (path: string) => symlinkSync('x', path) },
  ])('vanishes is not there, and is told: $name', ({ make }) => {
    const later = join(temp.path, 'later');
    make(later);
    const written = writeWhile(() => rmSync(later, { recursive: true }));
    expect(lineOf(written, 'later')).toBeUndefined();
    const examples = [{ path: 'later', why: 'ENOENT' }];
    expect(written.totals).toMatchObject({ skipped: 0, vanished: 1, examples, entries: 2, files: 1 });
  });

  test('vanishes between the look and the opening is told', () => {
    const later = join(temp.path, 'later');
    writeFileSync(later, 'x');
    const open = (folder: number, name: string, flags: number): number => {
      if (name === 'later') rmSync(later, { force: true });
      return openAt(folder, name, flags);
    };
    const readAhead = { enter: () => undefined, leave: () => undefined, open };
    const { totals } = writeWhile(() => undefined, START, readAhead);
    expect(totals).toMatchObject({ vanished: 1, examples: [{ path: 'later', why: 'ENOENT' }], entries: 2 });
  });

  test('vanishes, and was not wanted, is nothing to tell', () => {
    writeFileSync(join(temp.path, 'later'), 'x');
    const exclude = ['later'];
    const written = writeWhile(() => rmSync(join(temp.path, 'later')), START, undefined, { exclude });
    expect(written.totals).toMatchObject({ vanished: 0, examples: [] });
  });

  test('becomes a link is archived as that link, not as what it points to', () => {
    writeFileSync(join(temp.path, 'later'), 'x');
    const written = writeWhile(() => {
      rmSync(join(temp.path, 'later'));
      symlinkSync('/etc/passwd', join(temp.path, 'later'));
    });
    expect(lineOf(written, 'later')).toMatchObject({ t: 'l', l: '/etc/passwd' });
  });

  test('is a folder replaced by a link is not entered', () => {
    mkdirSync(join(temp.path, 'later'));
    const written = writeWhile(() => {
      rmSync(join(temp.path, 'later'), { recursive: true });
      symlinkSync('/etc', join(temp.path, 'later'));
    });
    expect([...written.contents.keys()]).toEqual(['', 'file', 'later']);
  });
});

describe('what the plan has counted and is not there when its segment is read', () => {
  // The root, and the file.
  const here = 2;

  test('is counted, whatever it was called', () => {
    const written = writeWhile(() => undefined, START, undefined, { plannedEntries: here + 3 });
    expect(written.totals).toMatchObject({ vanished: 3, skipped: 0, entries: here });
  });

  test('is counted once where its name is known, too', () => {
    writeFileSync(join(temp.path, 'later'), 'x');
    const vanish = () => rmSync(join(temp.path, 'later'));
    const written = writeWhile(vanish, START, undefined, { plannedEntries: here + 2 });
    expect(written.totals).toMatchObject({ vanished: 2, examples: [{ path: 'later', why: 'ENOENT' }] });
  });

  test('is none where there is more than was planned, or no plan', () => {
    expect(writeWhile(() => undefined, START, undefined, { plannedEntries: 1 }).totals.vanished).toBe(0);
    expect(writeWhile(() => undefined).totals.vanished).toBe(0);
  });

  test('counts a divided file once, where it ends', () => {
    const middle = { path: 'file', offset: 512 * 1024 };
    const planned = { first: { to: middle, plannedEntries: here }, last: { plannedEntries: 1 } };
    const vanishedIn = () =>
      [
        writeWhile(() => undefined, START, undefined, planned.first),
        writeWhile(() => undefined, middle, undefined, planned.last),
      ].map(({ totals }) => totals.vanished);
    expect(vanishedIn()).toEqual([0, 0]);
    rmSync(file);
    expect(vanishedIn()).toEqual([0, 1]);
  });
});

describe('a file that is replaced between the listing and the opening', () => {
  const rows = [
    { name: 'a fifo', make: 'mkfifo', args: [], line: { t: 'p' } },
    { name: 'a folder', make: 'mkdir', args: [], line: { t: 'd' } },
    { name: 'a link', make: 'ln', args: ['-s', 'x'], line: { t: 'l', l: 'x' } },
    ...(process.geteuid?.() === 0 ? [{ name: 'a device', make: 'mknod', args: [], line: { t: 'c' } }] : []),
  ];
  const sizes = [10, 200_000];

  test.each(rows.flatMap((row) => sizes.map((size) => ({ ...row, size }))))(
    'by $name has its line, $size bytes',
    ({ make, args, line, size }) => {
      const later = join(temp.path, 'later');
      writeFileSync(later, Buffer.alloc(size, 1));
      const open = (folder: number, name: string, flags: number): number => {
        if (name === 'later') {
          rmSync(later);
          execFileSync(make, [...args, later, ...(make === 'mknod' ? ['c', '1', '5'] : [])]);
        }
        return openAt(folder, name, flags);
      };
      const readAhead = { enter: () => undefined, leave: () => undefined, open };
      const written = writeWhile(() => undefined, START, readAhead);
      expect(lineOf(written, 'later')).toMatchObject(line);
      expect(written.totals.dataBytes).toBe(SIZE);
    },
  );
});

describe('what cannot be stored stands in the index alone:', () => {
  test('a socket', () => {
    mknodAt(rootFd, 'socket', S_IFSOCK | 0o600);
    const written = writeWhile(() => undefined);
    expect(lineOf(written, 'socket')).toMatchObject({ t: 's', z: ['skipped'], a: '600' });
    expect(written.contents.has('socket')).toBe(false);
    expect(written.totals).toMatchObject({ skipped: 0, examples: [], entries: 3 });
  });

  test('the name of the working folder, when it appears in the source', () => {
    mkdirSync(join(temp.path, FOLDER));
    writeFileSync(join(temp.path, FOLDER, 'x'), '');
    const written = writeWhile(() => undefined);
    expect(lineOf(written, FOLDER)).toMatchObject({ t: 's', z: ['skipped'] });
    expect(lineOf(written, `${FOLDER}/x`)).toBeUndefined();
  });

  test('a file and the contents of a folder that may not be read', () => {
    writeFileSync(join(temp.path, 'secret'), 'x', { mode: 0o000 });
    mkdirSync(join(temp.path, 'closed'), { mode: 0o000 });
    chmodSync(temp.path, 0o755);
    const written = asSomebody(() => writeWhile(() => undefined));
    expect(lineOf(written, 'secret')).toMatchObject({ t: 's', e: 'EACCES', z: ['skipped'] });
    expect(lineOf(written, 'closed')).toMatchObject({ t: 'd', e: 'EACCES', z: ['skipped'] });
    expect(written.totals.skipped).toBe(2);
  });
});

describe('a folder above the range that cannot be read', () => {
  const from = { path: 'a/b/f5', offset: 0 };

  beforeEach(() => {
    mkdirSync(join(temp.path, 'a/b'), { recursive: true });
    for (const name of ['f1', 'f5', 'f7']) writeFileSync(join(temp.path, 'a/b', name), 'x');
    chmodSync(temp.path, 0o755);
  });

  test.each([
    { name: 'entered', folder: 'a/b', mode: 0o000 },
    { name: 'listed', folder: 'a/b', mode: 0o300 },
    { name: 'searched', folder: 'a', mode: 0o644 },
  ])('since it may not be $name is told and counted', ({ folder, mode }) => {
    chmodSync(join(temp.path, folder), mode);
    const written = asSomebody(() => writeWhile(() => undefined, from));
    const line = written.lines.find(({ t }) => t === 's');
    expect(line).toMatchObject({ p: 'a/b', e: 'EACCES', z: ['skipped'] });
    expect(written.totals).toMatchObject({ skipped: 1, examples: [{ path: 'a/b', why: 'EACCES' }] });
  });

  test('since it has gone is nothing to tell', () => {
    rmSync(join(temp.path, 'a/b'), { recursive: true });
    expect(writeWhile(() => undefined, from).totals).toMatchObject({ skipped: 0, entries: 1 });
  });
});

test.each([
  { name: 'in its first segment', from: START },
  { name: 'in a later one', from: { path: 'f', offset: 0 } },
])('a root that cannot be read ends the writing $name', ({ from }) => {
  for (const mode of [0o000, 0o300]) {
    chmodSync(temp.path, mode);
    const writing = (): unknown => asSomebody(() => writeWhile(() => undefined, from));
    expect(writing).toThrow(expect.objectContaining({ name: 'ArchiveError', code: 'SourceRoot' }));
  }
});

describe('an errno', () => {
  test('of the process ends the writing at any file', () => {
    for (const errno of [errnos.EMFILE, errnos.ENFILE, errnos.ENOMEM])
      expect(() => refuseProcessFault('a', errno)).toThrow(expect.objectContaining({ code: 'SourceRead' }));
    expect(() => refuseProcessFault('a', errnos.EIO)).not.toThrow();
  });

  test('of the file system ends it at a folder, EIO only where all of the range would be lost', () => {
    expect(() => refuseFolderFault('a', errnos.ESTALE, false)).toThrow(expect.objectContaining({ code: 'SourceRead' }));
    expect(() => refuseFolderFault('a', errnos.EIO, true)).toThrow(expect.objectContaining({ code: 'SourceRead' }));
    expect(() => refuseFolderFault('a', errnos.EIO, false)).not.toThrow();
    expect(() => refuseFolderFault('a', errnos.EACCES, true)).not.toThrow();
  });

  test('of a source fault gives the exit code of the source', () => {
    expect(asWorkerFailure(new ArchiveError('SourceRoot', ''))).toMatchObject({ fault: 'source', exitCode: 10 });
    expect(asWorkerFailure(new ArchiveError('SourceRead', ''))).toMatchObject({ fault: 'source', exitCode: 10 });
  });
});
