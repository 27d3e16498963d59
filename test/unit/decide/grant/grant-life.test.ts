import { describe, expect, it } from 'vitest';
import type { TerminationMessage } from '../../../../src/api/worker-order.ts';
import type { ActionView } from '../../../../src/decide/grant/action-pod.ts';
import type { Grant } from '../../../../src/decide/grant/grant.ts';
import {
  maxUnloadAttempts,
  prepareGrant,
  releaseAll,
  releaseGrant,
  type GrantView,
  type Progress,
} from '../../../../src/decide/grant/grant-life.ts';
import type { NodeFacts, PodFacts } from '../../../../src/decide/grant/pod-facts.ts';

const uid = '1a2b3c4d-0000-4000-8000-000000000000';
const name = 'tw-1a2b3c4d-s1-e3';
const zone = { name: 'tw_1a2b3c4d_s1_e3_0', switch: 'switch-0' };
const grant: Grant = {
  ...{ number: 1, epoch: 3, role: 'Active', state: 'Reserved', library: 'lib', drive: 'd0', tape: 't0' },
  zones: [zone],
};

const pod = (of: string, more: Partial<PodFacts> = {}): PodFacts => ({
  ...{ name: of, uid: `uid of ${of}`, node: 'n', state: 'running', deleting: false, fenced: true, ageMs: 0 },
  ...more,
});
const ended = (of: string, message?: Partial<TerminationMessage>, more: Partial<PodFacts> = {}): PodFacts =>
  pod(of, {
    state: 'ended',
    exit: {
      code: message?.outcome === 'succeeded' ? 0 : 1,
      reason: 'Error',
      ...(message === undefined
        ? {}
        : { message: { v: 1, role: 'load', outcome: 'failed', reason: 'R', message: 'm', ...message } }),
    },
    ...more,
  });

const view = (pods: readonly PodFacts[], more: Partial<GrantView> = {}): GrantView => ({
  ownerUid: uid,
  pods: new Map(pods.map((one) => [one.name, one])),
  busyLibraries: new Set(),
  fenceVouched: () => false,
  ...more,
});

const missing = { reason: 'LibraryMissing', message: 'TapeLibrary lib does not exist any more', lostBytes: 0 };

const textOf = ({ grant: { state }, steps, fault }: Progress): string =>
  [state, ...steps.map((step) => step.kind), ...(fault === undefined ? [] : [fault.reason])].join(' ');

describe('B5, B8, F3: a grant from reserved to ready', () => {
  const zoned: Grant = { ...grant, state: 'Preparing', zoned: true };
  const load = `${name}-load`;

  it.each<readonly [string, Grant, GrantView, string]>([
    ['its route is zoned first', grant, view([]), 'Preparing zone'],
    ['then the tape is loaded', zoned, view([]), 'Preparing launchLoad'],
    ['but not while the robot is at work', zoned, view([], { busyLibraries: new Set(['lib']) }), 'Preparing'],
    ['the load is waited for', zoned, view([pod(load)]), 'Preparing'],
    [
      'what the load found is noted',
      zoned,
      view([ended(load, { outcome: 'succeeded', tape: { barcode: 'B' } })]),
      'Preparing noteLoaded',
    ],
    [
      'a load that failed says why',
      zoned,
      view([ended(load, { reason: 'TapeForeign', fault: 'tape' })]),
      'Preparing TapeForeign',
    ],
    [
      'a load that succeeded and read no label has failed',
      zoned,
      view([ended(load, { outcome: 'succeeded', reason: 'Done' })]),
      'Preparing Done',
    ],
    ['a load that died left no word', zoned, view([ended(load)]), 'Preparing WorkerDied'],
  ])('%s', (_name, one, seen, expected) => {
    expect(textOf(prepareGrant(one, seen))).toBe(expected);
  });

  it.each([grant, zoned])('what is prepared on hardware that was deleted is lost: $state', (one) => {
    const seen = view([], { gone: () => ({ ...missing, domain: 'changer' }) });
    expect(textOf(prepareGrant(one, seen))).toBe('Preparing LibraryMissing');
  });

  it('a pod that was killed for lack of memory blames its server, and says what to raise', () => {
    const killed = ended(load, undefined, { exit: { code: 137, reason: 'OOMKilled' } });
    expect(prepareGrant(zoned, view([killed])).fault).toEqual({
      reason: 'OutOfMemory',
      message:
        `pod ${load} on n was killed for lack of memory: raise spec.pod.resources.limits.memory of its BackupServer, ` +
        'or free memory on the node',
      domain: 'server',
      lostBytes: 0,
    });
  });
});

