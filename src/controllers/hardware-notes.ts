/** What is noted on drives and tapes of a grant: loaded, unloaded, failed, suspected; only while the grant holds them. */
import type { Grant, Tape, TapeLibrary } from '../api/generated/index.ts';
import { tapeLibraries, tapes } from '../api/resources.ts';
import { bounded, boundedReason } from '../api/status-text.ts';
import type { TapeFacts } from '../api/worker-order.ts';
import { withState } from '../decide/hardware/hardware-state.ts';
import { isDriveOffline, isOutUntilAsked } from '../decide/hardware/offline-drive.ts';
import { tapeNotFound } from '../decide/step.ts';
import type { Fault } from '../decide/step.ts';
import { changeStatus } from './change-status.ts';
import type { ActContext } from './grant-acts.ts';
import { holderOf, sameHolder } from './holders.ts';

/** Only while the grant holds the drive: a leader that has been replaced may come late, and the drive be another's. */
export const changeDrive = (
  { deps, job, signal }: ActContext,
  grant: Grant,
  change: (drive: Drive) => Drive,
): Promise<boolean> => {
  const mine = (drive: Drive): boolean =>
    drive.name === grant.drive && drive.holder !== undefined && sameHolder(drive.holder, holderOf(job, grant));
  const changed = ({ status }: TapeLibrary): TapeLibrary['status'] =>
    (status?.drives ?? []).some(mine)
      ? { ...status, drives: (status?.drives ?? []).map((drive) => (mine(drive) ? change(drive) : drive)) }
      : undefined;
  return changeStatus(deps.api, tapeLibraries, { name: grant.library ?? '' }, changed, signal);
};

type Drive = NonNullable<NonNullable<TapeLibrary['status']>['drives']>[number];

export const changeTape = (
  { deps, job, signal }: ActContext,
  grant: Grant,
  change: (status: NonNullable<Tape['status']>) => NonNullable<Tape['status']>,
): Promise<boolean> => {
  const changed = ({ status }: Tape): Tape['status'] =>
    status?.holder !== undefined && sameHolder(status.holder, holderOf(job, grant)) ? change(status) : undefined;
  return changeStatus(deps.api, tapes, { name: grant.tape ?? '' }, changed, signal);
};

const nowOf = ({ deps }: ActContext): string => new Date(deps.clock.now()).toISOString();

const known = <T extends object>(facts: T): Partial<T> =>
  Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== undefined)) as Partial<T>;

/** A tape with fewer groups than are recorded has lost some: that must not be forgotten. */
export const withTold = (status: NonNullable<Tape['status']>, told: TapeFacts): NonNullable<Tape['status']> => {
  const sameLabel = told.labelId === undefined || told.labelId === status.labelId;
  const kept = sameLabel && (status.groups ?? 0) > (told.groups ?? 0) ? known({ groups: status.groups }) : {};
  return { ...status, ...tapeFields(told), ...kept };
};

const tapeFields = ({ labelId, volumeId, groups, usedBytes, capacityBytes, writeProtected }: TapeFacts) =>
  known({ labelId, volumeId, groups, usedBytes, capacityBytes, writeProtected });

export const noteLoaded = async (context: ActContext, grant: Grant, facts: TapeFacts): Promise<void> => {
  await changeDrive(context, grant, (drive) => ({ ...drive, loadedTape: grant.barcode ?? '' }));
  await changeTape(context, grant, (status) => {
    const { slot: _left, reason: _reason, message: _message, ...rest } = status;
    return { ...withTold(rest, facts), drive: grant.drive ?? '' };
  });
};

/** It was written to its end, and neither tape nor drive failed in anything. */
const isFilled = (reason = ''): boolean => reason === 'TapeFull' || reason === 'SegmentTooLarge';

/**
 * After a failed write nobody knows where on the tape it stands: it is full for writing. A load that failed wrote no data:
 * a blank tape is as good as before.
 */
