import { describe, expect, it } from 'vitest';
import { decideBackupJob, needsCommitted } from '../../../../src/decide/job/backup-job.ts';
import type { SeenJob } from '../../../../src/decide/job/job-view.ts';
import type { Span } from '../../../../src/decide/spans.ts';
import {
  aGrant,
  aHead,
  aPod,
  decide,
  endedWith,
  now,
  nowMs,
  seenJob,
  statesOf,
  stepsOf,
  streamPod,
  type Scene,
} from '../job-objects.ts';

const all: readonly Span[] = [{ first: 0, last: 10 }];
const open: readonly Span[] = [{ first: 0, last: Infinity }];
const none = new Map<number, readonly Span[]>();
const idle = { idle: true, activity: 'WaitingForWork', openSegment: undefined, assigned: all };

/** Two streams that write. */
const running: Scene = {
  streams: [aGrant(0, 'Running'), aGrant(1, 'Running')],
  pods: [streamPod(0), streamPod(1)],
  heads: [
    [0, aHead(0, { assigned: all })],
    [1, aHead(1, { assigned: all })],
  ],
};

describe('a backup job brings its streams forward', () => {
  it.each<readonly [string, Scene, string, string]>([
    [
      'B8: what is reserved is zoned and loaded',
      { streams: [aGrant(0, 'Reserved')], plan: undefined },
      'zone 0, launchPlan',
      '0 Preparing',
    ],
    [
      "a stream that waits is the allocator's",
      { streams: [aGrant(0, 'Waiting')], isSecured: false, committed: undefined },
      '',
      '0 Waiting',
    ],
    [
      'the plan is cut once a server is secured',
      { streams: [aGrant(0, 'Ready')], plan: { segments: 0, complete: false, pod: undefined }, committed: undefined },
      'launchPlan',
      '0 Ready',
    ],
    [
      'B9: a stream that is ready is told what to write, and its worker started',
      { streams: [aGrant(0, 'Ready')] },
      'openHead 0, launchBackup 0',
      '0 Running',
    ],
    ['B10: streams that write are left alone', running, '', '0 Running, 1 Running'],
    [
      'a standby stays ready',
      {
        ...running,
        job: { routes: 3 },
        streams: [...(running.streams ?? []), aGrant(2, 'Ready', { role: 'Standby' })],
      },
      '',
      '0 Running, 1 Running, 2s Ready',
    ],
    [
      'a worker that a crash kept from being made is made',
      { ...running, streams: [aGrant(0, 'Running')], pods: [], heads: [] },
      'openHead 0, launchBackup 0',
      '0 Running',
    ],
    [
      'one whose head stands needs no second one',
      { streams: [aGrant(0, 'Running')], pods: [], heads: [[0, aHead(0, { activity: 'Starting', assigned: all })]] },
      'launchBackup 0',
      '0 Running',
    ],
  ])('%s', (_name, scene, steps, states) => {
    const decision = decide(scene);
    expect(stepsOf(decision)).toBe(steps);
    expect(statesOf(decision)).toBe(states);
  });

  it('hands out to the open end while the plan grows, and to its end once that is known', () => {
    const growing = decide({ ...running, plan: { segments: 2, complete: false, pod: aPod('plan') } });
    expect(stepsOf(growing, 'assign')).toBe('assign 0, assign 1');
    const heads = [0, 1].map((stream) => [stream, aHead(stream, { assigned: open })] as const);
    const known = decide({ ...running, heads });
    expect(stepsOf(known, 'assign')).toBe('assign 0, assign 1');
    expect(known.steps[0]).toMatchObject({ assigned: [{ first: 0, last: 10 }] });
  });

  it('notes the boot of the node once its worker was seen to run, so that another one proves it gone', () => {
    const boots = new Map([['node-0', 'boot-7']]);
    expect(decide({ ...running, boots }).status.streams?.[0]).toMatchObject({ podStarted: true, bootID: 'boot-7' });
    const pods = [streamPod(0, { state: 'waiting' }), streamPod(1)];
    expect(decide({ ...running, pods, boots }).status.streams?.[0]).not.toHaveProperty('podStarted');
  });

  it('never gives a tape on which it has begun to another stream', () => {
    expect(decide({ streams: [aGrant(0, 'Ready')] }).status.avoid?.tapes).toEqual(['tape-0']);
  });

  it.each([
    [1023, [...Array(1023).keys(), 'tape-0'], undefined],
    [1024, [...Array(1024).keys()], { result: 'Failed', reason: 'TooManyTapes' }],
  ] as const)('forgets none of %i tapes for the next one', (count, expected, ending) => {
    const tapes = Array.from({ length: count }, (_, n) => String(n));
    const decision = decide({ streams: [aGrant(0, 'Ready')], status: { avoid: { tapes } } });
    expect(decision.status.avoid?.tapes).toEqual(expected.map(String));
    expect(decision.status.ending?.reason).toBe(ending?.reason);
    expect(stepsOf(decision, 'launchBackup')).toBe(ending === undefined ? 'launchBackup 0' : '');
  });
});

