import { describe, expect, it } from 'vitest';
import { isStartOver, podFacts } from '../../../../src/decide/grant/pod-facts.ts';
import type { ContainerTerminated, Pod } from '../../../../src/kube/core-types.ts';

const nowMs = Date.parse('2026-01-01T00:01:00Z');

const waitingFor = (reason: string): Pod => ({
  metadata: { name: 'p', uid: 'u', creationTimestamp: '2026-01-01T00:00:30Z' },
  status: {
    containerStatuses: [
      {
        ...{ name: 'main', image: 'x:1', imageID: '', ready: false, restartCount: 0 },
        state: { waiting: { reason, message: 'image "x:1"' } },
      },
    ],
  },
});

describe('a pod that waits', () => {
  it.each([
    ['is given up at once where its image will not be pulled', 'ErrImageNeverPull', 60_000, true],
    ['is given up at once where its image has no valid name', 'InvalidImageName', 60_000, true],
    ['has its time where the kubelet tries again', 'ImagePullBackOff', 60_000, false],
    ['is given up when that time is over', 'ImagePullBackOff', 29_000, true],
  ])('%s', (_name, reason, startMs, over) => {
    expect(isStartOver(podFacts(waitingFor(reason), nowMs), startMs)).toBe(over);
  });

  it('says which image it waits for', () => {
    expect(podFacts(waitingFor('ErrImageNeverPull'), nowMs).waitingReason).toBe('ErrImageNeverPull: image "x:1"');
  });
});

const ended = (terminated: ContainerTerminated): Pod => ({
  metadata: { name: 'pod', uid: 'u' },
  spec: { containers: [] },
  status: {
    containerStatuses: [
      { name: 'worker', image: '', imageID: '', ready: false, restartCount: 0, state: { terminated } },
    ],
  },
});

describe('a container that ended', () => {
  it('ran where the kubelet knows when it was started', () => {
    const exit = { exitCode: 137, reason: 'OOMKilled', startedAt: '2030-01-01T00:00:00Z' };
    expect(podFacts(ended(exit), nowMs).exit).toEqual({ code: 137, reason: 'OOMKilled' });
  });

  it.each([
    ['null, as the API has it', '{"exitCode": 137, "reason": "ContainerStatusUnknown", "startedAt": null}'],
    ['nothing', '{"exitCode": 137, "reason": "ContainerStatusUnknown"}'],
  ])('never ran where its start is %s', (_name, text) => {
    const exit = JSON.parse(text) as ContainerTerminated;
    expect(podFacts(ended(exit), nowMs).exit).toEqual({ code: 137, reason: 'ContainerStatusUnknown', neverRan: true });
  });
});
