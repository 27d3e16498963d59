/** The kubectl plugin and krew itself: what `npm run krew` made is checked, installed, run, upgraded and taken away. */
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseDocument } from 'yaml';
import { findBinaries } from '../../dev/controlplane/binaries.ts';
import { platformOf } from '../../dev/image/platform.ts';
import { completeManifest } from '../../dev/krew/manifest.ts';
import { goTool } from '../../dev/tools/go-tools.ts';
import packageFile from '../../package.json' with { type: 'json' };
import { type Ended, root, run } from '../support/shell.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'krew-test-'));
const at = (...names: readonly string[]): string => path.join(folder, ...names);
const krewRoot = at('krew');
const manifestFile = at('out', 'twinreel.yaml');
/** No Node in it: users of kubectl need not have any. */
const env = {
  PATH: [path.join(krewRoot, 'bin'), at('bin'), '/usr/bin', '/bin'].join(':'),
  ...{ HOME: folder, KREW_ROOT: krewRoot, KUBECONFIG: at('none') },
  // Nothing may reach the network, and git is to ask nobody who commits.
  ...{ HTTPS_PROXY: 'http://127.0.0.1:1', GIT_CONFIG_GLOBAL: at('gitconfig') },
};
let validator: string;
let archive: string;
let site: { readonly server: Server; readonly address: string; readonly asked: string[] };

/** The place that the manifest's addresses lead to. */
const serve = async (): Promise<typeof site> => {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url ?? '');
    const file = at('out', path.basename(request.url ?? ''));
    if (existsSync(file)) response.end(readFileSync(file));
    else response.writeHead(404).end();
  });
  const { promise, resolve } = Promise.withResolvers<undefined>();
  server.listen(0, '127.0.0.1', () => resolve(undefined));
  await promise;
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server has no port');
  return { server, address: `http://127.0.0.1:${String(address.port)}`, asked };
};

const kubectl = (...args: readonly string[]): Promise<Ended> => run(at('bin', 'kubectl'), args, { cwd: folder, env });

const succeed = async (...args: readonly string[]): Promise<Ended> => {
  const ran = await kubectl(...args);
  expect(ran.code, `kubectl ${args.join(' ')}: ${ran.stdout}${ran.stderr}`).toBe(0);
  return ran;
};

const git = async (...args: readonly string[]): Promise<void> => {
  const ran = await run('git', ['-C', at('index'), ...args], { env });
  expect(ran.code, ran.stderr).toBe(0);
};

/** An index as krew reads it: the manifest with this version, committed to a repository. */
const publish = async (version: string): Promise<void> => {
  const manifest = parseDocument(readFileSync(manifestFile, 'utf8'));
  manifest.setIn(['spec', 'version'], version);
  mkdirSync(at('index', 'plugins'), { recursive: true });
  writeFileSync(at('index', 'plugins', 'twinreel.yaml'), manifest.toString());
  await git('init', '--quiet');
  await git('add', '.');
  await git('commit', '--quiet', '-m', version);
};

/** Versions of the plugin that krew has unpacked. */
const unpacked = (): readonly string[] => readdirSync(path.join(krewRoot, 'store', 'twinreel'));

const expectRunning = async (): Promise<void> => {
  const { stdout } = await succeed('twinreel', 'version', '-o', 'json');
  expect(JSON.parse(stdout)).toMatchObject({
    client: packageFile.version,
    node: `v${packageFile.devDependencies.node}`,
  });
};

const expectGone = async (): Promise<void> => {
  await succeed('krew', 'uninstall', 'twinreel');
  expect((await succeed('krew', 'list')).stdout.trim()).toBe('');
  expect(existsSync(path.join(krewRoot, 'store', 'twinreel'))).toBe(false);
  const ran = await kubectl('twinreel', 'version');
  expect([ran.code, ran.stderr]).toEqual([1, expect.stringContaining('unknown command "twinreel"')]);
};

beforeAll(async () => {
  const log = (): void => undefined;
  const [binaries, krew] = [await findBinaries({ log }), await goTool('krew', { log })];
  validator = await goTool('validate-krew-manifest', { log });
  mkdirSync(at('bin'));
  symlinkSync(binaries.kubectl, at('bin', 'kubectl'));
  symlinkSync(krew, at('bin', 'kubectl-krew'));
  writeFileSync(at('gitconfig'), '[user]\nname = test\nemail = test@example.org\n');
  site = await serve();
  const built = await run('npm', ['run', '-s', 'krew', '--', '--out', at('out'), '--uri', site.address]);
  expect(built.code, built.stderr).toBe(0);
  archive = at('out', readdirSync(at('out')).find((name) => name.endsWith('.tar.gz')) ?? '');
});
afterAll(() => {
  site.server.close();
  rmSync(folder, { recursive: true, force: true });
});

