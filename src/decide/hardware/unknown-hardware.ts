/** What nobody has declared or looked at yet: while there is any, what is short may still come. Pure. */
import type { BackupServer, Blocker, TapeLibrary } from '../../api/generated/index.ts';
import { allowsHostPath, type Hardware, type Need } from '../allocation/hardware.ts';
import { libraryOf } from './tape-place.ts';

const missing = (kind: string, name?: string): Blocker => ({
  kind,
  ...(name === undefined ? {} : { name }),
  reason: 'NotDeclared',
  message: name === undefined ? `no ${kind} is declared` : `there is no ${kind} ${name}`,
});

/** Empty where everything that this request could use is known: then waiting helps only for what is held or broken. */
export const unknownOf = (need: Need, hardware: Hardware): readonly Blocker[] => [
  ...unknownServers(need, hardware),
  ...unknownLibraries(need, hardware),
];

const unknownServers = (need: Need, { servers }: Hardware): readonly Blocker[] => {
  if (servers.length === 0) return [missing('BackupServer')];
  return servers
    .filter(({ metadata }) => !(need.avoid.servers ?? []).includes(metadata.name))
    .filter((server) => allowsHostPath(server, need) && isUnseen(server, need))
    .map(({ metadata: { name }, status }) => {
      const why = status?.message === undefined || status.message === '' ? '' : `: ${status.message}`;
      return { kind: 'BackupServer', name, reason: 'NotSeen', message: `${name} has not been seen yet${why}` };
    });
};

const isUnseen = ({ status }: BackupServer, need: Need): boolean => {
  switch (status?.state) {
    case undefined:
    case 'Unknown':
      return true;
    case 'NotUsable':
      // What machine it is shows when its node comes.
      return need.machine !== undefined && (status.machineID ?? '') === '';
    case 'Usable':
    case 'InUse':
      return false;
  }
};

const unknownLibraries = (need: Need, hardware: Hardware): readonly Blocker[] => {
  const { libraries } = hardware;
  const wanted = librariesFor(need, hardware);
  if (wanted === undefined) return [missing('MediaPool', need.tapes.kind === 'pool' ? need.tapes.pool : '')];
  if (libraries.length === 0) return [missing('TapeLibrary')];
  const declared = libraries.map(({ metadata }) => metadata.name);
  const undeclared = wanted.filter((name) => !declared.includes(name)).map((name) => missing('TapeLibrary', name));
  const unseen = libraries
    .filter(({ metadata: { name }, spec }) => spec.disabled !== true && !(need.avoid.libraries ?? []).includes(name))
    .filter(({ metadata: { name } }) => wanted.length === 0 || wanted.includes(name))
    .flatMap((library) => unlooked(library, hardware));
  return [...undeclared, ...unseen];
};

/** Names; empty: any. Undefined: the pool is not declared. */
const librariesFor = ({ tapes }: Need, hardware: Hardware): readonly string[] | undefined => {
  if (tapes.kind === 'pool') {
    const pool = hardware.pools.find(({ metadata }) => metadata.name === tapes.pool);
    return pool === undefined ? undefined : (pool.spec.libraries ?? []);
  }
  const tape = hardware.tapes.find(({ metadata }) => metadata.name === tapes.name);
  const library = tape === undefined ? undefined : libraryOf(tape);
  return library === undefined ? [] : [library];
};

const unlooked = ({ metadata: { name }, status }: TapeLibrary, { tapes }: Hardware): readonly Blocker[] => {
  const not = (reason: string, message: string): readonly Blocker[] => [{ kind: 'TapeLibrary', name, reason, message }];
  if (status?.lastInventory === undefined) return not('NotInventoried', `${name} has had no inventory yet`);
  // Objects of different kinds are seen in any order: the inventory may be known before all of its tapes are.
  const known = tapes.filter((tape) => libraryOf(tape) === name).length;
  const { occupied = 0 } = status.slots ?? {};
  return known < occupied ? not('NotInventoried', `${known} of ${occupied} cartridges in ${name} are known yet`) : [];
};
