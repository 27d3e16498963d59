import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  allocate,
  type Allocation,
  type Disjointness,
  type DriveChoice,
  type Free,
  type Neighbour,
  type Request,
  type ServerChoice,
} from '../../../../src/decide/allocation/allocate.ts';
import type { TapeChoice } from '../../../../src/decide/allocation/choose-tapes.ts';
import {
  makeRouteFinder,
  type FabricPort,
  type FabricSwitch,
  type Route,
} from '../../../../src/decide/allocation/routes.ts';

import { canHaveTapes } from '../tape-rule.ts';

const strictness = fc.constantFrom('Required' as const, 'Preferred' as const);
const disjointness: fc.Arbitrary<Disjointness> = fc.record({
  server: strictness,
  library: strictness,
  switch: strictness,
});

const switches: readonly FabricSwitch[] = ['a1', 'a2', 'b1'].map((name) => ({
  name,
  fabric: name.slice(0, 1),
  links: name === 'a1' ? [{ to: 'a2', cost: 1 }] : [],
}));

const ports = (owner: string): fc.Arbitrary<readonly FabricPort[]> =>
  fc.subarray(['a1', 'a2', 'b1']).map((names) => names.map((name) => ({ wwpn: `${owner}-${name}`, switch: name })));

const server = (index: number): fc.Arbitrary<ServerChoice> =>
  fc
    .record({
      ports: ports(`s${index}`),
      room: fc.integer({ min: 1, max: 2 }),
      machineId: fc.constantFrom('machine-0', 'machine-1'),
    })
    .map((more) => ({
      name: `server-${index}`,
      node: `node-${index}`,
      ...more,
    }));

const drive = (index: number): fc.Arbitrary<DriveChoice> =>
  fc
    .record({
      library: fc.constantFrom('lib-0', 'lib-1'),
      ports: ports(`d${index}`),
      errors: fc.nat(2),
      servers: fc.option(fc.subarray(['server-0', 'server-1']), { nil: undefined }),
    })
    .map(({ servers, ...more }) => ({
      name: `drive-${index}`,
      elementAddress: 256 + index,
      ...more,
      ...(servers === undefined ? {} : { servers }),
    }));

const tape = (index: number): fc.Arbitrary<TapeChoice> =>
  fc
    .record({
      library: fc.constantFrom('lib-0', 'lib-1'),
      usedBytes: fc.nat(2),
      onlyFor: fc.option(fc.nat(2), { nil: undefined, freq: 2 }),
    })
    .map(({ onlyFor, ...more }) => ({
      ...{ name: `tape-${index}`, barcode: `T${index}` },
      ...more,
      ...(onlyFor === undefined ? {} : { onlyFor }),
    }));

const several = <T>(most: number, make: (index: number) => fc.Arbitrary<T>): fc.Arbitrary<T[]> =>
  fc.nat(most).chain((count) => fc.tuple(...Array.from({ length: count }, (_, index) => make(index))));

const free: fc.Arbitrary<Free> = fc.record({
  servers: several(3, server),
  drives: several(4, drive),
  tapes: several(4, tape),
  switches: fc.constantFrom(switches, switches.slice(0, 2)),
});

const neighbour: fc.Arbitrary<Neighbour> = fc.record({
  server: fc.constantFrom('server-0', 'server-9'),
  library: fc.constantFrom('lib-0', 'lib-9'),
  fabric: fc.constantFrom('a', 'z'),
  switches: fc.subarray(['a1', 'b1']),
});

const request: fc.Arbitrary<Request> = fc.record({
  streams: fc.integer({ min: 1, max: 3 }).map((count) => Array.from({ length: count }, (_, index) => index)),
  disjointness,
  neighbours: fc.array(neighbour, { maxLength: 1 }),
  oneMachine: fc.boolean(),
});

interface Placed {
  readonly server: ServerChoice;
  readonly drive: DriveChoice;
  readonly route: Route | undefined;
}

/** The hard rules, written once more. */
const isAllowed = (
  { streams, disjointness: apart, neighbours, oneMachine }: Request,
  { tapes }: Free,
  placed: readonly Placed[],
): boolean => {
  const distinct = (values: readonly string[]): boolean => new Set(values).size === values.length;
  const count = (values: readonly string[], value: string): number => values.filter((one) => one === value).length;
  const servers = placed.map((one) => one.server.name);
  const libraries = placed.map((one) => one.drive.library);
  const masks = placed.flatMap((one) => one.route?.switches ?? []);
  return (
    distinct(placed.map((one) => `${one.drive.library}/${one.drive.name}`)) &&
    placed.every((one) => one.drive.servers?.includes(one.server.name) ?? true) &&
    (oneMachine !== true || new Set(placed.map((one) => one.server.machineId)).size <= 1) &&
    placed.every((one) => count(servers, one.server.name) <= one.server.room) &&
    canHaveTapes(streams, libraries, tapes) &&
    (apart.server === 'Preferred' || distinct([...servers, ...neighbours.map((one) => one.server)])) &&
    (apart.library === 'Preferred' || distinct([...libraries, ...neighbours.map((one) => one.library)])) &&
    (apart.switch === 'Preferred' || distinct([...masks, ...new Set(neighbours.flatMap((one) => one.switches))]))
  );
};

