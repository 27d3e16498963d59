import { describe, expect, it } from 'vitest';
import { isBadIn, withBad } from '../../../../src/decide/restore/restore-bad.ts';
import { aChoice, aRestoreGrant, copiesOn, decideOn } from '../restore-objects.ts';

const nothing = { done: [], bad: [], failureCount: 0, finished: false, found: [] };
const bad = (segment: number, tape = 't0') => ({ segment, tape, reason: 'ReadError', message: '' });
const many = Array.from({ length: 300 }, (_, segment) => bad(segment));

describe('copies that are bad', () => {
  it('are all remembered, though only the first ones are told singly', () => {
    const status = withBad(
      {},
      { ...nothing, bad: many.slice(0, 256), badRanges: [{ tape: 't0', first: 0, last: 299 }] },
    );
    expect(status.badSegments).toHaveLength(256);
    expect(status.badRanges).toEqual([{ tape: 't0', first: 0, last: 299 }]);
    const isBad = isBadIn(status);
    expect([isBad(299, 't0'), isBad(300, 't0'), isBad(299, 't1')]).toEqual([true, false, false]);
    expect(withBad(status, nothing).badRanges, 'also when the head is gone').toEqual(status.badRanges);
  });

  it('are remembered of a status that told them singly only', () => {
    expect(isBadIn({ badSegments: [bad(7)] })(7, 't0')).toBe(true);
  });

  it('are not read again beyond those that are told singly: another copy is', () => {
    const numbers = many.map(({ segment }) => segment);
    const choice = aChoice({
      wanted: [{ first: 0, last: 299 }],
      copies: [...copiesOn(0, numbers), ...copiesOn(1, numbers)],
    });
    const report = { bad: many.slice(0, 256), badRanges: [{ tape: 't0', first: 0, last: 299 }] };
    const { status } = decideOn({ streams: [aRestoreGrant(1, 'Succeeded')], choice, report });
    expect(status.areas).toMatchObject([{ tape: 't1', first: 0, last: 299 }]);
  });

  it('in more places than can be told end the restore', () => {
    const badRanges = Array.from({ length: 1024 }, (_, n) => ({ tape: 't0', first: 2 * n, last: 2 * n }));
    const { status } = decideOn({ streams: [aRestoreGrant(1, 'Succeeded')], report: { badRanges } });
    expect(status.ending).toMatchObject({ result: 'Failed', reason: 'SegmentsUnreadable' });
  });
});
