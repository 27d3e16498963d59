import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync, linkSync, mkdirSync, symlinkSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const MiB = 2 ** 20;

/** A tree of mixed kinds of about this size. */
export const makeTree = (root: string, mebibytes: number): void => {
  for (let folder = 0; folder < 4; folder += 1) {
    const path = join(root, `folder-${folder}`, 'deep er');
    mkdirSync(path, { recursive: true });
    for (let i = 0; i < 40; i += 1) writeFileSync(join(path, `file-${i}`), randomBytes(i * 97));
    symlinkSync('file-1', join(path, 'link'));
    linkSync(join(path, 'file-7'), join(root, `linked-${folder}`));
    chmodSync(join(path, 'file-3'), 0o4711);
    utimesSync(join(path, 'file-4'), 1_000_000_000, 1_234_567_890.125);
  }
  linkSync(join(root, 'folder-0', 'deep er', 'file-9'), join(root, 'z-linked'));
  writeFileSync(join(root, 'sparse'), 'begin');
  truncateSync(join(root, 'sparse'), 5 * MiB);
  for (let i = 0; i < mebibytes; i += 2) writeFileSync(join(root, `data-${i}`), randomBytes(2 * MiB));
};

/** Names, kinds, modes, owners, times, link counts and contents: equal texts are equal trees. */
export const describeTree = (root: string): string => {
  const find = ['.', '-printf', '%p %y %m %U %G %s %T@ %n %l\n'];
  const facts = execFileSync('find', find, { cwd: root, encoding: 'utf8', maxBuffer: 64 * MiB });
  const sums = execFileSync('sh', ['-c', 'find . -type f -print0 | xargs -0 -r sha256sum'], {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 64 * MiB,
  });
  const names = (text: string): string[] => text.split('\n').sort();
  // A folder's size is the file system's own affair, and the root's name is where it is.
  const normal = names(facts).map((line) => line.replace(/^(\S.* d \d+ \d+ \d+ )\d+ /, '$1'));
  return [...normal, ...names(sums)].join('\n');
};
