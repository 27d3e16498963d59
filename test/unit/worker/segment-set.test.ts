import { describe, expect, it } from 'vitest';
import { isAssigned, lowestAssigned, type PlanExtent } from '../../../src/worker/segment-set.ts';

const growing: PlanExtent = { segments: 5, complete: false };
const whole: PlanExtent = { segments: 5, complete: true, linksSegment: 5 };

describe('lowestAssigned', () => {
  const rows = [
    { name: 'takes the first of an open range', assigned: [{ first: 2 }], plan: growing, done: [], is: 2 },
    { name: 'passes over what is done', assigned: [{ first: 0 }], plan: growing, done: [0, 1, 3], is: 2 },
    {
      name: 'takes the lowest of several ranges',
      assigned: [
        { first: 3, last: 4 },
        { first: 1, last: 1 },
      ],
      plan: growing,
      done: [],
      is: 1,
    },
    { name: 'takes nothing beyond what is cut', assigned: [{ first: 5 }], plan: growing, done: [], is: undefined },
    { name: 'takes nothing that is not assigned', assigned: [], plan: whole, done: [], is: undefined },
    {
      name: 'leaves links alone in an open range',
      assigned: [{ first: 0 }],
      plan: whole,
      done: [0, 1, 2, 3, 4],
      is: undefined,
    },
    {
      name: 'takes links when a range with an end names it',
      assigned: [{ first: 5, last: 5 }],
      plan: whole,
      done: [],
      is: 5,
    },
    { name: 'takes links after the data', assigned: [{ first: 0, last: 5 }], plan: whole, done: [0, 1, 2, 3], is: 4 },
    { name: 'takes links once', assigned: [{ first: 5, last: 5 }], plan: whole, done: [5], is: undefined },
  ];
  it.each(rows)('$name', ({ assigned, plan, done, is }) => {
    expect(lowestAssigned(assigned, plan, new Set(done))).toBe(is);
  });
});

describe('isAssigned', () => {
  it('knows open and closed ranges', () => {
    expect(isAssigned([{ first: 2, last: 3 }], 3)).toBe(true);
    expect(isAssigned([{ first: 2, last: 3 }], 4)).toBe(false);
    expect(isAssigned([{ first: 2 }], 400)).toBe(true);
  });
});
