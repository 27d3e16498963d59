import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { readIndex, type IndexEnd } from '../../../src/archive/index-reader.ts';
import { IndexWriter } from '../../../src/archive/index-writer.ts';

const MIB = 1_048_576;
const head = { uid: 'u', segment: 7, stream: 0, epoch: 1 };

const read = (content: Buffer): { lines: string[]; end: IndexEnd } => {
  let at = 0;
  const next = (): Buffer | undefined => {
    at += MIB;
    return at - MIB < content.length ? content.subarray(at - MIB, at) : undefined;
  };
  const lines: string[] = [];
  const reading = readIndex({ next });
  for (;;) {
    const { done, value } = reading.next();
    if (done === true) return { lines, end: value };
    lines.push(value);
  }
};

describe('an index', () => {
  test.each([
    { name: 'no frames', frames: undefined },
    { name: 'an empty list', frames: [] },
    { name: 'two frames', frames: [[0, 0] as const, [MIB, 12_345] as const] },
  ])('of a few lines stands as JSON writes it, with $name', ({ frames }) => {
    const writer = new IndexWriter(head);
    writer.add('{"p":"a","t":"d"}');
    const text = zstdDecompressSync(writer.finish(frames)).toString();
    const last = JSON.stringify({ end: true, lines: 1, ...(frames === undefined ? {} : { frames }) });
    expect(text).toBe(`${JSON.stringify({ v: 1, ...head })}\n{"p":"a","t":"d"}\n${last}\n`);
  });

  test('of a segment of half a tebibyte can be read, its frames and all', () => {
    const frames = Array.from({ length: 524_288 }, (_, at) => [at * MIB, at * 900_001] as const);
    const writer = new IndexWriter(head);
    for (let at = 0; at < 30_000; at += 1) writer.add(`{"p":"some/path/${String(at)}","t":"d"}`);
    const { lines, end } = read(writer.finish(frames));
    expect([lines.length, lines[0], lines[29_999]]).toEqual([
      30_000,
      '{"p":"some/path/0","t":"d"}',
      '{"p":"some/path/29999","t":"d"}',
    ]);
    expect(end.frames?.length).toBe(frames.length);
    expect(end.frames?.at(-1)).toEqual(frames.at(-1));
  });

  test('with another line without end is refused', () => {
    const piece = Buffer.alloc(2 * MIB, 'x');
    const content = Buffer.concat([piece, piece, piece].map((bytes) => zstdCompressSync(bytes)));
    expect(() => read(content)).toThrow(expect.objectContaining({ code: 'IndexInvalid' }));
  });
});