describe('B14, F9: a grant from fencing to freed', () => {
  const held: Grant = { ...grant, state: 'Running', zoned: true, loaded: true };
  const unload = `${name}-unload-0`;
  const gone = ended(name, undefined, { fenced: false, deleting: true });

  it.each<readonly [string, Grant, GrantView, string]>([
    ['a worker that runs is deleted and waited for', held, view([pod(name)]), 'Fencing deletePod'],
    ['once is enough', held, view([pod(name, { deleting: true })]), 'Fencing'],
    [
      'a worker that is not yet started may still start',
      held,
      view([pod(name, { state: 'waiting', deleting: true })]),
      'Fencing',
    ],
    ['so may a load', held, view([pod(`${name}-load`, { deleting: true })]), 'Fencing'],
    [
      'what ended loses its finalizer, and the tape is unloaded',
      held,
      view([ended(name)]),
      'Releasing liftFence deletePod launchUnload',
    ],
    [
      'a node that was started again, or a person, vouches for the fence',
      held,
      view([pod(name, { deleting: true })], { fenceVouched: () => true }),
      'Releasing liftFence launchUnload',
    ],
    ['the robot is waited for', held, view([gone], { busyLibraries: new Set(['lib']) }), 'Releasing'],
    ['the unload is waited for', held, view([gone, pod(unload)]), 'Releasing'],
    [
      'what was unloaded is noted',
      held,
      view([gone, ended(unload, { outcome: 'succeeded' })]),
      'Releasing noteUnloaded deletePod',
    ],
    ['an unload that failed is tried again under a new name', held, view([gone, ended(unload)]), 'Releasing deletePod'],
    [
      'after the last attempt drive and tape are parked',
      { ...held, unloadAttempts: maxUnloadAttempts - 1 },
      view([gone, ended(`${name}-unload-${maxUnloadAttempts - 1}`)]),
      'Releasing park deletePod',
    ],
    ['then everything is free', { ...held, unloaded: true }, view([gone]), 'Releasing free'],
    ['what was never zoned was never loaded', { ...grant, state: 'Releasing' }, view([]), 'Releasing free'],
    [
      'a tape whose load never ran is where it was: nothing is unloaded',
      { ...grant, zoned: true, reason: 'PodNotStarted' },
      view([ended(`${name}-load`, undefined, { exit: { code: 137, reason: 'Unknown', neverRan: true } })]),
      'Releasing liftFence deletePod free',
    ],
    [
      'one whose load ended without a word may be in the drive',
      { ...grant, zoned: true, reason: 'PodNotStarted' },
      view([ended(`${name}-load`, undefined, { exit: { code: 137, reason: 'Unknown' } })]),
      'Releasing liftFence deletePod launchUnload',
    ],
  ])('%s', (_name, one, seen, expected) => {
    expect(textOf(releaseGrant(one, seen))).toBe(expected);
  });

  it('counts failed unloads', () => {
    expect(releaseGrant(held, view([gone, ended(unload)])).grant.unloadAttempts).toBe(1);
  });

  it('is parked, and freed then, where the library that holds its tape was deleted', () => {
    const seen = view([gone], { gone: () => ({ ...missing, domain: 'changer' }) });
    const parked = releaseGrant(held, seen);
    expect(textOf(parked)).toBe('Releasing park');
    expect(parked.steps[0]).toMatchObject({ reason: 'LibraryMissing', message: missing.message });
    // No lock was got that would prove anything.
    expect(parked.grant.unloadAttempts).toBe(maxUnloadAttempts);
    expect(textOf(releaseGrant({ ...parked.grant, unloaded: true }, seen))).toBe('Releasing free');
  });

  it('is unloaded by another server where its own was deleted', () => {
    const seen = view([gone], { gone: () => ({ ...missing, reason: 'ServerMissing', domain: 'server' }) });
    expect(textOf(releaseGrant(held, seen))).toBe('Releasing launchUnload');
  });

  it('touches only what holds something', () => {
    const waiting: Grant = { number: 0, epoch: 1, role: 'Active', state: 'Waiting' };
    const [first, second] = releaseAll([waiting, { ...held, unloaded: true }], view([]));
    expect(first).toEqual({ grant: waiting, steps: [] });
    expect(second?.steps.map((step) => step.kind)).toEqual(['free']);
  });
});

