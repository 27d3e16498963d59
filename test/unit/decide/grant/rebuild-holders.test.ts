import { describe, expect, it } from 'vitest';
import { grantedOrder, holdersOf, type GrantHolder } from '../../../../src/decide/grant/rebuild-holders.ts';
import { grant, holder, uid } from '../../../support/hardware-objects.ts';

const job = { kind: 'BackupJob', uid, namespace: 'default', name: 'job', processNumber: 7 } as const;
const owners: readonly GrantHolder[] = [
  { job, grants: [grant(), grant({ number: 2, epoch: 4, server: 'server-1', state: 'Released' })] },
];
const order = grantedOrder({
  role: 'backup',
  job: { ...job, uid: 'other', name: 'deleted' },
  grant: { stream: 0, epoch: 9 },
  server: 'server-0',
  library: { name: 'library-0' },
  drive: { name: 'drive-0' },
  tape: { name: 'tape-0' },
});
const orders = order === undefined ? [] : [order];

describe('holdersOf', () => {
  it.each([
    { kind: 'server', name: 'server-0' },
    { kind: 'drive', name: 'library-0', drive: 'drive-0' },
    { kind: 'tape', name: 'tape-0' },
    { kind: 'switch', name: 'switch-0' },
  ] as const)('finds the grant that holds a $kind', (unit) => {
    expect(holdersOf(unit, owners, [])).toEqual([holder()]);
  });

  it('passes over grants that hold nothing any more', () => {
    expect(holdersOf({ kind: 'server', name: 'server-1' }, owners, [])).toEqual([]);
  });

  it('finds pods whose job is gone, latest epoch first', () => {
    const found = holdersOf({ kind: 'drive', name: 'library-0', drive: 'drive-0' }, owners, orders);
    expect(found.map(({ name, epoch }) => [name, epoch])).toEqual([
      ['deleted', 9],
      ['job', 3],
    ]);
  });

  it('names each grant once, whether job or pod tells of it', () => {
    const own = grantedOrder({ job, grant: { stream: 1, epoch: 3 }, server: 'server-0' });
    expect(holdersOf({ kind: 'server', name: 'server-0' }, owners, own === undefined ? [] : [own])).toHaveLength(1);
  });
});

describe('grantedOrder', () => {
  it.each([
    { name: 'an inventory', value: { role: 'inventory', server: 'server-0' } },
    { name: 'a plan', value: { role: 'plan', job } },
    { name: 'housekeeping', value: { role: 'unload', housekeeping: true, job, grant: { stream: 0, epoch: 0 } } },
    { name: 'no order', value: 'x' },
  ])('$name acts for no grant', ({ value }) => {
    expect(grantedOrder(value)).toBeUndefined();
  });
});
