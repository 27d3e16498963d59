import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { barcodesOf } from '../../../src/cli/make-library.ts';
import { openVirtualLibrary } from '../../../src/devices/changer/virtual-library.ts';
import { listTapes } from '../../../src/tape/export.ts';
import { runCli } from './run-cli.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'twinreel-library-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const create = async (...flags: readonly string[]) =>
  runCli(['library', 'create', '--library', join(folder, 'library'), ...flags]);

describe('library create', { timeout: 60_000 }, () => {
  it('makes a library whose every slot has a labelled tape', async () => {
    const made = await create('--drives', '1', '--slots', '3', '--tape-size', '64Mi', '--prefix', 'XY');
    expect(made).toMatchObject({ code: 0, stderr: '' });
    expect(made.stdout).toContain('1 drive, 3 tapes of 64.0 MiB each, XY0000L9 to XY0002L9');
    const tapes = listTapes({ libraryFolder: join(folder, 'library') });
    expect(tapes.map(({ barcode }) => barcode)).toEqual(barcodesOf('XY', 3));
    for (const tape of tapes) expect(tape).toMatchObject({ label: 'twinreel', capacityBytes: 64 * 2 ** 20 });
  });

  it('does not touch one that is there', async () => {
    await create('--slots', '1', '--tape-size', '64Mi');
    const before = listTapes({ libraryFolder: join(folder, 'library') });
    const again = await create('--slots', '2');
    expect(again).toMatchObject({ code: 1, stdout: '' });
    expect(again.stderr).toContain('holds a library of 1 tape already');
    expect(listTapes({ libraryFolder: join(folder, 'library') })).toEqual(before);
  });

  it.each([
    { flags: ['--drives', '0'], says: 'It must be from 1 to 64.' },
    { flags: ['--slots', '1001'], says: 'It must be from 1 to 1000.' },
    { flags: ['--tape-size', '20GB'], says: 'It must be a quantity of at least 1Mi, such as 20Gi.' },
    { flags: ['--prefix', 'a/b'], says: 'It must be one to three letters from A to Z.' },
  ])('refuses $flags', async ({ flags, says }) => {
    const refused = await create(...flags);
    expect(refused).toMatchObject({ code: 2, stdout: '' });
    expect(refused.stderr).toContain(says);
  });
});

describe('tape eject, tape insert', { timeout: 60_000 }, () => {
  const tape = (verb: string, ...flags: readonly string[]) =>
    runCli(['tape', verb, '--library', join(folder, 'library'), '--barcode', 'a00000l9', ...flags]);
  const addresses = () => listTapes({ libraryFolder: join(folder, 'library') }).map(({ address }) => address);

  it('take a cartridge out of its slot, and put it into a free one', async () => {
    await create('--slots', '2', '--tape-size', '64Mi');
    const out = await tape('eject');
    expect(out).toMatchObject({ code: 0, stderr: '' });
    expect(out.stdout).toContain('A00000L9 was in slot 1024 and is outside now');
    expect(addresses()).toEqual([undefined, 1025]);
    expect(await tape('eject')).toMatchObject({ code: 1, stdout: '' });
    expect((await tape('insert', '--slot', '1025')).stderr).toContain('slot 1025 is full');
    expect((await tape('insert')).stdout).toContain('A00000L9 is in slot 1024');
    expect(addresses()).toEqual([1024, 1025]);
    expect((await tape('insert')).stderr).toContain('lies at 1024 already');
  });

  it('reach into no drive, and make no cartridge', async () => {
    await create('--slots', '1', '--tape-size', '64Mi');
    const library = openVirtualLibrary(join(folder, 'library'));
    await library.changer.move(1024, 256);
    expect((await tape('eject')).stderr).toContain('lies in the drive at 256');
    const other = await runCli(['tape', 'insert', '--library', join(folder, 'library'), '--barcode', '../x']);
    expect(other).toMatchObject({ code: 1, stdout: '' });
    expect(other.stderr).toContain('there is no cartridge in');
  });
});

describe('barcodesOf', () => {
  it('gives six characters and the media code', () => {
    expect(barcodesOf('A', 2)).toEqual(['A00000L9', 'A00001L9']);
    expect(barcodesOf('XYZ', 1)).toEqual(['XYZ000L9']);
  });
});
