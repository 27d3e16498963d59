import { join } from 'node:path';
import { tryLockFile, type FileLock } from '../file-lock.ts';

export const driveFolder = (libraryFolder: string, drive: number): string =>
  join(libraryFolder, 'drives', String(drive));

/**
 * Exclusive use of a virtual drive, held as long as the drive is open and at most as long as the process lives.
 * Getting it proves that no writer is left on the drive.
 *
 * @returns nothing when somebody has the drive open
 */
export const tryLockDrive = (libraryFolder: string, drive: number): FileLock | undefined =>
  tryLockFile(join(driveFolder(libraryFolder, drive), 'lock'));
