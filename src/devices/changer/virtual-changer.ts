import { tryLockDrive } from '../drive/drive-lock.ts';
import { lockFile, type FileLock } from '../file-lock.ts';
import { ChangerError, type Changer, type ChangerInventory } from './changer.ts';
import {
  changerLockPath,
  readLibraryShape,
  readLibraryState,
  writeLibraryState,
  type LibraryShape,
  type LoadedElement,
} from './library-folder.ts';

const defaultPatienceMs = 30_000;

/**
 * The robot of a virtual library. A motion is one replacement of `state.json`, so a crash leaves the cartridge in the
 * old place or in the new one. Locks: first the library's, then the drive's.
 */
export class VirtualChanger implements Changer {
  readonly name: string;
  readonly #folder: string;
  readonly #shape: LibraryShape;
  readonly #patienceMs: number;

  /** @param patienceMs  how long a motion waits for others before it is `NotReady` */
  constructor(libraryFolder: string, patienceMs: number = defaultPatienceMs) {
    this.name = `changer of ${libraryFolder}`;
    this.#folder = libraryFolder;
    this.#shape = readLibraryShape(libraryFolder);
    this.#patienceMs = patienceMs;
  }

  async inventory(): Promise<ChangerInventory> {
    const { elements } = readLibraryState(this.#folder);
    const content = (address: number) => {
      const element = elements.find((each) => each.address === address);
      if (element === undefined) return {};
      const { barcode, sourceSlot } = element;
      return { barcode, ...(sourceSlot !== undefined && { sourceSlot }) };
    };
    return {
      drives: this.#shape.drives.map(({ address }) => ({ address, ...content(address) })),
      slots: this.#shape.slots.map(({ address, importExport }) => ({ address, importExport, ...content(address) })),
    };
  }

  async move(fromAddress: number, toAddress: number, signal?: AbortSignal): Promise<void> {
    this.#mustExist(fromAddress);
    this.#mustExist(toAddress);
    const lock = await this.#lock(signal);
    const held: FileLock[] = [];
    try {
      const { elements } = readLibraryState(this.#folder);
      const cartridge = elements.find((each) => each.address === fromAddress);
      if (cartridge === undefined) throw new ChangerError('SourceEmpty', `${this.name}: ${fromAddress} is empty`);
      const inTheWay = elements.find((each) => each.address === toAddress);
      if (inTheWay !== undefined)
        throw new ChangerError('DestinationFull', `${this.name}: ${toAddress} holds ${inTheWay.barcode}`);
      for (const address of [fromAddress, toAddress]) held.push(...this.#lockDriveAt(address));
      const rest = elements.filter((each) => each !== cartridge);
      writeLibraryState(this.#folder, { elements: [...rest, this.#moved(cartridge, toAddress)].sort(byAddress) });
    } finally {
      for (const each of held) each.release();
      lock.release();
    }
  }

  async close(): Promise<void> {
    // Nothing is kept open between two motions.
  }

  #moved(cartridge: LoadedElement, toAddress: number): LoadedElement {
    const { barcode, address } = cartridge;
    if (this.#driveAt(toAddress) < 0) return { address: toAddress, barcode };
    const sourceSlot = this.#driveAt(address) < 0 ? address : cartridge.sourceSlot;
    return { address: toAddress, barcode, ...(sourceSlot !== undefined && { sourceSlot }) };
  }

  #driveAt(address: number): number {
    return this.#shape.drives.findIndex((drive) => drive.address === address);
  }

  #lockDriveAt(address: number): FileLock[] {
    const drive = this.#driveAt(address);
    if (drive < 0) return [];
    const lock = tryLockDrive(this.#folder, drive);
    if (lock === undefined)
      throw new ChangerError('DriveLocked', `${this.name}: drive ${drive} (${address}) is in use`);
    return [lock];
  }

  #mustExist(address: number): void {
    const known = [...this.#shape.drives, ...this.#shape.slots].some((element) => element.address === address);
    if (!known) throw new ChangerError('NoSuchElement', `${this.name} has no element ${address}`);
  }

  async #lock(signal: AbortSignal | undefined): Promise<FileLock> {
    const lock = await lockFile(changerLockPath(this.#folder), this.#patienceMs, signal);
    if (lock === undefined) throw new ChangerError('NotReady', `${this.name} has been busy for too long`);
    return lock;
  }
}

const byAddress = (a: LoadedElement, b: LoadedElement): number => a.address - b.address;
