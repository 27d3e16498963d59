import { describe, expect, it } from 'vitest';
import { findCondition } from '../../../../src/api/conditions.ts';
import { backupJobs } from '../../../../src/api/resources.ts';
import { validate } from '../../../../src/api/validate.ts';
import type { JobStatus } from '../../../../src/decide/job/job-view.ts';
import { effectiveSpec } from '../../../../src/decide/job/effective-spec.ts';
import { finalise } from '../../../../src/decide/job/job-status.ts';
import { resumed } from '../../../../src/decide/job/resume.ts';
import { aGrant, aJob, decide, now, nowMs, stepsOf, type Scene } from '../job-objects.ts';

const hooks = {
  before: [
    { podSelector: { matchLabels: { app: 'db' } }, command: ['freeze'], timeout: '60s', onError: 'Fail' as const },
  ],
  after: [],
};
const spec = effectiveSpec(aJob({ hooks }));
const ending = { result: 'Suspended', reason: 'Suspended', message: 'spec.suspend is set' } as const;
const suspended: JobStatus = {
  ...{ phase: 'Suspended', ending, allocatedAt: now, nextEpoch: 3, failovers: 1 },
  startTime: new Date(nowMs - 7_200_000).toISOString(),
  suspendedAt: new Date(nowMs - 3_600_000).toISOString(),
  hooks: [{ when: 'Before', index: 0, state: 'Succeeded' }],
  plan: { record: 'plan', complete: true, segments: 10 },
  streams: [aGrant(0, 'Fencing'), aGrant(1, 'Released')],
};
const again = resumed(suspended, spec, now);

describe('a job that is resumed', () => {
  it('waits for hardware again, and knows what it knew', () => {
    expect(again).toMatchObject({ phase: 'Queued', nextEpoch: 3, failovers: 1, plan: { complete: true } });
    expect(again).not.toHaveProperty('ending');
    expect(again).not.toHaveProperty('allocatedAt');
    expect(again.streams?.map(({ state }) => state)).toEqual(['Waiting', 'Waiting']);
    const { metadata, spec: asked } = aJob();
    expect(validate(backupJobs, { metadata, spec: asked, status: again })).toEqual({ ok: true });
  });

  it('keeps holding what an outstanding fence covers', () => {
    expect(again.retired).toEqual([aGrant(0, 'Fencing')]);
  });

  it('counts the time for which it was suspended, which is on no deadline', () => {
    expect(again.suspendedSeconds).toBe(3_600);
    const later = { ...again, suspendedAt: now };
    expect(resumed(later, spec, new Date(nowMs + 60_000).toISOString()).suspendedSeconds).toBe(3_660);
  });

  it('quiesces the application again before anything more is read', () => {
    const ready: Scene = {
      job: { hooks },
      status: again,
      streams: [aGrant(0, 'Ready'), aGrant(1, 'Ready')],
      plan: { segments: 10, complete: true, pod: undefined },
    };
    expect(stepsOf(decide(ready))).toBe('runHook');
    const quiet: JobStatus = { ...again, hooks: [{ when: 'Before', index: 0, state: 'Succeeded' }] };
    expect(stepsOf(decide({ ...ready, status: quiet }), 'openHead')).toBe('openHead 0, openHead 1');
  });

  it('is not Consistent, whatever its hooks did: it was read of two moments', () => {
    const quiet: JobStatus = { ...again, hooks: suspended.hooks ?? [] };
    const done = finalise({ ...quiet, ending: { ...ending, result: 'Succeeded' } }, spec, 1, now);
    expect(findCondition(done.conditions, 'Consistent')).toMatchObject({ status: 'False', reason: 'Interrupted' });
  });

  it('was not interrupted where nothing had been read', () => {
    const { plan: _none, ...early } = suspended;
    expect(resumed(early, spec, now)).not.toHaveProperty('interrupted');
  });
});

describe('a job that is suspended', () => {
  it('notes since when', () => {
    expect(finalise({ ending }, spec, 1, now)).toMatchObject({ phase: 'Suspended', suspendedAt: now });
  });
});
