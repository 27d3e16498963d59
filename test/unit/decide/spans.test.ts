import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  contains,
  countOf,
  fromNumbers,
  normalise,
  subtract,
  uniformSpans,
  type Span,
} from '../../../src/decide/spans.ts';

const span = fc.tuple(fc.nat(30), fc.nat(8)).map(([first, length]): Span => ({ first, last: first + length }));
const spans = fc.array(span, { maxLength: 6 });
const numbersOf = (set: readonly Span[]): readonly number[] =>
  Array.from({ length: 64 }, (_, n) => n).filter((n) => contains(set, n));

describe('spans', () => {
  it('say the same set in one way: sorted, apart from each other, never empty', () => {
    fc.assert(
      fc.property(spans, (set) => {
        const joined = normalise(set);
        expect(numbersOf(joined)).toEqual(numbersOf(set));
        for (const [at, one] of joined.entries()) {
          expect(one.first).toBeLessThanOrEqual(one.last);
          expect(one.first).toBeGreaterThan((joined[at - 1]?.last ?? -2) + 1);
        }
        expect(countOf(joined)).toBe(numbersOf(set).length);
        expect(fromNumbers(numbersOf(set))).toEqual(joined);
      }),
    );
  });

  it('subtract as sets do', () => {
    fc.assert(
      fc.property(spans, spans, (from, what) => {
        const left = new Set(numbersOf(what));
        expect(numbersOf(subtract(from, what))).toEqual(numbersOf(from).filter((n) => !left.has(n)));
      }),
    );
  });

  it('cut the line where any set changes and nowhere inside', () => {
    fc.assert(
      fc.property(fc.array(spans, { maxLength: 4 }), fc.nat(40), (sets, last) => {
        const cut = uniformSpans(sets, last);
        expect(numbersOf(cut)).toEqual(Array.from({ length: last + 1 }, (_, n) => n));
        for (const set of sets) {
          for (const { first, last: end } of cut) {
            const inside = numbersOf([{ first, last: end }]).map((n) => contains(set, n));
            expect(new Set(inside).size).toBe(1);
          }
        }
      }),
    );
  });

  it('know an open end', () => {
    const open = [{ first: 3, last: Infinity }];
    expect(contains(open, 1e9)).toBe(true);
    expect(subtract(open, [{ first: 5, last: 6 }])).toEqual([
      { first: 3, last: 4 },
      { first: 7, last: Infinity },
    ]);
    expect(uniformSpans([open], Infinity)).toEqual([
      { first: 0, last: 2 },
      { first: 3, last: Infinity },
    ]);
    expect(uniformSpans([[{ first: 0, last: 4 }]], -1)).toEqual([]);
  });
});
