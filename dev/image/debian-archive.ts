import { lstatSync, mkdirSync, readdirSync, readlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Platform } from './platform.ts';
import { runTool } from './run-tool.ts';
import type { Material } from './sbom.ts';

export interface UnpackedPackages {
  readonly folder: string;
  readonly packages: readonly Material[];
}

/**
 * Fetches packages for another kind of machine from the archives that this Debian names and trusts, and unpacks them
 * beneath a folder. What is installed here stays as it is: apt gets a state of its own.
 * @param work an empty folder
 */
export const unpackPackages = async (
  platform: Platform,
  names: readonly string[],
  work: string,
): Promise<UnpackedPackages> => {
  const apt = makeApt(platform, work);
  const folder = path.join(work, 'root');
  mkdirSync(folder);
  await apt(['update']);
  await fetchInto(folder, names, apt, work);
  // The copyright of packages made of one source stands in one that is no dependency of ours otherwise.
  await fetchInto(folder, sharedDocumentation(folder), apt, work);
  const packages: Material[] = [];
  for (const deb of readdirSync(work).filter((file) => file.endsWith('.deb'))) {
    const said = await runTool('dpkg-deb', ['-W', '--showformat=${Package}\t${Version}', path.join(work, deb)]);
    const [name = '', version = ''] = said.trim().split('\t');
    if (names.includes(name)) packages.push({ kind: 'deb', name, version, license: 'NOASSERTION' });
  }
  return { folder, packages: packages.sort((a, b) => names.indexOf(a.name) - names.indexOf(b.name)) };
};

type Apt = (args: readonly string[]) => Promise<unknown>;

const makeApt = (platform: Platform, work: string): Apt => {
  const state = path.join(work, 'state');
  const cache = path.join(work, 'cache');
  for (const made of [path.join(state, 'lists/partial'), path.join(cache, 'archives/partial')])
    mkdirSync(made, { recursive: true });
  const status = path.join(state, 'status');
  writeFileSync(status, '');
  const options = [
    `APT::Architecture=${platform.architecture}`,
    `APT::Architectures=${platform.architecture}`,
    `Dir::State=${state}`,
    `Dir::State::status=${status}`,
    `Dir::Cache=${cache}`,
    // Root's own folder is closed to apt's user.
    'APT::Sandbox::User=root',
  ].flatMap((option) => ['-o', option]);
  const hint = 'this is no Debian. Name a base that has glibc and libstdc++: --base IMAGE';
  return (args) => runTool('apt-get', ['-qq', ...options, ...args], { cwd: work, hint });
};

const fetchInto = async (folder: string, names: readonly string[], apt: Apt, work: string): Promise<void> => {
  if (names.length === 0) return;
  const before = new Set(readdirSync(work));
  await apt(['download', ...names]);
  for (const deb of readdirSync(work).filter((file) => file.endsWith('.deb') && !before.has(file)))
    await runTool('dpkg-deb', ['-x', path.join(work, deb), folder]);
};

const sharedDocumentation = (folder: string): readonly string[] => {
  const doc = path.join(folder, 'usr/share/doc');
  const links = readdirSync(doc).filter((name) => lstatSync(path.join(doc, name)).isSymbolicLink());
  return [...new Set(links.map((name) => path.basename(readlinkSync(path.join(doc, name)))))];
};
