import { chmodSync, lstatSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const makeRemovable = (path: Buffer): void => {
  if (!lstatSync(path).isDirectory()) return;
  chmodSync(path, 0o700);
  for (const name of readdirSync(path, { encoding: 'buffer' }))
    makeRemovable(Buffer.concat([path, Buffer.from('/'), name]));
};

/** A new folder and the way to remove it, whatever modes were set in it. */
export const makeTempFolder = (prefix: string): { readonly path: string; readonly remove: () => void } => {
  const path = mkdtempSync(join(tmpdir(), prefix));
  const remove = (): void => {
    if (process.getuid?.() !== 0) makeRemovable(Buffer.from(path));
    rmSync(path, { recursive: true, force: true });
  };
  return { path, remove };
};
