import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { formatBytes } from '../decide/units.ts';
import { listTapes } from '../tape/export.ts';
import { count } from './amounts.ts';
import { CliError } from './cli-error.ts';
import { barcodesOf, makeLibrary, type NewLibrary } from './make-library.ts';

/**
 * Does `library create` and says what was done. A library that is whole is not touched: it may be in use.
 *
 * @throws CliError, DriveError, VirtualLibraryError
 */
export const createLibrary = async (wanted: NewLibrary, now: () => Date): Promise<readonly string[]> => {
  const { folder, drives, slots, tapeSizeBytes } = wanted;
  if (existsSync(join(folder, 'library.json'))) {
    const tapes = listTapes({ libraryFolder: folder });
    if (tapes.every(({ label }) => label === 'twinreel'))
      throw new CliError('AlreadyThere', `${folder} holds a library of ${count(tapes.length, 'tape')} already`);
  }
  await makeLibrary(wanted, now);
  const barcodes = barcodesOf(wanted.prefix, slots);
  return [
    `${folder}: ${count(drives, 'drive')}, ${count(slots, 'tape')} of ${formatBytes(tapeSizeBytes)} each, ` +
      `${barcodes[0] ?? '-'} to ${barcodes.at(-1) ?? '-'}`,
  ];
};
