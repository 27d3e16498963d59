import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { indexFileName, indexFolderOf } from '../../../src/archive/index-folder.ts';
import { IndexWriter } from '../../../src/archive/index-writer.ts';
import { runCli } from './run-cli.ts';

const uid = '11111111-2222-3333-4444-555555555555';

describe('what is in a backup', { timeout: 60_000 }, () => {
  let catalogue: string;

  const write = (stream: number, segment: number, lines: readonly object[]): void => {
    const writer = new IndexWriter({ uid, segment, stream, epoch: 1 });
    for (const line of lines) writer.add(JSON.stringify(line));
    const folder = indexFolderOf(catalogue, uid, stream);
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, indexFileName(segment)), writer.finish(undefined));
  };

  beforeAll(() => {
    catalogue = mkdtempSync(join(tmpdir(), 'tw-catalogue-'));
    const first = [
      { p: 'docs', t: 'd', a: '755', u: 0, g: 0, m: '0.000000000' },
      { p: 'docs/%C3%A4.odt', t: 'f', s: 2048, a: '644', u: 1000, g: 100, m: '60.000000000' },
      { p: 'docs/big.iso', t: 'x', s: 9000, y: [0, 0, 5000], i: ['1', 1, '1', '1'], j: ['1', 1, '1', '1'] },
    ];
    write(0, 0, first);
    write(1, 0, first);
    write(1, 1, [
      { p: 'docs', t: 'd', z: ['above'] },
      { p: 'docs/big.iso', t: 'x', s: 9000, y: [0, 5000, 4000], i: ['1', 1, '1', '1'], j: ['1', 1, '1', '1'] },
      { p: 'docs/deep', t: 'd' },
      { p: 'docs/deep/%1B[2J', t: 'f', s: 1 },
      { p: 'top.odt', t: 'f', s: 1 },
    ]);
    // The segment `links`: names that stand in others, too, in the folders that they are in.
    write(0, 2, [
      { p: 'docs', t: 'd' },
      { p: 'docs/%C3%A4.odt', t: 'h', l: 'docs/big.iso' },
      { p: 'top.odt', t: 'h', l: 'docs/big.iso' },
    ]);
  });
  afterAll(() => rmSync(catalogue, { recursive: true }));

  const cli = async (...args: readonly string[]) => runCli([...args, '--catalogue', catalogue]);

  it.each([
    { args: ['ls', uid], lines: ['docs/', 'top.odt'] },
    { args: ['ls', uid, '/docs/'], lines: ['docs/ä.odt', 'docs/big.iso', 'docs/deep/'] },
    { args: ['ls', uid, 'top.odt'], lines: ['top.odt'] },
    { args: ['ls', uid, 'docs/deep'], lines: ['docs/deep/\\u001b[2J'] },
    { args: ['find', uid, '*.odt'], lines: ['docs/ä.odt', 'top.odt'] },
    { args: ['find', uid, 'docs/**/deep'], lines: ['docs/deep/'] },
  ])('is shown once, in order, without an API server: $args', async ({ args, lines }) => {
    const { code, stdout, stderr } = await cli(...args);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout.trimEnd().split('\n')).toEqual(lines);
  });

  it('has size, owner, time and segment where they are asked for', async () => {
    const { stdout } = await cli('find', uid, '-l', '*.odt');
    expect(stdout).toMatch(/^- +644 +1000:100 +2\.0 KiB +1970-01-01T00:01 +segment 0 +docs\/ä\.odt$/m);
  });

  it('that is not found ends with 1 and says what was looked for', async () => {
    expect(await cli('find', uid, 'nothing*')).toMatchObject({ code: 1, stderr: 'nothing matches nothing*\n' });
    const other = await cli('ls', uid.replace('1', '9'));
    expect(other.code).toBe(1);
    expect(other.stderr).toContain('cannot be read');
    expect(await cli('find', uid, '[a')).toMatchObject({ code: 2 });
  });

  it('is not told to be whole where an index is missing', async () => {
    write(0, 4, [{ p: 'z', t: 'f', s: 1 }]);
    const { code, stdout, stderr } = await cli('ls', uid);
    expect(code).toBe(0);
    expect(stdout).toBe('docs/\ntop.odt\nz\n');
    expect(stderr).toContain('no index of segments 3');
    rmSync(join(indexFolderOf(catalogue, uid, 0), indexFileName(4)));
  });
});
