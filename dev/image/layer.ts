import { createHash } from 'node:crypto';
import { chmodSync, createReadStream, lstatSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { runTool } from './run-tool.ts';

/**
 * Writes a folder as a tar that is the same wherever and whenever it is made: names sorted, one time, one owner.
 * Entries are named relative to the folder.
 */
export const writeTar = async (folder: string, file: string, epochSeconds: number): Promise<void> => {
  const entries = readdirSync(folder).sort();
  await runTool(
    'tar',
    [
      ...['--create', '--file', file, '--directory', folder, '--format=gnu', '--sort=name'],
      ...[`--mtime=@${epochSeconds}`, '--owner=0', '--group=0', '--numeric-owner', '--', ...entries],
    ],
    { hint: 'GNU tar is needed' },
  );
};

/** Takes the umask of whoever builds out of a folder; leaves folders that everybody may write alone. */
export const settleModes = (folder: string): void => {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const full = path.join(folder, entry.name);
    if (entry.isSymbolicLink()) continue;
    const { mode } = lstatSync(full);
    if ((mode & 0o1000) !== 0) continue;
    chmodSync(full, entry.isDirectory() || (mode & 0o100) !== 0 ? 0o755 : 0o644);
    if (entry.isDirectory()) settleModes(full);
  }
};

/** @returns lower-case hex */
export const sha256Of = async (file: string): Promise<string> => {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  return hash.digest('hex');
};
