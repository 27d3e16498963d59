import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BlockingClock } from '../drive/drive-faults.ts';
import { driveFolder, tryLockDrive } from '../drive/drive-lock.ts';
import { DriveError, type TapeDrive } from '../drive/drive.ts';
import { VirtualDrive } from '../drive/virtual-drive.ts';
import { createVirtualTape, readCartridgeFacts, type CartridgeFacts } from '../drive/virtual-tape.ts';
import { replaceFile } from '../atomic-file.ts';
import type { Changer } from './changer.ts';
import {
  readLibraryShape,
  readLibraryState,
  tapeFolder,
  writeLibraryState,
  type LibraryShape,
} from './library-folder.ts';
import { VirtualChanger } from './virtual-changer.ts';

/** Element addresses as most libraries number them. */
const firstDriveAddress = 256;
const firstSlotAddress = 1024;
const firstImportExportAddress = 768;

const barcodePattern = /^[A-Z0-9]{1,32}$/;

export interface VirtualLibrarySpec {
  /** Made where it does not exist; must hold no library yet. */
  readonly folder: string;
  readonly drives: number;
  readonly slots: number;
  readonly importExportSlots?: number;
  readonly tapeSizeBytes: number;
  /** Default: a fiftieth of the tape, at least 1 MiB, at most 1 GiB, never more than a quarter. */
  readonly earlyWarningBytes?: number;
  /** Blank cartridges, put into the slots in order; upper-case letters and digits. */
  readonly barcodes: readonly string[];
}

export interface VirtualLibrary {
  readonly folder: string;
  readonly changer: Changer;
  readonly drives: readonly VirtualDriveElement[];
  /**
   * Opens a drive by its number (from 0) with the cartridge that lies in it now, if any. While it is open nobody else
   * can open it and the changer leaves its cartridge alone.
   *
   * @throws DriveError `Busy` or `NoSuchDrive`
   */
  openDrive(drive: number, options?: { readonly clock?: BlockingClock }): TapeDrive;
  /** By barcode. */
  listTapes(): readonly VirtualTapeFacts[];
}

export interface VirtualDriveElement {
  readonly drive: number;
  readonly address: number;
}

export interface VirtualTapeFacts extends CartridgeFacts {
  readonly folder: string;
  /** Absent: outside the library. */
  readonly address?: number;
  /** Number of the drive in which it lies. */
  readonly drive?: number;
}

export const defaultEarlyWarningBytes = (tapeSizeBytes: number): number =>
  Math.floor(Math.min(tapeSizeBytes / 4, 2 ** 30, Math.max(2 ** 20, tapeSizeBytes / 50)));

export class VirtualLibraryError extends Error {
  readonly code: 'AlreadyThere' | 'TooManyTapes' | 'BadBarcode';

  constructor(code: VirtualLibraryError['code'], message: string) {
    super(message);
    this.name = 'VirtualLibraryError';
    this.code = code;
  }
}

/**
 * Makes a library of empty drives with blank cartridges in its slots. `library.json` is written last: a folder without
 * it is an unfinished one and may be made again.
 *
 * @throws VirtualLibraryError
 */
export function createVirtualLibrary(spec: VirtualLibrarySpec): VirtualLibrary {
  const { folder, barcodes, slots, tapeSizeBytes } = spec;
  if (existsSync(join(folder, 'library.json')))
    throw new VirtualLibraryError('AlreadyThere', `${folder} holds a library already`);
  if (barcodes.length > slots)
    throw new VirtualLibraryError('TooManyTapes', `${barcodes.length} cartridges do not fit into ${slots} slots`);
  const bad = barcodes.find((barcode, index) => !barcodePattern.test(barcode) || barcodes.indexOf(barcode) < index);
  if (bad !== undefined)
    throw new VirtualLibraryError('BadBarcode', `${bad}: barcodes are distinct, of at most 32 of A-Z and 0-9`);

  const shape = shapeOf(spec);
  for (const drive of shape.drives.keys()) mkdirSync(driveFolder(folder, drive), { recursive: true });
  mkdirSync(join(folder, 'tapes'), { recursive: true });
  const earlyWarningBytes = spec.earlyWarningBytes ?? defaultEarlyWarningBytes(tapeSizeBytes);
  for (const barcode of barcodes) {
    if (existsSync(join(tapeFolder(folder, barcode), 'tape.json'))) continue;
    const facts = { barcode, capacityBytes: tapeSizeBytes, earlyWarningBytes, worm: false, writeProtected: false };
    createVirtualTape(tapeFolder(folder, barcode), facts);
  }
  writeLibraryState(folder, { elements: barcodes.map((barcode, n) => ({ address: firstSlotAddress + n, barcode })) });
  writeFileSync(join(folder, 'lock'), '');
  replaceFile(join(folder, 'library.json'), `${JSON.stringify(shape, undefined, 2)}\n`, true);
  return openVirtualLibrary(folder);
}

function shapeOf({ drives, slots, importExportSlots = 0 }: VirtualLibrarySpec): LibraryShape {
  const range = (first: number, count: number) => Array.from({ length: count }, (_, n) => first + n);
  return {
    version: 1,
    drives: range(firstDriveAddress, drives).map((address) => ({ address })),
    slots: [
      ...range(firstImportExportAddress, importExportSlots).map((address) => ({ address, importExport: true })),
      ...range(firstSlotAddress, slots).map((address) => ({ address, importExport: false })),
    ],
  };
}

/** @throws NotAVirtualLibrary */
export function openVirtualLibrary(folder: string): VirtualLibrary {
  const shape = readLibraryShape(folder);
  return {
    folder,
    changer: new VirtualChanger(folder),
    drives: shape.drives.map(({ address }, drive) => ({ drive, address })),
    openDrive: (drive, options = {}) => openDrive(folder, shape, drive, options),
    listTapes: () => listTapes(folder, shape),
  };
}

function openDrive(
  folder: string,
  shape: LibraryShape,
  drive: number,
  options: { readonly clock?: BlockingClock },
): TapeDrive {
  const address = shape.drives[drive]?.address;
  if (address === undefined) throw new DriveError('NoSuchDrive', `${folder} has no drive ${drive}`);
  const lock = tryLockDrive(folder, drive);
  if (lock === undefined) throw new DriveError('Busy', `drive ${drive} of ${folder} is in use`);
  try {
    // Read under the drive's lock: from here on the changer can't take the cartridge away.
    const loaded = readLibraryState(folder).elements.find((element) => element.address === address);
    const tape = loaded === undefined ? {} : { tapeFolder: tapeFolder(folder, loaded.barcode) };
    return new VirtualDrive({ libraryFolder: folder, drive, lock, ...tape, ...options });
  } catch (error) {
    lock.release();
    throw error;
  }
}

function listTapes(folder: string, shape: LibraryShape): readonly VirtualTapeFacts[] {
  const { elements } = readLibraryState(folder);
  return readdirSync(join(folder, 'tapes'))
    .filter((barcode) => existsSync(join(tapeFolder(folder, barcode), 'tape.json')))
    .sort()
    .map((barcode) => {
      const address = elements.find((element) => element.barcode === barcode)?.address;
      const drive = shape.drives.findIndex((each) => each.address === address);
      const path = tapeFolder(folder, barcode);
      return {
        ...readCartridgeFacts(path),
        folder: path,
        ...(address !== undefined && { address }),
        ...(address !== undefined && drive >= 0 && { drive }),
      };
    });
}
