import { describe, expect, test } from 'vitest';
import type { PodFacts } from '../../../../src/decide/grant/pod-facts.ts';
import { judgeStream, type StreamView } from '../../../../src/decide/job/stream-fault.ts';

const ended = (message: Partial<NonNullable<NonNullable<PodFacts['exit']>['message']>> | undefined): PodFacts => ({
  name: 'tw-0a1b2c3d-s0-e1',
  uid: 'p',
  node: 'server-0',
  state: 'ended',
  deleting: false,
  fenced: true,
  ageMs: 1000,
  exit: {
    code: message === undefined ? 137 : 20,
    reason: 'Error',
    ...(message === undefined
      ? {}
      : {
          message: {
            v: 1,
            role: 'backup',
            outcome: 'failed',
            reason: 'TapeWriteError',
            fault: 'tape',
            message: 'a write failed',
            ...message,
          },
        }),
  },
});

const view = (pod: PodFacts): StreamView => ({
  grant: { number: 0, epoch: 1, role: 'Active', state: 'Running' },
  pod,
  // As it was when segment 8 was opened ahead: these bytes were of segment 7, which was committed since.
  head: {
    epoch: 1,
    sealed: false,
    closeAsked: false,
    activity: 'Writing',
    openSegment: 8,
    openBytes: 49,
    bytesDone: 0,
  },
  node: undefined,
  silence: { headMs: 0, progressMs: 0 },
  patience: { stallMs: 1, heartbeatMs: 1, preparationMs: 1, filesMs: 1, startMs: 1 },
});

const lostBytes = (pod: PodFacts): number | undefined => {
  const verdict = judgeStream(view(pod));
  return verdict.kind === 'lost' ? verdict.fault.lostBytes : undefined;
};

test('what a worker says it had not committed is what will be written again, not an older word of its head', () => {
  expect(lostBytes(ended({ lostBytes: 30 }))).toBe(30);
});

test('of a worker that was killed the head alone knows what was open', () => {
  expect(lostBytes(ended(undefined))).toBe(49);
});

describe('a worker that beats while nothing moves', () => {
  const patience = { heartbeatMs: 9_000, stallMs: 1_000, preparationMs: 2_000, filesMs: 3_000, startMs: 9_000 };
  const running: PodFacts = {
    ...{ name: 'tw-0a1b2c3d-s0-e1', uid: 'p', node: 'server-0', state: 'running' },
    ...{ deleting: false, fenced: true, ageMs: 60_000 },
  };
  const judge = (activity: string, progressMs: number) => {
    const seen = view(running);
    const head = seen.head === undefined ? undefined : { ...seen.head, activity };
    const verdict = judgeStream({ ...seen, head, patience, silence: { headMs: 0, progressMs } });
    return verdict.kind === 'lost' ? `${verdict.fault.reason} of the ${verdict.fault.domain}` : verdict.kind;
  };

  test.each([
    ['Writing', 1_000, 'Stalled of the drive'],
    ['Flushing', 1_000, 'Stalled of the drive'],
    ['Closing', 1_000, 'Stalled of the drive'],
    ['Reading', 1_000, 'Stalled of the drive'],
    ['Loading', 2_000, 'Stalled of the drive'],
    ['Locating', 2_000, 'Stalled of the drive'],
    ['WaitingForSource', 3_000, 'SourceStalled of the source'],
    ['Restoring', 3_000, 'TargetStalled of the target'],
  ])('while %s is given up after %i ms: %s', (activity, limitMs, verdict) => {
    expect(judge(activity, limitMs)).toBe('fine');
    expect(judge(activity, limitMs + 1)).toBe(verdict);
  });

  test.each(['Starting', 'Planning', 'WaitingForWork', 'Ending'])('is left alone while %s', (activity) => {
    expect(judge(activity, 1e9)).toBe('fine');
  });
});

describe('a worker that is heard no more', () => {
  const running: PodFacts = {
    ...{ name: 'tw-0a1b2c3d-s0-e1', uid: 'p', node: 'server-0', state: 'running' },
    ...{ deleting: false, fenced: true, ageMs: 60_000 },
  };
  const judge = (headMs: number, progressMs: number, stallMs: number, ready = true) => {
    const patience = { heartbeatMs: 4_000, stallMs, preparationMs: 1e6, filesMs: 1e6, startMs: 1e6 };
    const verdict = judgeStream({
      ...{ ...view(running), patience, silence: { headMs, progressMs } },
      node: { ready, bootId: 'b', machineId: 'm' },
    });
    return verdict.kind === 'lost' ? `${verdict.fault.reason} of the ${verdict.fault.domain}` : verdict.kind;
  };

  test('has its drive not blamed: nobody knows whether that moves', () => {
    expect(judge(10_000, 12_000, 10_000)).toBe('fine');
    expect(judge(10_001, 12_000, 10_000)).toBe('HeartbeatLost of the worker');
  });

  test('and had told until then that nothing moved: its drive is blamed for what was told', () => {
    expect(judge(2_000, 12_000, 10_000)).toBe('fine');
    expect(judge(2_000, 12_001, 10_000)).toBe('Stalled of the drive');
  });

  test('has some beats to miss, however short the patience with drives is', () => {
    expect(judge(4_000, 4_000, 1_000)).toBe('fine');
    expect(judge(4_001, 4_001, 1_000)).toBe('HeartbeatLost of the worker');
  });

  test('is lost with its node, where that is not ready either', () => {
    expect(judge(10_000, 10_000, 10_000, false)).toBe('fine');
    expect(judge(10_001, 10_001, 10_000, false)).toBe('NodeGone of the server');
  });
});

test('a worker that was killed for want of memory is lost through its server, which has or allows too little', () => {
  const verdict = judgeStream(view({ ...ended(undefined), exit: { code: 137, reason: 'OOMKilled' } }));
  expect(verdict).toMatchObject({ kind: 'lost', fault: { reason: 'OutOfMemory', domain: 'server', lostBytes: 49 } });
});
