/** What an inventory says about a library and its drives. Pure. */
import type { Inventory, InventoryDrive, LibraryDriveStatus, TapeLibrary } from '../../api/generated/index.ts';
import { withState } from './hardware-state.ts';
import { isOutUntilAsked } from './offline-drive.ts';
import { withHardwareReady } from '../ready.ts';

export type LibraryStatus = NonNullable<TapeLibrary['status']>;

export interface Looked {
  readonly inventory: Inventory;
  /** When the looking began, by the operator's clock. */
  readonly begunAtMs: number;
  /** RFC 3339. */
  readonly now: string;
}

/**
 * The library's status with what was found. A drive that somebody holds, or held while the robot looked, is left as it
 * is: its holder knows better.
 */
export const libraryAfterInventory = (library: TapeLibrary, looked: Looked): LibraryStatus => {
  const { changerHolder: _through, inventoryPod: _done, ...before } = library.status ?? {};
  const drives = library.spec.drives.map((drive) => {
    const known = before.drives?.find((one) => one.name === drive.name);
    const seen = looked.inventory.drives?.find((one) => one.address === drive.elementAddress);
    return driveAfterInventory({ ...known, name: drive.name, elementAddress: drive.elementAddress }, seen, looked);
  });
  // A drive that was taken out of the spec stays until its holder lets go of it.
  const leaving = (before.drives ?? []).filter(
    (drive) => drive.holder !== undefined && !drives.some((one) => one.name === drive.name),
  );
  const status = withDrives(
    {
      ...withState(before, { state: 'Usable' as const, reason: '', message: '' }, looked.now),
      slots: slotsOf(looked.inventory),
      lastInventory: looked.now,
    },
    [...drives, ...leaving],
  );
  return withHardwareReady(status, library.metadata.generation, looked.now);
};

export const withDrives = (status: LibraryStatus, drives: LibraryDriveStatus[]): LibraryStatus => {
  const usable = drives.filter((drive) => drive.state === 'Usable' || drive.state === 'InUse').length;
  return { ...status, drives, drivesText: `${usable}/${drives.length}` };
};

const driveAfterInventory = (
  known: LibraryDriveStatus,
  seen: InventoryDrive | undefined,
  { begunAtMs, now }: Looked,
): LibraryDriveStatus => {
  const freedMeanwhile = known.lastUsed !== undefined && Date.parse(known.lastUsed) >= begunAtMs;
  if (known.holder !== undefined || (freedMeanwhile && known.state === 'Usable')) return known;
  const { loadedTape: _tape, homeSlot: _slot, ...rest } = known;
  return withState(
    {
      ...rest,
      ...(seen?.barcode === undefined ? {} : { loadedTape: seen.barcode }),
      ...(seen?.homeSlot === undefined ? {} : { homeSlot: seen.homeSlot }),
    },
    driveState(known, seen),
    now,
  );
};

const driveState = (
  known: LibraryDriveStatus,
  seen: InventoryDrive | undefined,
): { readonly state: 'Usable' | 'NotUsable'; readonly reason: string; readonly message: string } => {
  const { state, reason = '', message = '' } = known;
  if (seen === undefined) {
    const message = `the library has no drive at element address ${known.elementAddress ?? '?'}`;
    return { state: 'NotUsable', reason: 'NoSuchDrive', message };
  }
  if (seen.locked === true) {
    const message = seen.message ?? 'somebody who holds no grant has locked it';
    return { state: 'NotUsable', reason: 'LockedByOther', message };
  }
  if (seen.ready === false) {
    return { state: 'NotUsable', reason: 'DriveNotReady', message: seen.message ?? 'the drive does not answer' };
  }
  // The robot sees a drive that answers nobody as well as any other.
  if (state === 'NotUsable' && isOutUntilAsked({ reason }) && seen.ready !== true) return { state, reason, message };
  return { state: 'Usable', reason: '', message: '' };
};

const slotsOf = ({ slots = [] }: Inventory): NonNullable<LibraryStatus['slots']> => {
  const isFull = (slot: (typeof slots)[number]): boolean => slot.full ?? slot.barcode !== undefined;
  const storage = slots.filter((slot) => slot.importExport !== true);
  const occupied = storage.filter(isFull).length;
  return {
    total: storage.length,
    occupied,
    free: storage.length - occupied,
    importExport: slots.length - storage.length,
  };
};