describe('the plugin', () => {
  it('has a manifest with its version and the digest of the archive, and nothing lies beside them', () => {
    expect(readdirSync(at('out')).sort()).toEqual([path.basename(archive), 'twinreel.yaml'].sort());
    const sha256 = createHash('sha256').update(readFileSync(archive)).digest('hex');
    const uri = `${site.address}/${path.basename(archive)}`;
    expect(parseDocument(readFileSync(manifestFile, 'utf8')).toJS()).toMatchObject({
      spec: { version: `v${packageFile.version}`, platforms: [{ uri, sha256 }] },
    });
  });

  it("passes the check of krew's index: its rules, a download, an installation, a licence", async () => {
    const ran = await run(validator, ['-manifest', manifestFile], { cwd: folder, env });
    expect(ran.code, ran.stderr).toBe(0);
    expect(ran.stderr).toContain('all 1 spec.platforms installed fine');
    expect(site.asked).toEqual([`/${path.basename(archive)}`]);
  });

  it('has a manifest for all platforms that the check takes, too', async () => {
    const template = readFileSync(path.join(root, 'dev/krew/twinreel.yaml'), 'utf8');
    const published = ['linux/amd64', 'linux/arm64'].map((name) => ({
      platform: platformOf(name),
      ...{ uri: 'https://example.org/archive.tar.gz', sha256: '0'.repeat(64) },
    }));
    mkdirSync(at('all'));
    writeFileSync(at('all', 'twinreel.yaml'), completeManifest(template, packageFile.version, published));
    const file = at('all', 'twinreel.yaml');
    writeFileSync(file, completeManifest(template, packageFile.version, published));
    const ran = await run(validator, ['-skip-install', '-manifest', file], { cwd: folder, env });
    expect(ran.code, ran.stderr).toBe(0);
    expect(ran.stderr).toContain('no overlapping spec.platform[].selector');
  });

  it('is refused by that check with another archive than the one that it names', async () => {
    mkdirSync(at('wrong'));
    const manifest = parseDocument(readFileSync(manifestFile, 'utf8'));
    manifest.setIn(['spec', 'platforms', 0, 'sha256'], '0'.repeat(64));
    writeFileSync(at('wrong', 'twinreel.yaml'), manifest.toString());
    const ran = await run(validator, ['-manifest', at('wrong', 'twinreel.yaml')], { cwd: folder, env });
    expect([ran.code === 0, ran.stderr]).toEqual([false, expect.stringContaining('checksum does not match')]);
  });

  it('is installed from the two files without a network, runs, is listed, and goes', async () => {
    await publish(`v${packageFile.version}`);
    await succeed('krew', 'index', 'add', 'ours', at('index'));
    const asked = site.asked.length;
    const { stderr } = await succeed('krew', 'install', `--manifest=${manifestFile}`, `--archive=${archive}`);
    expect(stderr).toContain('Installed plugin: twinreel');
    expect(stderr).toContain('"kubectl twinreel --help" lists the commands');
    expect(site.asked).toHaveLength(asked);
    await expectRunning();
    expect((await succeed('twinreel', '--help')).stdout).toMatch(/^Usage: kubectl.twinreel .*^ +restore /ms);
    expect((await kubectl('twinreel', 'verify')).code).toBe(2);
    expect((await succeed('plugin', 'list', '--name-only')).stdout).toContain('kubectl-twinreel');
    expect((await succeed('krew', 'list')).stdout).toBe('detached/twinreel\n');
    await expectGone();
  });

  it('is installed from an index and upgraded when that has a newer version', async () => {
    await succeed('krew', 'install', 'ours/twinreel');
    expect(unpacked()).toEqual([`v${packageFile.version}`]);
    await publish('v99.0.0');
    const { stderr } = await succeed('krew', 'upgrade');
    expect(stderr).toContain(`ours/twinreel v${packageFile.version} -> v99.0.0`);
    expect(unpacked()).toEqual(['v99.0.0']);
    await expectRunning();
    await expectGone();
  });
});
