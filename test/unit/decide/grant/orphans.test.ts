import { describe, expect, it } from 'vitest';
import type { Grant } from '../../../../src/api/generated/index.ts';
import { isAbandoned, judgeHolder, orphanZones, type OwnerSeen } from '../../../../src/decide/grant/orphans.ts';
import type { PodFacts } from '../../../../src/decide/grant/pod-facts.ts';
import { grant, holder, uid } from '../../../support/hardware-objects.ts';

const owner = (changes: Partial<OwnerSeen> = {}): OwnerSeen => ({
  uid,
  streams: [grant()],
  retired: [],
  ended: false,
  ...changes,
});
const pod = (name: string, state: PodFacts['state'] = 'running'): PodFacts => ({
  name,
  uid: 'pod',
  node: 'server-0',
  state,
  deleting: false,
  fenced: true,
  ageMs: 0,
});
const acting = 'tw-1a2b3c4d-s1-e3';

describe('judgeHolder', () => {
  it.each(['Allocating', 'Reserved', 'Preparing', 'Ready', 'Running', 'Closing', 'Fencing', 'Releasing'] as const)(
    'leaves what a grant holds that is %s',
    (state: Grant['state']) => {
      expect(judgeHolder(holder(), owner({ streams: [grant({ state })] }), [])).toEqual({ kind: 'live' });
    },
  );

  it('leaves what a retired grant holds that is being fenced', () => {
    const retired = owner({ streams: [], retired: [grant({ state: 'Fencing' })] });
    expect(judgeHolder(holder(), retired, [])).toEqual({ kind: 'live' });
  });

  it.each([
    { name: 'whose grant was released', owner: owner({ streams: [grant({ state: 'Released' })] }), unsure: false },
    { name: 'of an older epoch', owner: owner({ streams: [grant({ epoch: 4 })] }), unsure: false },
    { name: 'whose job is gone', owner: undefined, unsure: true },
    { name: 'whose job was made anew under the same name', owner: owner({ uid: 'other' }), unsure: true },
  ])('frees a holder $name', ({ owner, unsure }) => {
    expect(judgeHolder(holder(), owner, [])).toEqual({ kind: 'free', unsure });
  });

  it('ends the pods of a dead grant first', () => {
    const pods = [pod(acting), pod(`${acting}-load`, 'ended'), pod('tw-1a2b3c4d-s1-e4'), pod('tw-1a2b3c4d-plan-e0')];
    expect(judgeHolder(holder(), undefined, pods)).toEqual({ kind: 'fence', pods: [pods[0]] });
  });

  it('takes terminated containers for the end of a pod', () => {
    expect(judgeHolder(holder(), undefined, [pod(acting, 'ended')])).toMatchObject({ kind: 'free' });
  });
});

describe('orphanZones', () => {
  const zones = [{ name: 'tw_1a2b3c4d_s1_e3_0' }, { name: 'somebody_elses' }];

  it('keeps zones of live grants and of running pods, and everything that is not ours', () => {
    expect(orphanZones(zones, [owner()], [])).toEqual([]);
    expect(orphanZones(zones, [], [pod(acting)])).toEqual([]);
  });

  it('names zones that nothing explains', () => {
    expect(orphanZones(zones, [owner({ streams: [grant({ epoch: 4 })] })], [pod(acting, 'ended')])).toEqual([
      'tw_1a2b3c4d_s1_e3_0',
    ]);
  });
});

describe('isAbandoned', () => {
  it.each([
    { name: 'no owner', owner: undefined, expected: true },
    { name: 'an owner of another uid', owner: owner({ uid: 'x' }), expected: true },
    { name: 'an owner at work', owner: owner(), expected: false },
    { name: 'an ended owner that still releases', owner: owner({ ended: true }), expected: false },
    { name: 'an ended owner', owner: owner({ ended: true, streams: [] }), expected: true },
  ])('$name: $expected', ({ owner, expected }) => {
    expect(isAbandoned(uid, owner)).toBe(expected);
  });
});
