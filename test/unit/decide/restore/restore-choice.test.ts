import { describe, expect, it } from 'vitest';
import type { Restore } from '../../../../src/api/generated/index.ts';
import type { Hardware } from '../../../../src/decide/allocation/hardware.ts';
import { outlookOf, type Outlook } from '../../../../src/decide/restore/restore-tapes.ts';
import { aLibrary, aPool, aServer, aTape, holder, pair } from '../hardware-objects.ts';
import { nowMs } from '../job-objects.ts';
import {
  aChoice,
  aRestoreGrant,
  copiesOn,
  decideOn,
  restoreHead,
  workerPod,
  type RestoreScene,
} from '../restore-objects.ts';

const avoidable = (avoid: NonNullable<Restore['status']>['avoid'] = {}): Restore => ({
  metadata: { namespace: 'default', name: 'restore', uid: 'u' },
  spec: {
    ...{ from: { backupJob: 'job' }, target: { hostPath: { path: '/data/x' } }, conflict: 'Fail', cancel: false },
    ...{ paths: [], escapedPaths: [], preferStreams: [], whenUnavailable: 'Wait', priority: 1000, stallTimeout: '60s' },
  },
  status: { avoid },
});

const writable = aServer('server-0');
const hardware = (more: Partial<Hardware> = {}): Hardware =>
  pair({
    servers: [
      {
        ...writable,
        spec: { ...writable.spec, hostPaths: [{ prefix: '/data', namespaces: ['default'], readOnly: false }] },
      },
    ],
    tapes: [aTape('t0', 'lib-0', { state: 'Full' }), aTape('t1', 'lib-1', { state: 'Full' })],
    pools: [aPool()],
    ...more,
  });
const held = { holder: holder('backup') };
const brokenLibrary = { ...aLibrary('lib-0'), status: { ...aLibrary('lib-0').status, state: 'NotUsable' as const } };
const full = aTape('t0', 'lib-0', { state: 'Full' });
const { status: _unseen, ...unseen } = full;
const { status: _empty, ...empty } = aLibrary('lib-0');
const setAside = { ...full, spec: { ...full.spec, disabled: true } };

describe('R4: how a tape stands', () => {
  it.each<readonly [string, Hardware, NonNullable<Restore['status']>['avoid'], Outlook['kind']]>([
    ['all is free', hardware(), {}, 'now'],
    [
      'another job reads or writes it',
      hardware({ tapes: [aTape('t0', 'lib-0', { state: 'InUse', ...held })] }),
      {},
      'later',
    ],
    [
      'another job has the only drive',
      hardware({ libraries: [aLibrary('lib-0', [{ state: 'InUse', loadedTape: 'X', ...held }])] }),
      {},
      'later',
    ],
    ['its library is not usable, though the tape is', hardware({ libraries: [brokenLibrary] }), {}, 'mended'],
    ['its only drive has failed this restore', hardware(), { drives: ['lib-0/drive-0'] }, 'never'],
    ['its library has failed this restore', hardware(), { libraries: ['lib-0'] }, 'never'],
    ['it has failed this restore', hardware(), { tapes: ['t0'] }, 'never'],
    ['it was taken away', hardware({ tapes: [aTape('t0', 'lib-0', { state: 'Exported' })] }), {}, 'never'],
    ['nobody knows it', hardware({ tapes: [] }), {}, 'never'],
    [
      'it is looked at again, since its holder vanished',
      hardware({ tapes: [aTape('t0', 'lib-0', { state: 'Unknown' })] }),
      {},
      'mended',
    ],
    ['nothing is known of it yet', hardware({ tapes: [unseen] }), {}, 'mended'],
    [
      'nobody knows it, and its library had no inventory yet',
      hardware({ tapes: [], libraries: [empty] }),
      {},
      'mended',
    ],
    ['its library is not declared yet', hardware({ libraries: [] }), {}, 'mended'],
    ['no server is declared yet', hardware({ servers: [] }), {}, 'mended'],
    ['it has failed this restore, though much is unseen', hardware({ libraries: [empty] }), { tapes: ['t0'] }, 'never'],
    ['it was set aside, which is for writing', hardware({ tapes: [setAside] }), {}, 'now'],
    ['its node is avoided, and there is no other', hardware(), { nodes: ['node of server-0'] }, 'now'],
    ['no server may write the target', hardware({ servers: [aServer('server-0')] }), {}, 'never'],
  ])('%s', (_name, seen, avoid, expected) => {
    expect(outlookOf(avoidable(avoid), seen)('t0').kind).toBe(expected);
  });
});

it('R5: a tape cannot be had where the target is mounted on nodes without a server', () => {
  const reach = (node: string) => ({ kind: 'reachable', what: 'claim x', nodes: [node], oneNode: true }) as const;
  const kindOn = (node: string) => outlookOf(avoidable(), hardware(), reach(node))('t0').kind;
  expect(kindOn('node of server-0')).toBe('now');
  expect(kindOn('node-9')).toBe('never');
});

const shortage = { reason: 'NoUsableDrive', message: '1 drives needed, 0 usable' } as const;
type Kinds = readonly [Outlook['kind'], Outlook['kind']];
const choiceOf = ([t0, t1]: Kinds) =>
  aChoice({
    outlook: (tape) => {
      const kind = tape === 't0' ? t0 : t1;
      return kind === 'never' ? { kind, shortage } : { kind };
    },
  });

