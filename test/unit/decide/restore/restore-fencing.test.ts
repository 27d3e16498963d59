import { describe, expect, it } from 'vitest';
import { finaliseRestore } from '../../../../src/decide/restore/restore-status.ts';
import { nowMs } from '../job-objects.ts';
import {
  aChoice,
  aRestoreGrant,
  decideOn,
  grantsText,
  restoreHead,
  stepsText,
  workerPod,
  type RestoreScene,
} from '../restore-objects.ts';

const late = nowMs + 120_001;
const failed = { outcome: 'Failed', reason: 'NodeGone', message: 'node-0 is silent' } as const;
const fencing = aRestoreGrant(1, 'Fencing', failed);
const left = aRestoreGrant(1, 'Failed', failed);
const { pod: _pod, ...loadFailed } = fencing;
const ready = aRestoreGrant(2, 'Ready', { library: 'lib-1', tape: 't1', barcode: 'T1' });
const choice = aChoice({ outlook: (tape) => ({ kind: tape === 't1' ? 'now' : 'later' }) });
const cancelled = { result: 'Cancelled', reason: 'Cancelled', message: 'spec.cancel is set' } as const;

describe('a restore whose worker was lost', () => {
  it.each<readonly [string, RestoreScene, string, string]>([
    [
      'is retired at once, and its head sealed',
      {
        streams: [aRestoreGrant(1, 'Running')],
        pods: [workerPod(1, { deleting: true })],
        head: restoreHead(1),
      },
      '1 Failed | 1 Fencing',
      'sealHead 1, noteFault 1',
    ],
    [
      'chooses another tape while the old worker is being fenced',
      { streams: [left], retired: [fencing], pods: [workerPod(1)] },
      '1 Waiting | 1 Fencing',
      'deletePod',
    ],
    [
      'is loaded elsewhere, but starts no second worker on the target while the first may write',
      { streams: [ready], retired: [fencing], pods: [workerPod(1, { deleting: true })], head: restoreHead(1) },
      '2 Ready | 1 Fencing',
      'sealHead 1',
    ],
    [
      'starts the next worker as soon as the old one is proven gone',
      { streams: [ready], retired: [fencing], pods: [workerPod(1, { state: 'ended', deleting: true, fenced: false })] },
      '2 Running | 1 Releasing',
      'launchUnload 1, openHead 2, launchRestore 2',
    ],
    [
      "takes the administrator's word for it",
      { streams: [ready], retired: [fencing], pods: [workerPod(1, { deleting: true })], vouched: [1] },
      '2 Running | 1 Releasing',
      'liftFence 1, launchUnload 1, openHead 2, launchRestore 2',
    ],
    [
      'waits for nobody where only a load failed: it has no target',
      { streams: [ready], retired: [loadFailed] },
      '2 Running | 1 Releasing',
      'launchUnload 1, openHead 2, launchRestore 2',
    ],
    [
      'does not trust a pod that vanished',
      { streams: [ready], retired: [fencing], pods: [] },
      '2 Ready | 1 Releasing',
      'launchUnload 1',
    ],
    [
      "but does when the unload got the drive's lock",
      { streams: [ready], retired: [aRestoreGrant(1, 'Releasing', { ...failed, unloaded: true })], pods: [] },
      '2 Running | 1 Releasing',
      'free 1, openHead 2, launchRestore 2',
    ],
    [
      'nor when the unload was given up: then nothing is freed either',
      {
        streams: [ready],
        retired: [aRestoreGrant(1, 'Releasing', { ...failed, unloaded: true, unloadAttempts: 3 })],
        pods: [],
      },
      '2 Ready | 1 Releasing',
      '',
    ],
    [
      'calls the drive suspect when the fence is overdue',
      {
        streams: [{ ...left, state: 'Waiting', tape: 't1' }],
        retired: [fencing],
        pods: [workerPod(1, { deleting: true })],
        atMs: late,
      },
      '1 Waiting | 1 Fencing',
      'suspectFence 1',
    ],
  ])('%s', (_name, scene, grants, steps) => {
    const decision = decideOn({ choice, ...scene });
    expect(grantsText(decision)).toBe(grants);
    expect(stepsText(decision)).toBe(steps);
  });

  it('keeps the proof, since the pod that gave it goes away', () => {
    const gone = decideOn({ streams: [ready], retired: [fencing], pods: [workerPod(1, { state: 'ended' })] });
    expect(gone.status.retired).toMatchObject([{ epoch: 1, fencedBy: 'Terminated' }]);
    const booted = decideOn({
      ...{ streams: [ready], retired: [fencing], pods: [workerPod(1)], vouched: [1] },
      boots: new Map([['node-0', 'boot-1']]),
    });
    expect(booted.status.retired).toMatchObject([{ epoch: 1, fencedBy: 'BootID' }]);
  });

  it('notes the boot under which its worker runs', () => {
    const { podStarted: _p, bootID: _b, ...fresh } = aRestoreGrant(1, 'Running');
    const scene = { pods: [workerPod(1)], head: restoreHead(1), boots: new Map([['node-0', 'boot-7']]) };
    const { status } = decideOn({ streams: [fresh], ...scene });
    expect(status.streams).toMatchObject([{ podStarted: true, bootID: 'boot-7' }]);
  });

  it('fails with the reason when everything is ready and the old worker is still not proven gone', () => {
    const scene = { streams: [ready], retired: [fencing], pods: [workerPod(1, { deleting: true })], atMs: late };
    const { status } = decideOn(scene);
    expect(status.ending).toMatchObject({ result: 'Failed', reason: 'FencingUnconfirmed' });
    expect(status.ending?.message).toContain('twinreel.io/fenced=1');
  });

  it('does not avoid the server: the target is on its machine', () => {
    const pod = workerPod(1, { state: 'waiting', ageMs: 60_001 });
    const { status } = decideOn({ streams: [aRestoreGrant(1, 'Running')], pods: [pod], head: restoreHead(1) });
    expect(status.retired).toMatchObject([{ fault: 'server', reason: 'PodNotStarted' }]);
    expect(status.avoid).toEqual({});
  });

  it('begins again where the crash came between the head and the pod', () => {
    const { podStarted: _p, bootID: _b, ...fresh } = aRestoreGrant(1, 'Running');
    const scene = { streams: [fresh], head: restoreHead(1, { activity: 'Starting' }) };
    expect(grantsText(decideOn({ ...scene, choice: undefined }))).toBe('1 Ready | ');
    const again = decideOn(scene);
    expect(grantsText(again)).toBe('1 Running | ');
    expect(stepsText(again)).toBe('openHead 1, launchRestore 1');
  });
});

