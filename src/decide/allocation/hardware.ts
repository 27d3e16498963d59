/**
 * What of the declared hardware one request may use: reach, pool, state, what is held, what the job must avoid.
 * Empty status is Unknown, never free.
 */
import type {
  Avoid,
  BackupServer,
  FCSwitch,
  Holder,
  LibraryDriveStatus,
  MediaPool,
  Tape,
  TapeLibrary,
} from '../../api/generated/index.ts';
import type { HostFolder } from '../../api/worker-order.ts';
import type { DriveChoice, Free, ServerChoice } from './allocate.ts';
import type { TapeChoice } from './choose-tapes.ts';
import type { ClaimReach, ClaimRefusal } from '../claim/claims.ts';
import type { FabricSwitch } from './routes.ts';
import { libraryOf } from '../hardware/tape-place.ts';

/** One look at everything. */
export interface Hardware {
  readonly servers: readonly BackupServer[];
  readonly libraries: readonly TapeLibrary[];
  readonly tapes: readonly Tape[];
  readonly switches: readonly FCSwitch[];
  readonly pools: readonly MediaPool[];
}

/** What a request asks of hardware, apart from numbers. */
export interface Need {
  /** Uid of whoever asks. */
  readonly owner: string;
  readonly namespace: string;
  /** Folder on the server that is read or written; absent: any server. */
  readonly hostPath?: { readonly path: string; readonly write: boolean };
  /** A claim that is read or written: where it can be mounted. */
  readonly claim?: ClaimReach | ClaimRefusal;
  /** The folder is one machine's: all streams on this one, or on any one that is known. */
  readonly machine?: { readonly id?: string };
  /** A pool to take scratch tapes from, or one particular tape to read. */
  readonly tapes: { readonly kind: 'pool'; readonly pool: string } | { readonly kind: 'tape'; readonly name: string };
  readonly avoid: Avoid;
  /** Of the tapes to avoid those that one stream may go on with. */
  readonly own?: readonly OwnTape[];
}

/** Whether another node would be preferred to some. */
export const avoidsNodes = ({ avoid }: Need): boolean => (avoid.nodes ?? []).length > 0;

/** The same where no other node does. */
export const onAnyNode = (need: Need): Need => ({ ...need, avoid: { ...need.avoid, nodes: [] } });

/** A stream of the same job has written on it. */
export interface OwnTape {
  readonly stream: number;
  readonly tape: string;
}

/**
 * `now`: what is usable and not held. `unheld`: what works now, as if nobody else held anything; what can be had then
 * comes by waiting for the others. `ever`: as if nobody held anything and everything broken were mended; what is short
 * even then will not come by waiting.
 */
export type Horizon = 'now' | 'unheld' | 'ever';

export const driveKey = (library: string, drive: string): string => `${library}/${drive}`;

const isUsable = (state: string | undefined, horizon: Horizon): boolean =>
  horizon === 'ever' || state === 'Usable' || state === 'InUse';

/** What was taken out of use comes back like what is broken: it is waited for. */
const isOut = ({ disabled }: { readonly disabled?: boolean }, horizon: Horizon): boolean =>
  disabled === true && horizon !== 'ever';

/** How many of the holders are in the way. What one holds oneself does not come free by waiting for others. */
const inTheWay = (holders: readonly Holder[], { owner }: Need, horizon: Horizon): number => {
  switch (horizon) {
    case 'now':
      return holders.length;
    case 'unheld':
      return holders.filter(({ uid }) => uid === owner).length;
    case 'ever':
      return 0;
  }
};

/** A path is beneath a prefix when it is the prefix or continues it after a slash. */
export const isBeneath = (path: string, prefix: string): boolean => {
  const base = prefix.replace(/\/+$/, '');
  return base === '' || path === base || path.startsWith(`${base}/`);
};

export const allowsHostPath = (server: BackupServer, { namespace, hostPath }: Pick<Need, 'namespace' | 'hostPath'>) =>
  hostPath === undefined || hostFolderOn(server, namespace, hostPath) !== undefined;

/**
 * The path as the owner allows it: the longest prefix that does, and what follows it. Undefined: not allowed. Strings say
 * nothing about links: the worker sees to it that none leads out of the prefix.
 */
