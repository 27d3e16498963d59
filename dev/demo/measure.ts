/** Counts a source before the backup, so that the demo knows where half-way is and which file to restore alone. */
import { lstatSync, readdirSync, statfsSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { bufferOf, type Bytes } from '../../src/posix/bytes.ts';
import { DemoError } from './demo-error.ts';
import { sampleFile } from './source.ts';

export interface Measured {
  readonly files: number;
  readonly folders: number;
  /** Links, fifos, devices. */
  readonly others: number;
  readonly sockets: number;
  /** What files hold on disk: holes do not count, hard links count once per name, as a backup stores them at most. */
  readonly dataBytes: number;
  /** A regular file with one plain name, from the middle of the tree; undefined: there is none. */
  readonly single: string | undefined;
}

// Not a pattern, not escaped in any way.
const plainPath = /^[A-Za-z0-9._/-]+$/;
const singleLimitBytes = 64 * 2 ** 20;

/**
 * Walks the source once.
 * @throws DemoError when another file system is mounted in it: a backup leaves that out, a comparison would not
 */
export async function measureSource(root: string, signal: AbortSignal): Promise<Measured> {
  const counts = { files: 0, folders: 0, others: 0, sockets: 0, dataBytes: 0 };
  const candidates: string[] = [];
  const device = lstatSync(root).dev;
  const left: Bytes[] = [''];
  for (let folder = left.pop(); folder !== undefined; folder = left.pop()) {
    await setImmediate();
    signal.throwIfAborted();
    for (const name of readdirSync(absolute(root, folder), { encoding: 'latin1' })) {
      const child = folder === '' ? name : `${folder}/${name}`;
      const stat = lstatSync(absolute(root, child));
      if (stat.isDirectory()) {
        if (stat.dev !== device)
          throw new DemoError(`${root}/${child} is another file system; choose a folder without`);
        counts.folders += 1;
        left.push(child);
      } else if (stat.isFile()) {
        counts.files += 1;
        counts.dataBytes += Math.min(stat.size, stat.blocks * 512);
        if (isSingle(child, stat.size, stat.nlink)) candidates.push(child);
      } else if (stat.isSocket()) counts.sockets += 1;
      else counts.others += 1;
    }
  }
  const single = candidates.find((one) => one === sampleFile) ?? candidates[Math.floor(candidates.length / 2)];
  return { ...counts, single };
}

function isSingle(child: Bytes, sizeBytes: number, links: number): boolean {
  return links === 1 && sizeBytes > 0 && sizeBytes <= singleLimitBytes && plainPath.test(child);
}

function absolute(root: string, child: Bytes): Buffer {
  return Buffer.concat([Buffer.from(`${root}/`), bufferOf(child)]);
}

/** @throws DemoError when the folder's file system has too little room */
export function requireRoom(folder: string, neededBytes: number): void {
  const { bavail, bsize } = statfsSync(folder);
  const freeBytes = bavail * bsize;
  if (freeBytes >= neededBytes) return;
  const gib = (bytes: number): string => `${(bytes / 2 ** 30).toFixed(1)} GiB`;
  throw new DemoError(
    `${folder} has ${gib(freeBytes)} left, the demo needs about ${gib(neededBytes)}; name another place by TMPDIR, or a smaller --size`,
  );
}
