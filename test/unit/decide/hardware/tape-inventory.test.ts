import { describe, expect, it } from 'vitest';
import type { Inventory, MediaPool, Tape } from '../../../../src/api/generated/index.ts';
import { matches, tapeName, tapesAfterInventory } from '../../../../src/decide/hardware/tape-inventory.ts';
import { holder, library, pool, tape } from '../../../support/hardware-objects.ts';

const now = '2030-01-01T00:00:00.000Z';

const changes = (inventory: Inventory, tapes: readonly Tape[], pools: readonly MediaPool[] = []) =>
  tapesAfterInventory({ library: library(), inventory, tapes, pools }, now);

describe('a barcode that no Tape has', () => {
  const inventory: Inventory = { slots: [{ address: 1024, barcode: 'TW0001L9' }, { address: 1025 }] };

  it('becomes a Tape of the first pool by name that takes it', () => {
    const pools = [
      pool('zz', { barcodePattern: '*' }),
      pool('bb', { barcodePattern: 'TW*L9', worm: true }),
      pool('aa', { barcodePattern: 'XX*' }),
      pool('a-without-pattern'),
      pool('ab', { barcodePattern: 'TW*', libraries: ['library-9'] }),
    ];
    expect(changes(inventory, [], pools)).toMatchObject([
      { kind: 'create', name: 'tw0001l9', spec: { library: 'library-0', barcode: 'TW0001L9', pool: 'bb', worm: true } },
    ]);
  });

  it('joins the default pool where no pool takes it', () => {
    expect(changes(inventory, [])).toMatchObject([{ spec: { pool: 'default', worm: false } }]);
  });
});

describe('a tape that was found', () => {
  it.each([
    {
      name: 'never read: nothing is said of what stands on it, and it is read before it is written',
      slot: {},
      status: {},
      state: 'Usable',
      reason: 'NotYetRead',
    },
    {
      name: 'never read, and with no room for data in front of its end: scratch',
      slot: { usedBytes: 4336 },
      status: {},
      state: 'Scratch',
      reason: 'NotYetRead',
    },
    {
      name: 'never read, with data: usable, behind them',
      slot: { usedBytes: 9e9 },
      status: {},
      state: 'Usable',
      reason: 'NotYetRead',
    },
    { name: 'known to be blank: scratch', slot: { blank: true }, status: {}, state: 'Scratch', reason: '' },
    {
      name: 'labelled, nothing on it: scratch',
      slot: { labelId: 'x', usedBytes: 160 },
      status: {},
      state: 'Scratch',
      reason: '',
    },
    {
      name: 'labelled, with data: usable',
      slot: { labelId: 'x', usedBytes: 9e9 },
      status: {},
      state: 'Usable',
      reason: '',
    },
    {
      name: 'labelled by us once, fill unknown: usable',
      slot: {},
      status: { labelId: 'x' },
      state: 'Usable',
      reason: '',
    },
    {
      name: 'write-protected: full',
      slot: { writeProtected: true },
      status: {},
      state: 'Full',
      reason: 'WriteProtected',
    },
    {
      name: 'no longer write-protected: judged anew',
      slot: { writeProtected: false, labelId: 'x', usedBytes: 9e9 },
      status: { freeState: 'Full', reason: 'WriteProtected', writeProtected: true },
      state: 'Usable',
      reason: '',
    },
    { name: 'full: stays full', slot: {}, status: { freeState: 'Full', labelId: 'x' }, state: 'Full', reason: '' },
    {
      name: 'full, relabelled elsewhere: judged anew',
      slot: { labelId: 'y', usedBytes: 160 },
      status: { freeState: 'Full', labelId: 'x' },
      state: 'Scratch',
      reason: '',
    },
  ] as const)('$name', ({ slot, status, state, reason }) => {
    const known = tape('tape-0', { state: 'Unknown', ...status });
    const found = changes({ slots: [{ address: 1024, barcode: 'TAPE-0', ...slot }] }, [known]);
    expect(found).toMatchObject([{ kind: 'update', status: { state, freeState: state, reason, slot: 1024 } }]);
  });

  it('is known to be in a drive, and where it came from', () => {
    const inventory = { drives: [{ address: 257, barcode: 'TAPE-0', homeSlot: 1030 }] };
    const found = changes(inventory, [tape('tape-0', { state: 'Unknown', slot: 1024 })]);
    expect(found).toMatchObject([{ status: { drive: 'drive-1', slot: 1030 } }]);
  });

  it('changes its library when it was found in another one', () => {
    const away = tape('tape-0', { state: 'Exported' }, { library: 'library-1' });
    const found = changes({ slots: [{ address: 1024, barcode: 'TAPE-0' }] }, [away]);
    expect(found).toMatchObject([{ kind: 'update', status: { state: 'Usable', library: 'library-0' } }]);
  });

  it.each(['Foreign', 'NotUsable'] as const)('stays %s, which was found by trying it', (state) => {
    const found = changes({ slots: [{ address: 1024, barcode: 'TAPE-0' }] }, [tape('tape-0', { state })]);
    expect(found).toMatchObject([{ status: { state, slot: 1024 } }]);
  });

  it('is as it was when it comes back, and nothing says any more that it is away', () => {
    const away = { freeState: 'Usable', reason: 'NotInLibrary', message: 'away' } as const;
    const found = changes({ slots: [{ address: 1024, barcode: 'TAPE-0' }] }, [
      tape('tape-0', { state: 'Exported', ...away }),
    ]);
    expect(found).toMatchObject([{ status: { state: 'Usable', reason: '', message: '', slot: 1024 } }]);
  });

  it('is left alone while somebody holds it', () => {
    const held = tape('tape-0', { state: 'InUse', holder: holder() });
    expect(changes({ slots: [{ address: 1024, barcode: 'TAPE-0' }] }, [held])).toEqual([]);
    expect(changes({ slots: [] }, [held])).toEqual([]);
  });
});

it('calls a tape exported that its library no longer has, and says nothing of other libraries', () => {
  const tapes = [tape('gone', { state: 'Scratch', slot: 1024 }), tape('other', { state: 'Scratch' }, { library: 'x' })];
  const found = changes({ slots: [{ address: 1024 }] }, tapes);
  expect(found).toHaveLength(1);
  expect(found[0]).toMatchObject({ tape: { metadata: { name: 'gone' } }, status: { state: 'Exported' } });
  expect(found[0]).not.toHaveProperty('status.slot');
});

describe('matches', () => {
  it.each([
    ['*', 'TW0001L9', true],
    ['TW*L9', 'TW0001L9', true],
    ['TW*L9', 'TW0001L8', false],
    ['TW????L9', 'TW0001L9', true],
    ['TW???L9', 'TW0001L9', false],
    ['T-W_*', 'T-W_1', true],
  ])('%s and %s: %s', (pattern, barcode, expected) => {
    expect(matches(pattern, barcode)).toBe(expected);
  });
});

it('names a tape so that the API takes it', () => {
  expect(tapeName('TW_01 L9')).toBe('tw-01-l9');
});
