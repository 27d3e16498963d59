/** The image as an engine gets it: unpacked, entered, and built a second time. */
import {
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { root as checkout, run } from '../support/shell.ts';

interface Config {
  readonly config: {
    readonly User: string;
    readonly Env: readonly string[];
    readonly Entrypoint: readonly string[];
    readonly Cmd: readonly string[];
    readonly WorkingDir: string;
    readonly Labels: Readonly<Record<string, string>>;
  };
  readonly rootfs: { readonly diff_ids: readonly string[] };
}

const folder = mkdtempSync(path.join(tmpdir(), 'image-test-'));
const inside = path.join(folder, 'root');
let printed: string;
let config: Config;

const readJson = (file: string): unknown => JSON.parse(readFileSync(file, 'utf8'));

const succeed = async (command: string, args: readonly string[]): Promise<string> => {
  const ended = await run(command, args);
  expect(ended.code, `${command} ${args.join(' ')}\n${ended.stderr}`).toBe(0);
  return ended.stdout;
};

const build = (out: string, ...more: readonly string[]): Promise<string> =>
  succeed('npm', ['run', '-s', 'image', '--', '--out', out, '--tag', 'twinreel:test', ...more]);

const unpack = async (archive: string, root: string): Promise<Config> => {
  const unpacked = `${archive}-unpacked`;
  for (const made of [unpacked, root]) mkdirSync(made);
  await succeed('tar', ['-xf', archive, '-C', unpacked]);
  const [image] = readJson(path.join(unpacked, 'manifest.json')) as {
    readonly Config: string;
    readonly RepoTags: readonly string[];
    readonly Layers: readonly string[];
  }[];
  expect(image?.RepoTags).toEqual(['twinreel:test']);
  for (const layer of image?.Layers ?? []) await succeed('tar', ['-xpf', path.join(unpacked, layer), '-C', root]);
  return readJson(path.join(unpacked, image?.Config ?? '')) as Config;
};

const dependencies = (): readonly string[] =>
  Object.keys((readJson(path.join(checkout, 'package.json')) as { dependencies: object }).dependencies);

beforeAll(async () => {
  const archive = path.join(folder, 'image.tar');
  printed = await build(archive, '--sbom', path.join(folder, 'sbom.json'));
  config = await unpack(archive, inside);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const filesIn = (at: string): readonly string[] =>
  readdirSync(at, { recursive: true, encoding: 'utf8' }).map((name) => path.join(at, name));

describe('the image', () => {
  it.each([
    ['operator', 'twinreel-operator'],
    ['worker', 'twinreel worker'],
    ['agent', 'twinreel-agent'],
  ])('runs the %s as nobody in particular', async (program, says) => {
    const chroot = ['--userspec=65532:65532', inside, '/usr/local/bin/node', `/app/src/${program}/main.ts`, '--help'];
    expect(await succeed('chroot', chroot)).toContain(says);
  });

  it('can load every library that the product depends on', async () => {
    const script = dependencies().map((name) => `await import('${name}');`);
    const main = path.join(inside, 'app/load-all.mjs');
    writeFileSync(main, script.join('\n'));
    await succeed('chroot', ['--userspec=65532:65532', inside, '/usr/local/bin/node', '/app/load-all.mjs']);
    rmSync(main);
  });

  it('starts the worker without root, from /app', () => {
    expect(config.config).toMatchObject({
      User: '65532:65532',
      Entrypoint: ['node'],
      Cmd: ['src/worker/main.ts'],
      WorkingDir: '/app',
    });
    expect(config.config.Env).toContain('NODE_ENV=production');
    expect(readFileSync(path.join(inside, 'etc/passwd'), 'utf8')).toMatch(/^nonroot:x:65532:65532:/m);
  });

  it('says what it is', async () => {
    const commit = (await succeed('git', ['rev-parse', 'HEAD'])).trim();
    expect(config.config.Labels).toMatchObject({
      'org.opencontainers.image.title': 'twinreel',
      'org.opencontainers.image.version': (readJson(path.join(checkout, 'package.json')) as { version: string })
        .version,
      'org.opencontainers.image.licenses': 'Apache-2.0',
    });
    expect(config.config.Labels['org.opencontainers.image.revision']).toContain(commit);
  });

  it('has no shell, no file that changes who one is, and a few layers below 150 MB', () => {
    const files = filesIn(inside);
    expect(files.filter((file) => /\/(sh|bash|dash|busybox)$/.test(file))).toEqual([]);
    expect(files.filter((file) => (lstatSync(file).mode & 0o6000) !== 0)).toEqual([]);
    expect(config.rootfs.diff_ids).toHaveLength(3);
    expect(lstatSync(path.join(folder, 'image.tar')).size).toBeLessThan(150e6);
  });

  it('names in its bill of materials every package that it has, Node and the Debian ones', () => {
    const sbom = readJson(path.join(inside, 'app/sbom.spdx.json')) as {
      readonly packages: readonly { readonly name: string; readonly versionInfo: string }[];
    };
    expect(sbom).toEqual(readJson(path.join(folder, 'sbom.json')));
    const named = new Set(sbom.packages.map(({ name, versionInfo }) => `${name}@${versionInfo}`));
    const modules = path.join(inside, 'app/node_modules');
    const there = filesIn(modules)
      .filter((file) => /(^|\/node_modules\/)(@[^/]+\/)?[^/]+\/package\.json$/.test(path.relative(modules, file)))
      .map((file) => readJson(file) as { readonly name: string; readonly version: string })
      .map(({ name, version }) => `${name}@${version}`);
    expect(there.length).toBeGreaterThan(50);
    expect(there.filter((one) => !named.has(one))).toEqual([]);
    expect(sbom.packages.length).toBeLessThan(there.length + 10);
    const names = sbom.packages.map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(['node', 'libc6', 'libstdc++6', 'libgcc-s1', 'ca-certificates']));
    expect(existsSync(path.join(inside, 'usr/local/share/doc/node/LICENSE'))).toBe(true);
  });

  it('is the same to the byte when it is built again', async () => {
    expect(await build(path.join(folder, 'again.tar'))).toBe(printed);
    await succeed('cmp', [path.join(folder, 'image.tar'), path.join(folder, 'again.tar')]);
  });
});

it('is built for the other kind of machine, too, and starts there with every library', async () => {
  const [platform, architecture, cpu, emulator] =
    process.arch === 'x64'
      ? ['linux/arm64', 'arm64', 'arm64', 'qemu-aarch64-static']
      : ['linux/amd64', 'amd64', 'x64', 'qemu-x86_64-static'];
  const archive = path.join(folder, 'other.tar');
  const root = path.join(folder, 'other');
  await build(archive, '--platform', platform);
  expect(await unpack(archive, root)).toMatchObject({ architecture, os: 'linux' });
  expect(lstatSync(archive).size).toBeLessThan(150e6);
  copyFileSync(path.join('/usr/bin', emulator), path.join(root, emulator));
  const script = `${dependencies()
    .map((name) => `await import('${name}');`)
    .join('\n')}\nconsole.log(process.arch);`;
  writeFileSync(path.join(root, 'app/load-all.mjs'), script);
  const node = ['--userspec=65532:65532', root, `/${emulator}`, '/usr/local/bin/node'];
  expect(await succeed('chroot', [...node, '/app/load-all.mjs'])).toBe(`${cpu}\n`);
  expect(await succeed('chroot', [...node, '/app/src/worker/main.ts', '--help'])).toContain('twinreel worker');
});

it('refuses what it can not build, and says why', async () => {
  const ended = await run('npm', [
    'run',
    '-s',
    'image',
    '--',
    '--out',
    path.join(folder, 'no.tar'),
    '--platform',
    'linux/s390x',
  ]);
  expect(ended.code).toBe(1);
  expect(ended.stderr).toContain('linux/amd64 and linux/arm64');
});
