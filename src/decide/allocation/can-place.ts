/**
 * Whether so many streams can be placed at all, by counting: what fails here is not searched for. Pure.
 *
 * It never says no where there is a way. Servers, drives and libraries are counted exactly, as a flow in which each
 * stream goes through one of each; switches and the tapes that only one stream may use are not.
 */
import type { Request } from './allocate.ts';
import type { TapeChoice } from './choose-tapes.ts';
import type { Candidate } from './search.ts';

/** @param fitting what may be taken beside `chosen`, each alone */
export const canPlace = (
  count: number,
  { disjointness }: Request,
  chosen: readonly Candidate[],
  fitting: readonly Candidate[],
  tapes: readonly TapeChoice[],
): boolean => {
  if (disjointness.switch === 'Required' && mostRoutes(fitting) < count) return false;
  const flow = makeFlow();
  const of = (all: readonly string[], name: string): number => all.filter((one) => one === name).length;
  const servers = chosen.map(({ server }) => server.name);
  const libraries = chosen.map(({ drive }) => drive.library);
  const tapesIn = tapes.map(({ library }) => library);
  for (const { server, drive } of fitting) {
    const [here, there, last] = [`server ${server.name}`, `drive ${drive.library}/${drive.name}`, drive.library];
    const room = disjointness.server === 'Required' ? 1 : server.room - of(servers, server.name);
    const left = disjointness.library === 'Required' ? 1 : of(tapesIn, last) - of(libraries, last);
    flow.limit('start', here, room);
    flow.limit(here, there, 1);
    flow.limit(there, `library ${last}`, 1);
    flow.limit(`library ${last}`, 'end', left);
  }
  return flow.carries('start', 'end', count);
};

/**
 * Routes that share no switch are no more than the switches of a set that meets every route. The set is found greedily:
 * in a fabric where all go through one core it is that core.
 */
const mostRoutes = (fitting: readonly Candidate[]): number => {
  let routes = fitting.map(({ route }) => route?.switches ?? []);
  if (routes.some((switches) => switches.length === 0)) return Infinity;
  let most = 0;
  while (routes.length > 0) {
    const uses = Map.groupBy(routes.flat(), (name) => name);
    const [busiest] = [...uses].reduce((a, b) => (b[1].length > a[1].length ? b : a));
    routes = routes.filter((switches) => !switches.includes(busiest));
    most += 1;
  }
  return most;
};

/** Whole units through a graph with limits, by augmenting paths. */
const makeFlow = () => {
  const left = new Map<string, Map<string, number>>();
  const leftFrom = (from: string): Map<string, number> => {
    const found = left.get(from) ?? new Map<string, number>();
    left.set(from, found);
    return found;
  };
  const push = (from: string, to: string, seen: Set<string>): boolean => {
    if (from === to) return true;
    seen.add(from);
    for (const [next, room] of leftFrom(from)) {
      if (room <= 0 || seen.has(next) || !push(next, to, seen)) continue;
      leftFrom(from).set(next, room - 1);
      leftFrom(next).set(from, (leftFrom(next).get(from) ?? 0) + 1);
      return true;
    }
    return false;
  };
  return {
    limit: (from: string, to: string, units: number): void => void leftFrom(from).set(to, units),
    carries: (from: string, to: string, units: number): boolean =>
      Array.from({ length: units }).every(() => push(from, to, new Set())),
  };
};