describe('F6: a stream is lost', () => {
  const broken: Scene = { ...running, pods: [streamPod(0, endedWith(21, 'TapeWriteError', 'tape')), streamPod(1)] };

  it('seals its head, keeps what it holds until the fence is proven, and waits for other hardware', () => {
    const decision = decide(broken);
    expect(stepsOf(decision).split(', ').slice(0, 2)).toEqual(['sealHead 0', 'noteFault 0']);
    expect(statesOf(decision)).toBe('0 Waiting, 1 Running | 0 Releasing');
    expect(decision.status).toMatchObject({ bytesRewritten: 400, replacements: 1 });
    expect(decision.status.avoid).toMatchObject({ drives: ['lib-0/drive-0'], tapes: ['tape-0'] });
    expect(decision.status.failoverHistory).toMatchObject([{ stream: 0, fromEpoch: 1, reason: 'TapeWriteError' }]);
  });

  it('avoids no more tapes than its status can name', () => {
    const tapes = Array.from({ length: 1024 }, (_, n) => String(n));
    expect(decide({ ...broken, status: { avoid: { tapes } } }).status.avoid?.tapes).toEqual(tapes);
  });

  it('avoids the node where that is gone, and not only the server', () => {
    const nodes = new Map([['node-0', { ready: false, bootId: '', machineId: '' }]]);
    const silence = () => ({ headMs: 100_001, progressMs: 100_001 });
    const { status } = decide({ ...running, nodes, silence });
    expect(status.avoid).toEqual({ servers: ['server-0'], nodes: ['node-0'] });
    const killed = { state: 'ended', exit: { code: 137, reason: 'OOMKilled' } } as const;
    const starved = decide({ ...running, pods: [streamPod(0, killed), streamPod(1)] });
    expect(starved.status.avoid).toEqual({ servers: ['server-0'] });
  });

  it('puts a standby that is ready in its place at once', () => {
    const scene: Scene = {
      ...broken,
      job: { routes: 3 },
      streams: [...(running.streams ?? []), aGrant(2, 'Ready', { role: 'Standby' })],
    };
    const decision = decide(scene);
    expect(statesOf(decision)).toBe('0s Waiting, 1 Running, 2 Ready | 0 Releasing');
    expect(decision.status.failovers).toBe(1);
    // Once the head of what was lost is sealed it is known what is missing.
    const next = decide({ ...scene, streams: decision.status.streams ?? [], retired: decision.status.retired ?? [] });
    expect(stepsOf(next, 'openHead', 'launchBackup')).toBe('openHead 2, launchBackup 2');
  });

  it('does not start the next writer before the head of the lost one is sealed', () => {
    const scene: Scene = {
      streams: [aGrant(0, 'Waiting', { lostEpoch: 1 }), aGrant(1, 'Ready')],
      retired: [aGrant(0, 'Fencing')],
      pods: [streamPod(0, { deleting: true })],
      heads: [[0, aHead(0)]],
      job: { copies: 1, activeRoutes: 1 },
    };
    expect(stepsOf(decide(scene), 'openHead')).toBe('');
    expect(stepsOf(decide({ ...scene, heads: [[0, aHead(0, { sealed: true })]] }), 'openHead')).toBe('openHead 1');
  });

  it('goes on with the next tape when one is full, which is no failover', () => {
    const decision = decide({ ...running, pods: [streamPod(0, endedWith(22, 'TapeFull', 'tape')), streamPod(1)] });
    expect(statesOf(decision)).toBe('0 Waiting, 1 Running | 0 Releasing');
    expect(decision.status).not.toHaveProperty('failoverHistory');
    expect(decision.status.streams?.[0]).not.toHaveProperty('lostEpoch');
  });

  it('goes on with no other tape when a segment does not fit on an empty one: none of them would hold it', () => {
    const tooLarge = endedWith(10, 'SegmentTooLarge', 'source');
    const decision = decide({ ...running, pods: [streamPod(0, tooLarge), streamPod(1, tooLarge)] });
    expect(statesOf(decision)).toBe('0 Fencing, 1 Fencing');
    expect(decision.status.replacements).toBe(0);
    const sealed = [0, 1].map((stream) => [stream, aHead(stream, { sealed: true })] as const);
    const { status } = decide({ ...running, heads: sealed, committed: none, streams: decision.status.streams ?? [] });
    expect(status.ending).toMatchObject({ result: 'Failed', reason: 'SegmentTooLarge', copies: 0 });
  });

  it.each<readonly [string, Scene]>([
    [
      'whose source cannot be read: no other drive reads it better',
      { pods: [streamPod(0, endedWith(10, 'SourceReadError', 'source')), streamPod(1)] },
    ],
    ['after as many replacements as are allowed', { status: { replacements: 4 } }],
  ])('is not replaced %s', (_name, more) => {
    expect(statesOf(decide({ ...broken, ...more }))).toBe('0 Fencing, 1 Running');
  });

  it.each([
    ['before its worker begins', aGrant(0, 'Ready')],
    ['before the pod of its worker was made', aGrant(0, 'Running')],
  ])('when its library is deleted %s', (_name, grant) => {
    const scene = { streams: [grant], heads: [], committed: new Map() };
    const { view, ...seen } = seenJob(scene);
    const gone = () => ({ reason: 'LibraryMissing', message: 'gone', domain: 'changer' as const, lostBytes: 0 });
    const decision = decideBackupJob({ ...seen, view: { ...view, gone } }, nowMs);
    expect(statesOf(decision)).toBe('0 Waiting | 0 Releasing');
    expect(decision.status.avoid).toEqual({ libraries: ['lib-0'] });
  });

  it('calls the drive NotUsable when its fence is not proven in time, and says so again until it is', () => {
    const stateSince = new Date(Date.UTC(2030, 0, 1)).toISOString();
    const scene: Scene = {
      ...running,
      retired: [aGrant(2, 'Fencing', { stateSince })],
      pods: [...(running.pods ?? []), streamPod(2, { deleting: true })],
    };
    expect(stepsOf(decide(scene))).toBe('suspectFence 2');
  });
});

