import { describe, expect, it } from 'vitest';
import { decidePool, decideServer, decideTape } from '../../../../src/decide/hardware/hardware-state.ts';
import { holder, node, pool, server, tape } from '../../../support/hardware-objects.ts';

const now = '2030-01-01T00:00:00.000Z';
const before = '2029-12-31T00:00:00.000Z';

describe('decideServer', () => {
  it.each([
    { name: 'a ready node makes it Usable', node: node(), holders: [], state: 'Usable', reason: '' },
    { name: 'one that is held is InUse', node: node(), holders: [holder()], state: 'InUse', reason: '' },
    {
      name: 'a node that is not ready',
      node: node('server-0', 'False'),
      holders: [],
      state: 'NotUsable',
      reason: 'NodeNotReady',
    },
    {
      name: 'a node that is silent',
      node: node('server-0', 'Unknown'),
      holders: [holder()],
      state: 'NotUsable',
      reason: 'NodeNotReady',
    },
    { name: 'no node at all', node: undefined, holders: [], state: 'NotUsable', reason: 'NodeMissing' },
  ])('$name: $state $reason', ({ node, holders, state, reason }) => {
    const status = decideServer(server('server-0', { state: 'Unknown', holders }), node, now);
    expect(status).toMatchObject({ state, reason, stateSince: now, observedGeneration: 1 });
    expect(status.holders).toEqual(holders);
  });

  it.each([
    { name: 'is NotUsable when nobody uses it', holders: [], state: 'NotUsable' },
    { name: 'stays InUse for whoever has to end', holders: [holder()], state: 'InUse' },
  ])('one that is taken out of use $name', ({ holders, state }) => {
    const known = server('server-0', { state: 'Usable', holders });
    const out = { ...known, spec: { ...known.spec, disabled: true } };
    expect(decideServer(out, node(), now)).toMatchObject({ state, reason: 'Disabled' });
  });

  it('notes the machine and its boot', () => {
    const status = decideServer(server('server-0', { state: 'Unknown' }), node(), now);
    expect(status).toMatchObject({ machineID: 'machine-1', bootID: 'boot-1', lastSeen: now });
  });

  it('changes nothing while nothing changes', () => {
    const settled = decideServer(server('server-0', { state: 'Unknown' }), node(), before);
    expect(decideServer(server('server-0', settled), node(), now)).toEqual(settled);
  });

  it('sees a new boot', () => {
    const settled = decideServer(server('server-0', { state: 'Unknown' }), node(), before);
    const status = decideServer(server('server-0', settled), node('server-0', 'True', 'boot-2'), now);
    expect(status).toMatchObject({ bootID: 'boot-2', lastSeen: now, stateSince: before });
  });
});

describe('decideTape', () => {
  it.each([
    { name: 'an empty status is Unknown', status: undefined, state: 'Unknown' },
    {
      name: 'a held tape is InUse',
      status: { state: 'Scratch', freeState: 'Scratch', holder: holder() },
      state: 'InUse',
    },
    { name: 'a freed tape is what it was left as', status: { state: 'InUse', freeState: 'Full' }, state: 'Full' },
    {
      name: 'a free tape follows what is noted of it',
      status: { state: 'Scratch', freeState: 'Usable' },
      state: 'Usable',
    },
    { name: 'a freed tape of which nothing is noted is Unknown', status: { state: 'InUse' }, state: 'Unknown' },
    { name: 'a foreign tape stays foreign', status: { state: 'Foreign', freeState: 'Scratch' }, state: 'Foreign' },
    {
      name: 'an exported tape waits for an inventory',
      status: { state: 'Exported', freeState: 'Usable' },
      state: 'Exported',
    },
    {
      name: 'a parked tape stays NotUsable, held or not',
      status: { state: 'NotUsable', holder: holder() },
      state: 'NotUsable',
    },
  ] as const)('$name', ({ status, state }) => {
    expect(decideTape(tape('tape-0', status), now).state).toBe(state);
  });

  it('never touches the holder', () => {
    const held = { state: 'Scratch', freeState: 'Scratch', holder: holder() } as const;
    expect(decideTape(tape('tape-0', held), now).holder).toEqual(holder());
  });

  it('tries a NotUsable tape once for each value of the annotation', () => {
    const broken = tape('tape-0', { state: 'NotUsable', reason: 'UnloadFailed' });
    const asked = { ...broken, metadata: { ...broken.metadata, annotations: { 'twinreel.io/retry': '1' } } };
    const status = decideTape(asked, now);
    expect(status.state).toBe('Unknown');
    const again = decideTape({ ...asked, status: { ...status, state: 'NotUsable' } }, now);
    expect(again.state).toBe('NotUsable');
  });

  it.each(['NotUsable', 'Foreign', 'Full'] as const)(
    'forgets what a %s tape was called once it is asked to',
    (state) => {
      const found = tape('a', { state, freeState: 'Full' });
      const status = decideTape(
        { ...found, metadata: { ...found.metadata, annotations: { 'twinreel.io/retry': '1' } } },
        now,
      );
      expect(status.state).toBe('Unknown');
      expect(status).not.toHaveProperty('freeState');
    },
  );
});

describe('decidePool', () => {
  it('counts its tapes by state and what is free on those that can be written', () => {
    const tapes = [
      tape('a', { state: 'Scratch', capacityBytes: 100, usedBytes: 0 }),
      tape('b', { state: 'Usable', capacityBytes: 100, usedBytes: 40 }),
      tape('c', { state: 'Full', capacityBytes: 100, usedBytes: 90 }),
      tape('d'),
      tape('e', { state: 'Scratch', capacityBytes: 100 }, { pool: 'other' }),
    ];
    expect(decidePool(pool('default'), tapes, now)).toMatchObject({
      tapes: { total: 4, scratch: 1, usable: 1, full: 1, unknown: 1, inUse: 0 },
      freeBytes: 160,
    });
  });
});
