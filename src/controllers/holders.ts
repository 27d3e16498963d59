/** Claims and frees the units of one grant: each a compare-and-swap on the resource that is the lock. */
import type { BackupServer, FCSwitch, Grant, Holder, Tape, TapeLibrary } from '../api/generated/index.ts';
import { backupServers, fcSwitches, tapeLibraries, tapes } from '../api/resources.ts';
import type { JobIdentity } from '../api/worker-order.ts';
import { isApiError } from '../kube/api.ts';
import type { Api, KubeObject, Ref, Resource } from '../kube/api.ts';
import { getIfPresent } from '../kube/writes.ts';

/** What one resource lends to one grant. */
export interface Unit {
  readonly kind: 'server' | 'drive' | 'tape' | 'switch';
  /** Object name of the resource. */
  readonly name: string;
  /** Name of the drive within its library. */
  readonly drive?: string;
}

export const holderOf = (job: JobIdentity, grant: Grant): Holder => ({
  kind: job.kind,
  namespace: job.namespace,
  name: job.name,
  uid: job.uid,
  epoch: grant.epoch,
  processNumber: job.processNumber,
  stream: grant.number,
});

/** A holder without its epoch would let a replaced leader free what its successor holds. */
export const sameHolder = (a: Holder, b: Holder): boolean => a.uid === b.uid && a.epoch === b.epoch;

/** Canonical order: every claimant takes servers, drives, tapes, switches by name, so that two never block each other. */
export const unitsOf = (grant: Grant): readonly Unit[] => {
  const units: Unit[] = [];
  if (grant.server !== undefined) units.push({ kind: 'server', name: grant.server });
  if (grant.library !== undefined && grant.drive !== undefined) {
    units.push({ kind: 'drive', name: grant.library, drive: grant.drive });
  }
  if (grant.tape !== undefined) units.push({ kind: 'tape', name: grant.tape });
  for (const name of [...(grant.switches ?? [])].sort()) units.push({ kind: 'switch', name });
  return units;
};

const rank = { server: 0, drive: 1, tape: 2, switch: 3 } as const;

export const inClaimOrder = (a: Unit, b: Unit): number =>
  rank[a.kind] - rank[b.kind] ||
  (a.name < b.name ? -1 : a.name > b.name ? 1 : 0) ||
  ((a.drive ?? '') < (b.drive ?? '') ? -1 : 1);

export type ClaimResult = 'claimed' | 'held' | 'gone';

const maxAttempts = 8;

/**
 * Reads the resource uncached, changes it and writes it back with the version read, until nobody came between.
 * @param change gives the changed object, or undefined when there is nothing to write
 */
const swap = async <T extends KubeObject>(
  api: Api,
  resource: Resource<T>,
  ref: Ref,
  change: (object: T) => { readonly object: T } | ClaimResult,
  signal: AbortSignal,
): Promise<ClaimResult> => {
  for (let attempt = 0; attempt < maxAttempts; attempt += 1) {
    const seen = await getIfPresent(api, resource, ref, signal);
    if (seen === undefined) return 'gone';
    const next = change(seen);
    if (typeof next === 'string') return next;
    try {
      await api.updateStatus(resource, next.object, signal);
      return 'claimed';
    } catch (error) {
      if (!isApiError(error, 'Conflict')) throw error;
    }
  }
  return 'held';
};

export const claimUnit = (api: Api, unit: Unit, holder: Holder, signal: AbortSignal): Promise<ClaimResult> => {
  const ref = { name: unit.name };
  switch (unit.kind) {
    case 'server':
      return swap(
        api,
        backupServers,
        ref,
        (server) => claimShared(server, server.spec.maxStreams ?? 1, holder),
        signal,
      );
    case 'switch':
      return swap(api, fcSwitches, ref, (one) => claimShared(one, one.spec.maxStreams ?? Infinity, holder), signal);
    case 'tape':
      return swap(api, tapes, ref, (tape) => claimTape(tape, holder), signal);
    case 'drive':
      return swap(api, tapeLibraries, ref, (library) => claimDrive(library, unit.drive ?? '', holder), signal);
  }
};

