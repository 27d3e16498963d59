import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { chooseTapes, type TapeChoice } from '../../../../src/decide/allocation/choose-tapes.ts';
import { canHaveTapes } from '../tape-rule.ts';

const library = fc.constantFrom('lib-0', 'lib-1', 'lib-2');
const tape = (index: number): fc.Arbitrary<TapeChoice> =>
  fc
    .record({ library, usedBytes: fc.nat(2), onlyFor: fc.option(fc.nat(3), { nil: undefined }) })
    .map(({ onlyFor, ...more }) => ({
      ...{ name: `tape-${index}`, barcode: `T${index}` },
      ...more,
      ...(onlyFor === undefined ? {} : { onlyFor }),
    }));
const tapes = fc.nat(6).chain((count) => fc.tuple(...Array.from({ length: count }, (_, index) => tape(index))));
const streams = fc.subarray([0, 1, 2, 3], { minLength: 1 });
const places = (most: number): fc.Arbitrary<string[]> => fc.array(library, { maxLength: most });

describe('chooseTapes', () => {
  it('gives each place its own stream and its own tape, one that this stream may have', () => {
    fc.assert(
      fc.property(
        streams.chain((some) => fc.tuple(fc.constant(some), places(some.length))),
        tapes,
        ([some, libraries], all) => {
          const found = chooseTapes(some, libraries, all);
          expect(found !== undefined).toBe(canHaveTapes(some, libraries, all));
          if (found === undefined) return;
          expect(found.map((one) => one.tape.library)).toEqual(libraries);
          expect(new Set(found.map((one) => one.stream)).size).toBe(libraries.length);
          expect(new Set(found.map((one) => one.tape.name)).size).toBe(libraries.length);
          for (const one of found) expect([undefined, one.stream]).toContain(one.tape.onlyFor);
        },
      ),
      { numRuns: 2_000 },
    );
  });

  it('goes on with the tape on which the stream was, though there are fuller ones', () => {
    const of = (name: string, usedBytes: number, onlyFor?: number): TapeChoice => ({
      ...{ name, barcode: name, library: 'lib-0', usedBytes },
      ...(onlyFor === undefined ? {} : { onlyFor }),
    });
    const found = chooseTapes([0, 1], ['lib-0', 'lib-0'], [of('full', 9), of('own', 1, 1)]);
    expect(found?.map((one) => [one.stream, one.tape.name])).toEqual([
      [0, 'full'],
      [1, 'own'],
    ]);
  });
});
