/**
 * Chooses server, library, drive, tape and route for every stream of one request: all or none. Pure.
 *
 * Hard: what can be reached, distinct drives, distinct tapes, one machine where the folder is one machine's, and each
 * level that `disjointness` calls Required.
 * Then, in this order: fewest shared servers, libraries, fabrics, switches; fewest hops; fewest errors.
 */
import { chooseTapes, type TapeChoice } from './choose-tapes.ts';
import { makeRouteFinder } from './routes.ts';
import type { FabricPort, FabricSwitch, Route, RouteFinder } from './routes.ts';
import { librariesOf, search } from './search.ts';
import type { Candidate } from './search.ts';

export interface ServerChoice {
  readonly name: string;
  readonly node: string;
  /** Boot of the node as last seen: a later boot proves that nothing of before still runs. */
  readonly bootId?: string;
  /** The machine behind it: two servers may be one machine. */
  readonly machineId?: string;
  readonly ports: readonly FabricPort[];
  /** How many more grants it takes. */
  readonly room: number;
}

export interface DriveChoice {
  readonly library: string;
  readonly name: string;
  readonly elementAddress: number;
  readonly ports: readonly FabricPort[];
  /** Names of the servers that can open it; absent: all. */
  readonly servers?: readonly string[];
  readonly errors: number;
}

/** What may be taken now, already filtered by reach, pool, state and what the job must avoid; any order. */
export interface Free {
  readonly servers: readonly ServerChoice[];
  readonly drives: readonly DriveChoice[];
  readonly tapes: readonly TapeChoice[];
  readonly switches: readonly FabricSwitch[];
}

export type Strictness = 'Required' | 'Preferred';

export interface Disjointness {
  readonly server: Strictness;
  readonly library: Strictness;
  readonly switch: Strictness;
}

/** What the job holds already: new streams are kept apart from it. */
export interface Neighbour {
  readonly server: string;
  readonly library: string;
  readonly fabric: string;
  readonly switches: readonly string[];
}

export interface Request {
  /** Numbers of the streams that need a grant, in order. */
  readonly streams: readonly number[];
  readonly disjointness: Disjointness;
  readonly neighbours: readonly Neighbour[];
  /** What is read or written is the folder of one machine: all streams go through servers on the same one. */
  readonly oneMachine?: boolean;
}

export interface Allotment {
  readonly stream: number;
  readonly server: ServerChoice;
  readonly drive: DriveChoice;
  readonly tape: TapeChoice;
  /** Absent: the drive is attached without switches. */
  readonly route?: Route;
}

export type ShortageReason =
  | 'NoUsableServer'
  | 'SourceNotReachable'
  | 'NoUsableDrive'
  | 'NoUsableTape'
  | 'NoRoute'
  | 'NoDisjointRoute'
  | 'HeldBack'
  | 'HardwareUnknown';

export interface Shortage {
  readonly reason: ShortageReason;
  readonly message: string;
}

export type Allocation =
  | { readonly ok: true; readonly allotments: readonly Allotment[] }
  | {
      readonly ok: false;
      readonly shortage: Shortage;
      /** There may be a way: the search for one was broken off. */
      readonly isOpen?: true;
    };

const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/**
 * @param request streams without a grant, in order
 * @param all     what is usable now, any order
 * @returns `ok: false` with the first shortage met; never throws
 */
export const allocate = (request: Request, all: Free): Allocation => {
  const isFor = ({ onlyFor }: TapeChoice): boolean => onlyFor === undefined || request.streams.includes(onlyFor);
  const free = { ...all, tapes: all.tapes.filter(isFor) };
  const short = plainShortage(request, free);
  if (short !== undefined) return { ok: false, shortage: short };
  const candidates = candidatesOf(free, makeRouteFinder(free.switches));
  if (candidates.length === 0) {
    const message = 'no usable server reaches a usable drive that has a usable tape: check ports, links and zones';
    return { ok: false, shortage: { reason: 'NoRoute', message } };
  }
  const { chosen, isWhole } = search(request, free.tapes, candidates);
  if (chosen !== undefined) return { ok: true, allotments: withTapes(request, chosen, free.tapes) };
  if (!isWhole) return { ok: false, shortage: disjointShortage(request, candidates, notFound), isOpen: true };
  const machinesApart =
    request.oneMachine === true &&
    search({ ...request, oneMachine: false }, free.tapes, candidates).chosen !== undefined;
  const shortage = machinesApart ? machineShortage(request, free.servers) : disjointShortage(request, candidates);
  return { ok: false, shortage };
};