describe('B11, F7, F8: what became of it', () => {
  const ending = (scene: Scene): string => {
    const found = decide(scene).status.ending;
    return found === undefined ? 'none' : `${found.result} ${found.reason} ${found.copies ?? 0}`;
  };
  const both = new Map([
    [0, all],
    [1, all],
  ]);
  const ended = (one: 'Succeeded' | 'Failed', other: 'Succeeded' | 'Failed') => [aGrant(0, one), aGrant(1, other)];

  it.each<readonly [string, Scene, string]>([
    [
      'all copies of everything: success',
      { streams: ended('Succeeded', 'Succeeded'), committed: both },
      'Succeeded AllCopiesWritten 2',
    ],
    [
      'B11: one success is success',
      { streams: ended('Succeeded', 'Failed'), committed: new Map([[0, all]]) },
      'Succeeded CopiesMissing 1',
    ],
    [
      'copies count segment by segment, whoever wrote them',
      {
        streams: ended('Failed', 'Failed'),
        committed: new Map([
          [0, [{ first: 0, last: 4 }]],
          [1, [{ first: 5, last: 10 }]],
        ]),
      },
      'Succeeded CopiesMissing 1',
    ],
    [
      'F8: a segment that is nowhere: failure',
      { streams: ended('Failed', 'Failed'), committed: new Map([[0, [{ first: 0, last: 9 }]]]) },
      'Failed NoStreamLeft 0',
    ],
    [
      'fewer than minCopies: failure',
      { job: { minCopies: 2 }, streams: ended('Succeeded', 'Failed'), committed: new Map([[0, all]]) },
      'Failed NoStreamLeft 1',
    ],
    [
      'a plan that is not whole proves nothing',
      {
        streams: ended('Succeeded', 'Succeeded'),
        committed: both,
        plan: { segments: 10, complete: false, pod: undefined },
      },
      'Failed NoStreamLeft 0',
    ],
    ['a stream that still writes is waited for', { ...running, committed: none }, 'none'],
    [
      'so is one that waits for other hardware',
      { streams: [aGrant(0, 'Waiting', { lostEpoch: 1 }), aGrant(1, 'Succeeded')], committed: new Map([[1, all]]) },
      'none',
    ],
    [
      'but not when everything is copied',
      { streams: [aGrant(0, 'Waiting', { lostEpoch: 1 }), aGrant(1, 'Succeeded')], committed: both },
      'Succeeded AllCopiesWritten 2',
    ],
    [
      'nor does one that stands ready with nothing left to write keep a job from its end',
      { streams: [aGrant(0, 'Ready'), aGrant(1, 'Failed')], committed: new Map([[0, all]]) },
      'Succeeded CopiesMissing 1',
    ],
    [
      'but its work may come back while another stream is being replaced',
      { streams: [aGrant(0, 'Ready'), aGrant(1, 'Waiting', { lostEpoch: 1 })], committed: new Map([[0, all]]) },
      'none',
    ],
    [
      'nothing is judged on what was not read',
      { streams: ended('Succeeded', 'Succeeded'), committed: undefined },
      'none',
    ],
  ])('%s', (_name, scene, expected) => {
    expect(ending(scene)).toBe(expected);
  });

  it('closes a stream that has nothing left to write, and asks again where a crash swallowed that', () => {
    const scene: Scene = {
      ...running,
      committed: both,
      heads: [
        [0, aHead(0, idle)],
        [1, aHead(1, idle)],
      ],
    };
    const decision = decide(scene);
    expect(statesOf(decision)).toBe('0 Closing, 1 Closing');
    expect(stepsOf(decision)).toBe('closeHead 0, closeHead 1');
    const streams = decision.status.streams ?? [];
    expect(stepsOf(decide({ ...scene, streams }))).toBe('closeHead 0, closeHead 1');
    const told = [0, 1].map((stream) => [stream, aHead(stream, { ...idle, closeAsked: true })] as const);
    expect(stepsOf(decide({ ...scene, streams, heads: told }))).toBe('');
  });

  it('counts a stream that failed after everything was committed as a success', () => {
    const streams = [aGrant(0, 'Closing'), aGrant(1, 'Running')];
    const decision = decide({
      ...running,
      streams,
      pods: [streamPod(0, endedWith(21, 'TapeWriteError', 'tape')), streamPod(1)],
    });
    expect(decision.status.streams?.[0]).toMatchObject({ state: 'Releasing', outcome: 'Succeeded' });
  });
});

