import { randomBytes } from 'node:crypto';
import { linkSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { compareTrees } from '../../support/compare-trees.ts';
import { copyFolder } from '../../support/csi-stand-in.ts';
import { writeTestBackup } from '../../support/payload-files.ts';
import { restorePayloads } from '../../support/restore-payloads.ts';
import { makeTempFolder } from '../../support/temp-folder.ts';

let temp: ReturnType<typeof makeTempFolder>;
beforeEach(() => {
  temp = makeTempFolder('tw-archive-clones-');
});
afterEach(() => temp.remove());

/** Two clones that were made file by file: inode numbers, change and birth times are others in each. */
const makeClones = (): readonly [string, string] => {
  const [first, second] = [join(temp.path, 'first'), join(temp.path, 'second')];
  mkdirSync(first);
  writeFileSync(join(first, 'big'), randomBytes(1_500_000));
  writeFileSync(join(first, 'a-name'), 'one file');
  linkSync(join(first, 'a-name'), join(first, 'z-name'));
  copyFolder(first, second);
  return [first, second];
};

/** Every second segment is of the other clone, as after a change of the stream. */
const restoreMixed = (isClone: boolean) => {
  const [first, second] = makeClones();
  const cuts = [200_000, 700_000, 1_100_000].map((offset) => ({ path: 'big', offset }));
  const wish = { segmentBytes: 1, cuts, isClone };
  const one = writeTestBackup(first, join(temp.path, 'one'), wish);
  const other = writeTestBackup(second, join(temp.path, 'other'), wish);
  const target = join(temp.path, 'target');
  const payloads = one.data.map((file, n) => (n % 2 === 0 ? file : (other.data[n] ?? '')));
  const { failures } = restorePayloads(one, target, { payloads: [...payloads, other.links] });
  return { failures, differences: compareTrees(first, target).differences };
};

describe('segments of several clones of one snapshot', () => {
  it('make whole files again; names of one file are joined only where the inode is the same', () => {
    const { failures, differences } = restoreMixed(true);
    expect(failures).toEqual([]);
    expect(differences).toEqual([
      'a-name: 2 and 1 names',
      'z-name: 2 and 1 names',
      'z-name: a hard link to another file',
    ]);
  });

  it('would not without being known as such: then they are of different states', () => {
    expect(restoreMixed(false).failures).toContain('big: FileTorn');
  });
});