describe('R4: from which copy a restore reads', () => {
  it.each<readonly [string, Kinds, RestoreScene, string | undefined]>([
    ['the first, when both can be had', ['now', 'now'], {}, 't0'],
    ['the one that is idle, when the other is held', ['later', 'now'], {}, 't1'],
    ['the one that is idle, when the library of the other is broken', ['mended', 'now'], {}, 't1'],
    ['the one that comes by waiting, not the one that comes by mending', ['mended', 'later'], {}, 't1'],
    ['what is left, when the other can never be had', ['never', 'mended'], {}, 't1'],
    ['the preferred one', ['now', 'now'], { prefer: [1] }, 't1'],
    ['the preferred one, though it is held: that was asked for', ['now', 'later'], { prefer: [1] }, 't1'],
    ['not the preferred one where it would have to be mended', ['now', 'mended'], { prefer: [1] }, 't0'],
    ['not the preferred one where it can never be had', ['now', 'never'], { prefer: [1] }, 't0'],
    ['the other one, when this one was tried in vain', ['now', 'now'], { status: { areas: [triedInVain()] } }, 't1'],
    ['none, when none can ever be had', ['never', 'never'], {}, undefined],
  ])('%s', (_name, kinds, scene, expected) => {
    const { status } = decideOn({ choice: choiceOf(kinds), ...scene });
    expect(status.streams?.[0]?.tape).toBe(expected);
    if (expected === undefined) expect(status.ending).toMatchObject({ result: 'Failed', reason: 'NoUsableDrive' });
  });

  it('names every tape in the reason when none can be had', () => {
    const { status } = decideOn({ choice: choiceOf(['never', 'never']) });
    expect(status.ending?.message).toContain('segment 0–3');
    expect(status.ending?.message).toMatch(/t0: .*t1: /u);
  });
});

function triedInVain() {
  return { library: 'lib-0', tape: 't0', barcode: 'T0', first: 0, last: 3, state: 'Failed' as const };
}

describe('a restore that waits for a tape', () => {
  const since = '2029-12-31T23:00:00.000Z';
  const waiting = aRestoreGrant(0, 'Waiting', { startedAt: since });
  const area = { ...triedInVain(), state: 'Waiting' as const };
  const scene: RestoreScene = { streams: [waiting], status: { areas: [area], currentArea: 0 } };

  it.each<readonly [string, Kinds, string]>([
    ['keeps to it while nothing is nearer', ['later', 'later'], 't0'],
    ['keeps to it when it can be had at last', ['now', 'now'], 't0'],
    ['takes the other one when that is free now', ['later', 'now'], 't1'],
    ['takes the other one when this one was taken away', ['never', 'later'], 't1'],
  ])('%s', (_name, kinds, expected) => {
    const { status } = decideOn({ ...scene, choice: choiceOf(kinds) });
    expect(status.streams).toMatchObject([{ state: 'Waiting', tape: expected, startedAt: since }]);
    expect(status.areas).toMatchObject([{ tape: expected, state: 'Waiting' }]);
  });

  it('ends when no copy can be had any more', () => {
    const { status } = decideOn({ ...scene, choice: choiceOf(['never', 'never']) });
    expect(status.ending).toMatchObject({ result: 'Failed', reason: 'NoUsableDrive' });
  });

  it('reads what it was granted, though another tape was chosen meanwhile', () => {
    const ready = aRestoreGrant(3, 'Ready', { tape: 't0' });
    const other = { ...area, tape: 't1', library: 'lib-1', barcode: 'T1' };
    const { status } = decideOn({
      ...{ streams: [ready], status: { areas: [other], currentArea: 0 } },
      choice: choiceOf(['later', 'now']),
    });
    expect(status.streams).toMatchObject([{ state: 'Running', tape: 't0' }]);
    expect(status.areas).toMatchObject([{ tape: 't0', state: 'Reading' }]);
  });
});

describe('what failed a restore is avoided', () => {
  it.each([
    ['drive', { drives: ['lib-0/drive-0'] }],
    ['tape', { tapes: ['t0'] }],
    ['changer', { libraries: ['lib-0'] }],
    ['route', { switches: [] }],
    ['worker', {}],
  ] as const)('%s', (fault, avoid) => {
    const exit = { code: 1, reason: 'Error' };
    const message = { v: 1, role: 'restore', outcome: 'failed', reason: 'Bad', message: 'bad', fault } as const;
    const pod = workerPod(1, { state: 'ended', exit: { ...exit, message } });
    const { status } = decideOn({ streams: [aRestoreGrant(1, 'Running')], pods: [pod], head: restoreHead(1) });
    expect(status.avoid).toEqual(avoid);
  });
});

it('goes over to the copy in another library when the only drive of the first one breaks while it reads', () => {
  const seen = hardware();
  const restore = avoidable();
  const outlook = outlookOf(restore, seen);
  const first = decideOn({ choice: aChoice({ outlook }) });
  expect(first.status.streams).toMatchObject([{ tape: 't0' }]);
  const fault = {
    v: 1,
    role: 'restore',
    outcome: 'failed',
    reason: 'DriveError',
    message: 'bad',
    fault: 'drive',
  } as const;
  const lost = decideOn({
    status: first.status,
    ...{ streams: [aRestoreGrant(1, 'Running')], head: restoreHead(1) },
    pods: [workerPod(1, { state: 'ended', exit: { code: 20, reason: 'Error', message: fault } })],
  });
  const after = decideOn({
    ...{ status: lost.status, streams: lost.status.streams ?? [], retired: lost.status.retired ?? [] },
    ...{ pods: [workerPod(1, { state: 'ended' })], report: { done: [{ first: 0, last: 1 }] } },
    choice: aChoice({
      outlook: outlookOf(avoidable(lost.status.avoid), seen),
      copies: [...copiesOn(0), ...copiesOn(1)],
    }),
    atMs: nowMs + 2_000,
  });
  expect(after.status.streams).toMatchObject([{ state: 'Waiting', tape: 't1' }]);
  expect(after.status.areas?.at(-1)).toMatchObject({ tape: 't1', first: 2, last: 3 });
});
