/**
 * Routes through the fabric. FSPF, not the zone, picks the switches between two ports: so a route reserves the union of
 * the switches on all shortest paths between its endpoints (its mask), and two routes are disjoint when their masks are.
 */

export interface FabricPort {
  readonly wwpn: string;
  /** Object name of the FCSwitch to which the port is cabled. */
  readonly switch: string;
}

export interface FabricLink {
  readonly to: string;
  /** FSPF cost, 1 or more. */
  readonly cost: number;
}

export interface FabricSwitch {
  readonly name: string;
  readonly fabric: string;
  readonly links: readonly FabricLink[];
}

export interface Route {
  readonly initiatorWwpn: string;
  readonly targetWwpn: string;
  readonly fabric: string;
  /** Sorted by name. */
  readonly switches: readonly string[];
  /** Cost of the shortest path; 0 on one switch. */
  readonly hops: number;
}

/** FSPF costs from one switch to all that it reaches. */
const costsFrom = (start: string, switches: ReadonlyMap<string, FabricSwitch>): ReadonlyMap<string, number> => {
  const cost = new Map<string, number>([[start, 0]]);
  const open = new Set([start]);
  while (open.size > 0) {
    const nearest = [...open].reduce((a, b) => ((cost.get(a) ?? 0) <= (cost.get(b) ?? 0) ? a : b));
    open.delete(nearest);
    for (const link of switches.get(nearest)?.links ?? []) {
      if (!switches.has(link.to)) continue;
      const through = (cost.get(nearest) ?? 0) + link.cost;
      if (through < (cost.get(link.to) ?? Infinity)) {
        cost.set(link.to, through);
        open.add(link.to);
      }
    }
  }
  return cost;
};

/** Links are cables: one that only one of its ends declares counts for both. */
const symmetric = (switches: readonly FabricSwitch[]): ReadonlyMap<string, FabricSwitch> => {
  const byName = new Map(switches.map((one) => [one.name, { ...one, links: [...one.links] }]));
  for (const one of switches) {
    for (const link of one.links) {
      const other = byName.get(link.to);
      if (other !== undefined && !other.links.some((back) => back.to === one.name)) {
        other.links.push({ to: one.name, cost: link.cost });
      }
    }
  }
  return byName;
};

/** Answers route questions about one state of the fabric; shortest paths are computed once per switch. */
export interface RouteFinder {
  /**
   * All routes between two sets of ports over usable switches, shortest first.
   * Either end without ports is attached directly: one route without switches.
   */
  between(initiators: readonly FabricPort[], targets: readonly FabricPort[]): readonly (Route | undefined)[];
}

/** @param usable switches that may carry a new route; others are as if they were not there */
export const makeRouteFinder = (usable: readonly FabricSwitch[]): RouteFinder => {
  const switches = symmetric(usable);
  const known = new Map<string, ReadonlyMap<string, number>>();
  const costs = (from: string): ReadonlyMap<string, number> => {
    const found = known.get(from) ?? costsFrom(from, switches);
    known.set(from, found);
    return found;
  };
  const maskBetween = (from: string, to: string): { hops: number; switches: string[] } | undefined => {
    const outward = costs(from);
    const hops = outward.get(to);
    if (hops === undefined) return undefined;
    const inward = costs(to);
    const onShortest = [...switches.keys()].filter(
      (name) => (outward.get(name) ?? Infinity) + (inward.get(name) ?? Infinity) === hops,
    );
    return { hops, switches: onShortest.sort() };
  };
  return {
    between(initiators, targets) {
      if (initiators.length === 0 || targets.length === 0) return [undefined];
      const routes: Route[] = [];
      for (const initiator of initiators) {
        for (const target of targets) {
          if (!switches.has(initiator.switch) || !switches.has(target.switch)) continue;
          const mask = maskBetween(initiator.switch, target.switch);
          if (mask === undefined) continue;
          routes.push({
            initiatorWwpn: initiator.wwpn,
            targetWwpn: target.wwpn,
            fabric: switches.get(initiator.switch)?.fabric ?? '',
            ...mask,
          });
        }
      }
      return routes.sort(
        (a, b) =>
          a.hops - b.hops ||
          a.switches.length - b.switches.length ||
          compareText(a.initiatorWwpn, b.initiatorWwpn) ||
          compareText(a.targetWwpn, b.targetWwpn),
      );
    },
  };
};

const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