describe('B14, F9: the end of a job', () => {
  it.each<readonly [string, Scene, string]>([
    ['cancel', { cancelAsked: true }, 'Cancelled Cancelled'],
    ['deletion', { deleted: true }, 'Cancelled Deleted'],
    ['suspend', { suspendAsked: true }, 'Suspended Suspended'],
    ['activeDeadline', { job: { activeDeadline: '500ms' } }, 'Failed DeadlineExceeded'],
  ])('is asked for by %s: everything is sealed and released', (_name, more, expected) => {
    const decision = decide({ ...running, ...more });
    expect(`${decision.status.ending?.result} ${decision.status.ending?.reason}`).toBe(expected);
    expect(statesOf(decision)).toBe('0 Fencing, 1 Fencing');
    expect(stepsOf(decision)).toBe('sealHead 0, deletePod, sealHead 1, deletePod');
  });

  it('comes when the walk of the source has met nothing for too long, and does not wait for the planner', () => {
    const pod = aPod('tw-1a2b3c4d-plan-e0');
    const plan = (progressMs: number) => ({ segments: 0, complete: false, pod, silence: { headMs: 0, progressMs } });
    expect(decide({ ...running, plan: plan(900_000) }).status.ending).toBeUndefined();
    const { status } = decide({ ...running, plan: plan(900_001) });
    expect(status.ending).toMatchObject({ result: 'Failed', reason: 'SourceStalled' });
    expect(status.ending?.message).toBe('the walk of the source has met nothing for 900 s');
    const ending = { result: 'Failed' as const, reason: 'SourceStalled', message: '' };
    const released: Scene = { streams: [aGrant(0, 'Released'), aGrant(1, 'Released')], status: { ending } };
    expect(stepsOf(decide({ ...released, plan: plan(900_001) }))).toContain('finishRecords');
  });

  it('keeps its first reason', () => {
    const first = { result: 'Failed' as const, reason: 'PlanFailed', message: '' };
    expect(decide({ ...running, status: { ending: first }, cancelAsked: true }).status.ending).toEqual(first);
  });

  it('leaves an intent to the allocator, which rolls it back', () => {
    const decision = decide({ streams: [aGrant(0, 'Allocating')], cancelAsked: true });
    expect(statesOf(decision)).toBe('0 Allocating');
    expect(stepsOf(decision)).toBe('');
  });

  it('comes when nothing is held any more', () => {
    const scene: Scene = { streams: [aGrant(0, 'Succeeded'), aGrant(1, 'Released')], cancelAsked: true };
    expect(stepsOf(decide(scene))).toBe('finishRecords');
    expect(stepsOf(decide({ ...scene, streams: [aGrant(0, 'Releasing', { unloaded: true })] }))).toBe('free 0');
    expect(stepsOf(decide({ ...scene, plan: { segments: 1, complete: false, pod: aPod('plan') } }))).toBe('deletePod');
  });

  it('tells what proved that a writer is gone, once', () => {
    const grant = aGrant(0, 'Fencing', { pod: 'tw-1a2b3c4d-s0-e1' });
    const gone = decide({ streams: [grant], pods: [streamPod(0, endedWith(143, 'Stopped'))], cancelAsked: true });
    expect(gone.status.streams).toMatchObject([{ state: 'Releasing', fencedBy: 'Terminated', fencedAt: now }]);
    const vouched = seenJob({ streams: [grant], pods: [streamPod(0)], cancelAsked: true });
    const view = { ...vouched.view, fenceVouched: () => true };
    const word = decideBackupJob({ ...vouched, view }, nowMs);
    expect(word.status.streams).toMatchObject([{ fencedBy: 'Administrator' }]);
    const known = { ...grant, fencedBy: 'BootID', fencedAt: '2029-01-01T00:00:00.000Z' } as const;
    const again = decide({ streams: [known], pods: [streamPod(0, endedWith(143, 'Stopped'))], cancelAsked: true });
    expect(again.status.streams).toMatchObject([{ fencedBy: 'BootID', fencedAt: known.fencedAt }]);
  });

  it('does not wait for ever for a fence that cannot be proven', () => {
    const stateSince = new Date(Date.UTC(2030, 0, 1)).toISOString();
    const retired = [aGrant(2, 'Fencing', { stateSince })];
    const pods = [streamPod(2, { deleting: true })];
    expect(stepsOf(decide({ streams: [], retired, pods, cancelAsked: true }))).toBe('suspectFence 2, finishRecords');
  });

  const longAgo = new Date(Date.UTC(2030, 0, 1)).toISOString();
  const unproven: Scene = {
    streams: [aGrant(0, 'Fencing', { stateSince: longAgo, outcome: 'Succeeded' }), aGrant(1, 'Succeeded')],
    pods: [streamPod(0, { deleting: true })],
  };

  it.each<readonly [string, Scene]>([
    ['in a job that is cancelled', { cancelAsked: true }],
    ['in a job that is suspended', { suspendAsked: true }],
    ['in a job that is deleted', { deleted: true }],
    ['in a job that has run out of time', { job: { activeDeadline: '500ms' } }],
    ['in a job that has everything', { committed: new Map([0, 1].map((stream) => [stream, all])) }],
  ])('nor for one of a stream that was not replaced, %s', (_name, more) => {
    const first = decide({ ...unproven, ...more });
    expect(first.status.ending).toBeDefined();
    const next = decide({ ...unproven, ...more, streams: first.status.streams ?? [], status: first.status });
    expect(stepsOf(next)).toContain('finishRecords');
    expect(statesOf(next)).toBe('0 Fencing, 1 Succeeded');
  });

  it('waits as long as the fence may still be proven in time', () => {
    const streams = [aGrant(0, 'Fencing', { stateSince: now })];
    expect(stepsOf(decide({ ...unproven, streams, cancelAsked: true }))).not.toContain('finishRecords');
  });

  it('goes on after it until the fence is vouched for, and then frees what it covered', () => {
    const ending = { result: 'Cancelled' as const, reason: 'Cancelled', message: '' };
    const over: Scene = { ...unproven, status: { phase: 'Cancelled', ending } };
    expect(stepsOf(decide(over))).toBe('suspectFence 0');
    const seen = seenJob(over);
    const vouched = decideBackupJob({ ...seen, view: { ...seen.view, fenceVouched: () => true } }, nowMs);
    expect(stepsOf(vouched)).toBe('liftFence 0, launchUnload 0');
    const streams = [aGrant(0, 'Releasing', { unloaded: true, outcome: 'Succeeded' })];
    expect(stepsOf(decide({ ...over, streams, pods: [] }))).toBe('free 0');
  });
});

