import { describe, expect, it } from 'vitest';
import type { SurveyedGroup } from '../../../src/tape/survey.ts';
import { findUnrecorded } from '../../../src/worker/adopt.ts';

const uid = '11111111-0000-4000-8000-000000000000';
const job = { kind: 'BackupJob', uid, namespace: 'default', name: 'x', processNumber: 1 } as const;
const at = new Date('2026-01-01T00:00:00Z');

interface Given {
  readonly segment: number;
  readonly stream?: number;
  readonly uid?: string;
  readonly kind?: 'data' | 'links' | 'catalogue';
  readonly epoch?: number;
}

const whole = (group: number, given: Given): SurveyedGroup => ({
  kind: 'whole',
  group,
  header: {
    group,
    kind: given.kind ?? 'data',
    number: given.segment,
    job: { ...job, uid: given.uid ?? uid },
    stream: given.stream ?? 0,
    epoch: given.epoch ?? 1,
    encoding: { zstd: false, encrypted: false },
    barcode: 'A',
    begunAt: at,
    retainUntil: 'none',
    latestRetainUntil: 'none',
  },
  trailers: {
    group,
    outcome: 'WHOLE',
    reason: '',
    endedAt: at,
    blocks: 1,
    paxBytes: 10,
    indexOffset: 0,
    entries: 1,
    files: 1,
    sha256: '0'.repeat(64),
  },
});

const find = async (tape: readonly SurveyedGroup[], recorded: readonly number[] = []) => {
  const read: number[] = [];
  const found = await findUnrecorded(
    tape.length,
    async (group) => {
      read.push(group);
      return tape[group];
    },
    (segment) => recorded.includes(segment),
    { job, grant: { stream: 0, epoch: 3 } },
  );
  return { read, found: found.map(({ segment, group, epoch }) => ({ segment, group, epoch })) };
};

describe('findUnrecorded', () => {
  it('finds whole groups of this stream behind the last that is recorded, oldest first, whatever their epoch', async () => {
    const tape = [0, 1, 2, 3].map((n) => whole(n, { segment: n, epoch: n }));
    expect(await find(tape, [0, 1])).toEqual({
      read: [3, 2, 1],
      found: [
        { segment: 2, group: 2, epoch: 2 },
        { segment: 3, group: 3, epoch: 3 },
      ],
    });
  });

  it('passes over abandoned groups, catalogues and other streams', async () => {
    const tape: SurveyedGroup[] = [
      whole(0, { segment: 7 }),
      { kind: 'abandoned', group: 1, reason: 'torn' },
      whole(2, { segment: 0, kind: 'catalogue' }),
      whole(3, { segment: 8, stream: 1 }),
    ];
    expect((await find(tape)).found).toEqual([{ segment: 7, group: 0, epoch: 1 }]);
  });

  it('stops at the groups of another job', async () => {
    const other = '22222222-0000-4000-8000-000000000000';
    const tape = [whole(0, { segment: 1 }), whole(1, { segment: 2, uid: other }), whole(2, { segment: 3 })];
    const { read, found } = await find(tape);
    expect(read).toEqual([2, 1]);
    expect(found).toEqual([{ segment: 3, group: 2, epoch: 1 }]);
  });

  it('takes the later of two copies of one segment', async () => {
    const tape = [whole(0, { segment: 5 }), whole(1, { segment: 5, epoch: 2 })];
    expect((await find(tape)).found).toEqual([{ segment: 5, group: 1, epoch: 2 }]);
  });
});
