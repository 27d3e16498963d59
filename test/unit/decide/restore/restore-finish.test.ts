import { describe, expect, it } from 'vitest';
import type { Outlook } from '../../../../src/decide/restore/restore-tapes.ts';
import { endedWith } from '../job-objects.ts';
import {
  aChoice,
  aRestoreGrant,
  decideOn,
  restoreHead,
  stepsText,
  workerPod,
  type RestoreScene,
} from '../restore-objects.ts';

const all = [{ first: 0, last: 3 }];
const readArea = { library: 'lib-0', tape: 't0', barcode: 'T0', first: 0, last: 3, state: 'Done' as const };
const begun = { areas: [readArea], currentArea: 0 };
const over = aRestoreGrant(1, 'Succeeded');
const lost = aRestoreGrant(1, 'Failed', { outcome: 'Failed', reason: 'WorkerDied', message: 'died' });
const choiceWith = (kind: Outlook['kind'], copies = aChoice().copies) => {
  const outlook: Outlook =
    kind === 'never' ? { kind, shortage: { reason: 'NoUsableTape', message: 'gone' } } : { kind };
  return aChoice({ copies, outlook: () => outlook });
};
const bad = [0, 1].map((stream) => ({ segment: 3, tape: `t${stream}`, reason: 'ReadError', message: 'bad' }));
const halfBad: RestoreScene = { report: { done: [{ first: 0, last: 2 }], bad } };

describe('R9: a restore whose segments have all been read', () => {
  it.each<readonly [string, RestoreScene, string]>([
    ['has succeeded when its target was finished', { report: { done: all, finished: true } }, 'Succeeded Restored'],
    [
      'is finished by another worker where the last one died before it',
      { streams: [lost], report: { done: all } },
      'Waiting t0',
    ],
    [
      'is finished by a worker with any tape that can be had',
      { streams: [lost], report: { done: all }, prefer: [1] },
      'Waiting t1',
    ],
    [
      'waits for a tape, since a worker always has one',
      { report: { done: all }, choice: choiceWith('mended') },
      'Waiting t0',
    ],
    [
      'has failed where none can be had ever',
      { report: { done: all }, choice: choiceWith('never') },
      'Failed NotFinished',
    ],
    ['tells paths that were not there only when it is finished', { paths: ['x'], report: { done: all } }, 'Waiting t0'],
    ['tells paths that were not there', { paths: ['x'], report: { done: all, finished: true } }, 'Failed PathNotFound'],
  ])('%s', (_name, scene, expected) => {
    const { status } = decideOn({ streams: [over], status: begun, ...scene });
    const [stream] = status.streams ?? [];
    const text =
      status.ending === undefined
        ? `${stream?.state ?? ''} ${stream?.tape ?? ''}`
        : `${status.ending.result} ${status.ending.reason}`;
    expect(text).toBe(expected);
  });

  it('launches a worker that reads nothing and finishes', () => {
    const decision = decideOn({ streams: [aRestoreGrant(2, 'Ready')], status: begun, report: { done: all } });
    expect(decision.steps).toMatchObject([
      { kind: 'openHead', assigned: [] },
      { kind: 'launchRestore', segments: [], finish: true },
    ]);
    expect(decision.status.areas).toEqual([readArea]);
  });

  it('keeps its place in the queue while it waits to be finished', () => {
    const waiting = aRestoreGrant(1, 'Waiting', { startedAt: '2029-12-31T23:00:00.000Z' });
    const { status } = decideOn({ streams: [waiting], status: begun, report: { done: all } });
    expect(status.streams).toEqual([waiting]);
    expect(status.ending).toBeUndefined();
  });
});

describe('a restore that cannot be whole', () => {
  it.each<readonly [string, RestoreScene, string]>([
    ['is tidied up first', halfBad, 'Waiting'],
    ['ends when that is done', { report: { ...halfBad.report, finished: true } }, 'SegmentsUnreadable'],
    ['waits for nothing in order to be tidied up', { ...halfBad, choice: choiceWith('later') }, 'SegmentsUnreadable'],
    ['is not tidied up again and again', { ...halfBad, streams: [lost] }, 'SegmentsUnreadable'],
    ['has nothing to tidy up where nothing was begun', { ...halfBad, status: {} }, 'SegmentsUnreadable'],
  ])('%s', (_name, scene, expected) => {
    const { status } = decideOn({ streams: [over], status: begun, ...scene });
    expect(status.ending?.reason ?? status.streams?.[0]?.state).toBe(expected);
  });

  it('says where its working folder may be left', () => {
    const ending = { result: 'Cancelled', reason: 'Cancelled', message: 'spec.cancel is set' } as const;
    const scene = { streams: [over], status: { ...begun, ending, phase: 'Releasing' as const }, head: restoreHead(1) };
    const left = decideOn(scene);
    expect(stepsText(left)).toBe('finishRecords');
    expect(left.status.ending?.message).toBe('spec.cancel is set; a working folder .twinreel-* may be left in /target');
    const again = decideOn({ ...scene, status: { ...scene.status, ...left.status } });
    expect(again.status.ending).toEqual(left.status.ending);
    expect(decideOn({ ...scene, report: { finished: true } }).status.ending).toEqual(ending);
  });

  it('has its worker take the working folder away when it is cancelled, and believes what that says', () => {
    const running = aRestoreGrant(1, 'Running');
    const scene = { streams: [running], status: begun, head: restoreHead(1), cancelAsked: true };
    const asked = decideOn({ ...scene, pods: [workerPod(1)] });
    expect(asked.steps).toContainEqual(expect.objectContaining({ kind: 'sealHead', reason: 'RestoreEnded' }));
    const message = { v: 1, role: 'restore', outcome: 'stopped', reason: 'Sealed', message: '', tidied: true } as const;
    const pods = [workerPod(1, { state: 'ended', exit: { code: 143, reason: 'Error', message } })];
    const told = decideOn({
      ...scene,
      pods,
      status: { ...begun, ...asked.status },
      streams: asked.status.streams ?? [],
    });
    expect(told.status.tidied).toBe(true);
    const freed = [{ ...running, state: 'Released' as const }];
    const last = decideOn({ ...scene, status: { ...begun, ...told.status, phase: 'Releasing' }, streams: freed });
    expect(last.status.ending).toEqual({ result: 'Cancelled', reason: 'Cancelled', message: 'spec.cancel is set' });
  });

  it('leaves the working folder to the next worker where one is to come', () => {
    const fault = workerPod(1, endedWith(20, 'DriveError', 'worker'));
    const lost = decideOn({
      streams: [aRestoreGrant(1, 'Running')],
      status: begun,
      head: restoreHead(1),
      pods: [fault],
    });
    expect(lost.status.ending).toBeUndefined();
    expect(lost.steps).toContainEqual(expect.objectContaining({ kind: 'sealHead', reason: 'DriveError' }));
  });
});

it('is no success that the worker which read the last segment died without a word', () => {
  const died = { ...endedWith(137, 'Killed', 'worker') };
  const running = aRestoreGrant(1, 'Running');
  const scene: RestoreScene = {
    status: begun,
    pods: [workerPod(1, died)],
    head: restoreHead(1),
    report: { done: all },
  };
  const first = decideOn({ ...scene, streams: [running] });
  const second = decideOn({ ...scene, streams: first.status.streams ?? [], retired: first.status.retired ?? [] });
  expect(second.status.ending).toBeUndefined();
  expect(second.status.streams).toMatchObject([{ state: 'Waiting' }]);
});
