import { renameSync, writeFileSync } from 'node:fs';

/** Writes a file so that a reader sees the old content or the new, never a part. */
export const writeWhole = (path: string, content: string | Uint8Array, mode = 0o600): void => {
  const temporary = `${path}.tmp`;
  writeFileSync(temporary, content, { mode });
  renameSync(temporary, path);
};
