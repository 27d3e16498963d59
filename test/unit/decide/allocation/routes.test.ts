import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { makeRouteFinder, type FabricSwitch } from '../../../../src/decide/allocation/routes.ts';

/** A random fabric: links between switches by index, with costs. */
const fabric = fc
  .tuple(fc.integer({ min: 1, max: 6 }), fc.array(fc.tuple(fc.nat(5), fc.nat(5), fc.integer({ min: 1, max: 3 }))))
  .map(([size, links]): readonly FabricSwitch[] =>
    Array.from({ length: size }, (_, at) => ({
      name: `switch-${at}`,
      fabric: 'A',
      links: links
        .filter(([from, to]) => from === at && to < size && to !== at)
        // One cable between two switches, whoever declares it.
        .filter(([from, to], i, own) => own.findIndex((other) => other[1] === to) === i && from < to)
        .map(([, to, cost]) => ({ to: `switch-${to}`, cost })),
    })),
  );

/** Every path without a loop, with its cost. */
const pathsBetween = (switches: readonly FabricSwitch[], from: string, to: string) => {
  const cables = switches.flatMap(({ name, links }) =>
    links.flatMap((link) => [
      { a: name, b: link.to, cost: link.cost },
      { a: link.to, b: name, cost: link.cost },
    ]),
  );
  const found: { readonly path: readonly string[]; readonly cost: number }[] = [];
  const walk = (path: readonly string[], cost: number): void => {
    const here = path.at(-1);
    if (here === to) {
      found.push({ path, cost });
      return;
    }
    for (const cable of cables) {
      if (cable.a === here && !path.includes(cable.b)) walk([...path, cable.b], cost + cable.cost);
    }
  };
  walk([from], 0);
  return found;
};

describe('routes', () => {
  it('take the union of the switches on all shortest paths, whatever else the fabric has', () => {
    fc.assert(
      fc.property(fabric, fc.nat(5), fc.nat(5), (switches, a, b) => {
        const [from, to] = [`switch-${a % switches.length}`, `switch-${b % switches.length}`];
        const paths = pathsBetween(switches, from, to);
        const least = Math.min(...paths.map(({ cost }) => cost));
        const mask = [...new Set(paths.filter(({ cost }) => cost === least).flatMap(({ path }) => path))].sort();
        const [route] = makeRouteFinder(switches).between([{ wwpn: 'i', switch: from }], [{ wwpn: 't', switch: to }]);
        if (paths.length === 0) expect(route).toBeUndefined();
        else expect({ hops: route?.hops, switches: route?.switches }).toEqual({ hops: least, switches: mask });
      }),
    );
  });

  it('has one route without switches where one end is attached directly', () => {
    expect(makeRouteFinder([]).between([], [{ wwpn: 't', switch: 's' }])).toEqual([undefined]);
  });

  it('has no route over a switch that may not be used', () => {
    const finder = makeRouteFinder([{ name: 'a', fabric: 'A', links: [{ to: 'gone', cost: 1 }] }]);
    expect(finder.between([{ wwpn: 'i', switch: 'a' }], [{ wwpn: 't', switch: 'gone' }])).toEqual([]);
  });

  it('puts the shortest route first', () => {
    const switches = [
      { name: 'a', fabric: 'A', links: [{ to: 'b', cost: 5 }] },
      { name: 'b', fabric: 'A', links: [] },
    ];
    const targets = [
      { wwpn: 'far', switch: 'b' },
      { wwpn: 'near', switch: 'a' },
    ];
    const routes = makeRouteFinder(switches).between([{ wwpn: 'i', switch: 'a' }], targets);
    expect(routes.map((route) => route?.targetWwpn)).toEqual(['near', 'far']);
  });
});
