import { describe, expect, it } from 'vitest';
import type { FCSwitch } from '../../../../src/api/generated/index.ts';
import { blockersOf } from '../../../../src/decide/allocation/blockers.ts';
import {
  freeFor,
  hostFolderOn,
  isBeneath,
  type Hardware,
  type Need,
} from '../../../../src/decide/allocation/hardware.ts';
import { aLibrary, aNeed, aPool, aServer, aTape, holder, pair } from '../hardware-objects.ts';

const names = (need: Need, hardware: Hardware, horizon: 'now' | 'ever' = 'now'): string => {
  const { servers, drives, tapes } = freeFor(need, hardware, horizon);
  const list = (of: readonly { readonly name: string; readonly library?: string }[]): string =>
    of.map((one) => one.name).join(',');
  return `${list(servers)} | ${drives.map((one) => `${one.library}/${one.name}`).join(',')} | ${list(tapes)}`;
};

const everything = 'server-0,server-1 | lib-0/drive-0,lib-1/drive-0 | t0,t1';

describe('B3, B4: what of the hardware a job may use', () => {
  it.each<readonly [string, Partial<Need>, Partial<Hardware>, string]>([
    ['everything that is usable and free', {}, {}, everything],
    [
      'no server whose owner does not allow the path',
      { hostPath: { path: '/etc', write: false } },
      {},
      ' | lib-0/drive-0,lib-1/drive-0 | t0,t1',
    ],
    [
      'no server whose owner does not allow the namespace',
      { namespace: 'other' },
      { pools: [aPool(['*'])] },
      ' | lib-0/drive-0,lib-1/drive-0 | t0,t1',
    ],
    [
      'no server for writing where it may only be read',
      { hostPath: { path: '/data', write: true } },
      {},
      ' | lib-0/drive-0,lib-1/drive-0 | t0,t1',
    ],
    [
      'only servers on the machine that has the folder',
      { machine: { id: 'machine-1' } },
      { servers: [aServer('server-0'), aServer('server-1', { machineID: 'machine-1' })] },
      'server-1 | lib-0/drive-0,lib-1/drive-0 | t0,t1',
    ],
    [
      'no server of which nobody knows the machine, where the folder is one of any machine',
      { machine: {} },
      { servers: [aServer('server-0', { machineID: '' }), aServer('server-1')] },
      'server-1 | lib-0/drive-0,lib-1/drive-0 | t0,t1',
    ],
    [
      'no server that is full',
      {},
      { servers: [aServer('server-0', { holders: [holder('x')] }), aServer('server-1')] },
      'server-1 | lib-0/drive-0,lib-1/drive-0 | t0,t1',
    ],
    [
      'no server that nobody has looked at: empty status is Unknown, never free',
      {},
      { servers: [{ ...aServer('server-0'), status: {} }, aServer('server-1')] },
      'server-1 | lib-0/drive-0,lib-1/drive-0 | t0,t1',
    ],
    [
      'no drive that is held',
      {},
      { libraries: [aLibrary('lib-0', [{ holder: holder('x'), state: 'InUse' }, {}])] },
      'server-0,server-1 | lib-0/drive-1 | t0,t1',
    ],
    [
      'no drive with a forgotten tape in it',
      {},
      { libraries: [aLibrary('lib-0', [{ loadedTape: 'T9' }])] },
      'server-0,server-1 |  | t0,t1',
    ],
    [
      'no drive of a library that nobody has looked at',
      {},
      { libraries: [{ ...aLibrary('lib-0'), status: {} }, aLibrary('lib-1')] },
      'server-0,server-1 | lib-1/drive-0 | t0,t1',
    ],
    [
      'nothing that the job must avoid',
      { avoid: { servers: ['server-0'], drives: ['lib-1/drive-0'], tapes: ['t0'] } },
      {},
      'server-1 | lib-0/drive-0 | t1',
    ],
    [
      'of the tapes to avoid those on which just one of its streams has written',
      {
        avoid: { tapes: ['t0', 't1', 't2'] },
        own: [
          { stream: 0, tape: 't0' },
          { stream: 0, tape: 't1' },
          { stream: 1, tape: 't1' },
        ],
      },
      { tapes: ['t0', 't1', 't2'].map((name) => aTape(name, 'lib-0')) },
      'server-0,server-1 | lib-0/drive-0,lib-1/drive-0 | t0',
    ],
    [
      'no tape that is held, full, foreign, or not there',
      {},
      {
        tapes: [
          aTape('held', 'lib-0', { holder: holder('x') }),
          aTape('full', 'lib-0', { state: 'Full', freeState: 'Full' }),
          aTape('foreign', 'lib-0', { state: 'Foreign' }),
          aTape('gone', 'lib-0', { state: 'Exported' }),
          aTape('good', 'lib-1'),
        ],
      },
      'server-0,server-1 | lib-0/drive-0,lib-1/drive-0 | good',
    ],
    [
      'no tape of a pool that is not for this namespace',
      {},
      { pools: [aPool(['other'])] },
      'server-0,server-1 | lib-0/drive-0,lib-1/drive-0 | ',
    ],
    [
      'R4: the one tape that a restore reads, full as it may be',
      { tapes: { kind: 'tape', name: 't1' } },
      { tapes: [aTape('t0', 'lib-0'), aTape('t1', 'lib-1', { state: 'Full', freeState: 'Full' })] },
      'server-0,server-1 | lib-0/drive-0,lib-1/drive-0 | t1',
    ],
  ])('%s', (_name, need, hardware, expected) => {
    expect(names(aNeed(need), pair(hardware))).toBe(expected);
  });

  it('asks what there would be if nobody held anything and everything broken were mended', () => {
    const hardware = pair({
      servers: [aServer('server-0', { state: 'NotUsable', holders: [holder('x')] }), aServer('server-1')],
      libraries: [
        aLibrary('lib-0', [{ state: 'NotUsable' }]),
        aLibrary('lib-1', [{ holder: holder('x'), state: 'InUse' }]),
      ],
    });
    expect(names(aNeed(), hardware, 'ever')).toBe(everything);
  });

  it.each([
    ['/data/x', '/data', true],
    ['/data', '/data/', true],
    ['/database', '/data', false],
    ['/x', '/', true],
    ['/', '/data', false],
  ])('%s is beneath %s: %s', (path, prefix, expected) => {
    expect(isBeneath(path, prefix)).toBe(expected);
  });

  it('names a switch that is down, and one that is full', () => {
    const fcSwitch = (name: string, status: FCSwitch['status']): FCSwitch => ({
      metadata: { name },
      spec: { driver: 'simulated', fabric: name, disabled: false, maxStreams: 1 },
      ...(status === undefined ? {} : { status }),
    });
    const switches = [
      fcSwitch('a', { state: 'NotUsable', reason: 'Unreachable' }),
      fcSwitch('b', { state: 'InUse', holders: [holder('other')] }),
      fcSwitch('c', { state: 'Usable' }),
    ];
    expect(blockersOf(aNeed(), pair({ switches })).map(({ kind, message }) => [kind, message])).toEqual([
      ['FCSwitch', 'a is NotUsable (Unreachable)'],
      ['FCSwitch', 'b is held by BackupJob default/other, stream 0'],
    ]);
  });

  it('names what was taken out of use, and waits for it as for what is broken', () => {
    const out = { ...aServer('server-0'), spec: { ...aServer('server-0').spec, disabled: true } };
    const library = aLibrary('lib-0');
    const drives = library.spec.drives.map((drive) => ({ ...drive, disabled: true }));
    const hardware = pair({
      servers: [out, aServer('server-1')],
      libraries: [{ ...library, spec: { ...library.spec, drives } }, aLibrary('lib-1')],
    });
    expect(blockersOf(aNeed(), hardware).map(({ kind, name, reason }) => [kind, name, reason])).toEqual([
      ['BackupServer', 'server-0', 'Disabled'],
      ['Drive', 'lib-0/drive-0', 'Disabled'],
    ]);
    expect(freeFor(aNeed(), hardware, 'now').servers.map(({ name }) => name)).toEqual(['server-1']);
    expect(freeFor(aNeed(), hardware, 'ever').drives).toHaveLength(2);
  });

  it('gives a tape that was set aside to who reads it, and to nobody for writing', () => {
    const tape = aTape('t0', 'lib-0');
    const hardware = pair({ tapes: [{ ...tape, spec: { ...tape.spec, disabled: true } }] });
    const tapesOf = (need: Need) => freeFor(need, hardware, 'now').tapes.map(({ name }) => name);
    expect(tapesOf(aNeed())).toEqual([]);
    expect(tapesOf(aNeed({ tapes: { kind: 'tape', name: 't0' } }))).toEqual(['t0']);
  });

  it('names no drive of a library that does not hold the tape that is wanted', () => {
    const hardware = pair({
      libraries: [
        aLibrary('lib-0', [{ state: 'InUse', holder: holder('a') }]),
        aLibrary('lib-1', [{ state: 'InUse', holder: holder('b') }]),
      ],
    });
    const need = aNeed({ tapes: { kind: 'tape', name: 't1' } });
    expect(blockersOf(need, hardware).map(({ name }) => name)).toEqual(['lib-1/drive-0']);
  });

  it('names who stands in the way, and what is broken', () => {
    const hardware = pair({
      servers: [aServer('server-0', { holders: [holder('other', 1)] }), aServer('server-1')],
      libraries: [
        aLibrary('lib-0', [{ state: 'NotUsable', reason: 'DriveOffline' }]),
        aLibrary('lib-1', [{ state: 'InUse', holder: holder('other', 0) }]),
      ],
      tapes: [aTape('t0', 'lib-0', { holder: holder('third') }), aTape('t1', 'lib-1')],
    });
    expect(
      blockersOf(aNeed(), hardware).map(({ kind, name, reason, message }) => [kind, name, reason, message]),
    ).toEqual([
      ['BackupServer', 'server-0', 'Held', 'server-0 is held by BackupJob default/other, stream 1'],
      ['Drive', 'lib-0/drive-0', 'NotUsable', 'lib-0/drive-0 is NotUsable (DriveOffline)'],
      ['Drive', 'lib-1/drive-0', 'Held', 'lib-1/drive-0 is held by BackupJob default/other, stream 0'],
      ['Tape', 't0', 'Held', 't0 is held by BackupJob default/third, stream 0'],
    ]);
  });
});

