/**
 * Branch and bound over ways to place all streams of a request: the cheapest that the hard rules allow. Pure.
 *
 * What it costs is bounded, whatever is asked: the whole operator waits for it. Two bounds keep nearly all requests far
 * below that: how many streams can be placed at all, and what those that are missing cost at least.
 */
import { chooseTapes, type TapeChoice } from './choose-tapes.ts';
import type { DriveChoice, Neighbour, Request, ServerChoice } from './allocate.ts';
import { canPlace } from './can-place.ts';
import type { Route } from './routes.ts';

/** One way for one stream. */
export interface Candidate {
  readonly server: ServerChoice;
  readonly drive: DriveChoice;
  readonly route: Route | undefined;
}

export interface Found {
  readonly chosen: readonly Candidate[] | undefined;
  /** All ways were considered. Otherwise there may be a cheaper one, or one at all. */
  readonly isWhole: boolean;
  /** How often a candidate was weighed: what it took. */
  readonly weighed: number;
}

/** Shared servers, libraries, fabrics, switches; hops; errors. Compared from the left. */
type Cost = readonly [number, number, number, number, number, number];

interface Weighed extends Candidate {
  /** What it adds as the next one. */
  readonly more: Cost;
}

const zero: Cost = [0, 0, 0, 0, 0, 0];

/**
 * How many candidates are weighed: some tenths of a second. Where there are very many, enough for the first descent, which
 * weighs each once for every stream.
 */
export const maxWeighed = (streams: number, candidates: number): number => Math.max(100_000, 2 * streams * candidates);

export const search = (request: Request, tapes: readonly TapeChoice[], candidates: readonly Candidate[]): Found => {
  const need = request.streams.length;
  const most = maxWeighed(need, candidates.length);
  const haveTapes = tapeRule(request, tapes);
  let best: { cost: Cost; chosen: readonly Candidate[] } | undefined;
  let weighed = 0;
  let isWhole = true;
  const isBeaten = (cost: Cost): boolean => best !== undefined && compareCost(cost, best.cost) >= 0;
  // What a choice costs does not depend on its order, so that each set is looked at in the order of candidates only.
  const visit = (chosen: readonly Candidate[], cost: Cost, left: readonly Candidate[]): void => {
    const missing = need - chosen.length;
    if (missing === 0) {
      best = { cost, chosen };
      return;
    }
    weighed += left.length;
    const beside = neighboursOf(request, chosen);
    const fitting = left.flatMap((one): Weighed[] => {
      const more = fits(request, chosen, one) && haveTapes(chosen, one) ? costBeside(request, beside, one) : undefined;
      return more === undefined ? [] : [{ ...one, more }];
    });
    if (!canPlace(missing, request, chosen, fitting, tapes) || isBeaten(sum(cost, leastCost(missing, fitting)))) return;
    const next = fitting
      .map((one, at) => ({ one, at, cost: sum(cost, one.more) }))
      .sort((a, b) => compareCost(a.cost, b.cost) || a.at - b.at);
    for (const { one, at, cost: total } of next) {
      // The next ones cost no less.
      if (isBeaten(total)) return;
      if (fitting.length - at < missing) continue;
      if (weighed > most) {
        isWhole = false;
        return;
      }
      visit([...chosen, one], total, fitting.slice(at + 1));
    }
  };
  visit([], zero, candidates);
  return { chosen: best?.chosen, isWhole, weighed };
};

export const librariesOf = (chosen: readonly Candidate[]): readonly string[] =>
  chosen.map(({ drive }) => drive.library);

const tapeRule = ({ streams }: Request, tapes: readonly TapeChoice[]) => {
  const tapesIn = Map.groupBy(tapes, ({ library }) => library);
  const someAreFor = tapes.some(({ onlyFor }) => onlyFor !== undefined);
  return (chosen: readonly Candidate[], one: Candidate): boolean => {
    const inLibrary = chosen.filter((other) => other.drive.library === one.drive.library).length;
    if (inLibrary >= (tapesIn.get(one.drive.library)?.length ?? 0)) return false;
    return !someAreFor || chooseTapes(streams, librariesOf([...chosen, one]), tapes) !== undefined;
  };
};

const compareCost = (a: Cost, b: Cost): number => {
  for (const [index, value] of a.entries()) {
    const difference = value - (b[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
};

const sum = (a: Cost, b: Cost): Cost => [a[0] + b[0], a[1] + b[1], a[2] + b[2], a[3] + b[3], a[4] + b[4], a[5] + b[5]];

const sameDrive = (a: DriveChoice, b: DriveChoice): boolean => a.library === b.library && a.name === b.name;

const neighboursOf = (request: Request, chosen: readonly Candidate[]): readonly Neighbour[] => [
  ...request.neighbours,
  ...chosen.map((one) => ({
    server: one.server.name,
    library: one.drive.library,
    fabric: one.route?.fabric ?? '',
    switches: one.route?.switches ?? [],
  })),
];

const fits = (request: Request, chosen: readonly Candidate[], one: Candidate): boolean => {
  if (chosen.some((other) => sameDrive(other.drive, one.drive))) return false;
  if (request.oneMachine === true && chosen.some((other) => other.server.machineId !== one.server.machineId)) {
    return false;
  }
  return chosen.filter((other) => other.server.name === one.server.name).length < one.server.room;
};

const sharing = (neighbours: readonly Neighbour[], one: Candidate) => {
  const mask = one.route?.switches ?? [];
  return {
    server: neighbours.some((other) => other.server === one.server.name),
    library: neighbours.some((other) => other.library === one.drive.library),
    fabric: one.route !== undefined && neighbours.some((other) => other.fabric === one.route?.fabric),
    switches: mask.filter((name) => neighbours.some((other) => other.switches.includes(name))).length,
  };
};

/** @returns undefined: it shares what must not be shared */
const costBeside = ({ disjointness }: Request, beside: readonly Neighbour[], one: Candidate): Cost | undefined => {
  const shared = sharing(beside, one);
  if (disjointness.server === 'Required' && shared.server) return undefined;
  if (disjointness.library === 'Required' && shared.library) return undefined;
  if (disjointness.switch === 'Required' && shared.switches > 0) return undefined;
  const { hops = 0 } = one.route ?? {};
  return [
    Number(shared.server),
    Number(shared.library),
    Number(shared.fabric),
    shared.switches,
    hops,
    one.drive.errors,
  ];
};

/**
 * No choice of that many costs less. What is not shared yet is so for one stream only: the next one there shares it.
 *
 * @param fitting later each of them adds no less than as the next one
 */
const leastCost = (count: number, fitting: readonly Weighed[]): Cost => {
  const sharers = (at: 0 | 1 | 2, nameOf: (one: Candidate) => string | undefined): number => {
    const alone = fitting.filter(({ more }) => more[at] === 0).map(nameOf);
    return alone.includes(undefined) ? 0 : Math.max(0, count - new Set(alone).size);
  };
  const least = (at: 3 | 4): number => count * Math.min(...fitting.map(({ more }) => more[at]));
  const errors = new Map(fitting.map(({ drive }) => [`${drive.library}/${drive.name}`, drive.errors]));
  const fewest = [...errors.values()].sort((a, b) => a - b).slice(0, count);
  return [
    sharers(0, ({ server }) => server.name),
    sharers(1, ({ drive }) => drive.library),
    sharers(2, ({ route }) => route?.fabric),
    least(3),
    least(4),
    fewest.reduce((all, one) => all + one, 0),
  ];
};