const claimShared = <T extends BackupServer | FCSwitch>(
  object: T,
  limit: number,
  holder: Holder,
): { readonly object: T } | ClaimResult => {
  const holders = object.status?.holders ?? [];
  if (holders.some((one) => sameHolder(one, holder))) return 'claimed';
  if (holders.length >= limit || object.status?.state === 'NotUsable') return 'held';
  return { object: { ...object, status: { ...object.status, holders: [...holders, holder], state: 'InUse' } } };
};

const claimTape = (tape: Tape, holder: Holder): { readonly object: Tape } | ClaimResult => {
  const held = tape.status?.holder;
  if (held !== undefined) return sameHolder(held, holder) ? 'claimed' : 'held';
  return { object: { ...tape, status: { ...tape.status, holder, state: 'InUse' } } };
};

const claimDrive = (
  library: TapeLibrary,
  name: string,
  holder: Holder,
): { readonly object: TapeLibrary } | ClaimResult => {
  const drive = library.status?.drives?.find((one) => one.name === name);
  if (drive === undefined) return 'gone';
  if (drive.holder !== undefined) return sameHolder(drive.holder, holder) ? 'claimed' : 'held';
  if (drive.state !== 'Usable' || (drive.loadedTape ?? '') !== '') return 'held';
  const drives = (library.status?.drives ?? []).map((one) =>
    one.name === name ? { ...one, holder, state: 'InUse' as const } : one,
  );
  return { object: { ...library, status: { ...library.status, drives } } };
};

/** Frees the unit if, and only if, it is held under that uid and epoch. */
export const freeUnit = async (api: Api, unit: Unit, holder: Holder, signal: AbortSignal): Promise<void> => {
  const ref = { name: unit.name };
  switch (unit.kind) {
    case 'server':
      await swap(api, backupServers, ref, (server) => freeShared(server, holder), signal);
      return;
    case 'switch':
      await swap(api, fcSwitches, ref, (one) => freeShared(one, holder), signal);
      return;
    case 'tape':
      await swap(api, tapes, ref, (tape) => freeTape(tape, holder), signal);
      return;
    case 'drive':
      await swap(api, tapeLibraries, ref, (library) => freeDrive(library, unit.drive ?? '', holder), signal);
  }
};

const freeShared = <T extends BackupServer | FCSwitch>(
  object: T,
  holder: Holder,
): { readonly object: T } | ClaimResult => {
  const holders = object.status?.holders ?? [];
  const left = holders.filter((one) => !sameHolder(one, holder));
  if (left.length === holders.length) return 'gone';
  const state = object.status?.state === 'InUse' && left.length === 0 ? 'Usable' : object.status?.state;
  return {
    object: { ...object, status: { ...object.status, holders: left, ...(state === undefined ? {} : { state }) } },
  };
};

const freeTape = (tape: Tape, holder: Holder): { readonly object: Tape } | ClaimResult => {
  const { holder: held, ...rest } = tape.status ?? {};
  if (held === undefined || !sameHolder(held, holder)) return 'gone';
  const state = rest.state === 'InUse' ? (rest.freeState ?? 'Usable') : rest.state;
  return { object: { ...tape, status: { ...rest, ...(state === undefined ? {} : { state }) } } };
};

const freeDrive = (
  library: TapeLibrary,
  name: string,
  holder: Holder,
): { readonly object: TapeLibrary } | ClaimResult => {
  const drive = library.status?.drives?.find((one) => one.name === name);
  if (drive?.holder === undefined || !sameHolder(drive.holder, holder)) return 'gone';
  const drives = (library.status?.drives ?? []).map((one) => {
    if (one.name !== name) return one;
    const { holder: _released, ...rest } = one;
    return { ...rest, ...(rest.state === 'InUse' ? { state: 'Usable' as const } : {}) };
  });
  return { object: { ...library, status: { ...library.status, drives } } };
};
