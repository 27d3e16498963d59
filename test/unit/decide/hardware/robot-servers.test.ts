import { describe, expect, it } from 'vitest';
import { serversForUnload } from '../../../../src/decide/hardware/robot-servers.ts';
import { aGrant } from '../job-objects.ts';
import { aLibrary, aServer } from '../hardware-objects.ts';

const library = aLibrary('lib-0');
const servers = [aServer('server-2'), aServer('server-1'), aServer('server-0')];
const ready = (...names: readonly string[]) =>
  new Map(names.map((name) => [`node of ${name}`, { ready: true, bootId: '', machineId: '' }]));
const grant = aGrant(1, 'Releasing');

describe('the servers that can unload a tape', () => {
  it.each([
    [
      "the grant's own, then those that may move the robot",
      ready('server-0', 'server-1', 'server-2'),
      'server-1,server-0',
    ],
    ['not its own where its node is gone', ready('server-0', 'server-2'), 'server-0'],
    ['none where no node answers', ready(), ''],
    ['not one that the library does not name', ready('server-2'), ''],
  ])('are %s', (_name, nodes, expected) => {
    expect(serversForUnload(grant, library, servers, nodes).join()).toBe(expected);
  });

  it('begin with those that the job does not avoid', () => {
    const nodes = ready('server-0', 'server-1');
    expect(serversForUnload(grant, library, servers, nodes, ['server-1'])).toEqual(['server-0', 'server-1']);
    expect(serversForUnload(grant, library, servers, ready('server-1'), ['server-1']), 'there is no other').toEqual([
      'server-1',
    ]);
  });

  it('are only usable ones, its own excepted: that holds what it needs', () => {
    const disabled = servers.map((one) => ({ ...one, status: { ...one.status, state: 'NotUsable' as const } }));
    expect(serversForUnload(grant, library, disabled, ready('server-0', 'server-1'))).toEqual(['server-1']);
    expect(serversForUnload(grant, undefined, servers, ready('server-0', 'server-1'))).toEqual(['server-1']);
  });
});