describe('a plan', () => {
  const planning = (pod: ReturnType<typeof aPod>, epoch = 0): Scene => ({
    streams: [aGrant(0, 'Ready')],
    status: { plan: { epoch } },
    plan: { segments: 0, complete: false, pod },
    committed: undefined,
  });

  it('that failed is cut again by another pod, from where it got to', () => {
    const decision = decide(planning(aPod('plan', endedWith(1, 'Crashed', 'worker'))));
    expect(decision.status.plan?.epoch).toBe(1);
    expect(decision.status.ending).toBeUndefined();
    expect(stepsOf(decision)).toBe('deletePod');
  });

  it.each<readonly [string, ReturnType<typeof aPod>, number]>([
    ['that failed three times ends the job', aPod('plan', endedWith(1, 'Crashed', 'worker')), 2],
    ['whose source cannot be read ends it at once', aPod('plan', endedWith(10, 'SourceMissing', 'source')), 0],
  ])('%s', (_name, pod, epoch) => {
    expect(decide(planning(pod, epoch)).status.ending?.result).toBe('Failed');
  });
});

describe('F5: a planner that cannot be heard of', () => {
  const node = (ready: boolean) => ({ ready, bootId: '', machineId: '' });
  const seen = (scene: Scene): SeenJob => {
    const job = seenJob({ nodes: new Map([['n', node(false)]]), ...scene });
    const patience = { startMs: 60_000, preparationMs: 600_000, nodeMs: 40_000 };
    return { ...job, view: { ...job.view, actions: { nodes: job.nodes, patience, unloadServers: () => [] } } };
  };
  const planning = (pod: ReturnType<typeof aPod>, more: Scene = {}): Scene => ({
    streams: [aGrant(0, 'Ready')],
    status: { plan: { epoch: 0 } },
    plan: { segments: 0, complete: false, pod },
    committed: undefined,
    ...more,
  });

  it('is followed by another one under the next epoch', () => {
    const decision = decideBackupJob(seen(planning(aPod('plan', { ageMs: 41_000 }))), nowMs);
    expect(decision.status.plan?.epoch).toBe(1);
    expect(stepsOf(decision)).toBe('deletePod');
    const young = decideBackupJob(seen(planning(aPod('plan', { ageMs: 1_000 }))), nowMs);
    expect(stepsOf(young)).toBe('');
  });

  it('may walk for longer than a load may take', () => {
    const nodes = new Map([['n', node(true)]]);
    expect(stepsOf(decideBackupJob(seen(planning(aPod('plan', { ageMs: 1e9 }), { nodes })), nowMs))).toBe('');
  });

  it('that three servers could not start ends the job', () => {
    const pod = aPod('plan', { state: 'waiting', ageMs: 61_000, waitingReason: 'ErrImagePull' });
    const scene = planning(pod, { nodes: new Map([['n', node(true)]]), status: { plan: { epoch: 2 } } });
    expect(decideBackupJob(seen(scene), nowMs).status.ending?.reason).toBe('PodNotStarted');
  });

  it('tries another server after each attempt that failed', () => {
    const hostAt = (epoch: number): unknown =>
      decide({
        ...{ streams: [aGrant(0, 'Ready'), aGrant(1, 'Ready')], status: { plan: { epoch } }, committed: undefined },
        plan: { segments: 0, complete: false, pod: undefined },
      }).steps;
    expect([0, 1, 2].map(hostAt)).toEqual(
      ['server-0', 'server-1', 'server-0'].map((server) => [{ kind: 'launchPlan', server }]),
    );
  });

  it('that is killed for lack of memory again and again ends the job with what to raise', () => {
    const pod = aPod('plan', { state: 'ended', exit: { code: 137, reason: 'OOMKilled' } });
    expect(decide(planning(pod, { status: { plan: { epoch: 1 } } })).status.ending).toBeUndefined();
    expect(decide(planning(pod, { status: { plan: { epoch: 2 } } })).status.ending).toMatchObject({
      reason: 'OutOfMemory',
      message: expect.stringContaining('limits.memory') as string,
    });
    const crashed = aPod('plan', { state: 'ended', exit: { code: 1, reason: 'Error' } });
    expect(decide(planning(crashed, { status: { plan: { epoch: 2 } } })).status.ending).toMatchObject({
      reason: 'PlanFailed',
      message: expect.stringContaining('ended with exit code 1') as string,
    });
  });

  it('is not launched on a server whose node is gone', () => {
    const nodes = new Map([
      ['node-0', node(false)],
      ['node-1', node(true)],
    ]);
    const scene: Scene = {
      ...{ streams: [aGrant(0, 'Ready'), aGrant(1, 'Ready')], nodes, committed: undefined },
      plan: { segments: 0, complete: false, pod: undefined },
    };
    expect(decide(scene).steps).toEqual([{ kind: 'launchPlan', server: 'server-1' }]);
  });

  it('does not keep a cancelled job from ending', () => {
    const pod = aPod('plan', { ageMs: 41_000, deleting: true });
    const scene = planning(pod, { streams: [aGrant(0, 'Released')], cancelAsked: true });
    expect(stepsOf(decideBackupJob(seen(scene), nowMs))).toContain('finishRecords');
  });
});