/** What is shared, level by level, then hops and errors. */
const costOf = ({ neighbours }: Request, placed: readonly Placed[]): readonly number[] => {
  const shared = (values: readonly string[], before: readonly string[]): number =>
    values.length - new Set(values.filter((one) => !before.includes(one))).size;
  const routes = placed.flatMap(({ route }) => route ?? []);
  const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);
  return [
    shared(
      placed.map((one) => one.server.name),
      neighbours.map((one) => one.server),
    ),
    shared(
      placed.map((one) => one.drive.library),
      neighbours.map((one) => one.library),
    ),
    shared(
      routes.map((one) => one.fabric),
      neighbours.map((one) => one.fabric),
    ),
    shared(
      routes.flatMap((one) => one.switches),
      neighbours.flatMap((one) => one.switches),
    ),
    sum(routes.map((one) => one.hops)),
    sum(placed.map((one) => one.drive.errors)),
  ];
};

const compare = (a: readonly number[], b: readonly number[]): number =>
  a.map((value, index) => value - (b[index] ?? 0)).find((difference) => difference !== 0) ?? 0;

/** The least that any way to place the streams costs, all tried; undefined: there is none. */
const leastCost = (wish: Request, choices: Free): readonly number[] | undefined => {
  const finder = makeRouteFinder(choices.switches);
  const all = choices.servers.flatMap((one) =>
    choices.drives.flatMap((other) =>
      finder.between(one.ports, other.ports).map((route): Placed => ({ server: one, drive: other, route })),
    ),
  );
  let least: readonly number[] | undefined;
  const place = (placed: readonly Placed[], left: readonly Placed[]): void => {
    if (placed.length === wish.streams.length) {
      const cost = costOf(wish, placed);
      if (least === undefined || compare(cost, least) < 0) least = cost;
      return;
    }
    for (const [at, next] of left.entries()) {
      if (isAllowed(wish, choices, [...placed, next])) place([...placed, next], left.slice(at + 1));
    }
  };
  place([], all);
  return least;
};

const namesOf = (answer: Allocation): unknown =>
  answer.ok
    ? answer.allotments.map((one) => [one.stream, one.server.name, one.drive.name, one.tape.name, one.route?.switches])
    : answer.shortage.reason;

