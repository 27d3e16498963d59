import { createCipheriv } from 'node:crypto';
import { closeSync, existsSync, mkdirSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';

const chunkBytes = 4 * 2 ** 20;

/** Bytes that no compressor shortens, the same for the same seed, as fast as AES is. */
const incompressible = (seed: number): ((bytes: number) => Buffer) => {
  const key = Buffer.alloc(16);
  key.writeUInt32LE(seed);
  const cipher = createCipheriv('aes-128-ctr', key, Buffer.alloc(16));
  return (bytes) => cipher.update(Buffer.alloc(bytes));
};

/** One file. Kept when it is there already. */
export const makeBigFile = (folder: string, bytes: number): string => {
  const path = join(folder, `big-${bytes}`);
  if (existsSync(join(path, '.made'))) return path;
  mkdirSync(path, { recursive: true });
  const next = incompressible(1);
  const fd = openSync(join(path, 'file'), 'w');
  for (let left = bytes; left > 0; left -= chunkBytes) writeSync(fd, next(Math.min(chunkBytes, left)));
  closeSync(fd);
  writeFileSync(join(path, '.made'), '');
  return path;
};

/** Files of 1 to 9 KiB, a thousand a folder. */
export const makeSmallFiles = (folder: string, files: number): string => {
  const path = join(folder, `small-${files}`);
  if (existsSync(join(path, '.made'))) return path;
  const next = incompressible(2);
  for (let i = 0; i < files; i += 1) {
    const parent = join(path, `folder-${Math.floor(i / 1000)}`);
    if (i % 1000 === 0) mkdirSync(parent, { recursive: true });
    writeFileSync(join(parent, `file-${i % 1000}`), next(1024 + ((i * 2_654_435_761) % 8192)));
  }
  writeFileSync(join(path, '.made'), '');
  return path;
};
