import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { replaceFile } from '../atomic-file.ts';

/**
 * The folder of a virtual library:
 *
 * - `library.json`: drives and slots with their element addresses; never changes
 * - `state.json`: which cartridge lies where; replaced whole, by whoever holds `lock`
 * - `tapes/<barcode>/`: a cartridge each, wherever it lies
 * - `drives/<n>/`: lock, odometer and armed faults of each drive
 * - `faults.yaml`, `faults.fired.json`: faults on demand
 */
export interface LibraryShape {
  readonly version: 1;
  readonly drives: readonly { readonly address: number }[];
  readonly slots: readonly { readonly address: number; readonly importExport: boolean }[];
}

export interface LibraryState {
  readonly elements: readonly LoadedElement[];
}

export interface LoadedElement {
  readonly address: number;
  readonly barcode: string;
  /** Where a cartridge that lies in a drive came from. */
  readonly sourceSlot?: number;
}

export class NotAVirtualLibrary extends Error {
  readonly code = 'NotAVirtualLibrary';
}

export const tapeFolder = (libraryFolder: string, barcode: string): string => join(libraryFolder, 'tapes', barcode);

export const changerLockPath = (libraryFolder: string): string => join(libraryFolder, 'lock');

export function readLibraryShape(libraryFolder: string): LibraryShape {
  const path = join(libraryFolder, 'library.json');
  if (!existsSync(path)) throw new NotAVirtualLibrary(`${libraryFolder} holds no virtual library (no library.json)`);
  const shape: unknown = JSON.parse(readFileSync(path, 'utf8'));
  if (!isShape(shape)) throw new NotAVirtualLibrary(`${path} does not describe a library`);
  return shape;
}

export function readLibraryState(libraryFolder: string): LibraryState {
  const path = join(libraryFolder, 'state.json');
  const state: unknown = JSON.parse(readFileSync(path, 'utf8'));
  if (!isState(state)) throw new NotAVirtualLibrary(`${path} does not say what lies where`);
  return state;
}

/** The caller holds the library's lock. */
export function writeLibraryState(libraryFolder: string, state: LibraryState): void {
  replaceFile(join(libraryFolder, 'state.json'), `${JSON.stringify(state, undefined, 2)}\n`, true);
}

const isShape = (value: unknown): value is LibraryShape =>
  typeof value === 'object' &&
  value !== null &&
  'drives' in value &&
  Array.isArray(value.drives) &&
  'slots' in value &&
  Array.isArray(value.slots);

const isState = (value: unknown): value is LibraryState =>
  typeof value === 'object' && value !== null && 'elements' in value && Array.isArray(value.elements);
