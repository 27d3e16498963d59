import { describe, expect, it } from 'vitest';
import { sourceMismatch, type OpenedRoot } from '../../../src/worker/source-check.ts';

const plan = { rootInode: '2', rootSize: 4096, machineID: 'machine-0' };
const root: OpenedRoot = { server: 's', shared: false, rootInode: '2', rootSize: 4096, machineID: 'machine-0' };

describe('sourceMismatch', () => {
  it.each<readonly [string, Partial<OpenedRoot>, RegExp | undefined]>([
    ['takes the folder that was planned', {}, undefined],
    ['refuses another inode', { rootInode: '3' }, /inode 3/],
    ['does not mind that a folder of its machine has grown', { rootSize: 8192 }, undefined],
    ['refuses the same inode on another machine', { machineID: 'machine-1' }, /machine-1.*machine-0/],
    ['takes a shared file system on any machine', { shared: true, machineID: 'machine-1' }, undefined],
    ['refuses a shared one of another size', { shared: true, rootSize: 8192 }, /8192 bytes/],
    ['asks no more than it can know', { machineID: '' }, undefined],
  ])('%s', (_name, changes, expected) => {
    const found = sourceMismatch(plan, { ...root, ...changes });
    if (expected === undefined) expect(found).toBeUndefined();
    else expect(found).toMatch(expected);
  });

  it('takes what a plan of an older worker does not tell', () => {
    expect(sourceMismatch({}, root)).toBeUndefined();
  });
});
