import { describe, expect, it } from 'vitest';
import type { RestoreExample, RestoreTotals } from '../../../src/archive/restore-report.ts';
import { backupSaveRecords } from '../../../src/api/resources.ts';
import { validate } from '../../../src/api/validate.ts';
import { addNews, withSegment, type SegmentNews } from '../../../src/worker/restore-progress.ts';

const totals = (more: Partial<RestoreTotals> = {}): RestoreTotals => ({
  files: 2,
  folders: 1,
  others: 0,
  hardLinks: 0,
  notJoined: 0,
  bytes: 10,
  kept: 0,
  flagged: 0,
  failed: 0,
  failures: [],
  attributesFailed: 0,
  examples: [],
  found: [],
  unresolvedLinks: [],
  ...more,
});

/** What the API server would say. */
const errorsOf = (restore: ReturnType<typeof addNews>) => {
  const job = { kind: 'Restore', namespace: 'team', name: 'back', uid: '1a2b3c4d', processNumber: 1 };
  const seen = validate(backupSaveRecords, {
    metadata: { name: 'head', namespace: 'twinreel-system' },
    spec: { type: 'Restore', job, stream: 0 },
    status: { restore },
  });
  return seen.ok ? [] : seen.errors;
};

const done = (segment: number): SegmentNews => ({ kind: 'done', segment, totals: [totals()] });
const bad: SegmentNews = {
  kind: 'bad',
  segment: 4,
  barcode: 'A',
  group: 9,
  reason: 'ReadError',
  message: 'x'.repeat(5000),
};

describe('addNews', () => {
  it('counts a segment once, however often it is told', () => {
    const once = addNews(undefined, [done(3), done(4)]);
    expect(once).toMatchObject({ segmentsRead: 2, filesRestored: 4, bytesRestored: 20, done: [{ first: 3, last: 4 }] });
    expect(addNews(once, [done(4)])).toEqual(once);
  });

  it('remembers every bad copy, though only the first ones are told singly', () => {
    const news = Array.from({ length: 300 }, (_, segment) => ({ ...bad, segment, message: '' }));
    const other = { ...bad, segment: 7, barcode: 'B', message: '' };
    const { badSegments, badRanges } = addNews(undefined, [...news, other]);
    expect(badSegments).toHaveLength(256);
    expect(badRanges).toEqual([
      { barcode: 'A', first: 0, last: 299 },
      { barcode: 'B', first: 7, last: 7 },
    ]);
  });

  it('tells a bad copy once, with a message that fits', () => {
    const once = addNews({}, [bad, bad]);
    expect(once.badSegments).toHaveLength(1);
    expect(once.badSegments?.[0]?.message).toHaveLength(1024);
  });

  it('tells each chosen path that was met once', () => {
    const met = (segment: number, ...found: string[]): SegmentNews => ({
      kind: 'done',
      segment,
      totals: [totals({ found })],
    });
    expect(addNews(undefined, [met(1, 'a/b'), met(2, 'a/b', 'c')]).found).toEqual(['a/b', 'c']);
  });

  it('sums up what is not as it was, with the first few examples of each reason', () => {
    const more = (reason: RestoreExample['reason'], segment: number): RestoreExample[] =>
      Array.from({ length: 5 }, (_, i) => ({ path: `${reason}-${segment}-${i}`, reason, message: 'x'.repeat(900) }));
    const counts = { flagged: 1, attributesFailed: 20, notJoined: 3, kept: 7 };
    const news = [1, 2].map((segment): SegmentNews => {
      const examples = (['Kept', 'AttributeFailed'] as const).flatMap((reason) => more(reason, segment));
      const last: RestoreExample[] = segment === 2 ? [{ path: 'late', reason: 'Damaged' }] : [];
      return { kind: 'done', segment, totals: [totals({ ...counts, examples: [...examples, ...last] })] };
    });
    const told = addNews({}, news);
    expect(told).toMatchObject({ damaged: 2, attributesFailed: 40, linksNotJoined: 6, kept: 14 });
    expect(told.examples?.map(({ path }) => path)).toEqual([
      'late',
      ...more('AttributeFailed', 1).map(({ path }) => path),
      ...more('Kept', 1).map(({ path }) => path),
    ]);
    expect(errorsOf(told)).toEqual([]);
  });

  it.each<readonly [string, string, string]>([
    ['a path of the longest that an archive holds', '%D0%B6'.repeat(32_768), 'EACCES'],
    ['an error that is no CamelCase word', 'a', 'ERR_OUT_OF_RANGE'],
    ['an error without end', 'a', 'x'.repeat(70_000)],
  ])('tells %s so that the schema takes it', (_name, path, code) => {
    const failures = [{ path, code }];
    const examples = [{ path, reason: 'AttributeFailed', message: `${path}: ${code}` } as const];
    const told = addNews({}, [{ kind: 'done', segment: 1, totals: [totals({ failed: 1, failures, examples })] }]);
    expect(errorsOf(told)).toEqual([]);
    expect(path.startsWith(told.failures?.[0]?.path ?? '-')).toBe(true);
    expect(`${told.failures?.[0]?.reason ?? ''} ${told.failures?.[0]?.message ?? ''}`).toContain(code.slice(0, 1000));
  });

  it('keeps the first hundred failures and counts all', () => {
    const failures = Array.from({ length: 90 }, (_, i) => ({ path: `f${i}`, code: 'EACCES' }));
    const news = [1, 2].map((segment): SegmentNews => ({
      kind: 'done',
      segment,
      totals: [totals({ failed: 90, failures })],
    }));
    const told = addNews({}, news);
    expect(told.failures).toHaveLength(100);
    expect(told.failureCount).toBe(180);
  });
});

describe('withSegment', () => {
  it('joins ranges that touch', () => {
    expect(
      withSegment(
        [
          { first: 0, last: 1 },
          { first: 3, last: 5 },
        ],
        2,
      ),
    ).toEqual([{ first: 0, last: 5 }]);
    expect(withSegment([{ first: 0, last: 1 }], 7)).toEqual([
      { first: 0, last: 1 },
      { first: 7, last: 7 },
    ]);
  });
});