describe('one robot', () => {
  it('is put to work by one stream at a time, within a pass too', () => {
    const same = { zoned: true, library: 'lib' };
    const loads = decide({ streams: [aGrant(0, 'Preparing', same), aGrant(1, 'Preparing', same)] });
    expect(stepsOf(loads, 'launchLoad')).toBe('launchLoad 0');
    const leaving = [0, 1].map((number) => aGrant(number, 'Releasing', same));
    expect(stepsOf(decide({ streams: leaving, cancelAsked: true }), 'launchUnload')).toBe('launchUnload 0');
    const mixed = { streams: [aGrant(0, 'Preparing', same)], retired: [aGrant(1, 'Releasing', same)] };
    expect(stepsOf(decide(mixed), 'launchLoad', 'launchUnload')).toBe('launchLoad 0');
  });
});

describe('the commits are read uncached', () => {
  it.each<readonly [string, Scene, boolean]>([
    ['not while streams simply write', running, false],
    ['not before anything was secured', { streams: [aGrant(0, 'Waiting')], isSecured: false }, false],
    ['before a stream starts', { streams: [aGrant(0, 'Ready')] }, true],
    [
      'when a stream has nothing left to do',
      {
        ...running,
        heads: [
          [0, aHead(0, idle)],
          [1, aHead(1, { assigned: all })],
        ],
      },
      true,
    ],
    [
      'when the open end of what was handed out has to be bounded',
      {
        ...running,
        heads: [
          [0, aHead(0)],
          [1, aHead(1)],
        ],
      },
      true,
    ],
    ['when no stream is left', { streams: [aGrant(0, 'Succeeded'), aGrant(1, 'Failed')] }, true],
    [
      'not for a job that is ending',
      { streams: [aGrant(0, 'Succeeded')], status: { ending: { result: 'Cancelled', reason: '', message: '' } } },
      false,
    ],
  ])('%s: %s', (_name, scene, expected) => {
    expect(needsCommitted(seenJob(scene))).toBe(expected);
  });
});
