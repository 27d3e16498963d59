import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { labelTape } from '../../../src/tape/label-tape.ts';
import { makeLibrary, type LibraryBench } from '../devices/library-bench.ts';
import { now, writeGroup } from '../tape/group-bench.ts';
import { runCli } from './run-cli.ts';

/** Of a server that nobody is: port 1 of loopback refuses. */
const writeKubeconfig = (folder: string): string => {
  const path = join(folder, 'kubeconfig');
  const clusters = [{ name: 'c', cluster: { server: 'https://127.0.0.1:1' } }];
  const contexts = [{ name: 'c', context: { cluster: 'c', user: 'u' } }];
  const users = [{ name: 'u', user: { token: 'none' } }];
  writeFileSync(path, JSON.stringify({ clusters, contexts, users, 'current-context': 'c' }));
  return path;
};

const escape = '\u001b';

describe('the command line', { timeout: 60_000 }, () => {
  it.each([
    { name: 'no command', args: [], says: 'Usage: kubectl-twinreel' },
    { name: 'an unknown command', args: ['statsu'], says: "unknown command 'statsu'" },
    { name: 'an unknown option', args: ['status', '--al'], says: "unknown option '--al'" },
    { name: 'a format that there is not', args: ['status', '-o', 'xml'], says: 'Allowed choices are json, yaml, wide' },
    { name: 'one job of all namespaces', args: ['status', '-A', 'nightly'], says: 'given by -n' },
    {
      name: 'a kind that there is not',
      args: ['status', 'tape/x', '--kubeconfig', 'KUBECONFIG'],
      says: 'tape/x names no job',
    },
    { name: 'a backup of nothing', args: ['backup'], says: 'exactly one of --path, --claim and --from-schedule' },
    { name: 'no job to cancel', args: ['cancel'], says: "missing required argument 'job'" },
    { name: 'half a route', args: ['backup', '--path', '/d', '--routes', '1.5'], says: 'must be a whole number' },
    {
      name: 'a missing option',
      args: ['tape', 'export', '--library', 'x'],
      says: "'--barcode <barcode>' not specified",
    },
  ])('ends with 2 and says why: $name', async ({ args, says }) => {
    using bench = makeLibrary();
    const kubeconfig = writeKubeconfig(bench.folder);
    const { code, stdout, stderr } = await runCli(args.map((arg) => (arg === 'KUBECONFIG' ? kubeconfig : arg)));
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(says);
  });

  it.each([[['--help']], [['status', '--help']], [['tape', 'list', '--help']], [['tape', 'export', '--help']]])(
    'helps on standard output: %s',
    async (args) => {
      const { code, stdout, stderr } = await runCli(args);
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      expect(stdout).toMatch(/^Usage: kubectl-twinreel/);
    },
  );

  it('ends with 1 and names the file or server that does not answer', async () => {
    using bench = makeLibrary();
    const missing = await runCli(['status', '--kubeconfig', join(bench.folder, 'none')]);
    expect(missing).toMatchObject({ code: 1, stdout: '' });
    expect(missing.stderr).toMatch(/^error: .*none cannot be read: ENOENT/);
    const silent = await runCli(['status', '--kubeconfig', writeKubeconfig(bench.folder)]);
    expect(silent).toMatchObject({ code: 1, stdout: '' });
    expect(silent.stderr).toMatch(/^error: .*ECONNREFUSED/s);
    expect(silent.stderr).not.toContain('    at ');
  });
});

describe('tapes from the command line', { timeout: 60_000 }, () => {
  let bench: LibraryBench;
  beforeEach(async () => {
    bench = makeLibrary();
    await bench.library.changer.move(1024, 256);
    const drive = bench.library.openDrive(0);
    labelTape(drive, { barcode: 'TW0001L9', labelId: 'ab'.repeat(16), now });
    writeGroup(drive, 0, 'abc');
    drive.close();
  });
  afterEach(() => bench[Symbol.dispose]());

  it('are listed with place, label, groups and bytes, without colours', async () => {
    const { code, stdout, stderr } = await runCli(['tape', 'list', '--library', bench.folder]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const [header, written, blank] = stdout.split('\n').map((line) => line.split(/ {3,}/));
    expect(header).toEqual(['BARCODE', 'PLACE', 'STATE', 'LABEL', 'LABELLED', 'GROUPS', 'USED', 'CAPACITY']);
    expect(written?.slice(0, 4)).toEqual(['TW0001L9', 'drive 0', 'Written', 'ab'.repeat(16)]);
    expect(written?.[5]).toBe('1');
    expect(blank?.slice(0, 4)).toEqual(['TW0002L9', 'slot 1025', 'Blank', '-']);
    expect(stdout).not.toContain(escape);
  });

  it('have colours where they are asked for', async () => {
    const { stdout } = await runCli(['tape', 'list', '--library', bench.folder], { env: { FORCE_COLOR: '1' } });
    expect(stdout).toContain(`${escape}[`);
  });

  it('are exported file by file, whatever the case of the barcode and the folder one stands in', async () => {
    const args = ['tape', 'export', '--library', '.', '--barcode', 'tw0001l9', '--out', 'out/here'];
    const { code, stdout } = await runCli(args, { cwd: '/', env: { INIT_CWD: bench.folder } });
    expect(code).toBe(0);
    expect(stdout).toMatch(/^TW0001L9: 4 tape files, 769 KiB, in .*out\/here: 00000 to 00003\n$/);
    expect(readdirSync(join(bench.folder, 'out/here')).toSorted()).toEqual(['00000', '00001', '00002', '00003']);
  });

  it('are not exported over files of the user', async () => {
    const out = join(bench.folder, 'papers');
    mkdirSync(out);
    writeFileSync(join(out, '00042'), 'mine');
    const { code, stderr } = await runCli([
      ...['tape', 'export', '--library', bench.folder, '--barcode', 'TW0001L9', '--out', out],
    ]);
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /^error: .*papers holds 00042, not made by an earlier export: name a new or empty folder\n$/,
    );
    expect(readFileSync(join(out, '00042'), 'utf8')).toBe('mine');
    expect(readdirSync(out)).toEqual(['00042']);
  });

  it('that are not there are told by the names of those that are', async () => {
    const args = ['tape', 'export', '--library', bench.folder, '--barcode', 'NONE', '--out', join(bench.folder, 'out')];
    const { code, stderr } = await runCli(args);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^error: .* holds no tape NONE; there are TW0001L9, TW0002L9, TW0003L9\n$/);
  });

  it('are not looked for where there is no library', async () => {
    const { code, stderr } = await runCli(['tape', 'list', '--library', join(bench.folder, 'nowhere')]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^error: .*nowhere holds no virtual library \(no library.json\)\n$/);
  });
});
