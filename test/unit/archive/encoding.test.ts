import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { zstdCompressSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { BLOCK_BYTES, encodingName, type Encoding } from '../../../src/archive/blocks.ts';
import { decodeBlocks } from '../../../src/archive/decode.ts';
import { makeEncoder } from '../../../src/archive/encode.ts';
import { readIndex } from '../../../src/archive/index-reader.ts';
import { PaxReader } from '../../../src/archive/pax-reader.ts';
import { openSegment } from '../../../src/archive/segment-reader.ts';
import { compareTrees } from '../../support/compare-trees.ts';
import { makeTree } from '../../support/make-tree.ts';
import { MemoryBlocks, sourceOf } from '../../support/memory-blocks.ts';
import { FileBlockSource, writeTestBackup } from '../../support/payload-files.ts';
import { restorePayloads } from '../../support/restore-payloads.ts';
import { makeTempFolder } from '../../support/temp-folder.ts';

// Whole trees on a disk that others may use, too.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const encryption = { dataKey: randomBytes(32), uhl1: Buffer.from('UHL1'.padEnd(80)) };
const encodings: readonly { name: string; encoding: Encoding; letters: string }[] = [
  { name: 'plain', encoding: { compression: 'N' }, letters: 'NN' },
  { name: 'compressed', encoding: { compression: 'Z' }, letters: 'ZN' },
  { name: 'encrypted', encoding: { compression: 'N', encryption }, letters: 'NA' },
  { name: 'compressed and encrypted', encoding: { compression: 'Z', encryption }, letters: 'ZA' },
];

let temp: ReturnType<typeof makeTempFolder>;

beforeEach(() => {
  temp = makeTempFolder('tw-archive-encoding-');
});

afterEach(() => {
  temp.remove();
});

describe.each(encodings)('a backup that is $name', ({ encoding, letters }) => {
  test('restores to the same tree, and its index begins where the totals say', () => {
    const [source, target, payloads] = ['source', 'target', 'payloads'].map((name) => join(temp.path, name));
    makeTree(source ?? '', { files: 150, totalBytes: 3_000_000, seed: 31, filesPerFolder: 25 });
    writeFileSync(join(source ?? '', 'compressible'), 'again and again '.repeat(100_000));
    const backup = writeTestBackup(source ?? '', payloads ?? '', { segmentBytes: 2_500_000, encoding });
    expect(encodingName(encoding)).toBe(letters);
    for (const payload of backup.data) expect(readFileSync(payload).length % BLOCK_BYTES).toBe(0);
    expect(restorePayloads(backup, target ?? '', { encoding }).failures).toEqual([]);
    const options = { owners: process.getuid?.() === 0 };
    expect(compareTrees(source ?? '', target ?? '', options).differences).toEqual([]);

    const file = new FileBlockSource(backup.data[0] ?? '');
    const { items, reader, info } = openSegment(file, encoding);
    expect(info.encoding).toBe(letters);
    for (const item of items()) {
      if (item.kind !== 'index') continue;
      const lines = readIndex({ next: () => reader.read() });
      let end = lines.next();
      while (end.done !== true) end = lines.next();
      expect(end.value.frames === undefined).toBe(encoding.compression === 'N');
    }
    file.close();
    // The index can be read alone, from its offset in the encoded stream on.
    const { indexOffset } = backup.totals[0] ?? { indexOffset: -1 };
    const opened = decodeBlocks(new FileBlockSource(backup.data[0] ?? ''), { ...encoding, compression: 'N' });
    const pieces: Buffer[] = [];
    for (let piece = opened.next(); piece !== undefined; piece = opened.next()) pieces.push(Buffer.from(piece));
    const tail = Buffer.concat(pieces).subarray(indexOffset);
    const alone = new PaxReader(decodeBlocks(sourceOf([tail]), { compression: encoding.compression }));
    expect(alone.next()?.path).toBe(`${backup.folder}/index-000000.jsonl.zst`);
  });
});

test('a compressed segment is read by zstd and tar alone, its padding included', () => {
  const source = join(temp.path, 'source');
  makeTree(source, { files: 50, totalBytes: 1_000_000, seed: 32 });
  const encoding: Encoding = { compression: 'Z' };
  const backup = writeTestBackup(source, join(temp.path, 'payloads'), { segmentBytes: 100_000_000, encoding });
  const target = join(temp.path, 'target');
  mkdirSync(target);
  const command = `dd bs=256k if=${backup.data[0] ?? ''} status=none | zstd -d | tar -x --warning=no-timestamp -p --xattrs '--xattrs-include=*'`;
  const run = spawnSync('sh', ['-c', command], { cwd: target, encoding: 'utf8' });
  expect([run.status, run.stderr]).toEqual([0, '']);
  const options = { rootAttributes: false, owners: process.getuid?.() === 0, ignore: [backup.folder] };
  expect(compareTrees(source, target, options).differences).toEqual([]);
});

describe('the end of a payload', () => {
  test('is whole whatever is left in the last block', () => {
    for (const encoding of encodings.map((row) => row.encoding)) {
      for (const length of [512, 4096, BLOCK_BYTES - 512, BLOCK_BYTES, BLOCK_BYTES + 512, 3 * BLOCK_BYTES]) {
        const blocks = new MemoryBlocks();
        const encoder = makeEncoder(encoding, blocks);
        const pax = randomBytes(length);
        for (let at = 0; at < length;) {
          const copied = pax.copy(encoder.take(), 0, at);
          encoder.put(copied);
          at += copied;
        }
        encoder.finish();
        expect(blocks.blocks.every((block) => block.length === BLOCK_BYTES)).toBe(true);
        const decoded = decodeBlocks(blocks.source(), encoding);
        const pieces: Buffer[] = [];
        for (let piece = decoded.next(); piece !== undefined; piece = decoded.next()) pieces.push(Buffer.from(piece));
        expect(Buffer.concat(pieces).subarray(0, length).equals(pax)).toBe(true);
      }
    }
  });
});

describe('an encrypted payload', () => {
  const write = (): readonly Buffer[] => {
    const blocks = new MemoryBlocks();
    const encoder = makeEncoder({ compression: 'N', encryption }, blocks);
    encoder.take();
    encoder.put(1_048_576);
    encoder.finish();
    return blocks.blocks;
  };
  const read = (blocks: readonly Buffer[], key = encryption): void => {
    const source = decodeBlocks(sourceOf(blocks), { compression: 'N', encryption: key });
    while (source.next() !== undefined);
  };

  test('is refused with another key, another label, a changed byte, blocks in another order or left out', () => {
    const blocks = write();
    expect(() => {
      read(blocks);
    }).not.toThrow();
    const [first, second, ...rest] = blocks;
    if (first === undefined || second === undefined) throw new Error('two blocks at least');
    const changed = Buffer.from(first);
    changed[7] = (changed[7] ?? 0) ^ 1;
    const tampered: (readonly [readonly Buffer[], typeof encryption])[] = [
      [blocks, { ...encryption, dataKey: randomBytes(32) }],
      [blocks, { ...encryption, uhl1: Buffer.alloc(80) }],
      [[changed, second, ...rest], encryption],
      [[second, first, ...rest], encryption],
      [blocks.slice(0, -1), encryption],
      [blocks.slice(1), encryption],
    ];
    for (const [payload, key] of tampered)
      expect(() => {
        read(payload, key);
      }).toThrow(expect.objectContaining({ code: 'EncodingInvalid' }));
  });

  test('may be a skippable frame without content, of 8 bytes; 7 of them are cut off', () => {
    const pax = randomBytes(512);
    const skippable = Buffer.from('502a4d1800000000', 'hex');
    const decode = (end: Buffer): readonly (Buffer | undefined)[] => {
      const decoded = decodeBlocks(sourceOf([zstdCompressSync(pax), end]), { compression: 'Z' });
      return [decoded.next(), decoded.next()];
    };
    expect(decode(skippable)).toEqual([pax, undefined]);
    expect(() => decode(skippable.subarray(0, 7))).toThrow('inside a zstd frame');
  });
});