describe('a restore that ends', () => {
  const ending: RestoreScene = {
    status: { ending: cancelled, phase: 'Releasing' },
    pods: [workerPod(1, { deleting: true })],
  };
  const releasing = aRestoreGrant(1, 'Releasing', { ...failed, fencedBy: 'Terminated' });
  const hungUnload = workerPod(1, { name: 'tw-1a2b3c4d-s0-e1-unload-0' });

  it.each<readonly [string, RestoreScene, string, string]>([
    ['waits for the fence for a while', { ...ending, streams: [fencing] }, '1 Fencing | ', ''],
    [
      'but not for ever: cancelled, it ends though its node is dead',
      { ...ending, streams: [fencing], atMs: late },
      '1 Failed | 1 Fencing',
      'suspectFence 1, finishRecords',
    ],
    [
      'ends though what it lost before is not proven gone',
      { ...ending, streams: [{ ...ready, state: 'Released' }], retired: [fencing], atMs: late },
      '2 Released | 1 Fencing',
      'suspectFence 1, finishRecords',
    ],
    [
      'ends though a drive hangs in the unload, too',
      { ...ending, streams: [{ ...ready, state: 'Succeeded' }], retired: [releasing], pods: [hungUnload], atMs: late },
      '2 Succeeded | 1 Releasing',
      'finishRecords',
    ],
    [
      'goes on releasing after its end',
      {
        status: { ending: cancelled, phase: 'Cancelled' },
        ...{ streams: [{ ...ready, state: 'Released' }], retired: [fencing], atMs: late },
        pods: [workerPod(1, { state: 'ended', deleting: true, fenced: false })],
      },
      '2 Released | 1 Releasing',
      'launchUnload 1',
    ],
  ])('%s', (_name, scene, grants, steps) => {
    const decision = decideOn(scene);
    expect(grantsText(decision)).toBe(grants);
    expect(stepsText(decision)).toBe(steps);
  });

  it('says what is still held, and later that nothing is', () => {
    const status = { ending: cancelled, streams: [left], retired: [fencing] };
    const ended = finaliseRestore(status, 1, '2030-01-01T01:00:00Z');
    expect(ended.conditions).toContainEqual(
      expect.objectContaining({ type: 'Released', status: 'False', reason: 'FencingUnconfirmed' }),
    );
    const again = finaliseRestore({ ...ended, retired: [] }, 1, '2030-01-01T02:00:00Z');
    expect(again.conditions).toContainEqual(expect.objectContaining({ type: 'Released', status: 'True' }));
    expect(again.completionTime).toBe('2030-01-01T01:00:00Z');
  });
});

describe('an area that was read from a drive that hangs in the unload', () => {
  const releasing = aRestoreGrant(1, 'Releasing', { outcome: 'Succeeded', fencedBy: 'Terminated' });

  it('is waited for a while', () => {
    const hungUnload = workerPod(1, { name: 'tw-1a2b3c4d-s0-e1-unload-0' });
    expect(grantsText(decideOn({ streams: [releasing], pods: [hungUnload] }))).toBe('1 Releasing | ');
    const later = decideOn({ streams: [releasing], pods: [hungUnload], atMs: late });
    expect(grantsText(later)).toBe('1 Succeeded | 1 Releasing');
    const next = decideOn({
      streams: later.status.streams ?? [],
      retired: later.status.retired ?? [],
      pods: [hungUnload],
    });
    expect(grantsText(next)).toBe('1 Waiting | 1 Releasing');
  });
});