describe('F5: pods that write no head are judged by their age and their node', () => {
  const patience = { startMs: 60_000, preparationMs: 600_000, nodeMs: 40_000 };
  const node = (ready: boolean): NodeFacts => ({ ready, bootId: '', machineId: '' });
  const actions = (ready: boolean, servers: readonly string[] = ['server-0', 'server-1']): ActionView => ({
    ...{ nodes: new Map([['n', node(ready)]]), patience, unloadServers: () => servers },
  });
  const zoned: Grant = { ...grant, state: 'Preparing', zoned: true, server: 'server-0' };
  const load = (more: Partial<PodFacts>): PodFacts => pod(`${name}-load`, more);

  it.each<readonly [string, PodFacts, boolean, string]>([
    ['a load is waited for while it may start', load({ state: 'waiting', ageMs: 50_000 }), true, 'Preparing'],
    [
      'one that never starts is lost through its server',
      load({ state: 'waiting', ageMs: 61_000, waitingReason: 'ImagePullBackOff' }),
      true,
      'Preparing PodNotStarted',
    ],
    [
      'one for whose image nobody will ask again is lost at once',
      load({ state: 'waiting', ageMs: 1_000, waitingReason: 'ErrImageNeverPull', cannotStart: true }),
      true,
      'Preparing PodNotStarted',
    ],
    ['a load may take its time', load({ ageMs: 599_000 }), true, 'Preparing'],
    ['one that hangs is lost through its drive', load({ ageMs: 601_000 }), true, 'Preparing Stalled'],
    ['a pod that was just made on a node is not yet given up', load({ ageMs: 10_000 }), false, 'Preparing'],
    ['one whose node is gone is', load({ ageMs: 41_000 }), false, 'Preparing NodeGone'],
    ['also where it had not started', load({ state: 'waiting', ageMs: 41_000 }), false, 'Preparing NodeGone'],
  ])('%s', (_name, one, ready, expected) => {
    expect(textOf(prepareGrant(zoned, view([one], { actions: actions(ready) })))).toBe(expected);
  });

  it('blames the server for a node, the drive for a load that hangs', () => {
    const faultOf = (one: PodFacts, ready: boolean) =>
      prepareGrant(zoned, view([one], { actions: actions(ready) })).fault;
    expect(faultOf(load({ ageMs: 41_000 }), false)?.domain).toBe('server');
    expect(faultOf(load({ ageMs: 601_000 }), true)?.domain).toBe('drive');
  });

  it('gives a lost load no other writer before it is proven to be gone', () => {
    const lost: Grant = { ...zoned, state: 'Fencing' };
    const seen = view([load({ ageMs: 41_000, deleting: true })], { actions: actions(false) });
    expect(textOf(releaseGrant(lost, seen))).toBe('Fencing');
  });

  describe('an unload', () => {
    const held: Grant = { ...zoned, state: 'Releasing', loaded: true };
    const unload = (attempt: number, more: Partial<PodFacts> = {}): PodFacts => pod(`${name}-unload-${attempt}`, more);
    const serverOf = ({ steps }: Progress): string | undefined =>
      steps.flatMap((step) => (step.kind === 'launchUnload' ? [step.server] : []))[0];

    it('begins on the first server that can do it, after a failure on the next one', () => {
      expect(serverOf(releaseGrant(held, view([], { actions: actions(true) })))).toBe('server-0');
      const second = { ...held, unloadAttempts: 1 };
      expect(serverOf(releaseGrant(second, view([], { actions: actions(true) })))).toBe('server-1');
    });

    it('goes nowhere near a server whose node is gone', () => {
      const seen = view([], { actions: actions(false, ['server-1']) });
      expect(serverOf(releaseGrant(held, seen))).toBe('server-1');
    });

    it('waits as an outstanding fence where no server can do it', () => {
      expect(textOf(releaseGrant(held, view([], { actions: actions(false, []) })))).toBe('Fencing');
    });

    it.each<readonly [string, Partial<PodFacts>, boolean]>([
      ['whose node is gone', { ageMs: 41_000 }, false],
      ['that never starts', { state: 'waiting', ageMs: 61_000 }, true],
      ['that hangs', { ageMs: 601_000 }, true],
    ])('%s is ended, and followed by another one once it is proven to be gone', (_name, more, ready) => {
      const seen = (pods: readonly PodFacts[], vouched = false): GrantView =>
        view(pods, { actions: actions(ready), fenceVouched: () => vouched });
      const first = releaseGrant(held, seen([unload(0, more)]));
      expect(textOf(first)).toBe('Fencing deletePod');
      const leaving = unload(0, { ...more, deleting: true });
      expect(textOf(releaseGrant(first.grant, seen([leaving])))).toBe('Fencing');
      for (const gone of [seen([]), seen([ended(leaving.name)]), seen([leaving], true)]) {
        const next = releaseGrant(first.grant, gone);
        expect(textOf(next)).toBe('Releasing launchUnload');
        expect(serverOf(next)).toBe('server-1');
      }
    });

    it('that no server does parks drive and tape', () => {
      const tried = { ...held, unloadAttempts: maxUnloadAttempts };
      expect(textOf(releaseGrant(tried, view([], { actions: actions(true) })))).toBe('Releasing park');
    });
  });
});
