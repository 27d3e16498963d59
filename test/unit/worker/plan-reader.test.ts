import { describe, expect, it } from 'vitest';
import type { Boundary } from '../../../src/api/generated/shared.ts';
import { pageName } from '../../../src/api/names.ts';
import { savePages } from '../../../src/api/resources.ts';
import { PlanReader } from '../../../src/worker/plan-reader.ts';
import { makeMemoryApi } from '../kube/memory-api.ts';

const namespace = 'twinreel-system';
const record = 'daily-abc-plan';
const job = { kind: 'BackupJob', namespace: 'team', name: 'daily', uid: 'uid-1', processNumber: 1 } as const;
const { signal } = new AbortController();

const boundaryOf = (number: number): Boundary => ({
  ...{ number, path: number === 0 ? '' : `f${number}`, offset: 0, kind: 'D' },
  ...{ weight: 10, entries: 1, files: 1, bytes: 10 },
});

const readerOf = (...pages: readonly (readonly number[])[]): PlanReader => {
  const api = makeMemoryApi();
  for (const [page, numbers] of pages.entries())
    api.seed(savePages, {
      metadata: { name: pageName(record, page), namespace },
      spec: { type: 'Plan', record, page, job },
      ...(numbers.length > 0 && { status: { boundaries: numbers.map(boundaryOf) } }),
    });
  return new PlanReader(api, namespace, record);
};

describe('PlanReader', () => {
  it('finds segments in any order across pages', async () => {
    const reader = readerOf([0, 1], [2, 3], [4]);
    const plan = { segments: 5, complete: true, pages: 3, linksSegment: 5 };
    for (const n of [3, 0, 4, 2, 1]) expect(await reader.boundary(n, plan, signal)).toEqual(boundaryOf(n));
  });

  it('passes over a page whose planner died before it could fill it', async () => {
    for (const pages of [
      [[], [0, 1, 2]],
      [[0], [], [1, 2]],
      [[0, 1], [], [], [2]],
    ]) {
      const reader = readerOf(...pages);
      const plan = { segments: 3, complete: true, pages: pages.length, linksSegment: 3 };
      for (const n of [0, 1, 2])
        expect(await reader.segment(n, plan, signal)).toMatchObject({ kind: 'data', segment: n });
    }
  });

  it('has no segment whose end is not cut yet', async () => {
    const reader = readerOf([0, 1]);
    const plan = { segments: 2, complete: false, pages: 1, linksSegment: 2 };
    expect(await reader.segment(0, plan, signal)).toMatchObject({ to: { path: 'f1', offset: 0 } });
    expect(await reader.segment(1, plan, signal)).toBeUndefined();
  });
});
