/** Jobs and restores hold grants alike; this is what the two have in common, read and written with one set of words. */
import type { BackupJob, Grant, Queue, Restore } from '../api/generated/index.ts';
import { finalizers } from '../api/names.ts';
import { backupJobs, restores } from '../api/resources.ts';
import type { JobIdentity } from '../api/worker-order.ts';
import type { Api, Ref } from '../kube/api.ts';
import { addFinalizer, getIfPresent, updateStatusIfChanged } from '../kube/writes.ts';

export type Owner =
  { readonly kind: 'BackupJob'; readonly object: BackupJob } | { readonly kind: 'Restore'; readonly object: Restore };

/** The fields of the status that both kinds have. */
export interface OwnerStatus {
  readonly phase?: 'Queued' | 'Allocating';
  readonly reason?: string;
  readonly message?: string;
  readonly nextEpoch?: number;
  /** Null: the owner waits no more. */
  readonly queue?: Queue | null;
  readonly streams?: Grant[];
  readonly retired?: Grant[];
  readonly machineID?: string;
  readonly failovers?: number;
  /** Of jobs. */
  readonly allocatedAt?: string;
  readonly ending?: NonNullable<NonNullable<BackupJob['status']>['ending']>;
}

export const refOfOwner = ({ object }: Owner): Ref & { readonly namespace: string } => ({
  namespace: object.metadata.namespace ?? '',
  name: object.metadata.name,
});

export const uidOf = ({ object }: Owner): string => object.metadata.uid ?? '';

export const identityOf = (owner: Owner): JobIdentity => ({
  kind: owner.kind,
  uid: uidOf(owner),
  ...refOfOwner(owner),
  processNumber: owner.object.status?.processNumber ?? 0,
});

/** Read from the API, not from the cache. */
export const readOwner = async (api: Api, owner: Owner, signal: AbortSignal): Promise<Owner | undefined> => {
  const ref = refOfOwner(owner);
  switch (owner.kind) {
    case 'BackupJob': {
      const object = await getIfPresent(api, backupJobs, ref, signal);
      return object === undefined || object.metadata.uid !== uidOf(owner) ? undefined : { kind: 'BackupJob', object };
    }
    case 'Restore': {
      const object = await getIfPresent(api, restores, ref, signal);
      return object === undefined || object.metadata.uid !== uidOf(owner) ? undefined : { kind: 'Restore', object };
    }
  }
};

/** @returns the owner as written; undefined when it has changed since it was read */
export const writeOwnerStatus = async (
  api: Api,
  owner: Owner,
  changes: OwnerStatus,
  signal: AbortSignal,
): Promise<Owner | undefined> => {
  switch (owner.kind) {
    case 'BackupJob': {
      const status = merged(owner.object.status, changes);
      const written = await updateStatusIfChanged(api, backupJobs, owner.object, status, signal);
      return written.conflict ? undefined : { kind: 'BackupJob', object: written.object };
    }
    case 'Restore': {
      const status = merged(owner.object.status, changes);
      const written = await updateStatusIfChanged(api, restores, owner.object, status, signal);
      return written.conflict ? undefined : { kind: 'Restore', object: written.object };
    }
  }
};

const merged = <S extends object>(
  status: (S & { readonly queue?: Queue }) | undefined,
  { queue, ...changes }: OwnerStatus,
) => {
  const { queue: before, ...rest } = { ...status };
  const kept = queue === undefined ? before : (queue ?? undefined);
  return { ...rest, ...changes, ...(kept === undefined ? {} : { queue: kept }) };
};

/** Stands before anything is held, so that a deleted owner still releases. */
export const holdOwner = async (api: Api, owner: Owner, signal: AbortSignal): Promise<Owner | undefined> => {
  switch (owner.kind) {
    case 'BackupJob': {
      const written = await addFinalizer(api, backupJobs, owner.object, finalizers.held, signal);
      return written.conflict ? undefined : { kind: 'BackupJob', object: written.object };
    }
    case 'Restore': {
      const written = await addFinalizer(api, restores, owner.object, finalizers.held, signal);
      return written.conflict ? undefined : { kind: 'Restore', object: written.object };
    }
  }
};

export const grantsIn = (owner: Owner, state: Grant['state']): readonly Grant[] =>
  (owner.object.status?.streams ?? []).filter((grant) => grant.state === state);
