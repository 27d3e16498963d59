import { describe, expect, it } from 'vitest';
import { libraryAfterInventory } from '../../../../src/decide/hardware/inventory.ts';
import { holder, library } from '../../../support/hardware-objects.ts';

const now = '2030-01-01T00:01:00.000Z';
const begunAtMs = Date.parse('2030-01-01T00:00:00.000Z');
const inventory = {
  drives: [
    { address: 256, ready: true },
    { address: 257, ready: true, barcode: 'TAPE-0', homeSlot: 1024 },
  ],
  slots: [{ address: 1024 }, { address: 1025, barcode: 'TAPE-1' }, { address: 768, importExport: true }],
};
const task = { changerHolder: { pod: 'p' }, inventoryPod: 'p', inventoryPage: 'p' };

describe('libraryAfterInventory', () => {
  it('knows drives and slots, is Usable, and its robot is free', () => {
    const status = libraryAfterInventory(library({ state: 'Unknown', ...task }), { inventory, begunAtMs, now });
    expect(status).toMatchObject({
      state: 'Usable',
      lastInventory: now,
      drivesText: '2/2',
      slots: { total: 2, occupied: 1, free: 1, importExport: 1 },
      drives: [
        { name: 'drive-0', state: 'Usable' },
        { name: 'drive-1', state: 'Usable', loadedTape: 'TAPE-0', homeSlot: 1024 },
      ],
    });
    expect(status).not.toHaveProperty('changerHolder');
    expect(status).not.toHaveProperty('inventoryPod');
  });

  it('leaves a drive that is held as it is', () => {
    const held = { name: 'drive-1', state: 'InUse', holder: holder(), loadedTape: 'TAPE-9' } as const;
    const status = libraryAfterInventory(library({ state: 'Usable', drives: [held] }), { inventory, begunAtMs, now });
    expect(status.drives?.[1]).toMatchObject(held);
  });

  it('believes who freed a drive while the robot looked', () => {
    const freed = { name: 'drive-1', state: 'Usable', lastUsed: '2030-01-01T00:00:30.000Z' } as const;
    const status = libraryAfterInventory(library({ state: 'Usable', drives: [freed] }), { inventory, begunAtMs, now });
    expect(status.drives?.[1]).not.toHaveProperty('loadedTape');
  });

  it.each([
    { name: 'a drive that is not there', drives: [], reason: 'NoSuchDrive' },
    { name: 'a drive that does not answer', drives: [{ address: 256, ready: false }], reason: 'DriveNotReady' },
    {
      name: 'a drive that somebody has locked',
      drives: [{ address: 256, ready: true, locked: true }],
      reason: 'LockedByOther',
    },
  ])('$name is NotUsable: $reason', ({ drives, reason }) => {
    const looked = { inventory: { ...inventory, drives }, begunAtMs, now };
    const status = libraryAfterInventory(library({ state: 'Unknown' }), looked);
    expect(status.drives?.[0]).toMatchObject({ state: 'NotUsable', reason });
  });

  describe('of a drive that went offline', () => {
    const after = (ready?: boolean, state: 'NotUsable' | 'Unknown' = 'NotUsable', reason = 'DriveOffline') => {
      const drives = [{ name: 'drive-0', state, reason, stateSince: '2029-12-31T00:00:00.000Z' }];
      const seen = { address: 256, ...(ready === undefined ? {} : { ready }) };
      const looked = { inventory: { ...inventory, drives: [seen] }, begunAtMs, now };
      return libraryAfterInventory(library({ state: 'Usable', drives }), looked).drives?.[0];
    };

    it('says nothing where the robot alone has seen it', () => {
      const same = { state: 'NotUsable', reason: 'DriveOffline', stateSince: '2029-12-31T00:00:00.000Z' };
      expect(after()).toMatchObject(same);
      expect(after(undefined, 'NotUsable', 'DriveNotReady'), 'with the next tape it may be').toMatchObject({
        state: 'Usable',
      });
    });

    it('says that it is Usable where it has answered, or where somebody asked to try it again', () => {
      expect(after(true)).toMatchObject({ state: 'Usable', reason: '' });
      expect(after(undefined, 'Unknown')).toMatchObject({ state: 'Usable', reason: '' });
    });
  });

  it('keeps a drive that left the spec until its holder lets go', () => {
    const drives = [
      { name: 'old', state: 'InUse', holder: holder() },
      { name: 'older', state: 'Usable' },
    ] as const;
    const status = libraryAfterInventory(library({ state: 'Usable', drives: [...drives] }), {
      inventory,
      begunAtMs,
      now,
    });
    expect(status.drives?.map(({ name }) => name)).toEqual(['drive-0', 'drive-1', 'old']);
  });
});
