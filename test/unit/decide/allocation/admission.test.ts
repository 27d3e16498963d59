import { describe, expect, it } from 'vitest';
import {
  answer,
  grantFrom,
  inOrder,
  neighbourOf,
  type Applicant,
} from '../../../../src/decide/allocation/admission.ts';
import type { BackupServer } from '../../../../src/api/generated/index.ts';
import type { Allotment } from '../../../../src/decide/allocation/allocate.ts';
import { aLibrary, aNeed, aServer, aTape, holder, pair } from '../hardware-objects.ts';

const applicant = (more: Partial<Applicant> = {}): Applicant => ({
  ...{ kind: 'BackupJob', name: 'default/x', uid: 'u', priority: 0, createdAtMs: 0, waitingSinceMs: 0 },
  ...{ streams: [0, 1], atLeast: 2, neighbours: [], need: aNeed() },
  disjointness: { server: 'Required', library: 'Required', switch: 'Preferred' },
  ...more,
});

const held = { state: 'InUse' as const, holder: holder('other') };

describe('admission', () => {
  it('F1: gives all that was asked for', () => {
    const found = answer(applicant(), pair());
    expect(
      found.kind === 'grant' && found.allotments.map((one) => [one.stream, one.server.name, one.tape.name]),
    ).toEqual([
      [0, 'server-0', 't0'],
      [1, 'server-1', 't1'],
    ]);
  });

  it('takes no other server of a node that is avoided, unless nothing else works', () => {
    const on = (name: string, node: string, status: BackupServer['status'] = {}): BackupServer => {
      const server = aServer(name, status);
      return { ...server, spec: { ...server.spec, node } };
    };
    const one = applicant({
      streams: [0],
      atLeast: 1,
      need: aNeed({ avoid: { servers: ['server-9'], nodes: ['n'] } }),
    });
    const serverOf = (other: BackupServer['status']) => {
      const found = answer(one, pair({ servers: [on('server-0', 'n'), on('server-1', 'm', other)] }));
      return found.kind === 'grant' ? found.allotments[0]?.server.name : found.kind;
    };
    expect(serverOf({})).toBe('server-1');
    expect(serverOf({ state: 'InUse', holders: [holder('other')] }), 'it comes free').toBe('wait');
    expect(serverOf({ state: 'NotUsable' })).toBe('server-0');
  });

  it('B7: gives nothing where not all can be had, and names who is in the way', () => {
    const found = answer(applicant(), pair({ libraries: [aLibrary('lib-0'), aLibrary('lib-1', [held])] }));
    expect(found.kind).toBe('wait');
    expect(found.kind === 'wait' && found.shortage.reason).toBe('NoUsableDrive');
    expect(found.kind === 'wait' && found.blockedBy.map((one) => one.holder?.name)).toEqual(['other']);
  });

  it('gives fewer where fewer are of use', () => {
    const found = answer(
      applicant({ atLeast: 1 }),
      pair({ libraries: [aLibrary('lib-0'), aLibrary('lib-1', [held])] }),
    );
    expect(found.kind === 'grant' && found.allotments.map((one) => one.stream)).toEqual([0]);
  });

  it('F2: says at once that it can never be, however long one waits', () => {
    const found = answer(applicant(), pair({ servers: [aServer('server-0')] }));
    expect(found.kind === 'impossible' && found.shortage.reason).toBe('NoDisjointRoute');
  });

  const apartServers = { server: 'Required', library: 'Preferred', switch: 'Preferred' } as const;
  const folder = applicant({ disjointness: apartServers, need: aNeed({ machine: {} }) });
  const onTwoMachines = pair({ servers: [aServer('server-0'), aServer('server-1', { machineID: 'machine-1' })] });

  it('never takes the folders of two machines for two copies of one', () => {
    const found = answer(folder, onTwoMachines);
    expect(found.kind === 'impossible' && found.shortage.reason).toBe('SourceNotReachable');
    expect(answer({ ...folder, need: aNeed() }, onTwoMachines).kind).toBe('grant');
  });

  it('goes to the one machine that has what is needed', () => {
    const third = { ...aServer('server-2', { machineID: 'machine-1' }) };
    const libraries = ['lib-0', 'lib-1'].map((name) => {
      const { spec, ...library } = aLibrary(name);
      return { ...library, spec: { ...spec, servers: ['server-0', 'server-1', 'server-2'] } };
    });
    const found = answer(folder, { ...onTwoMachines, libraries, servers: [...onTwoMachines.servers, third] });
    expect(found.kind === 'grant' && found.allotments.map((one) => one.server.name)).toEqual(['server-1', 'server-2']);
  });

  it('names the servers of which nobody knows what machine they are', () => {
    const found = answer(folder, pair({ servers: [aServer('server-0'), aServer('server-1', { machineID: '' })] }));
    expect(found.kind === 'impossible' && found.shortage.message).toMatch(/server-1, whose Node reports no machineID/);
  });

  it('waits for what is broken: it may be mended', () => {
    const found = answer(
      applicant(),
      pair({ tapes: [aTape('t0', 'lib-0', { state: 'NotUsable' }), aTape('t1', 'lib-1')] }),
    );
    expect(found.kind).toBe('wait');
  });

  it('serves jobs of the same second in the order in which they were first seen', () => {
    const queue = [
      applicant({ name: 'unnumbered', uid: 'a' }),
      applicant({ name: 'later', uid: 'b', processNumber: 8 }),
      applicant({ name: 'first', uid: 'c', processNumber: 7 }),
      applicant({ name: 'older', uid: 'd', createdAtMs: -1, processNumber: 9 }),
    ];
    expect(queue.sort(inOrder).map((one) => one.name)).toEqual(['older', 'first', 'later', 'unnumbered']);
  });

  it('never calls impossible what was not searched to its end', () => {
    const numbers = [...Array(16).keys()];
    const at = (n: number) => ({ wwpn: `port-${n}`, switch: `switch-${n}`, port: n });
    const servers = numbers.map((n) => {
      const one = aServer(`server-${n}`);
      return { ...one, spec: { ...one.spec, maxStreams: 16, ports: [at(n)] } };
    });
    // Each drive is at the switch of one server and opened by the others: every route takes two switches.
    const others = (n: number) => numbers.filter((other) => other !== n).map((other) => `server-${other}`);
    const big = aLibrary(
      'lib-0',
      numbers.map(() => ({})),
    );
    const drives = big.spec.drives.map((one, n) => ({ ...one, ports: [at(n)], servers: others(n) }));
    const links = (n: number) =>
      numbers
        .filter((other) => other !== n)
        .map((to) => ({ ...{ fromPort: to, toPort: n }, to: `switch-${to}`, cost: 1 }));
    const switches = numbers.map((n) => ({
      metadata: { name: `switch-${n}` },
      spec: { driver: 'simulated' as const, fabric: 'a', links: links(n), disabled: false },
      status: { state: 'Usable' as const },
    }));
    const tapes = numbers.map((n) => aTape(`t${n}`, 'lib-0'));
    const mesh = pair({ servers, switches, tapes, libraries: [{ ...big, spec: { ...big.spec, drives } }] });
    const disjointness = { server: 'Preferred', library: 'Preferred', switch: 'Required' } as const;
    const found = answer(applicant({ streams: numbers.slice(0, 9), atLeast: 9, disjointness }), mesh);
    expect(found).toMatchObject({ kind: 'wait', shortage: { reason: 'NoDisjointRoute' } });
  });

  it('orders by priority, then age, then uid', () => {
    const queue = [
      applicant({ name: 'young', createdAtMs: 5, uid: 'a' }),
      applicant({ name: 'twin', createdAtMs: 1, uid: 'c' }),
      applicant({ name: 'old', createdAtMs: 1, uid: 'b' }),
      applicant({ name: 'urgent', priority: 9, createdAtMs: 9, uid: 'd' }),
    ];
    expect(queue.sort(inOrder).map((one) => one.name)).toEqual(['urgent', 'old', 'twin', 'young']);
  });

  it('names the zones of a grant before they are made, one on each switch of its route', () => {
    const allotment: Allotment = {
      stream: 1,
      server: { name: 'server-0', node: 'n', bootId: 'b', ports: [], room: 1 },
      drive: { library: 'lib-0', name: 'drive-0', elementAddress: 256, ports: [], errors: 0 },
      tape: { name: 't0', barcode: 'T0', library: 'lib-0', usedBytes: 0 },
      route: { initiatorWwpn: 'i', targetWwpn: 't', fabric: 'A', switches: ['a1', 'a2'], hops: 1 },
    };
    const waiting = { number: 1, epoch: 2, role: 'Active' as const, state: 'Waiting' as const, lostEpoch: 2 };
    const grant = grantFrom('1a2b3c4d-0', allotment, waiting, 7, '2030-01-01T00:00:00.000Z');
    expect(grant).toMatchObject({ epoch: 7, state: 'Allocating', lostEpoch: 2, bootID: 'b', switches: ['a1', 'a2'] });
    expect(grant.zones?.map((zone) => [zone.name, zone.switch, zone.members])).toEqual([
      ['tw_1a2b3c4d_s1_e7_0', 'a1', ['i', 't']],
      ['tw_1a2b3c4d_s1_e7_1', 'a2', ['i', 't']],
    ]);
    expect(neighbourOf(grant)).toEqual({ server: 'server-0', library: 'lib-0', fabric: 'A', switches: ['a1', 'a2'] });
  });
});
