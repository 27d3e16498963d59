import { describe, expect, it } from 'vitest';
import { answer, type Applicant } from '../../../../src/decide/allocation/admission.ts';
import type { Hardware, Need } from '../../../../src/decide/allocation/hardware.ts';
import { aLibrary, aNeed, aPool, aServer, aTape, pair } from '../hardware-objects.ts';

const ask = (need: Partial<Need>, hardware: Partial<Hardware>, more: Partial<Applicant> = {}) =>
  answer(
    {
      ...{ kind: 'BackupJob', name: 'default/x', uid: 'u', priority: 0, createdAtMs: 0, waitingSinceMs: 0 },
      ...{ streams: [0, 1], atLeast: 2, neighbours: [], need: aNeed(need) },
      disjointness: { server: 'Required', library: 'Preferred', switch: 'Preferred' },
      ...more,
    },
    pair(hardware),
  );

const notLookedAt = (name: string, status: Partial<ReturnType<typeof aLibrary>['status']> = {}) => ({
  ...aLibrary(name),
  status: { state: 'Unknown' as const, ...status },
});
const unseen = { ...aServer('server-1'), status: {} };
const aPoolOf = (...libraries: string[]) => {
  const { spec, ...pool } = aPool();
  return { ...pool, spec: { ...spec, libraries } };
};

describe('what is applied all at once is waited for', () => {
  it.each<readonly [string, Partial<Need>, Partial<Hardware>, string]>([
    ['a library without an inventory', {}, { libraries: [notLookedAt('lib-0')], tapes: [] }, 'TapeLibrary lib-0'],
    [
      'one of two libraries without an inventory',
      {},
      { libraries: [aLibrary('lib-0'), notLookedAt('lib-1')], tapes: [aTape('t0', 'lib-0')] },
      'TapeLibrary lib-1',
    ],
    ['no library at all', {}, { libraries: [], tapes: [] }, 'TapeLibrary '],
    ['the library that the pool names', {}, { pools: [aPoolOf('lib-2')], tapes: [] }, 'TapeLibrary lib-2'],
    ['the pool', {}, { pools: [] }, 'MediaPool default'],
    ['no server at all', {}, { servers: [] }, 'BackupServer '],
    [
      'a server that nobody has seen, where its machine matters',
      { machine: {} },
      { servers: [aServer('server-0'), unseen] },
      'BackupServer server-1',
    ],
    [
      'a server whose node has never come',
      { machine: {} },
      { servers: [aServer('server-0'), { ...unseen, status: { state: 'NotUsable', reason: 'NodeMissing' } }] },
      'BackupServer server-1',
    ],
    [
      'tapes that the inventory counted and that are not seen yet',
      {},
      {
        libraries: [{ ...aLibrary('lib-0'), status: { ...aLibrary('lib-0').status, slots: { occupied: 2 } } }],
        tapes: [aTape('t0', 'lib-0')],
      },
      'TapeLibrary lib-0',
    ],
    [
      'the library of the tape that is to be read',
      { tapes: { kind: 'tape', name: 't9' } },
      { libraries: [aLibrary('lib-0'), notLookedAt('lib-1')] },
      'TapeLibrary lib-1',
    ],
  ])('%s', (_name, need, hardware, blocker) => {
    const found = ask(need, hardware);
    expect(found).toMatchObject({ kind: 'wait', shortage: { reason: 'HardwareUnknown' } });
    const told = found.kind === 'wait' ? found.blockedBy.map(({ kind, name }) => `${kind} ${name ?? ''}`) : [];
    expect(told).toEqual([blocker]);
  });
});

describe('what cannot be met by hardware that is all known', () => {
  const tooFew = { disjointness: { server: 'Required', library: 'Preferred', switch: 'Preferred' } } as const;
  const three = { ...tooFew, streams: [0, 1, 2], atLeast: 3 };
  const roomy = [aLibrary('lib-0', [{}, {}]), aLibrary('lib-1', [{}, {}])];
  const tapes = ['t0', 't1', 't2'].map((name) => aTape(name, 'lib-0'));

  it('is impossible at once: three routes on two servers', () => {
    const found = ask({}, { libraries: roomy, tapes: [...tapes, aTape('t3', 'lib-1')] }, three);
    expect(found.kind === 'impossible' && found.shortage.message).toMatch(/servers server-0, server-1/);
  });

  it.each<readonly [string, Partial<Need>, Partial<Hardware>]>([
    ['a pool without enough tapes', {}, { tapes: [aTape('t0', 'lib-0')] }],
    ['a pool that is for others', {}, { pools: [aPool(['other'])] }],
    [
      'a library that is disabled, looked at or not',
      {},
      {
        libraries: [
          aLibrary('lib-0'),
          { ...notLookedAt('lib-1'), spec: { ...aLibrary('lib-1').spec, disabled: true } },
        ],
        tapes: [aTape('t0', 'lib-0')],
      },
    ],
    [
      'a library of no matter to the pool',
      {},
      {
        libraries: [aLibrary('lib-0'), notLookedAt('lib-1')],
        pools: [aPoolOf('lib-0')],
        tapes: [aTape('t0', 'lib-0')],
      },
    ],
    [
      'a server that may not read the path, seen or not',
      { machine: {}, hostPath: { path: '/etc', write: false } },
      {
        servers: [aServer('server-0'), unseen],
      },
    ],
    ['a tape that is in no library', { tapes: { kind: 'tape', name: 't9' } }, {}],
  ])('is impossible at once: %s', (_name, need, hardware) => {
    expect(ask(need, hardware).kind).toBe('impossible');
  });
});
