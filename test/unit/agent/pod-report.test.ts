import { describe, expect, it } from 'vitest';
import { forgottenState, neverStartedState, terminatedState } from '../../../src/agent/container-end.ts';
import type { Pod } from '../../../src/agent/core-objects.ts';
import { judgePod } from '../../../src/agent/pod-support.ts';
import { endIsKnown, podStatus, withReported, type ContainerFacts } from '../../../src/agent/pod-status.ts';

const pod: Pod = {
  metadata: { name: 'p', namespace: 'n', uid: 'u', labels: { 'twinreel.io/worker': 'true' } },
  spec: { restartPolicy: 'Never', containers: [{ name: 'worker', image: 'i' }] },
};
const nowMs = Date.parse('2030-01-02T03:04:05.678Z');
const setting = { address: '10.0.0.1', nowMs };
const running: ContainerFacts = { kind: 'running', startedAtMs: nowMs };
const ended = (exitCode: number): ContainerFacts => ({
  kind: 'terminated',
  state: terminatedState({ kind: 'exited', exitCode, reason: 'Error', finishedAtMs: nowMs }, nowMs - 5000, undefined),
});

describe('podStatus', () => {
  it.each([
    {
      name: 'a waiting container',
      container: { kind: 'waiting', reason: 'ContainerCreating' } as const,
      phase: 'Pending',
    },
    { name: 'a running container', container: running, phase: 'Running' },
    { name: 'a container that ended with 0', container: ended(0), phase: 'Succeeded' },
    { name: 'a container that ended with 1', container: ended(1), phase: 'Failed' },
  ])('is $phase for $name', ({ container, phase }) => {
    expect(podStatus(pod, { container }, setting).phase).toBe(phase);
  });

  it('never takes back a terminal phase', () => {
    const failed: Pod = { ...pod, status: { phase: 'Failed' } };
    expect(podStatus(failed, { container: running }, setting).phase).toBe('Failed');
  });

  it('keeps start time, times of unchanged conditions, and the conditions of others', () => {
    const first = podStatus(pod, { container: running }, setting);
    const others = { type: 'DisruptionTarget', status: 'True' } as const;
    const seen: Pod = { ...pod, status: { conditions: [others] } };
    const later = podStatus(withReported(seen, first), { container: ended(0) }, { ...setting, nowMs: nowMs + 60_000 });
    expect(later.startTime).toBe('2030-01-02T03:04:05Z');
    expect(later.conditions).toContainEqual(others);
    expect(later.conditions).toContainEqual({
      type: 'Initialized',
      status: 'True',
      lastTransitionTime: '2030-01-02T03:04:05Z',
    });
    expect(later.conditions).toContainEqual({
      type: 'Ready',
      status: 'False',
      reason: 'PodCompleted',
      lastTransitionTime: '2030-01-02T03:05:05Z',
    });
  });

  it('gives a container id only to what has run', () => {
    const idOf = (container: ContainerFacts) =>
      podStatus(pod, { container }, setting).containerStatuses?.[0]?.containerID;
    expect(idOf(running)).toBe('twinreel://u/0');
    expect(idOf(ended(3))).toBe('twinreel://u/0');
    expect(idOf({ kind: 'terminated', state: neverStartedState('deleted') })).toBeUndefined();
  });
});

describe('the end of a container', () => {
  it('is 137 with a reason of its own when nobody saw it', () => {
    const lost = terminatedState({ kind: 'lost', message: 'why', finishedAtMs: nowMs }, nowMs, undefined);
    expect(lost).toMatchObject({ exitCode: 137, reason: 'ContainerStatusUnknown', message: 'why' });
    expect(forgottenState(undefined, nowMs)).toMatchObject({ exitCode: 137, reason: 'ContainerStatusUnknown' });
  });

  it('is not before its start, whatever the clocks say', () => {
    const ending = { kind: 'exited', exitCode: 0, reason: 'Completed', finishedAtMs: nowMs - 60_000 } as const;
    expect(terminatedState(ending, nowMs, undefined).finishedAt).toBe('2030-01-02T03:04:05Z');
  });

  it('is known to the API only when every container is terminated there', () => {
    const withStatus = (status: Pod['status']): Pod => (status === undefined ? pod : { ...pod, status });
    expect(endIsKnown(withStatus({ phase: 'Failed' }))).toBe(true);
    expect(endIsKnown(withStatus(podStatus(pod, { container: ended(1) }, setting)))).toBe(true);
    expect(endIsKnown(withStatus({ ...podStatus(pod, { container: running }, setting), phase: 'Failed' }))).toBe(false);
    expect(endIsKnown(pod)).toBe(false);
  });
});

describe('judgePod', () => {
  const worker = { name: 'worker' };
  it.each([
    { name: 'a worker pod', change: {}, kind: 'run' },
    { name: 'a pod without our label', change: { metadata: { namespace: 'n' } }, kind: 'foreign' },
    {
      name: 'a pod that bears our label in another namespace',
      change: { metadata: { namespace: 'other', labels: { 'twinreel.io/worker': 'true' } } },
      kind: 'foreign',
    },
    { name: 'a pod with a command', change: { containers: [{ ...worker, command: ['x'] }] }, kind: 'unsupported' },
    { name: 'a pod with envFrom', change: { containers: [{ ...worker, envFrom: [{}] }] }, kind: 'unsupported' },
    {
      name: 'a pod with a subPath that climbs',
      change: { containers: [{ ...worker, volumeMounts: [{ name: 'v', mountPath: '/v', subPath: '../x' }] }] },
      kind: 'unsupported',
    },
    {
      name: 'a pod with a claim',
      change: { volumes: [{ name: 'v', persistentVolumeClaim: {} }] },
      kind: 'unsupported',
    },
  ])('says $kind for $name', ({ change, kind }) => {
    const { metadata, ...spec } = { metadata: pod.metadata, ...change };
    const judged: Pod = {
      metadata: metadata ?? {},
      spec: { restartPolicy: 'Never', containers: [worker], ...spec },
    };
    expect(judgePod(judged, { command: false, namespace: 'n' }).kind).toBe(kind);
  });
});