const counted = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`;

const plainShortage = ({ streams }: Request, free: Free): Shortage | undefined => {
  const need = streams.length;
  if (free.servers.length === 0) return { reason: 'NoUsableServer', message: 'no usable server reaches the data' };
  if (free.drives.length < need) {
    return { reason: 'NoUsableDrive', message: `${counted(need, 'drive')} needed, ${free.drives.length} usable` };
  }
  const tapes = countTapes(free.tapes);
  if (tapes < need) return { reason: 'NoUsableTape', message: `${counted(need, 'tape')} needed, ${tapes} usable` };
  return undefined;
};

/** No stream takes two: of those that are for one stream only, one counts. */
const countTapes = (tapes: readonly TapeChoice[]): number =>
  tapes.filter(({ onlyFor }) => onlyFor === undefined).length +
  new Set(tapes.flatMap(({ onlyFor }) => onlyFor ?? [])).size;

const candidatesOf = (free: Free, routes: RouteFinder): readonly Candidate[] => {
  const librariesWithTapes = new Set(free.tapes.map((tape) => tape.library));
  const servers = free.servers.filter((one) => one.room > 0).sort((a, b) => compareText(a.name, b.name));
  const drives = free.drives
    .filter((one) => librariesWithTapes.has(one.library))
    .sort((a, b) => a.errors - b.errors || compareText(a.library, b.library) || a.elementAddress - b.elementAddress);
  const found: Candidate[] = [];
  for (const server of servers) {
    for (const drive of drives) {
      if (drive.servers !== undefined && !drive.servers.includes(server.name)) continue;
      for (const route of routes.between(server.ports, drive.ports)) found.push({ server, drive, route });
    }
  }
  return found;
};

const notFound = 'cannot be kept apart by any way that was found before the search was broken off';

const disjointShortage = (
  request: Request,
  candidates: readonly Candidate[],
  verdict = 'cannot be kept apart',
): Shortage => {
  const need = request.streams.length;
  const names = (of: (one: Candidate) => readonly string[]): string =>
    [...new Set(candidates.flatMap(of))].sort().slice(0, 8).join(', ');
  const required = Object.entries(request.disjointness)
    .filter(([, strictness]) => strictness === 'Required')
    .map(([level]) => level);
  const message =
    `${need} more stream${need === 1 ? '' : 's'} ${verdict} (${required.join(', ') || 'drive, tape'}): ` +
    `usable are servers ${names((one) => [one.server.name])}; libraries ${names((one) => [one.drive.library])}; ` +
    `switches ${names((one) => one.route?.switches ?? []) || 'none'}`;
  return { reason: 'NoDisjointRoute', message };
};

const machineShortage = ({ streams }: Request, servers: readonly ServerChoice[]): Shortage => {
  const machines = Map.groupBy(servers, (server) => server.machineId ?? '');
  const told = [...machines]
    .map(
      ([machine, on]) =>
        `${machine} (${on
          .map(({ name }) => name)
          .sort()
          .join(', ')})`,
    )
    .sort();
  const message =
    `a hostPath is the folder of one machine unless it is shared: true, the same on every server; no machine has all ` +
    `that ${streams.length} stream${streams.length === 1 ? '' : 's'} need: ${told.slice(0, 8).join('; ')}`;
  return { reason: 'SourceNotReachable', message };
};

const withTapes = (
  request: Request,
  chosen: readonly Candidate[],
  tapes: readonly TapeChoice[],
): readonly Allotment[] => {
  const found = chooseTapes(request.streams, librariesOf(chosen), tapes) ?? [];
  return chosen
    .flatMap(({ server, drive, route }, index): Allotment[] => {
      const tape = found[index];
      return tape === undefined ? [] : [{ ...tape, server, drive, ...(route === undefined ? {} : { route }) }];
    })
    .sort((a, b) => request.streams.indexOf(a.stream) - request.streams.indexOf(b.stream));
};
