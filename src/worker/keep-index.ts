import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { indexFileName } from '../archive/index-folder.ts';

/**
 * Puts the index of a segment into a folder of the server, whole or not at all. A lost index costs time, never data: it
 * stands on the tape, too.
 *
 * @returns why it could not be kept
 */
export const keepIndex = (folder: string, n: number, content: Buffer): string | undefined => {
  const path = join(folder, indexFileName(n));
  try {
    mkdirSync(folder, { recursive: true });
    writeFileSync(`${path}.part`, content);
    renameSync(`${path}.part`, path);
    return undefined;
  } catch (error) {
    removeQuietly(`${path}.part`);
    return error instanceof Error ? error.message : String(error);
  }
};

const removeQuietly = (path: string): void => {
  try {
    rmSync(path, { force: true });
  } catch {
    // A folder that takes nothing may not give up anything either.
  }
};