export const hostFolderOn = (
  server: BackupServer,
  namespace: string,
  { path, write }: NonNullable<Need['hostPath']>,
): HostFolder | undefined => {
  const prefixes = (server.spec.hostPaths ?? [])
    .filter(
      (rule) =>
        isBeneath(path, rule.prefix) &&
        (rule.namespaces.includes(namespace) || rule.namespaces.includes('*')) &&
        (!write || rule.readOnly === false),
    )
    .map((rule) => rule.prefix.replace(/\/+$/, ''));
  if (prefixes.length === 0) return undefined;
  const longest = prefixes.reduce((a, b) => (b.length > a.length ? b : a));
  return { prefix: longest === '' ? '/' : longest, beneath: path.slice(longest.length).replace(/^\/+|\/+$/g, '') };
};

export const freeFor = (need: Need, hardware: Hardware, horizon: Horizon): Free => ({
  servers: serversFor(need, hardware, horizon),
  drives: drivesFor(need, hardware, horizon),
  tapes: tapesFor(need, hardware, horizon),
  switches: switchesFor(need, hardware, horizon),
});

const serversFor = (need: Need, { servers }: Hardware, horizon: Horizon): readonly ServerChoice[] =>
  servers.flatMap((server) => {
    const { name } = server.metadata;
    const limit = server.spec.maxStreams ?? 1;
    const room = limit - inTheWay(server.status?.holders ?? [], need, horizon);
    const fits =
      isUsable(server.status?.state, horizon) &&
      !isOut(server.spec, horizon) &&
      allowsHostPath(server, need) &&
      isOnMachine(server, need) &&
      mountsClaim(server, need) &&
      !(need.avoid.servers ?? []).includes(name) &&
      !(need.avoid.nodes ?? []).includes(server.spec.node);
    const { bootID } = server.status ?? {};
    const machineID = placeOfServer(server, need);
    const known = {
      ...(bootID === undefined ? {} : { bootId: bootID }),
      ...(machineID === undefined ? {} : { machineId: machineID }),
    };
    return fits && room > 0 ? [{ name, node: server.spec.node, ...known, ports: server.spec.ports ?? [], room }] : [];
  });

export const mountsClaim = ({ spec }: BackupServer, { claim }: Pick<Need, 'claim'>): boolean =>
  claim === undefined || (claim.kind === 'reachable' && claim.nodes.includes(spec.node));

/** What has to be the same for all streams: two nodes may be one machine, but a claim is mounted on a node. */
const placeOfServer = ({ spec, status }: BackupServer, { claim }: Need): string | undefined =>
  claim?.kind === 'reachable' && claim.oneNode ? spec.node : status?.machineID;

/** A server of which nobody knows what machine it is may have another folder under the same path. */
const isOnMachine = ({ status }: BackupServer, { machine }: Need): boolean => {
  if (machine === undefined) return true;
  const id = status?.machineID ?? '';
  return id !== '' && (machine.id === undefined || machine.id === id);
};

/** Servers that would be eligible if their Nodes told what machine they are. */
export const namelessServers = (need: Need, { servers }: Hardware): readonly string[] =>
  servers
    .filter((server) => need.machine !== undefined && (server.status?.machineID ?? '') === '')
    .filter((server) => allowsHostPath(server, need))
    .map((server) => server.metadata.name)
    .sort();

const drivesFor = (need: Need, { libraries, servers }: Hardware, horizon: Horizon): readonly DriveChoice[] =>
  libraries.flatMap((library) => {
    const { name } = library.metadata;
    const usable = isUsable(library.status?.state, horizon) && !isOut(library.spec, horizon);
    if (!usable || (need.avoid.libraries ?? []).includes(name)) return [];
    return library.spec.drives.flatMap((drive) => {
      const status = library.status?.drives?.find((one) => one.name === drive.name);
      const free = isDriveFree(status, need, horizon);
      const avoided = (need.avoid.drives ?? []).includes(driveKey(name, drive.name));
      if (!free || avoided || isOut(drive, horizon)) return [];
      const { elementAddress, ports } = drive;
      const reach = serversOfDrive(servers, library, drive);
      return [
        {
          library: name,
          name: drive.name,
          elementAddress,
          ports: ports ?? [],
          servers: reach,
          errors: status?.errors ?? 0,
        },
      ];
    });
  });

