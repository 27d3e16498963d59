import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { PLAIN } from '../../../src/archive/blocks.ts';
import type { IndexLine } from '../../../src/archive/index-line.ts';
import { parseIndexLine, readIndex } from '../../../src/archive/index-reader.ts';
import { MAX_PATH_BYTES, refusalOf } from '../../../src/archive/limits.ts';
import { START } from '../../../src/archive/order.ts';
import type { Member } from '../../../src/archive/pax-reader.ts';
import { openSegment } from '../../../src/archive/segment-reader.ts';
import { beginSegment } from '../../../src/archive/segment-writer.ts';
import type { WalkStep } from '../../../src/archive/walk.ts';
import { FileStat, S_IFBLK, S_IFCHR, S_IFDIR, S_IFIFO, S_IFREG } from '../../../src/posix/stat.ts';
import { MemoryBlocks } from '../../support/memory-blocks.ts';
import { testInfo, writeTestBackup } from '../../support/payload-files.ts';
import { restorePayloads } from '../../support/restore-payloads.ts';

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

type Odd = Pick<FileStat, 'mode' | 'uid' | 'gid' | 'mtimeSec' | 'mtimeNs' | 'rdevMajor' | 'rdevMinor'>;
type Met = Odd & { readonly path: string };

const statOf = (odd: Partial<FileStat>): FileStat => Object.assign(new FileStat(), { nlink: 1 }, odd);

const stepOf = ({ path, ...odd }: Met): WalkStep => ({
  kind: 'entry',
  path,
  name: 'x',
  folder: -1,
  fd: -1,
  stat: statOf(odd),
  part: undefined,
  errno: 0,
});

const roundTrip = (entries: readonly Met[]): { members: Member[]; lines: IndexLine[] } => {
  const blocks = new MemoryBlocks();
  const shared = { rootFd: -1, filter: undefined, oneFileSystem: true, folder: '.twinreel-0a1b2c3d', encoding: PLAIN };
  const range = { n: 0, from: START, to: null, firstSegmentOfFile: 0, info: testInfo(1) };
  const segment = beginSegment({ ...shared, ...range }, 'data', blocks);
  for (const met of entries) segment.members.write(stepOf(met));
  segment.finish();
  const { items, reader } = openSegment(blocks.source(), PLAIN);
  const members: Member[] = [];
  const lines: IndexLine[] = [];
  for (const item of items()) {
    if (item.kind === 'entry') members.push(item.member);
    else for (const line of readIndex({ next: () => reader.read() })) lines.push(parseIndexLine(line));
  }
  return { members, lines };
};

const number = (max: number): fc.Arbitrary<number> =>
  fc.oneof(fc.constantFrom(0, 1, max), fc.nat({ max: Math.min(max, 0x7fffffff) }));

const met: fc.Arbitrary<Met> = fc.record({
  path: fc
    .tuple(
      fc.constantFrom(1, 50, 98, 99, 100, 101, 4096, 65_535, 65_536, 65_537, 70_000),
      fc.constantFrom('n', 'é', '%'),
    )
    .map(([length, letter]) =>
      Array.from({ length }, (_, at) => (at % 200 === 199 ? '/' : letter))
        .join('')
        .replace(/\/$/, 'x'),
    ),
  mode: fc
    .tuple(fc.constantFrom(S_IFDIR, S_IFIFO, S_IFCHR, S_IFBLK), fc.nat({ max: 0o7777 }))
    .map(([type, bits]) => type | bits),
  uid: number(0xffffffff),
  gid: number(0xffffffff),
  mtimeSec: fc.oneof(
    fc.constantFrom(0, -1, 8 ** 11, 10 ** 15 - 1, 10 ** 15, 1 - 10 ** 15, -(10 ** 15), 2 ** 62, -(2 ** 62)),
    fc.integer(),
  ),
  mtimeNs: number(999_999_999),
  rdevMajor: number(4095),
  rdevMinor: number(0xfffff),
});

describe('what the writer writes, the reader takes:', () => {
  test('every entry comes back as it is, or stands in the index with the reason', () => {
    fc.assert(
      fc.property(fc.array(met, { minLength: 1, maxLength: 4 }), (entries) => {
        const { members, lines } = roundTrip(entries);
        expect(lines.map(({ t }) => t).filter((type) => type !== 's')).toHaveLength(members.length);
        let at = 0;
        for (const [number, { path, mode, ...odd }] of entries.entries()) {
          const line = lines[number];
          if (line?.t === 's') {
            expect(line.e).toBe(refusalOf(path, statOf({ mode, ...odd })));
            expect(line.e).toBe(path.length > MAX_PATH_BYTES ? 'ENAMETOOLONG' : 'EOVERFLOW');
            continue;
          }
          const { uid, gid, mtimeSec, mtimeNs } = odd;
          expect(members[at]).toMatchObject({
            path,
            mode: mode & 0o7777,
            uid,
            gid,
            mtimeSec,
            mtimeNs,
            refused: undefined,
          });
          at += 1;
        }
      }),
      { numRuns: 150 },
    );
  });

  test('sizes beyond 2^53 and attributes beyond 16 MiB are not stored', () => {
    const file = statOf({ mode: S_IFREG | 0o644, size: 2 ** 53 - 1 });
    expect(refusalOf('a', file, 15 * 2 ** 20)).toBeUndefined();
    expect(refusalOf('a', file, 16 * 2 ** 20)).toBe('EOVERFLOW');
    file.size = 2 ** 53;
    expect(refusalOf('a', file)).toBe('EOVERFLOW');
  });

  const TMPFS = 0x01021994;
  const shm = process.platform === 'linux' && statfsSync('/dev/shm', { bigint: false }).type === TMPFS;

  test.skipIf(!shm).each([
    { name: 'a time in a far future', make: ['touch', '-d', '@1000000000000000'] },
    { name: 'a hole of 4 EiB', make: ['truncate', '-s', '4E'] },
  ])('$name does not keep its neighbours from being restored', ({ make: [command = '', ...args] }) => {
    const base = mkdtempSync('/dev/shm/tw-round-trip-');
    try {
      mkdirSync(join(base, 'source'));
      for (const name of ['a', 'odd', 'z']) writeFileSync(join(base, 'source', name), name);
      execFileSync(command, [...args, join(base, 'source/odd')]);
      const backup = writeTestBackup(join(base, 'source'), join(base, 'payloads'), { segmentBytes: 1_000_000 });
      expect(backup.totals[0]).toMatchObject({ skipped: 1, examples: [{ path: 'odd', why: 'EOVERFLOW' }] });
      const done = restorePayloads(backup, join(base, 'target'));
      expect(done).toMatchObject({ failures: [], files: 2 });
      expect(readFileSync(join(base, 'target/z'), 'utf8')).toBe('z');
    } finally {
      rmSync(base, { recursive: true });
    }
  });
});
