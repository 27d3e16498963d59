import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';

/** Whoever reads the file sees the old content or the new one, never a part. One writer at a time. */
export function replaceJson(file: string, value: unknown): void {
  mkdirSync(path.dirname(file), { recursive: true });
  const unfinished = `${file}.${process.pid}.new`;
  writeFileSync(unfinished, `${JSON.stringify(value, undefined, 2)}\n`);
  renameSync(unfinished, file);
}
