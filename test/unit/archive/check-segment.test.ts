import { linkSync, mkdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ArchiveError } from '../../../src/archive/archive-error.ts';
import { BLOCK_BYTES, PLAIN, type Encoding } from '../../../src/archive/blocks.ts';
import { checkSegment, type CheckSegmentTask } from '../../../src/archive/check-segment.ts';
import { makeTree } from '../../support/make-tree.ts';
import { sourceOf } from '../../support/memory-blocks.ts';
import { FileBlockSource, writeTestBackup } from '../../support/payload-files.ts';
import { makeTempFolder } from '../../support/temp-folder.ts';

let temp: ReturnType<typeof makeTempFolder>;
let source: string;
let out: string;

beforeEach(() => {
  temp = makeTempFolder('tw-check-');
  [source, out] = [join(temp.path, 'source'), join(temp.path, 'payloads')];
});
afterEach(() => temp.remove());

const checkFile = (payload: string, task: Omit<CheckSegmentTask, 'source'>): number => {
  const blocks = new FileBlockSource(payload);
  try {
    return checkSegment({ ...task, source: blocks });
  } finally {
    blocks.close();
  }
};

const blocksOf = (bytes: Buffer): Buffer[] =>
  Array.from({ length: Math.ceil(bytes.length / BLOCK_BYTES) }, (_, n) =>
    bytes.subarray(n * BLOCK_BYTES, (n + 1) * BLOCK_BYTES),
  );

const codeOf = (act: () => unknown): string => {
  try {
    act();
  } catch (error) {
    if (error instanceof ArchiveError) return error.code;
    throw error;
  }
  return 'nothing';
};

describe('looking through a segment', { timeout: 60_000 }, () => {
  const encodings: readonly (readonly [string, Encoding])[] = [
    ['plain', PLAIN],
    ['compressed', { compression: 'Z' }],
  ];
  it.each(encodings)(
    'finds every one of a %s backup good: parts, links, sparse files, whatever it holds',
    (_name, encoding) => {
      makeTree(source, { files: 120, totalBytes: 3e6, seed: 5, filesPerFolder: 20 });
      writeFileSync(join(source, 'large'), Buffer.alloc(900_000, 7));
      truncateSync(join(source, 'large'), 4_000_000);
      linkSync(join(source, 'large'), join(source, 'again'));
      const { folder, data, links, totals } = writeTestBackup(source, out, { segmentBytes: 300_000, encoding });
      expect(data.length).toBeGreaterThan(8);
      data.forEach((payload, segment) => {
        const files = checkFile(payload, { encoding, folder, segment });
        expect(files).toBeGreaterThanOrEqual(totals[segment]?.files ?? Infinity);
      });
      expect(checkFile(links, { encoding, folder, segment: data.length })).toBe(0);
    },
  );

  describe('refuses', () => {
    const prepare = () => {
      mkdirSync(source);
      for (const name of ['a', 'b', 'c']) writeFileSync(join(source, name), name.repeat(300));
      const { folder, data } = writeTestBackup(source, out, { segmentBytes: 1e6 });
      return { task: { encoding: PLAIN, folder, segment: 0 }, bytes: readFileSync(data[0] ?? '') };
    };

    it('one of another number, and one of another backup', () => {
      const { task, bytes } = prepare();
      const check = (more: Partial<CheckSegmentTask>) => () =>
        checkSegment({ ...task, ...more, source: sourceOf(blocksOf(bytes)) });
      expect(codeOf(check({}))).toBe('nothing');
      expect(codeOf(check({ segment: 1 }))).toBe('InfoInvalid');
      expect(codeOf(check({ folder: '.twinreel-ffffffff' }))).toBe('InfoInvalid');
    });

    it('one that lacks a member which its index names', () => {
      const { task, bytes } = prepare();
      const at = bytes.indexOf(`b${'\0'.repeat(99)}`);
      expect(at % 512).toBe(0);
      const header = bytes.lastIndexOf('././@PaxHeader', at) > bytes.indexOf(`a${'\0'.repeat(99)}`) ? at - 1024 : at;
      const without = Buffer.concat([
        bytes.subarray(0, header),
        bytes.subarray(at + 1024),
        Buffer.alloc(at + 1024 - header),
      ]);
      expect(codeOf(() => checkSegment({ ...task, source: sourceOf(blocksOf(without)) }))).toBe('IndexInvalid');
    });

    it('one that breaks off', () => {
      const { task, bytes } = prepare();
      const cut = bytes.subarray(0, bytes.indexOf(`c${'\0'.repeat(99)}`) + 512);
      expect(codeOf(() => checkSegment({ ...task, source: sourceOf(blocksOf(cut)) }))).toBe('Truncated');
    });
  });
});
