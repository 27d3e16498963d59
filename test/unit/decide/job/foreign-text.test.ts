import { describe, expect, it } from 'vitest';
import { backupJobs } from '../../../../src/api/resources.ts';
import { validate, type Validation } from '../../../../src/api/validate.ts';
import type { JobStatus } from '../../../../src/decide/job/job-view.ts';
import { effectiveSpec } from '../../../../src/decide/job/effective-spec.ts';
import { finalise, summarise } from '../../../../src/decide/job/job-status.ts';
import { podFacts } from '../../../../src/decide/grant/pod-facts.ts';
import { judgeStream } from '../../../../src/decide/job/stream-fault.ts';
import type { Pod } from '../../../../src/kube/core-types.ts';
import { aGrant, aHead, aJob, aPod, decide, endedWith, now, nowMs, streamPod, type Scene } from '../job-objects.ts';

const spec = effectiveSpec(aJob());
const long = `at ${'worker.ts:1:2 😀 '.repeat(250)}`;

/** What the API server's schema says to a job of that status. */
const accepted = (status: JobStatus): Validation => {
  const { metadata, spec: asked } = aJob();
  return validate(backupJobs, { apiVersion: 'twinreel.io/v1alpha1', kind: 'BackupJob', metadata, spec: asked, status });
};

const withMessage = (facts: ReturnType<typeof endedWith>, message: string): typeof facts => ({
  ...facts,
  ...(facts.exit?.message === undefined
    ? {}
    : { exit: { ...facts.exit, message: { ...facts.exit.message, message } } }),
});

const running: Scene = {
  streams: [aGrant(0, 'Running'), aGrant(1, 'Running')],
  pods: [streamPod(0, withMessage(endedWith(1, 'InternalError', 'worker'), long)), streamPod(1)],
  heads: [
    [0, aHead(0)],
    [1, aHead(1)],
  ],
};

const none = { streams: new Map(), plan: undefined };

describe('a worker that says more than a status can hold', () => {
  it.each<readonly [string, Scene]>([
    ['loses its stream', running],
    ['does so while it closes', { ...running, streams: [aGrant(0, 'Closing'), aGrant(1, 'Running')] }],
    [
      'does so while it loads',
      {
        streams: [aGrant(0, 'Preparing', { zoned: true })],
        pods: [aPod('tw-1a2b3c4d-s0-e1-load', withMessage(endedWith(1, 'InternalError', 'worker'), long))],
      },
    ],
    [
      'was the planner',
      {
        streams: [aGrant(0, 'Ready')],
        status: { plan: { epoch: 2 } },
        plan: { segments: 0, complete: false, pod: aPod('plan', withMessage(endedWith(1, 'Crashed'), long)) },
      },
    ],
    [
      'was the last one',
      {
        streams: [aGrant(0, 'Failed', { reason: 'InternalError', message: 'x'.repeat(1024) })],
        job: { routes: 1 },
      },
    ],
  ])('%s, and the API server takes the status', (_name, scene) => {
    const decided = summarise(decide(scene).status, spec, none);
    expect(accepted(decided)).toEqual({ ok: true });
    expect(accepted(finalise(decided, spec, 1, now))).toEqual({ ok: true });
  });

  it('is told from nothing else: the loss is recorded with the beginning of what it said', () => {
    const [lost] = decide(running).status.failoverHistory ?? [];
    expect(lost?.message?.startsWith('at worker.ts:1:2')).toBe(true);
  });

  it('is cut where its pod is read', () => {
    const said = { v: 1, role: 'backup', outcome: 'failed', reason: 'no word', message: long };
    const terminated = { exitCode: 1, reason: 'Error', message: JSON.stringify(said) };
    const container = { name: 'worker', image: '', imageID: '', ready: false, restartCount: 0 };
    const pod: Pod = {
      metadata: { name: 'p' },
      status: { containerStatuses: [{ ...container, state: { terminated } }] },
    };
    expect(podFacts(pod, nowMs).exit?.message).toMatchObject({ reason: 'Unknown' });
    expect(podFacts(pod, nowMs).exit?.message?.message.length).toBe(1024);
  });

  it('needs no worker: so long a reason for not starting is cut as well', () => {
    const pod = streamPod(0, { state: 'waiting', ageMs: 1e9, waitingReason: `ImagePullBackOff: ${long}` });
    const verdict = judgeStream({
      ...{ grant: aGrant(0, 'Running'), pod, head: undefined, node: undefined },
      silence: { headMs: 0, progressMs: 0 },
      patience: { stallMs: 1, heartbeatMs: 1, preparationMs: 1, filesMs: 1, startMs: 1 },
    });
    expect(verdict.kind === 'lost' ? verdict.fault.message.length : 0).toBe(1024);
  });

  it('ends a job whose summary is shorter than its verdict', () => {
    const ending = { result: 'Failed' as const, reason: 'PlanFailed', message: 'y'.repeat(4096) };
    expect(accepted(summarise({ ending, streams: [] }, spec, none))).toEqual({ ok: true });
    expect(accepted(finalise({ ending, streams: [] }, spec, 1, now))).toEqual({ ok: true });
  });
});
