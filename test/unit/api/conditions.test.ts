import { describe, expect, it } from 'vitest';
import { findCondition, isTrue, setCondition } from '../../../src/api/conditions.ts';
import type { Condition } from '../../../src/api/generated/index.ts';

const earlier = '2026-11-01T00:00:00Z';
const now = '2026-11-02T00:00:00Z';
const complete: Condition = {
  type: 'Complete',
  status: 'False',
  reason: 'Running',
  message: 'two streams write',
  lastTransitionTime: earlier,
};

describe('conditions.setCondition', () => {
  it('adds a condition that was not there, as of now', () => {
    const finding = { type: 'Failed', status: 'True', reason: 'NoUsableDrive', message: 'no drive' } as const;
    expect(setCondition([complete], finding, now)).toEqual([complete, { ...finding, lastTransitionTime: now }]);
    expect(setCondition(undefined, finding, now)).toEqual([{ ...finding, lastTransitionTime: now }]);
  });

  it('keeps the time while the status stays, whatever else changes', () => {
    const finding = { type: 'Complete', status: 'False', reason: 'Closing', message: 'catalogues' } as const;
    expect(setCondition([complete], finding, now)).toEqual([{ ...finding, lastTransitionTime: earlier }]);
  });

  it('takes the new time when the status changes', () => {
    const finding = {
      type: 'Complete',
      status: 'True',
      reason: 'Done',
      message: 'all there',
      observedGeneration: 2,
    } as const;
    expect(setCondition([complete], finding, now)).toEqual([{ ...finding, lastTransitionTime: now }]);
  });

  it('leaves its input and the order of the others alone', () => {
    const others: readonly Condition[] = [
      complete,
      { ...complete, type: 'Redundant' },
      { ...complete, type: 'Released' },
    ];
    const before = structuredClone(others);
    const after = setCondition(others, { type: 'Redundant', status: 'True', reason: 'Done', message: '' }, now);
    expect(after.map(({ type }) => type)).toEqual(['Complete', 'Redundant', 'Released']);
    expect(others).toEqual(before);
  });
});

describe('conditions.isTrue', () => {
  it('is false for what is False, Unknown or absent', () => {
    const unknown: Condition = { ...complete, type: 'Consistent', status: 'Unknown' };
    const redundant: Condition = { ...complete, type: 'Redundant', status: 'True' };
    const all = [complete, unknown, redundant];
    expect(['Complete', 'Consistent', 'Redundant', 'Verified'].map((type) => isTrue(all, type))).toEqual([
      false,
      false,
      true,
      false,
    ]);
    expect(findCondition(undefined, 'Complete')).toBeUndefined();
  });
});