describe('allocate', () => {
  it('gives only what the hard rules allow, each stream once, each tape once', () => {
    fc.assert(
      fc.property(request, free, (wish, choices) => {
        const answer = allocate(wish, choices);
        if (!answer.ok) return;
        expect(answer.allotments.map((one) => one.stream)).toEqual(wish.streams);
        expect(
          isAllowed(
            wish,
            choices,
            answer.allotments.map((one) => ({ ...one, route: one.route })),
          ),
        ).toBe(true);
        expect(new Set(answer.allotments.map((one) => one.tape.name)).size).toBe(wish.streams.length);
        for (const one of answer.allotments) {
          expect(one.tape.library).toBe(one.drive.library);
          expect([undefined, one.stream]).toContain(one.tape.onlyFor);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('finds the cheapest answer exactly where trying everything finds one', () => {
    fc.assert(
      fc.property(request, free, (wish, choices) => {
        const answer = allocate(wish, choices);
        const placed = answer.ok ? answer.allotments.map((one) => ({ ...one, route: one.route })) : undefined;
        expect(placed && costOf(wish, placed)).toEqual(leastCost(wish, choices));
      }),
      { numRuns: 500 },
    );
  });

  it('does not depend on the order in which the hardware is told', () => {
    const shuffled = free.chain((choices) =>
      fc
        .tuple(
          fc.shuffledSubarray([...choices.servers], { minLength: choices.servers.length }),
          fc.shuffledSubarray([...choices.drives], { minLength: choices.drives.length }),
          fc.shuffledSubarray([...choices.tapes], { minLength: choices.tapes.length }),
        )
        .map(([servers, drives, tapes]) => [choices, { ...choices, servers, drives, tapes }] as const),
    );
    fc.assert(
      fc.property(request, shuffled, (wish, [one, other]) => {
        expect(namesOf(allocate(wish, other))).toEqual(namesOf(allocate(wish, one)));
      }),
      { numRuns: 300 },
    );
  });

  const plain = (count: number): Free => ({
    servers: Array.from({ length: count }, (_, n) => ({ name: `server-${n}`, node: `node-${n}`, ports: [], room: 2 })),
    drives: Array.from({ length: count }, (_, n) => ({
      library: `lib-${n}`,
      name: 'drive-0',
      elementAddress: 256,
      ports: [],
      errors: 0,
    })),
    tapes: Array.from({ length: count }, (_, n) => ({
      name: `tape-${n}`,
      barcode: `T${n}`,
      library: `lib-${n}`,
      usedBytes: 0,
    })),
    switches: [],
  });
  const preferred: Disjointness = { server: 'Preferred', library: 'Preferred', switch: 'Preferred' };
  const two: Request = { streams: [0, 1], disjointness: preferred, neighbours: [] };

  it('keeps streams apart where it can though it need not', () => {
    const answer = allocate(two, plain(2));
    expect(answer.ok && new Set(answer.allotments.map((one) => one.server.name)).size).toBe(2);
  });

  it('keeps a replacement apart from what the job still holds', () => {
    const neighbours = [{ server: 'server-0', library: 'lib-0', fabric: '', switches: [] }];
    const answer = allocate({ ...two, streams: [0], neighbours }, plain(2));
    expect(answer.ok && answer.allotments[0]?.server.name).toBe('server-1');
    expect(answer.ok && answer.allotments[0]?.drive.library).toBe('lib-1');
  });

  it('takes the drive with fewer errors and the fuller tape', () => {
    const choices: Free = {
      ...plain(1),
      drives: [
        { library: 'lib-0', name: 'drive-0', elementAddress: 256, ports: [], errors: 2 },
        { library: 'lib-0', name: 'drive-1', elementAddress: 257, ports: [], errors: 0 },
      ],
      tapes: [
        { name: 'tape-0', barcode: 'T0', library: 'lib-0', usedBytes: 0 },
        { name: 'tape-1', barcode: 'T1', library: 'lib-0', usedBytes: 9 },
      ],
    };
    const answer = allocate({ ...two, streams: [0] }, choices);
    expect(answer.ok && [answer.allotments[0]?.drive.name, answer.allotments[0]?.tape.name]).toEqual([
      'drive-1',
      'tape-1',
    ]);
  });

  it.each([
    ['no server at all', { ...plain(2), servers: [] }, 'NoUsableServer'],
    ['one drive for two streams', { ...plain(2), drives: plain(1).drives }, 'NoUsableDrive'],
    ['one tape for two streams', { ...plain(2), tapes: plain(1).tapes }, 'NoUsableTape'],
    [
      'drives that no server may open',
      { ...plain(2), drives: plain(2).drives.map((one) => ({ ...one, servers: [] })) },
      'NoRoute',
    ],
  ] as const)('names the shortage: %s', (_name, choices, reason) => {
    const answer = allocate(two, choices);
    expect(answer.ok ? 'ok' : answer.shortage.reason).toBe(reason);
  });

  const onMachines = (...machines: readonly string[]): Free => ({
    ...plain(machines.length),
    servers: plain(machines.length).servers.map((one, n) => ({ ...one, machineId: machines[n] ?? '' })),
  });
  const apart: Request = { ...two, disjointness: { ...preferred, server: 'Required' }, oneMachine: true };

  it('gives the folder of one machine to servers of one machine only', () => {
    const answer = allocate(apart, onMachines('m0', 'm1', 'm1'));
    expect(answer.ok && answer.allotments.map((one) => one.server.name)).toEqual(['server-1', 'server-2']);
  });

  it('names the machines where none has all that the folder of one machine needs', () => {
    const answer = allocate(apart, onMachines('m0', 'm1'));
    expect(answer.ok ? '' : `${answer.shortage.reason}: ${answer.shortage.message}`).toMatch(
      /^SourceNotReachable: .*folder of one machine.*shared: true.*m0 \(server-0\); m1 \(server-1\)/,
    );
  });

  it('names the level that cannot be kept apart', () => {
    const choices: Free = { ...plain(2), servers: plain(1).servers };
    const answer = allocate({ ...two, disjointness: { ...preferred, server: 'Required' } }, choices);
    expect(answer.ok ? '' : `${answer.shortage.reason}: ${answer.shortage.message}`).toMatch(
      /^NoDisjointRoute: .*server.*server-0/,
    );
  });
});
