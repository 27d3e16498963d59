import { describe, expect, it } from 'vitest';
import type { Area, Commit } from '../../../src/api/generated/shared.ts';
import { addToAreas, addToTotals } from '../../../src/worker/areas.ts';

const commit = (more: Partial<Commit> = {}): Commit => ({
  library: 'library-0',
  tape: 'tape-a',
  barcode: 'A00001L9',
  labelId: 'a'.repeat(32),
  group: 0,
  bytes: 100,
  blocks: 2,
  entries: 7,
  files: 5,
  sha256: '0'.repeat(64),
  writtenAt: '2026-01-01T00:00:00.000Z',
  epoch: 1,
  indexOffset: 0,
  ...more,
});

describe('addToAreas', () => {
  it('widens the area of the same tape and grant', () => {
    const first = addToAreas([], 3, commit({ group: 4 }));
    const both = addToAreas(first, 1, commit({ group: 5, writtenAt: '2026-01-01T00:00:05.000Z' }));
    expect(both).toEqual([
      {
        library: 'library-0',
        tape: 'tape-a',
        barcode: 'A00001L9',
        labelId: 'a'.repeat(32),
        epoch: 1,
        firstSegment: 1,
        lastSegment: 3,
        segments: 2,
        bytes: 4 * 262_144,
        firstGroup: 4,
        lastGroup: 5,
        startedAt: '2026-01-01T00:00:00.000Z',
        endedAt: '2026-01-01T00:00:05.000Z',
      },
    ]);
  });

  it('begins another one on another tape, after another labelling, and in another epoch', () => {
    let areas: readonly Area[] = addToAreas([], 0, commit());
    areas = addToAreas(areas, 1, commit({ tape: 'tape-b' }));
    areas = addToAreas(areas, 2, commit({ labelId: 'b'.repeat(32) }));
    areas = addToAreas(areas, 3, commit({ epoch: 2 }));
    expect(areas).toHaveLength(4);
  });
});

describe('addToTotals', () => {
  it('adds what the commit tells and keeps what it does not', () => {
    expect(addToTotals({ segments: 1, bytes: 50, skipped: 3 }, commit())).toEqual({
      segments: 2,
      bytes: 150,
      tapeBytes: 2 * 262_144,
      entries: 7,
      files: 5,
      skipped: 3,
    });
  });
});