const spoilsTape = (grant: Grant): boolean =>
  grant.loaded === true && (grant.fault === 'tape' || grant.fault === 'drive' || isFilled(grant.reason));

export const noteUnloaded = async (context: ActContext, grant: Grant, slot: number | undefined): Promise<void> => {
  await changeDrive(context, grant, ({ loadedTape: _gone, ...drive }) => drive);
  await changeTape(context, grant, ({ drive: _gone, ...status }) => {
    const next = { ...status, ...(slot === undefined ? {} : { slot }) };
    const used = (next.groups ?? 0) > 0 || grant.outcome === 'Succeeded';
    if (spoilsTape(grant) && context.labelsBlankTapes) return { ...next, freeState: 'Full' as const };
    return next.freeState === 'Scratch' && used ? { ...next, freeState: 'Usable' as const } : next;
  });
};

/** It answers nobody: that outlasts whatever else comes of it. */
const isOut = ({ state, reason = '' }: Drive): boolean => state === 'NotUsable' && isOutUntilAsked({ reason });

export const park = async (context: ActContext, grant: Grant, reason: string, message: string): Promise<void> => {
  const found = { state: 'NotUsable' as const, reason: boundedReason(reason), message };
  const now = nowOf(context);
  await changeDrive(context, grant, (drive) => (isOut(drive) ? drive : withState(drive, found, now)));
  await changeTape(context, grant, (status) => withState(status, found, now));
};

export const unconfirmed = 'FencingUnconfirmed';

export const suspectFence = async (context: ActContext, grant: Grant): Promise<undefined> => {
  const message = `the worker of stream ${grant.number}, epoch ${grant.epoch}, is not proven to be gone`;
  const found = { state: 'NotUsable' as const, reason: unconfirmed, message };
  await changeDrive(context, grant, (drive) => (isOut(drive) ? drive : withState(drive, found, nowOf(context))));
  return undefined;
};

const foreign: readonly string[] = ['TapeForeign', 'TapeLabelMismatch'];

/** Neither drive nor tape failed: an inventory has to say where it is. */
const missTape = async (context: ActContext, grant: Grant, message: string): Promise<undefined> => {
  const found = { state: 'Unknown' as const, reason: tapeNotFound, message };
  await changeTape(context, grant, ({ slot: _not, ...status }) => withState(status, found, nowOf(context)));
  return undefined;
};

type TapeStatus = NonNullable<Tape['status']>;

const blame = (status: TapeStatus, reason: string, message: string, now: string): Partial<TapeStatus> => ({
  ...(isFilled(reason) ? {} : { errors: (status.errors ?? 0) + 1 }),
  ...{ reason, message },
  ...(foreign.includes(reason) ? withState(status, { state: 'Foreign', reason, message }, now) : {}),
});

export const noteFault = async (context: ActContext, grant: Grant, fault: Fault): Promise<undefined> => {
  const [reason, message] = [boundedReason(fault.reason), bounded(fault.message, 'detail')];
  if (fault.domain === 'drive' || fault.domain === 'tape' || isFilled(reason)) {
    const now = nowOf(context);
    const dead = { state: 'NotUsable' as const, reason, message };
    if (reason === tapeNotFound) return missTape(context, grant, message);
    if (!isFilled(reason)) {
      await changeDrive(context, grant, (drive) => {
        const counted = { ...drive, errors: (drive.errors ?? 0) + 1 };
        return isDriveOffline(fault) ? withState(counted, dead, now) : counted;
      });
    }
    await changeTape(context, grant, (status) => ({
      ...status,
      ...(isDriveOffline(fault) ? {} : blame(status, reason, message, now)),
      // Whosever fault it was: where on the tape it stopped is not known.
      ...(context.labelsBlankTapes && grant.loaded === true ? { freeState: 'Full' as const } : {}),
    }));
  }
  return undefined;
};
