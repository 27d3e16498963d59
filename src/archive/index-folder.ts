import { join } from 'node:path';

/** Folder of a stream's indexes within a server's catalogue folder. */
export const indexFolderOf = (catalogue: string, jobUid: string, stream: number): string =>
  join(catalogue, jobUid, `s${String(stream)}`);

export const indexFileName = (n: number): string => `index-${String(n).padStart(6, '0')}.jsonl.zst`;
