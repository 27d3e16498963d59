import { existsSync, lstatSync, mkdirSync, readdirSync, symlinkSync, writeFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { zstdCompressSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { PLAIN } from '../../../src/archive/blocks.ts';
import { makeEncoder } from '../../../src/archive/encode.ts';
import { paxRecord, TYPE, writeHeader, type HeaderFields } from '../../../src/archive/header.ts';
import { IndexWriter } from '../../../src/archive/index-writer.ts';
import { padding, PaxOut } from '../../../src/archive/pax-out.ts';
import { PaxReader } from '../../../src/archive/pax-reader.ts';
import { restoreSegment, type SegmentRestored } from '../../../src/archive/restore.ts';
import { workFolderName } from '../../../src/archive/restore-target.ts';
import { MemoryBlocks, sourceOf } from '../../support/memory-blocks.ts';
import { RESTORE_UID } from '../../support/restore-payloads.ts';
import { makeTempFolder } from '../../support/temp-folder.ts';

// Whole trees on a disk that others may use, too.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const FOLDER = '.twinreel-0a1b2c3d';
const WORK_FOLDER = workFolderName(RESTORE_UID);

interface Crafted extends Partial<HeaderFields> {
  readonly name: string;
  readonly content?: string;
  readonly records?: string;
}

const fieldsOf = (member: Crafted): HeaderFields => ({
  type: TYPE.file,
  mode: 0o644,
  uid: process.getuid?.() ?? 0,
  gid: process.getgid?.() ?? 0,
  sizeBytes: member.content?.length ?? 0,
  mtimeSec: 1,
  mtimeNs: 0,
  linkName: '',
  major: 0,
  minor: 0,
  ...member,
});

const craft = (members: readonly Crafted[]): Buffer[] => {
  const blocks = new MemoryBlocks();
  const out = new PaxOut(makeEncoder(PLAIN, blocks));
  for (const member of members) {
    writeHeader(out, fieldsOf(member), member.records ?? '');
    out.writeText(member.content ?? '');
    out.zeros(padding(member.content?.length ?? 0));
  }
  out.zeros(1024);
  out.finish();
  return blocks.blocks;
};

const info = (more: object = {}): string =>
  JSON.stringify({
    format: 1,
    folder: FOLDER,
    kind: 'data',
    segment: 0,
    from: { path: '', offset: 0 },
    to: null,
    ...more,
  });

const index = (): string =>
  new IndexWriter({ uid: '', segment: 0, stream: 0, epoch: 0 }).finish(undefined).toString('latin1');

const segment = (members: readonly Crafted[], more: object = {}): Buffer[] =>
  craft([
    { name: `${FOLDER}/`, type: TYPE.folder },
    { name: `${FOLDER}/segment-000000.json`, content: info(more) },
    ...members,
    { name: `${FOLDER}/index-000000.jsonl.zst`, content: index() },
  ]);

let temp: ReturnType<typeof makeTempFolder>;
let target: string;

beforeEach(() => {
  temp = makeTempFolder('tw-archive-hostile-');
  target = join(temp.path, 'target');
  mkdirSync(target);
  writeFileSync(join(temp.path, 'victim'), 'untouched');
});

afterEach(() => {
  expect(readFileSync(join(temp.path, 'victim'), 'utf8')).toBe('untouched');
  expect(readdirSync(temp.path).sort()).toEqual(['target', 'victim']);
  temp.remove();
});

const restore = (blocks: readonly Buffer[]): SegmentRestored =>
  restoreSegment({
    source: sourceOf(blocks),
    encoding: PLAIN,
    targetPath: Buffer.from(target),
    folder: FOLDER,
    restoreUid: RESTORE_UID,
    selection: { kind: 'all' },
    conflict: 'Overwrite',
  });

const sparse = (map: string, data: string, realSize: number): Crafted => ({
  name: 'GNUSparseFile.0/x',
  content: map.padEnd(512, '\0') + data,
  records:
    paxRecord('GNU.sparse.major', '1') +
    paxRecord('GNU.sparse.minor', '0') +
    paxRecord('GNU.sparse.name', 'x') +
    paxRecord('GNU.sparse.realsize', String(realSize)),
});

describe('a payload is refused that has', () => {
  const rows: readonly { name: string; code: string; member: Crafted }[] = [
    { name: 'an absolute name', code: 'NameRefused', member: { name: '/etc/x' } },
    { name: 'a name that climbs', code: 'NameRefused', member: { name: 'a/../../victim' } },
    { name: 'a name that is ..', code: 'NameRefused', member: { name: '../', type: TYPE.folder } },
    { name: 'an empty component', code: 'NameRefused', member: { name: 'a//b' } },
    { name: 'a dot as a component', code: 'NameRefused', member: { name: './a' } },
    { name: 'an empty name', code: 'NameRefused', member: { name: '' } },
    {
      name: 'a climbing name in a record',
      code: 'NameRefused',
      member: { name: 'a', records: paxRecord('path', '../victim') },
    },
    { name: 'a NUL in a record', code: 'NameRefused', member: { name: 'a', records: paxRecord('path', 'a\0b') } },
    {
      name: 'a hard link to an absolute name',
      code: 'NameRefused',
      member: { name: 'a', type: TYPE.link, linkName: '/etc/passwd' },
    },
    {
      name: 'a hard link that climbs',
      code: 'NameRefused',
      member: { name: 'a', type: TYPE.link, linkName: '../victim' },
    },
    {
      name: 'a part whose name climbs',
      code: 'NameRefused',
      member: { name: `${FOLDER}/parts/000000/name`, content: '../victim' },
    },
    {
      name: 'a part without its name',
      code: 'NameRefused',
      member: { name: `${FOLDER}/parts/000000/00000000000000000000` },
    },
    { name: 'an unknown file in the working folder', code: 'NameRefused', member: { name: `${FOLDER}/begun` } },
    {
      name: 'content in a link',
      code: 'SizeRefused',
      member: { name: 'a', type: TYPE.symlink, linkName: 'x', content: 'x' },
    },
    {
      name: 'a size beyond all numbers',
      code: 'RecordInvalid',
      member: { name: 'a', records: paxRecord('size', '9'.repeat(20)) },
    },
    {
      name: 'more content than comes',
      code: 'Truncated',
      member: { name: 'a', records: paxRecord('size', '99999999') },
    },
    { name: 'a record longer than the records', code: 'RecordInvalid', member: { name: 'a', records: '99 path=x\n' } },
    { name: 'a record without length', code: 'RecordInvalid', member: { name: 'a', records: 'path=x\n' } },
    { name: 'a record without =', code: 'RecordInvalid', member: { name: 'a', records: '9 pathx\n\n' } },
    { name: 'a time that is none', code: 'RecordInvalid', member: { name: 'a', records: paxRecord('mtime', '1e9') } },
    {
      name: 'a sparse map that overlaps',
      code: 'RecordInvalid',
      member: sparse('2\n0\n512\n0\n512\n', 'x'.repeat(1024), 9999),
    },
    {
      name: 'a sparse map beyond the size',
      code: 'RecordInvalid',
      member: sparse('1\n9000\n512\n', 'x'.repeat(512), 9100),
    },
    {
      name: 'a sparse map that wants more data',
      code: 'SizeRefused',
      member: sparse('1\n0\n1024\n', 'x'.repeat(512), 9999),
    },
    { name: 'a sparse map of endless extents', code: 'RecordInvalid', member: sparse('9999999\n', '', 9999) },
    { name: 'a sparse map that is no number', code: 'RecordInvalid', member: sparse('-1\n', '', 9999) },
  ];

  test.each(rows)('$name', ({ code, member }) => {
    expect(() => restore(segment([member]))).toThrow(expect.objectContaining({ name: 'ArchiveError', code }));
    expect(readdirSync(target)).toEqual([WORK_FOLDER]);
  });

  test('no info, another format, or another working folder', () => {
    expect(() => restore(craft([{ name: 'a' }]))).toThrow(expect.objectContaining({ code: 'InfoInvalid' }));
    expect(() => restore(segment([], { format: 2 }))).toThrow(expect.objectContaining({ code: 'InfoInvalid' }));
    expect(() => restore(segment([], { folder: '../x' }))).toThrow(expect.objectContaining({ code: 'InfoInvalid' }));
    expect(() => restore(segment([], { folder: '.twinreel-ffffffff' }))).toThrow(
      expect.objectContaining({ code: 'InfoInvalid' }),
    );
  });

  test('no index', () => {
    const members = [
      { name: `${FOLDER}/`, type: TYPE.folder },
      { name: `${FOLDER}/segment-000000.json`, content: info() },
    ];
    expect(() => restore(craft(members))).toThrow(expect.objectContaining({ code: 'Truncated' }));
  });

  test('a changed byte in a header', () => {
    const blocks = segment([{ name: 'a' }]);
    const [block] = blocks;
    block?.write('b', block.indexOf('a\0\0\0'));
    expect(() => restore(blocks)).toThrow(expect.objectContaining({ code: 'HeaderInvalid' }));
  });

  test('a type that this format has not', () => {
    const blocks = craft([{ name: 'a' }]);
    const header = blocks[0]?.subarray(0, 512) ?? Buffer.alloc(0);
    header.write('L', 156);
    header.fill(0x20, 148, 156);
    const sum = header.reduce((total, byte) => total + byte, 0);
    header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
    expect(() => new PaxReader(sourceOf(blocks)).next()).toThrow(expect.objectContaining({ code: 'HeaderInvalid' }));
  });

  test('zstd frames that decode to more than a frame may hold, or that are none', () => {
    const read = (payload: Buffer): unknown =>
      restoreSegment({
        source: sourceOf([payload]),
        encoding: { compression: 'Z' },
        targetPath: Buffer.from(target),
        folder: FOLDER,
        restoreUid: RESTORE_UID,
        selection: { kind: 'all' },
        conflict: 'Fail',
      });
    const bomb = zstdCompressSync(Buffer.alloc(50_000_000));
    expect(() => read(bomb)).toThrow(expect.objectContaining({ code: 'EncodingInvalid' }));
    expect(() => read(Buffer.alloc(1000, 7))).toThrow(expect.objectContaining({ code: 'EncodingInvalid' }));
    expect(() => read(zstdCompressSync(Buffer.from('x')).subarray(0, 10))).toThrow(
      expect.objectContaining({ code: 'Truncated' }),
    );
  });
});

describe('a member that says something too large is a failure of its own:', () => {
  const long = 'n/'.repeat(33_000);
  const rows: readonly { name: string; code: string; path: string; member: Crafted }[] = [
    {
      name: 'a time of sixteen digits',
      code: 'EOVERFLOW',
      path: 'x',
      member: { name: 'x', content: 'x', records: paxRecord('mtime', '-1000000000000000.000000001') },
    },
    {
      name: 'an owner beyond 32 bits',
      code: 'EOVERFLOW',
      path: 'x',
      member: { name: 'x', records: paxRecord('uid', '4294967295') },
    },
    { name: 'a sparse file of 16 PiB', code: 'EOVERFLOW', path: 'x', member: sparse('1\n0\n0\n', '', 2 ** 54) },
    {
      name: 'a path that is too long',
      code: 'ENAMETOOLONG',
      path: `${'n/'.repeat(499)}n`,
      member: { name: 'x', content: 'x', records: paxRecord('path', `${long}x`) },
    },
    {
      name: 'a folder whose path is too long',
      code: 'ENAMETOOLONG',
      path: `${'n/'.repeat(499)}n`,
      member: { name: 'x/', type: TYPE.folder, records: paxRecord('path', long) },
    },
    {
      name: 'a part whose path is too long',
      code: 'ENAMETOOLONG',
      path: `${'n/'.repeat(499)}n`,
      member: { name: `${FOLDER}/parts/000000/name`, content: `${long}x` },
    },
    {
      name: 'more attributes than records may hold',
      code: 'EOVERFLOW',
      path: 'x',
      member: { name: 'x', content: 'x', records: paxRecord('SCHILY.xattr.user.a', 'y'.repeat(17 * 2 ** 20)) },
    },
  ];

  test.each(rows)('$name', ({ code, path, member }) => {
    const part = { name: `${FOLDER}/parts/000000/00000000000000000000`, content: 'part' };
    const more = member.name.endsWith('/name') ? [part] : [];
    const done = restore(segment([{ name: 'before' }, member, ...more, { name: 'z', content: 'after' }]));
    expect(done.failures).toEqual([{ path, code }]);
    expect(readFileSync(join(target, 'z'), 'utf8')).toBe('after');
    expect(existsSync(join(target, 'x'))).toBe(false);
  });
});

describe('what would lead out of the target', () => {
  test('through a link in the archive is not written', () => {
    const done = restore(
      segment([
        { name: 'out', type: TYPE.symlink, linkName: '..' },
        { name: 'out/victim', content: 'overwritten' },
      ]),
    );
    expect(done.failures).toEqual([{ path: 'out/victim', code: 'NotAFolder' }]);
  });

  test('through a link in the target is not written, and the link may be replaced by a folder', () => {
    symlinkSync('..', join(target, 'out'));
    const done = restore(segment([{ name: 'out/victim', content: 'overwritten' }]));
    expect(done.failures).toEqual([{ path: 'out/victim', code: 'NotAFolder' }]);
  });

  test('by a hard link through a link is not joined', () => {
    const done = restore(
      segment([
        { name: 'out', type: TYPE.symlink, linkName: '..' },
        { name: 'stolen', type: TYPE.link, linkName: 'out/victim' },
      ]),
    );
    expect(done.failures).toEqual([{ path: 'stolen', code: 'LinkTargetMissing' }]);
    expect(existsSync(join(target, 'stolen'))).toBe(false);
  });

  test('by a hard link to what stood in the target before is not joined', () => {
    writeFileSync(join(target, 'before'), 'mine');
    const done = restore(segment([{ name: 'stolen', type: TYPE.link, linkName: 'before' }]));
    expect(done.unresolvedLinks).toEqual([{ path: 'stolen', target: 'before' }]);
    expect(existsSync(join(target, 'stolen'))).toBe(false);
  });

  test.each([FOLDER, WORK_FOLDER])('by a hard link into the working folder %s is not joined', (folder) => {
    const done = restore(segment([{ name: 'stolen', type: TYPE.link, linkName: `${folder}/begun` }]));
    expect(done.failures).toEqual([{ path: 'stolen', code: 'NameRefused' }]);
  });

  test('into the working folder is not written', () => {
    const name = `${WORK_FOLDER}/made/000000`;
    const part = `${FOLDER}/parts/000000`;
    const done = restore(
      segment([
        { name: `${WORK_FOLDER}/`, type: TYPE.folder, mode: 0o777 },
        { name, content: 'forged' },
        { name: `${part}/name`, content: name },
        { name: `${part}/00000000000000000000`, content: 'forged' },
      ]),
    );
    expect(done.failures).toEqual([
      { path: WORK_FOLDER, code: 'NameRefused' },
      { path: name, code: 'NameRefused' },
      { path: name, code: 'NameRefused' },
    ]);
    expect(lstatSync(join(target, WORK_FOLDER)).mode & 0o777).toBe(0o700);
  });
});
