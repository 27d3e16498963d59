import { describe, expect, it } from 'vitest';
import { podFacts } from '../../../src/decide/pod-facts.ts';
import type { ContainerTerminated, Pod } from '../../../src/kube/core-types.ts';

const nowMs = Date.UTC(2030, 0, 1);
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
