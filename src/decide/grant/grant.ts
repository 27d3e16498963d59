/** A grant: what one stream of a job holds, from the intent to the last holder freed. Its epoch never changes. */
import type { Grant, GrantZone } from '../../api/generated/index.ts';
import { uid8 } from '../../api/names.ts';

export type { Grant, GrantZone };
export type GrantState = Grant['state'];

/** Who holds: a job or a restore. */
export interface Owner {
  readonly kind: 'BackupJob' | 'Restore';
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly processNumber: number;
}

/** Holds hardware, or may: claimed or about to be. */
export const holds = (grant: Grant): boolean => {
  switch (grant.state) {
    case 'Allocating':
    case 'Reserved':
    case 'Preparing':
    case 'Ready':
    case 'Running':
    case 'Closing':
    case 'Fencing':
    case 'Releasing':
      return true;
    case 'Waiting':
    case 'Succeeded':
    case 'Failed':
    case 'Released':
      return false;
  }
};

/** Works or will work: it counts as one of the job's streams. */
export const isUsable = (grant: Grant): boolean => {
  switch (grant.state) {
    case 'Reserved':
    case 'Preparing':
    case 'Ready':
    case 'Running':
      return true;
    case 'Allocating':
    case 'Closing':
    case 'Fencing':
    case 'Releasing':
    case 'Waiting':
    case 'Succeeded':
    case 'Failed':
    case 'Released':
      return false;
  }
};

/**
 * Nothing has been secured yet: the first set of grants is had whole or not at all. An intent for it that still stands
 * does not change that.
 *
 * @param status of a job or restore
 */
export const waitsForFirstSet = (
  status: { readonly streams?: readonly Grant[]; readonly allocatedAt?: string } | undefined,
): boolean =>
  status?.allocatedAt === undefined &&
  (status?.streams ?? []).every(
    ({ state, lostEpoch }) => lostEpoch === undefined && (state === 'Waiting' || state === 'Allocating'),
  );

/** Name of everything that acts for this grant. */
export const grantName = (uid: string, grant: Grant): string => `tw-${uid8(uid)}-s${grant.number}-e${grant.epoch}`;

export const loadPodName = (uid: string, grant: Grant): string => `${grantName(uid, grant)}-load`;

export const unloadPodName = (uid: string, grant: Grant): string =>
  `${grantName(uid, grant)}-unload-${grant.unloadAttempts ?? 0}`;
