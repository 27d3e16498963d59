import { openVirtualLibrary } from '../devices/changer/virtual-library.ts';
import type { Changer } from '../devices/changer/changer.ts';
import type { TapeDrive } from '../devices/drive/drive.ts';
import type { LibraryOrder } from '../api/worker-order.ts';
import { WorkerFailure } from './failure.ts';

/** Enough to open a drive from any thread. */
export interface DriveAddress {
  readonly driver: LibraryOrder['driver'];
  /** Of a virtual library. */
  readonly folder: string;
  readonly elementAddress: number;
}

/**
 * Opens and locks a drive; nobody else can use it until it is closed or the process ends.
 *
 * @throws DriveError `Busy` while somebody else has it; WorkerFailure where there is no such drive or driver
 */
export const openDrive = (address: DriveAddress): TapeDrive => {
  const library = openLibrary(address);
  const element = library.drives.find((drive) => drive.address === address.elementAddress);
  if (element === undefined) {
    const message = `The library has no drive at element address ${address.elementAddress}.`;
    throw new WorkerFailure({ reason: 'NoSuchDrive', fault: 'order', message });
  }
  return library.openDrive(element.drive);
};

/** @throws WorkerFailure where there is no such driver */
export const openChanger = (library: Omit<DriveAddress, 'elementAddress'>): Changer => openLibrary(library).changer;

const openLibrary = ({ driver, folder }: Omit<DriveAddress, 'elementAddress'>) => {
  if (driver === 'virtual') return openVirtualLibrary(folder);
  const message = 'This version drives virtual libraries only; the driver scsi is not there yet.';
  throw new WorkerFailure({ reason: 'DriverNotSupported', fault: 'order', message });
};
