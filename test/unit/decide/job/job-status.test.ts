import { describe, expect, it } from 'vitest';
import type { BackupSaveRecord } from '../../../../src/api/generated/index.ts';
import { findCondition } from '../../../../src/api/conditions.ts';
import type { JobStatus } from '../../../../src/decide/job/job-view.ts';
import { effectiveSpec } from '../../../../src/decide/job/effective-spec.ts';
import { eventsBetween } from '../../../../src/decide/job/job-events.ts';
import { finalise, isTerminal, phaseOf, summarise, type Heads } from '../../../../src/decide/job/job-status.ts';
import { aGrant, aJob, now } from '../job-objects.ts';

const spec = effectiveSpec(aJob());

const record = (name: string, status: BackupSaveRecord['status']): BackupSaveRecord => ({
  metadata: { name },
  spec: { type: 'Stream', job: { kind: 'BackupJob', namespace: 'default', name: 'job', uid: 'u', processNumber: 1 } },
  ...(status === undefined ? {} : { status }),
});

const plan = { segments: 10, weight: 1_000, files: 5, complete: true };

const heads = (one: BackupSaveRecord['status'], other: BackupSaveRecord['status'] = {}): Heads => ({
  streams: new Map([
    [0, record('s0', one)],
    [1, record('s1', other)],
  ]),
  plan: record('plan', { plan }),
});

describe('the phase of a job', () => {
  it.each<readonly [string, JobStatus, string]>([
    ['waits for hardware', { streams: [aGrant(0, 'Waiting'), aGrant(1, 'Waiting')] }, 'Queued'],
    ['has an intent', { streams: [aGrant(0, 'Allocating'), aGrant(1, 'Allocating')] }, 'Allocating'],
    ['zones and loads', { streams: [aGrant(0, 'Preparing'), aGrant(1, 'Reserved')] }, 'Preparing'],
    ['has loaded and not yet begun', { streams: [aGrant(0, 'Ready'), aGrant(1, 'Preparing')] }, 'Planning'],
    ['writes', { streams: [aGrant(0, 'Running')], plan: { segments: 3 } }, 'Running'],
    [
      'goes on running while a lost stream waits',
      { phase: 'Running', streams: [aGrant(0, 'Waiting', { lostEpoch: 1 })] },
      'Running',
    ],
    [
      'closes when no stream writes any more',
      { phase: 'Running', streams: [aGrant(0, 'Closing'), aGrant(1, 'Succeeded')] },
      'Closing',
    ],
    [
      'releases once it has ended',
      { ending: { result: 'Failed', reason: '', message: '' }, streams: [aGrant(0, 'Running')] },
      'Releasing',
    ],
  ])('that %s', (_name, status, phase) => {
    expect(phaseOf(status)).toBe(phase);
  });

  it('is final in three cases', () => {
    const phases = ['Succeeded', 'Failed', 'Cancelled', 'Suspended', 'Releasing', 'Queued'] as const;
    expect(phases.filter((phase) => isTerminal({ phase }))).toEqual(['Succeeded', 'Failed', 'Cancelled']);
  });
});

