/**
 * What of the declared hardware one request may use: reach, pool, state, what is held, what the job must avoid.
 * Empty status is Unknown, never free.
 */
import type {
  Avoid,
  BackupServer,
  Blocker,
  FCSwitch,
  Holder,
  MediaPool,
  Tape,
  TapeLibrary,
} from '../api/generated/index.ts';
import type { HostFolder } from '../api/worker-order.ts';
import type { DriveChoice, Free, ServerChoice, TapeChoice } from './allocate.ts';
import type { FabricSwitch } from './routes.ts';

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
  readonly namespace: string;
  /** Folder on the server that is read or written; absent: any server. */
  readonly hostPath?: { readonly path: string; readonly write: boolean };
  /** Only servers on this machine. */
  readonly machineId?: string;
  /** A pool to take scratch tapes from, or one particular tape to read. */
  readonly tapes: { readonly kind: 'pool'; readonly pool: string } | { readonly kind: 'tape'; readonly name: string };
  readonly avoid: Avoid;
}

/**
 * `now`: what is usable and not held. `ever`: as if nobody held anything and everything broken were mended; what is
 * short even then will not come by waiting.
 */
export type Horizon = 'now' | 'ever';

export const driveKey = (library: string, drive: string): string => `${library}/${drive}`;

const isUsable = (state: string | undefined, horizon: Horizon): boolean =>
  horizon === 'ever' || state === 'Usable' || state === 'InUse';

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
    const room = horizon === 'ever' ? limit : limit - (server.status?.holders?.length ?? 0);
    const fits =
      isUsable(server.status?.state, horizon) &&
      allowsHostPath(server, need) &&
      (need.machineId === undefined || server.status?.machineID === need.machineId) &&
      !(need.avoid.servers ?? []).includes(name);
    const boot = server.status?.bootID === undefined ? {} : { bootId: server.status.bootID };
    return fits && room > 0 ? [{ name, node: server.spec.node, ...boot, ports: server.spec.ports ?? [], room }] : [];
  });

const drivesFor = (need: Need, { libraries, servers }: Hardware, horizon: Horizon): readonly DriveChoice[] =>
  libraries.flatMap((library) => {
    const { name } = library.metadata;
    const usable = isUsable(library.status?.state, horizon) && library.spec.disabled !== true;
    if (!usable || (need.avoid.libraries ?? []).includes(name)) return [];
    return library.spec.drives.flatMap((drive) => {
      const status = library.status?.drives?.find((one) => one.name === drive.name);
      const free =
        horizon === 'ever' || (status?.state === 'Usable' && status.holder === undefined && !status.loadedTape);
      const avoided = (need.avoid.drives ?? []).includes(driveKey(name, drive.name));
      if (!free || avoided || drive.disabled === true) return [];
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
    const { library, barcode } = tape.spec;
    const wanted =
      tapes.kind === 'pool' ? tape.spec.pool === tapes.pool && isWritable(tape, horizon) : name === tapes.name;
    const held = horizon === 'now' && tape.status?.holder !== undefined;
    const out = tape.spec.disabled === true || (tapes.kind === 'pool' && (need.avoid.tapes ?? []).includes(name));
    if (library === undefined || !wanted || held || out || (horizon === 'now' && !isPresent(tape))) return [];
    const labelId = tape.status?.labelId;
    const usedBytes = tape.status?.usedBytes ?? 0;
    return [{ name, barcode, library, usedBytes, ...(labelId === undefined ? {} : { labelId }) }];
  });
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
      const room =
        spec.maxStreams === undefined || horizon === 'ever' || (status?.holders?.length ?? 0) < spec.maxStreams;
      const avoided = (need.avoid.switches ?? []).includes(metadata.name);
      return isUsable(status?.state, horizon) && spec.disabled !== true && room && !avoided;
    })
    .map(({ metadata, spec }) => ({
      name: metadata.name,
      fabric: spec.fabric,
      links: (spec.links ?? []).map((link) => ({ to: link.to, cost: link.cost ?? 500 })),
    }));

const maxBlockers = 16;

/** What stands in the way of a request that could be met if nobody else were there: the answer to "why does it wait?". */
export const blockersOf = (need: Need, hardware: Hardware): Blocker[] => {
  const ever = freeFor(need, hardware, 'ever');
  const now = freeFor(need, hardware, 'now');
  const blockers: Blocker[] = [];
  for (const { name } of ever.servers) {
    const status = hardware.servers.find((one) => one.metadata.name === name)?.status;
    if (now.servers.some((one) => one.name === name)) continue;
    blockers.push(...blockedBy('BackupServer', name, status?.state, status?.reason, status?.holders ?? []));
  }
  for (const { library, name } of ever.drives) {
    if (now.drives.some((one) => one.library === library && one.name === name)) continue;
    const found = hardware.libraries.find((one) => one.metadata.name === library)?.status;
    const drive = found?.drives?.find((one) => one.name === name);
    const holders = drive?.holder === undefined ? [] : [drive.holder];
    const state = found?.state === 'Usable' || found?.state === 'InUse' ? drive?.state : found?.state;
    blockers.push(...blockedBy('Drive', driveKey(library, name), state, drive?.reason ?? found?.reason, holders));
  }
  for (const { name } of ever.tapes) {
    if (now.tapes.some((one) => one.name === name)) continue;
    const status = hardware.tapes.find((one) => one.metadata.name === name)?.status;
    const holders = status?.holder === undefined ? [] : [status.holder];
    blockers.push(...blockedBy('Tape', name, status?.state, status?.reason, holders));
  }
  return blockers.slice(0, maxBlockers);
};

const blockedBy = (
  kind: string,
  name: string,
  state: string | undefined,
  reason: string | undefined,
  holders: readonly Holder[],
): Blocker[] => {
  if (holders.length === 0) {
    const why = reason === undefined || reason === '' ? '' : ` (${reason})`;
    return [
      {
        kind,
        name,
        reason: state === 'Usable' ? 'Busy' : 'NotUsable',
        message: `${name} is ${state ?? 'Unknown'}${why}`,
      },
    ];
  }
  return holders.map((holder) => ({
    kind,
    name,
    reason: 'Held',
    message: `${name} is held by ${holder.kind} ${holder.namespace}/${holder.name}, stream ${holder.stream}`,
    holder,
  }));
};
