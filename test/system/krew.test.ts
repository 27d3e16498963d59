/** The kubectl plugin as krew installs it: built, checked against its manifest, unpacked, run by the real kubectl. */
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Ajv } from 'ajv';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { findBinaries } from '../../dev/controlplane/binaries.ts';
import packageFile from '../../package.json' with { type: 'json' };
import { krewSchema } from '../support/krew-schema.ts';
import { run } from '../support/shell.ts';

interface Manifest {
  readonly spec: {
    readonly version: string;
    readonly platforms: readonly { readonly uri: string; readonly sha256: string; readonly bin: string }[];
  };
}

const folder = mkdtempSync(path.join(tmpdir(), 'krew-test-'));
const out = path.join(folder, 'out');
const store = path.join(folder, 'store/twinreel');
const bin = path.join(folder, 'bin');
let manifest: Manifest;
let archive: string;

beforeAll(async () => {
  const built = await run('npm', ['run', '-s', 'krew', '--', '--out', out]);
  expect(built.code, built.stderr).toBe(0);
  manifest = parse(readFileSync(path.join(out, 'twinreel.yaml'), 'utf8')) as Manifest;
  archive = path.join(out, path.basename(manifest.spec.platforms[0]?.uri ?? ''));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('the plugin', () => {
  it('has a manifest that krew takes, with the digest of the archive that it names', () => {
    const isValid = new Ajv({ allErrors: true }).compile(krewSchema('twinreel'));
    expect(isValid(manifest), JSON.stringify(isValid.errors)).toBe(true);
    expect(manifest.spec.version).toBe(`v${packageFile.version}`);
    expect(readdirSync(out).sort()).toEqual([path.basename(archive), 'twinreel.yaml'].sort());
    const sha256 = createHash('sha256').update(readFileSync(archive)).digest('hex');
    expect(manifest.spec.platforms).toMatchObject([{ sha256 }]);
  });

  it('has files and folders only, as krew unpacks nothing else, and its licence', async () => {
    const { stdout } = await run('tar', ['-tvzf', archive]);
    const lines = stdout.trimEnd().split('\n');
    expect(lines.filter((line) => !/^[-d]/.test(line))).toEqual([]);
    expect(lines.some((line) => / LICENSE$/.test(line))).toBe(true);
  });

  it('runs as `kubectl twinreel` from the link that krew makes, without any Node in the PATH', async () => {
    for (const made of [store, bin]) mkdirSync(made, { recursive: true });
    expect((await run('tar', ['-xzf', archive, '-C', store])).code).toBe(0);
    symlinkSync(path.join(store, manifest.spec.platforms[0]?.bin ?? ''), path.join(bin, 'kubectl-twinreel'));
    const { kubectl } = await findBinaries({ log: () => undefined });
    const env = { PATH: `${bin}:/usr/bin:/bin`, HOME: folder, KUBECONFIG: path.join(folder, 'none') };
    const ran = await run(kubectl, ['twinreel', 'version', '-o', 'json'], { cwd: folder, env });
    expect(ran.code, ran.stderr).toBe(0);
    expect(JSON.parse(ran.stdout)).toMatchObject({
      client: packageFile.version,
      node: `v${packageFile.devDependencies.node}`,
    });
    const listed = await run(kubectl, ['plugin', 'list', '--name-only'], { cwd: folder, env });
    expect(listed.stdout).toContain('kubectl-twinreel');
    const wrong = await run(kubectl, ['twinreel', 'verify'], { cwd: folder, env });
    expect(wrong.code).toBe(2);
  });
});