describe('what a job says of its progress', () => {
  const running: JobStatus = { phase: 'Running', streams: [aGrant(0, 'Running'), aGrant(1, 'Running')] };

  it('counts what is committed, on as many copies as there are to be', () => {
    const totals = { segments: 5, bytes: 400, files: 2 };
    const { progress } = summarise(running, spec, heads({ epoch: 1, totals, openBytes: 50 }, { epoch: 2, totals }));
    expect(progress).toEqual({
      ...{ bytesDone: 850, bytesTotal: 2_000, segmentsDone: 10, segmentsTotal: 22 },
      ...{ filesDone: 4, filesTotal: 10, percent: '42%' },
    });
  });

  it('says 100 % when, and only when, every segment has its copies', () => {
    const done = { totals: { segments: 11, bytes: 900, files: 5 } };
    expect(summarise(running, spec, heads(done, done)).progress?.percent).toBe('100%');
    const almost = { totals: { segments: 10, bytes: 1_200, files: 5 } };
    expect(summarise(running, spec, heads(done, almost)).progress?.percent).toBe('99%');
  });

  it('counts what could not be read once, whoever met it', () => {
    const found = (copies: number, one: number, other: number) =>
      summarise(
        running,
        effectiveSpec(aJob({ copies, activeRoutes: 2 })),
        heads({ totals: { skipped: one } }, { totals: { skipped: other } }),
      ).skipped;
    expect([found(2, 3, 3), found(2, 3, 1)], 'the same segments twice').toEqual([3, 3]);
    expect(found(1, 3, 2), 'striped: each segment once').toBe(5);
  });

  it('tells what has vanished since the plan, and ends at 100 % without it', () => {
    const totals = { segments: 11, bytes: 700, files: 3, vanished: 2 };
    const [gone, other] = [
      { path: 'a/gone', why: 'ENOENT' },
      { path: 'b/new', why: 'changed' },
    ] as const;
    const seen = heads({ totals, examples: [other] }, { totals, examples: [gone] });
    const told = summarise(running, spec, seen);
    expect(told).toMatchObject({ vanished: 2, skipped: 0, examples: [gone, other], progress: { percent: '100%' } });
  });

  it('shows of a stream what its own grant did, not what an earlier one did', () => {
    const totals = { segments: 5, bytes: 400 };
    const { streams } = summarise(
      running,
      spec,
      heads({ epoch: 1, totals, activity: 'Flushing' }, { epoch: 1, totals }),
    );
    expect(streams?.map((one) => [one.segmentsCommitted, one.activity])).toEqual([
      [5, 'Flushing'],
      [undefined, undefined],
    ]);
  });

  it.each(['Succeeded', 'Released', 'Fencing', 'Waiting', 'Failed'] as const)(
    'shows no activity of a stream that is %s, nor a rate',
    (state) => {
      const last = { activity: 'Writing', bytesPerSecond: 5 } as const;
      const status: JobStatus = { ...running, streams: [aGrant(0, state, last), aGrant(1, 'Running', last)] };
      const seen = { epoch: 1, activity: 'Ending', bytesPerSecond: 7 } as const;
      const [ended, other] = summarise(status, spec, heads(seen)).streams ?? [];
      expect(ended).not.toHaveProperty('activity');
      expect(ended?.bytesPerSecond).toBe(0);
      expect(other?.activity).toBe('Writing');
    },
  );

  it('tells the last loss as the reason, but leaves the reason of a wait to the allocator', () => {
    const lost: JobStatus = {
      ...running,
      failoverHistory: [{ stream: 0, fromEpoch: 1, reason: 'TapeWriteError', message: 'broken' }],
    };
    expect(summarise(lost, spec, heads({})).reason).toBe('TapeWriteError');
    const waiting: JobStatus = {
      ...lost,
      streams: [aGrant(0, 'Waiting', { lostEpoch: 1 }), aGrant(1, 'Running')],
      reason: 'NoUsableDrive',
      queue: { position: 1, since: now },
    };
    const said = summarise(waiting, spec, heads({}));
    expect(said.reason).toBe('NoUsableDrive');
    // Two writers that correct each other would never rest.
    expect(summarise(said, spec, heads({}))).toEqual(said);
  });
});