const isDriveFree = (status: LibraryDriveStatus | undefined, need: Need, horizon: Horizon): boolean => {
  switch (horizon) {
    case 'now':
      return status?.state === 'Usable' && status.holder === undefined && !status.loadedTape;
    case 'unheld':
      return isUsable(status?.state, horizon) && inTheWay([status?.holder ?? []].flat(), need, horizon) === 0;
    case 'ever':
      return true;
  }
};

/** Both sides may restrict who opens a drive: the library by naming servers, a server by naming libraries and drives. */
const serversOfDrive = (
  servers: readonly BackupServer[],
  library: TapeLibrary,
  drive: TapeLibrary['spec']['drives'][number],
): readonly string[] =>
  servers
    .filter(({ metadata, spec }) => {
      const named = drive.servers ?? library.spec.servers;
      if (named !== undefined && named.length > 0 && !named.includes(metadata.name)) return false;
      if (spec.libraries === undefined) return true;
      const mine = spec.libraries.find((one) => one.name === library.metadata.name);
      return mine !== undefined && (mine.drives === undefined || mine.drives.includes(drive.name));
    })
    .map((server) => server.metadata.name);

const tapesFor = (need: Need, hardware: Hardware, horizon: Horizon): readonly TapeChoice[] => {
  const { tapes } = need;
  const pool = tapes.kind === 'pool' ? hardware.pools.find((one) => one.metadata.name === tapes.pool) : undefined;
  if (tapes.kind === 'pool' && (pool === undefined || !allowsNamespace(pool, need.namespace))) return [];
  return hardware.tapes.flatMap((tape) => {
    const { name } = tape.metadata;
    const { barcode } = tape.spec;
    const library = libraryOf(tape);
    const wanted =
      tapes.kind === 'pool' ? tape.spec.pool === tapes.pool && isWritable(tape, horizon) : name === tapes.name;
    const held = inTheWay([tape.status?.holder ?? []].flat(), need, horizon) > 0;
    const isAvoided = tapes.kind === 'pool' && (need.avoid.tapes ?? []).includes(name);
    const owner = isAvoided ? ownerOf(name, need) : undefined;
    // What is set aside is still read.
    const setAside = tapes.kind === 'pool' && tape.spec.disabled === true;
    const out = setAside || (isAvoided && owner === undefined);
    if (library === undefined || !wanted || held || out || (horizon !== 'ever' && !isPresent(tape))) return [];
    const labelId = tape.status?.labelId;
    const usedBytes = tape.status?.usedBytes ?? 0;
    const known = labelId === undefined ? {} : { labelId };
    return [{ name, barcode, library, usedBytes, ...known, ...(owner === undefined ? {} : { onlyFor: owner }) }];
  });
};

/** A tape that holds copies of two streams must not get more of either. */
const ownerOf = (tape: string, { own = [] }: Need): number | undefined => {
  const [first, second] = own.filter((one) => one.tape === tape);
  return second === undefined ? first?.stream : undefined;
};

const allowsNamespace = (pool: MediaPool, namespace: string): boolean =>
  pool.spec.allowedNamespaces.includes(namespace) || pool.spec.allowedNamespaces.includes('*');

const isWritable = ({ status }: Tape, horizon: Horizon): boolean => {
  const free = status?.freeState ?? status?.state;
  return free === 'Scratch' || free === 'Usable' || (horizon === 'ever' && (free === undefined || free === 'Unknown'));
};

const isPresent = ({ status }: Tape): boolean => {
  switch (status?.state) {
    case 'Scratch':
    case 'Usable':
    case 'InUse':
    case 'Full':
      return true;
    case 'NotUsable':
    case 'Foreign':
    case 'Exported':
    case 'Unknown':
    case undefined:
      return false;
  }
};

const switchesFor = (need: Need, { switches }: Hardware, horizon: Horizon): readonly FabricSwitch[] =>
  switches
    .filter(({ metadata, spec, status }) => {
      const room = inTheWay(status?.holders ?? [], need, horizon) < (spec.maxStreams ?? Infinity);
      const avoided = (need.avoid.switches ?? []).includes(metadata.name);
      return isUsable(status?.state, horizon) && !isOut(spec, horizon) && room && !avoided;
    })
    .map(({ metadata, spec }) => ({
      name: metadata.name,
      fabric: spec.fabric,
      links: (spec.links ?? []).map((link) => ({ to: link.to, cost: link.cost ?? 500 })),
    }));
