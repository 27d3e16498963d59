import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { PLAIN } from '../../../src/archive/blocks.ts';
import { timeText } from '../../../src/archive/header.ts';
import type { IndexLine } from '../../../src/archive/index-line.ts';
import { parseIndexLine, readIndex } from '../../../src/archive/index-reader.ts';
import type { Member, PaxReader } from '../../../src/archive/pax-reader.ts';
import { openSegment } from '../../../src/archive/segment-reader.ts';
import { makeTree } from '../../support/make-tree.ts';
import { FileBlockSource, writeTestBackup, type TestBackup } from '../../support/payload-files.ts';
import { makeTempFolder } from '../../support/temp-folder.ts';

// Whole trees on a disk that others may use, too.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

interface PythonMember {
  readonly name: string;
  readonly type: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly mtime: string;
  readonly link: string;
  readonly offset: number;
  readonly sha256: string;
  readonly user: string;
}

let temp: ReturnType<typeof makeTempFolder>;
let backup: TestBackup;

beforeAll(() => {
  temp = makeTempFolder('tw-archive-second-');
  const source = join(temp.path, 'source');
  makeTree(source, { files: 300, totalBytes: 3_000_000, seed: 21, filesPerFolder: 30 });
  backup = writeTestBackup(source, join(temp.path, 'payloads'), { segmentBytes: 60_000 });
});

afterAll(() => {
  temp.remove();
});

const readWithPython = (payloads: readonly string[]): readonly (readonly PythonMember[])[] => {
  const run = spawnSync('python3', [join(import.meta.dirname, 'list-members.py'), ...payloads], {
    encoding: 'utf8',
    maxBuffer: 100_000_000,
  });
  expect([run.status, run.stderr]).toEqual([0, '']);
  return run.stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as readonly PythonMember[]);
};

const digest = (member: Member, reader: PaxReader): string => {
  const hash = createHash('sha256');
  let end = 0;
  const pieces: Buffer[] = [];
  for (let piece = reader.read(); piece !== undefined; piece = reader.read()) pieces.push(Buffer.from(piece));
  const data = Buffer.concat(pieces);
  const extents = member.extents ?? [0, data.length];
  let from = 0;
  for (let at = 0; at < extents.length; at += 2) {
    const [offset, length] = [extents[at] ?? 0, extents[at + 1] ?? 0];
    hash.update(Buffer.alloc(offset - end)).update(data.subarray(from, from + length));
    from += length;
    end = offset + length;
  }
  return hash.update(Buffer.alloc(member.size - end)).digest('hex');
};

const FLAGS = { f: '0', h: '1', l: '2', c: '3', b: '4', d: '5', p: '6' } as const;

const describeMember = (member: Member, sha256: string): PythonMember => ({
  name: Buffer.from(member.path === '' ? '.' : member.path, 'latin1').toString('base64'),
  type: FLAGS[member.type],
  mode: member.mode,
  uid: member.uid,
  gid: member.gid,
  size: member.size,
  mtime:
    member.mtimeNs === 0 && member.mtimeSec >= 0 ? String(member.mtimeSec) : timeText(member.mtimeSec, member.mtimeNs),
  link: Buffer.from(member.linkName, 'latin1').toString('base64'),
  offset: member.offset,
  sha256,
  user: '',
});

const EMPTY = createHash('sha256').digest('hex');

describe('every member of every segment', () => {
  test("is the same to Python's tarfile and to our own reader", () => {
    let members = 0;
    const payloads = [...backup.data, backup.links];
    const all = readWithPython(payloads);
    for (const [at, payload] of payloads.entries()) {
      const expected = (all[at] ?? []).slice(2);
      const source = new FileBlockSource(payload);
      const { reader } = openSegment(source, PLAIN);
      for (let member = reader.next(); member !== undefined; member = reader.next()) {
        expect(describeMember(member, member.type === 'f' ? digest(member, reader) : EMPTY)).toEqual(expected.shift());
        members += 1;
      }
      expect(expected).toEqual([]);
      source.close();
    }
    expect(members).toBeGreaterThan(500);
  });

  test('of the source stands in the index, in order, with its offset and length', () => {
    for (const [n, payload] of backup.data.entries()) {
      const source = new FileBlockSource(payload);
      const { reader, items, info } = openSegment(source, PLAIN);
      expect([info.segment, info.folder, info.count]).toEqual([n, backup.folder, backup.data.length]);
      const met: { path: string; offset: number }[] = [];
      const lines: IndexLine[] = [];
      for (const item of items()) {
        if (item.kind === 'entry') met.push({ path: item.member.path, offset: item.member.offset });
        else if (item.kind === 'part') met.push({ path: item.path, offset: item.member.offset });
        else {
          expect(item.member.offset).toBe(backup.totals[n]?.indexOffset);
          for (const line of readIndex({ next: () => reader.read() })) lines.push(parseIndexLine(line));
        }
      }
      source.close();
      const stored = lines.filter((line) => line.o !== undefined);
      expect(stored.map((line) => line.o)).toEqual(met.map((member) => member.offset));
      for (const [at, line] of stored.entries()) {
        const next = stored[at + 1];
        if (next !== undefined && next.t !== 'x') expect((line.o ?? 0) + (line.n ?? 0)).toBe(next.o);
      }
      const own = lines.filter((line) => line.z?.includes('above') !== true);
      expect(own).toHaveLength(backup.totals[n]?.entries ?? -1);
      expect(lines.filter((line) => line.t === 's').every((line) => line.o === undefined)).toBe(true);
    }
  });
});

test('totals tell all pax bytes, and blocks are whole', () => {
  for (const totals of backup.totals) expect(totals.paxBytes % 512).toBe(0);
  const files = backup.totals.reduce((sum, totals) => sum + totals.files, 0);
  expect(files).toBeGreaterThan(200);
});
