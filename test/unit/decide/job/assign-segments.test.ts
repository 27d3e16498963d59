import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  assignSegments,
  coverageOf,
  windowSegments,
  type PlanKnown,
  type StreamWork,
} from '../../../../src/decide/job/assign-segments.ts';
import { contains, countOf, fromNumbers, type Span } from '../../../../src/decide/spans.ts';

const segments = 12;
const set = fc.subarray(Array.from({ length: segments }, (_, n) => n)).map((numbers) => fromNumbers(numbers));
const streams = fc
  .array(fc.record({ active: fc.boolean(), assigned: set, committed: set }), { minLength: 1, maxLength: 4 })
  .map((all): readonly StreamWork[] => all.map((one, stream) => ({ stream, ...one })));
const whole: PlanKnown = { segments, complete: true };

type Given = ReturnType<typeof assignSegments>;

const takersOf = (given: Given, segment: number): readonly number[] =>
  given.filter((one) => contains(one.assigned, segment)).map((one) => one.stream);
const copiesOf = (work: readonly StreamWork[], segment: number): number =>
  work.filter((one) => contains(one.committed, segment)).length;

describe('assigning segments', () => {
  it('gives every segment all the copies that it lacks, or as many as there are streams for, and not one more', () => {
    fc.assert(
      fc.property(streams, fc.integer({ min: 1, max: 3 }), (work, copies) => {
        const active = work.filter((one) => one.active);
        fc.pre(active.length <= copies);
        const given = assignSegments(copies, whole, work);
        for (let segment = 0; segment < segments; segment += 1) {
          const lacking = Math.max(0, copies - copiesOf(work, segment));
          const able = active.filter((one) => !contains(one.committed, segment)).length;
          expect(takersOf(given, segment)).toHaveLength(Math.min(lacking, able));
        }
      }),
    );
  });

  it('never gives a stream what it has committed, nor anything beyond the plan, nor to one that does not run', () => {
    fc.assert(
      fc.property(streams, fc.integer({ min: 1, max: 3 }), (work, copies) => {
        const given = assignSegments(copies, whole, work);
        expect(given.map((one) => one.stream)).toEqual(work.filter((one) => one.active).map((one) => one.stream));
        for (const { stream, assigned } of given) {
          const own = work[stream]?.committed ?? [];
          for (let segment = 0; segment < 2 * segments; segment += 1) {
            if (!contains(assigned, segment)) continue;
            expect(segment).toBeLessThan(segments);
            expect(contains(own, segment)).toBe(false);
          }
        }
      }),
    );
  });

  it('stripes: no segment goes to more streams than it needs, and in the end every one has its copies', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 2, max: 4 }),
        fc.integer({ min: 1, max: 3 }),
        fc.infiniteStream(fc.nat()),
        (count, copies, choices) => {
          fc.pre(count > copies);
          let work: readonly StreamWork[] = Array.from({ length: count }, (_, stream) => ({
            stream,
            active: true,
            assigned: [],
            committed: [],
          }));
          for (let turn = 0; turn < segments * copies; turn += 1) {
            const given = assignSegments(copies, whole, work);
            for (let segment = 0; segment < segments; segment += 1) {
              expect(copiesOf(work, segment) + takersOf(given, segment).length).toBeLessThanOrEqual(copies);
            }
            for (const one of given) expect(countOf(one.assigned)).toBeLessThanOrEqual(windowSegments);
            // Any stream that has work commits its first segment.
            const busy = given.filter((one) => one.assigned.length > 0);
            const next = busy[(choices.next().value ?? 0) % busy.length];
            work = work.map((one) => {
              const assigned = given.find((other) => other.stream === one.stream)?.assigned ?? [];
              if (one.stream !== next?.stream) return { ...one, assigned };
              const first = assigned[0]?.first ?? 0;
              const numbers = Array.from({ length: segments }, (_, n) => n);
              return {
                ...one,
                assigned,
                committed: fromNumbers(numbers.filter((n) => n === first || contains(one.committed, n))),
              };
            });
          }
          expect(
            coverageOf(
              segments,
              copies,
              work.map((one) => one.committed),
            ),
          ).toEqual({
            leastCopies: copies,
            lacking: [],
          });
        },
      ),
      { numRuns: 50 },
    );
  });

  const idle = (stream: number, committed: readonly Span[] = []): StreamWork => ({
    stream,
    active: true,
    assigned: [],
    committed,
  });

  it('gives everything to the open end while the plan still grows', () => {
    const given = assignSegments(2, { segments: 3, complete: false }, [idle(0), idle(1)]);
    expect(given.map((one) => one.assigned)).toEqual([[{ first: 0, last: Infinity }], [{ first: 0, last: Infinity }]]);
  });

  it('lets a replacement begin at the first segment that lacks a copy (F6)', () => {
    const lost: StreamWork = { ...idle(0, [{ first: 0, last: 4 }]), active: false };
    const given = assignSegments(1, whole, [lost, idle(1)]);
    expect(given).toEqual([{ stream: 1, assigned: [{ first: 5, last: segments - 1 }] }]);
  });

  it('leaves a segment with the stream that has it already', () => {
    const work = [idle(0), { ...idle(1), assigned: [{ first: 0, last: 5 }] }, idle(2)];
    const given = assignSegments(1, whole, work);
    expect(takersOf(given, 3)).toEqual([1]);
  });

  it('counts the copies of a plan', () => {
    expect(coverageOf(4, 2, [[{ first: 0, last: 3 }], [{ first: 0, last: 1 }]])).toEqual({
      leastCopies: 1,
      lacking: [{ first: 2, last: 3 }],
    });
    expect(coverageOf(2, 1, [])).toEqual({ leastCopies: 0, lacking: [{ first: 0, last: 1 }] });
  });
});