describe('B11, B14: the last word', () => {
  const conditionsOf = (status: JobStatus): Record<string, string | undefined> =>
    Object.fromEntries(
      ['Complete', 'Failed', 'Redundant', 'Released'].map((type) => {
        const found = findCondition(status.conditions, type);
        return [type, found === undefined ? undefined : `${found.status} ${found.reason}`];
      }),
    );
  const end = (ending: NonNullable<JobStatus['ending']>, more: JobStatus = {}): JobStatus =>
    finalise({ ...more, ending }, spec, 3, now);

  it('says Complete and Redundant when all copies are there', () => {
    const status = end({ result: 'Succeeded', reason: 'AllCopiesWritten', message: '', copies: 2 });
    expect(status).toMatchObject({ phase: 'Succeeded', completionTime: now });
    expect(conditionsOf(status)).toEqual({
      Complete: 'True AllCopiesWritten',
      Failed: undefined,
      Redundant: 'True AllCopiesWritten',
      Released: 'True NothingHeld',
    });
  });

  it('says that copies are missing', () => {
    const status = end({ result: 'Succeeded', reason: 'CopiesMissing', message: '', copies: 1 });
    expect(conditionsOf(status)).toMatchObject({ Complete: 'True CopiesMissing', Redundant: 'False CopiesMissing' });
  });

  it('says in its message what it does not hold', () => {
    const ending = { result: 'Succeeded', reason: 'AllCopiesWritten', message: 'every segment is on 2 tapes' } as const;
    const status = end(ending, { skipped: 2 });
    const message = '2 files could not be read; every segment is on 2 tapes';
    expect(status).toMatchObject({ phase: 'Succeeded', message });
    expect(finalise(status, spec, 3, now), 'said once').toEqual(status);
    expect(eventsBetween({ phase: 'Releasing' }, status)).toMatchObject([{ note: `Succeeded: ${message}` }]);
    expect(findCondition(status.conditions, 'Complete')).toMatchObject({ status: 'True', message });
    expect(end(ending, { skipped: 0 }).message).toBe(ending.message);
  });

  it('says in its message what had vanished before it was read, and shows one of them', () => {
    const ending = { result: 'Succeeded', reason: 'AllCopiesWritten', message: 'every segment is on 2 tapes' } as const;
    const examples = [{ path: 'a/gone', why: 'ENOENT' }];
    const status = end(ending, { skipped: 1, vanished: 2, examples });
    const gone = '1 file could not be read, 2 files vanished before they were read (such as a/gone: ENOENT)';
    expect(status.message).toBe(`${gone}; every segment is on 2 tapes`);
    expect(eventsBetween({ phase: 'Releasing' }, status)).toMatchObject([{ note: `Succeeded: ${status.message}` }]);
    expect(findCondition(status.conditions, 'Consistent')?.message).toMatch(/2 files vanished meanwhile$/);
  });

  it('calls no file consistent that changed while it was read', () => {
    const ending = { result: 'Succeeded', reason: 'AllCopiesWritten', message: '' } as const;
    const messageOf = (changed: number) =>
      findCondition(end(ending, { changed }).conditions, 'Consistent')?.message ?? '';
    expect(messageOf(0)).toBe('read from a live source: each file is consistent in itself');
    expect(messageOf(3)).toMatch(/3 files changed while they were read/);
  });

  it('calls a cancelled job Failed, never Complete', () => {
    const status = end({ result: 'Cancelled', reason: 'Cancelled', message: '' });
    expect(status.phase).toBe('Cancelled');
    expect(conditionsOf(status)).toMatchObject({ Complete: undefined, Failed: 'True Cancelled' });
  });

  it('admits that a fence is outstanding', () => {
    const status = end({ result: 'Failed', reason: 'X', message: '' }, { retired: [aGrant(0, 'Fencing')] });
    expect(conditionsOf(status)['Released']).toBe('False FencingUnconfirmed');
  });

  it('admits it of a stream that was not replaced too', () => {
    const status = end({ result: 'Cancelled', reason: 'X', message: '' }, { streams: [aGrant(0, 'Fencing')] });
    expect(conditionsOf(status)['Released']).toBe('False FencingUnconfirmed');
  });

  it('ends nothing for a job that is only suspended', () => {
    const status = end({ result: 'Suspended', reason: 'Suspended', message: '' });
    expect(status.phase).toBe('Suspended');
    expect(status.conditions).toBeUndefined();
  });
});
