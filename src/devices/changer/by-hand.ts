/** What a person does to a virtual library at its door: takes cartridges out of their slots, and puts them back. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { lockFile } from '../file-lock.ts';
import {
  changerLockPath,
  readLibraryShape,
  readLibraryState,
  tapeFolder,
  writeLibraryState,
  type LibraryShape,
  type LoadedElement,
} from './library-folder.ts';

/** For a motion of the robot to end. */
const patienceMs = 30_000;

export class ByHandError extends Error {
  readonly code: 'NoSuchTape' | 'InDrive' | 'Outside' | 'Inside' | 'NoSuchSlot' | 'SlotFull' | 'NoFreeSlot' | 'Busy';

  constructor(code: ByHandError['code'], message: string) {
    super(message);
    this.name = 'ByHandError';
    this.code = code;
  }
}

/**
 * The cartridge stays in `tapes/BARCODE`, outside of the library: from there it can be carried away.
 *
 * @returns address of the slot in which it was
 * @throws ByHandError, NotAVirtualLibrary
 */
export const ejectTape = (folder: string, barcode: string): Promise<number> =>
  change(folder, barcode, ({ drives }, elements, name) => {
    const found = elements.find((each) => each.barcode === name);
    if (found === undefined) throw new ByHandError('Outside', `${name} is outside of ${folder} already`);
    if (drives.some(({ address }) => address === found.address))
      throw new ByHandError('InDrive', `${name} lies in the drive at ${found.address}: nobody reaches into a drive`);
    return { address: found.address, elements: elements.filter((each) => each !== found) };
  });

/**
 * @param slot element address; the first free one that is no mail slot where it is not given
 * @returns address of the slot
 * @throws ByHandError, NotAVirtualLibrary
 */
export const insertTape = (folder: string, barcode: string, slot?: number): Promise<number> =>
  change(folder, barcode, ({ slots }, elements, name) => {
    const found = elements.find((each) => each.barcode === name);
    if (found !== undefined) throw new ByHandError('Inside', `${name} lies at ${found.address} already`);
    const isFree = (address: number): boolean => !elements.some((each) => each.address === address);
    if (slot !== undefined && !slots.some(({ address }) => address === slot))
      throw new ByHandError('NoSuchSlot', `${folder} has no slot ${slot}`);
    if (slot !== undefined && !isFree(slot)) throw new ByHandError('SlotFull', `slot ${slot} is full`);
    const address = slot ?? slots.find((each) => !each.importExport && isFree(each.address))?.address;
    if (address === undefined) throw new ByHandError('NoFreeSlot', `every slot of ${folder} is full`);
    const all = [...elements, { address, barcode: name }];
    return { address, elements: all.sort((a, b) => a.address - b.address) };
  });

type Change = (
  shape: LibraryShape,
  elements: readonly LoadedElement[],
  name: string,
) => { readonly address: number; readonly elements: readonly LoadedElement[] };

const change = async (folder: string, barcode: string, decide: Change): Promise<number> => {
  const shape = readLibraryShape(folder);
  // As the label on the cartridge has it.
  const name = barcode.toUpperCase();
  if (!/^[A-Z0-9]{1,32}$/.test(name) || !existsSync(join(tapeFolder(folder, name), 'tape.json')))
    throw new ByHandError('NoSuchTape', `there is no cartridge in ${tapeFolder(folder, name)}`);
  const lock = await lockFile(changerLockPath(folder), patienceMs, undefined);
  if (lock === undefined) throw new ByHandError('Busy', `the robot of ${folder} has been busy for too long`);
  try {
    const { address, elements } = decide(shape, readLibraryState(folder).elements, name);
    writeLibraryState(folder, { elements });
    return address;
  } finally {
    lock.release();
  }
};