describe('the folder of a host as its owner allows it', () => {
  const hostPaths = [
    { prefix: '/', namespaces: ['admins'], readOnly: false },
    { prefix: '/srv', namespaces: ['*'], readOnly: true },
    { prefix: '/srv/team-a/', namespaces: ['team-a'], readOnly: false },
  ];
  const server = { ...aServer('server-0'), spec: { ...aServer('server-0').spec, hostPaths } };
  it.each([
    ['the longest prefix that allows it', 'team-a', '/srv/team-a/x/y', { prefix: '/srv/team-a', beneath: 'x/y' }],
    ['a shorter one for others', 'team-b', '/srv/team-a/x', { prefix: '/srv', beneath: 'team-a/x' }],
    ['the prefix itself', 'team-a', '/srv/team-a', { prefix: '/srv/team-a', beneath: '' }],
    ['everything', 'admins', '/etc/', { prefix: '/', beneath: 'etc' }],
    ['the root', 'admins', '/', { prefix: '/', beneath: '' }],
    ['nothing', 'team-a', '/etc', undefined],
    ['nothing beside the prefix', 'team-a', '/srvx', undefined],
  ])('is %s', (_what, namespace, path, folder) => {
    expect(hostFolderOn(server, namespace, { path, write: false })).toEqual(folder);
  });

  it('is found for writing only where it may be written', () => {
    expect(hostFolderOn(server, 'team-b', { path: '/srv/x', write: true })).toBeUndefined();
    expect(hostFolderOn(server, 'team-a', { path: '/srv/team-a/x', write: true })).toMatchObject({ beneath: 'x' });
  });
});
