import { describe, expect, it } from 'vitest';
import type { TerminationMessage } from '../../../src/api/worker-order.ts';
import type { Grant } from '../../../src/decide/grant.ts';
import {
  maxUnloadAttempts,
  prepareGrant,
  releaseAll,
  releaseGrant,
  type GrantView,
  type Progress,
} from '../../../src/decide/grant-life.ts';
import type { PodFacts } from '../../../src/decide/pod-facts.ts';

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
  ])('%s', (_name, one, seen, expected) => {
    expect(textOf(releaseGrant(one, seen))).toBe(expected);
  });

  it('counts failed unloads', () => {
    expect(releaseGrant(held, view([gone, ended(unload)])).grant.unloadAttempts).toBe(1);
  });

  it('touches only what holds something', () => {
    const waiting: Grant = { number: 0, epoch: 1, role: 'Active', state: 'Waiting' };
    const [first, second] = releaseAll([waiting, { ...held, unloaded: true }], view([]));
    expect(first).toEqual({ grant: waiting, steps: [] });
    expect(second?.steps.map((step) => step.kind)).toEqual(['free']);
  });
});
