import { describe, expect, it } from 'vitest';
import type { Disjointness, DriveChoice, Request, ServerChoice } from '../../../../src/decide/allocation/allocate.ts';
import { makeRouteFinder, type FabricSwitch } from '../../../../src/decide/allocation/routes.ts';
import { maxWeighed, search, type Candidate } from '../../../../src/decide/allocation/search.ts';

const numbers = (count: number): readonly number[] => [...Array(count).keys()];

const preferred: Disjointness = { server: 'Preferred', library: 'Preferred', switch: 'Preferred' };
const wishFor = (routes: number, disjointness: Partial<Disjointness>): Request => ({
  ...{ streams: numbers(routes), neighbours: [] },
  disjointness: { ...preferred, ...disjointness },
});

const aServer = (n: number): ServerChoice => ({ name: `server-${n}`, node: `node-${n}`, ports: [], room: 1 });
const aDrive = (n: number): DriveChoice => ({
  ...{ library: `lib-${n % 2}`, name: `drive-${n}`, elementAddress: n, ports: [], errors: 0 },
});
const tapes = numbers(40).map((n) => ({ name: `tape-${n}`, barcode: `T${n}`, library: `lib-${n % 2}`, usedBytes: 0 }));

/** Every server opens every drive. */
const direct = (servers: number, drives: number): readonly Candidate[] =>
  numbers(servers).flatMap((server) =>
    numbers(drives).map((drive) => ({ server: aServer(server), drive: aDrive(drive), route: undefined })),
  );

/** One drive opened by all servers, and those of two servers besides: however many drives there are, three are used. */
const bottleneck = numbers(12).flatMap((server): readonly Candidate[] =>
  numbers(12)
    .filter((drive) => drive === 0 || server < 2)
    .map((drive) => ({ server: aServer(server), drive: aDrive(drive), route: undefined })),
);

/** Server and drive at every pair of switches, each linked to each. */
const mesh = (count: number): readonly Candidate[] => {
  const names = numbers(count).map((n) => `switch-${n}`);
  const linked = (name: string): FabricSwitch => ({
    ...{ name, fabric: 'a' },
    links: names.filter((other) => other !== name).map((to) => ({ to, cost: 1 })),
  });
  const routes = makeRouteFinder(names.map(linked));
  return names.flatMap((from, server) =>
    names.flatMap((to, drive) =>
      from === to
        ? []
        : routes
            .between([{ wwpn: from, switch: from }], [{ wwpn: to, switch: to }])
            .map((route) => ({ server: { ...aServer(server), room: 16 }, drive: aDrive(drive), route })),
    ),
  );
};

/** Two fabrics with one core each. */
const cores = numbers(16).flatMap((server) =>
  numbers(16).map((drive): Candidate => {
    const fabric = drive % 2 === 0 ? 'a' : 'b';
    const ends = { initiatorWwpn: `s${server}`, targetWwpn: `d${drive}` };
    const switches = [`core-${fabric}`, `edge-${fabric}-${server}`];
    return { server: aServer(server), drive: aDrive(drive), route: { ...ends, fabric, switches, hops: 2 } };
  }),
);

describe('a search', () => {
  const apart = { server: 'Required' } as const;
  it.each<readonly [string, Request, readonly Candidate[], boolean]>([
    ['7 servers for 8 routes', wishFor(8, apart), direct(7, 12), false],
    ['8 servers for 8 routes', wishFor(8, apart), direct(8, 12), true],
    ['8 servers for 9 routes', wishFor(9, apart), direct(8, 12), false],
    ['15 servers for 16 routes', wishFor(16, apart), direct(15, 48), false],
    ['16 servers for 16 routes', wishFor(16, apart), direct(16, 48), true],
    ['2 libraries for 3 routes', wishFor(3, { library: 'Required' }), direct(16, 48), false],
    ['drives that are behind two servers only', wishFor(4, apart), bottleneck, false],
    ['2 fabrics, each through one core, for 3 routes', wishFor(3, { switch: 'Required' }), cores, false],
    ['16 switches for 8 routes through two each', wishFor(8, { switch: 'Required' }), mesh(16), true],
  ])('knows soon whether there is a way: %s', (_name, wish, candidates, expected) => {
    const { chosen, weighed } = search(wish, tapes, candidates);
    expect(chosen !== undefined).toBe(expected);
    expect(weighed).toBeLessThan(maxWeighed(wish.streams.length, candidates.length) + candidates.length);
    if (!expected) expect(weighed).toBe(candidates.length);
  });

  it('is broken off where no count tells that there is no way, and says so', () => {
    const candidates = mesh(16);
    const found = search(wishFor(9, { switch: 'Required' }), tapes, candidates);
    expect(found).toMatchObject({ chosen: undefined, isWhole: false });
    expect(found.weighed).toBeLessThan(maxWeighed(9, candidates.length) + candidates.length);
  });

  it('goes down to the first way however many candidates there are', () => {
    const { chosen } = search(wishFor(16, {}), tapes, direct(60, 200));
    expect(chosen).toHaveLength(16);
  });
});
