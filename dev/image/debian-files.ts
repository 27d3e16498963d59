import {
  cpSync,
  existsSync,
  linkSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  realpathSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { unpackPackages } from './debian-archive.ts';
import { ImageError } from './image-error.ts';
import { ownPlatform, type Platform } from './platform.ts';
import { runTool } from './run-tool.ts';
import type { Material } from './sbom.ts';

/** The libraries that Node names as needed, and what glibc itself loads to resolve names. */
const libraries = [
  'libc.so.6',
  'libdl.so.2',
  'libm.so.6',
  'libnss_dns.so.2',
  'libnss_files.so.2',
  'libpthread.so.0',
  'libresolv.so.2',
  'librt.so.1',
  'libgcc_s.so.1',
  'libstdc++.so.6',
];

export const debianPackages = ['ca-certificates', 'libc6', 'libgcc-s1', 'libstdc++6'] as const;

/**
 * Puts the Debian files that Node needs beneath a folder; says of which packages they are. For a machine of this kind
 * they are the ones installed here.
 * @param work an empty folder
 */
export const placeDebianFiles = async (
  platform: Platform,
  root: string,
  work: string,
): Promise<readonly Material[]> => {
  const { folder: from, packages } =
    platform.name === ownPlatform()
      ? { folder: '/', packages: await installedPackages(platform) }
      : await unpackPackages(platform, debianPackages, work);
  for (const name of libraries) {
    const folder = ['lib', 'usr/lib']
      .map((one) => path.join(one, platform.triplet))
      .find((one) => existsSync(path.join(from, one, name)));
    if (folder === undefined) throw new ImageError(`${name} is in none of ${debianPackages.join(', ')}`);
    copyFile(path.join(from, folder, name), path.join(root, 'lib', platform.triplet, name));
  }
  copyFile(loaderIn(from, platform), path.join(root, platform.loader));
  placeCopyrights(packages, from, root);
  placeAuthorities(path.join(from, 'usr/share/ca-certificates/mozilla'), root);
  return packages;
};

/** Packages may have the loader as a link that starts at their own root. */
const loaderIn = (from: string, { loader, triplet }: Platform): string =>
  existsSync(path.join(from, loader))
    ? path.join(from, loader)
    : path.join(from, 'lib', triplet, path.basename(loader));

const placeCopyrights = (packages: readonly Material[], from: string, root: string): void => {
  const placed = new Map<string, string>();
  for (const { name } of packages) {
    const inFolder = path.join('usr/share/doc', name, 'copyright');
    const source = path.join(from, inFolder);
    // Images of Debian may leave documentation out, but for this file.
    if (!existsSync(source)) continue;
    const target = path.join(root, inFolder);
    const same = placed.get(realpathSync(source));
    mkdirSync(path.dirname(target), { recursive: true });
    // Packages of one source share the file: once in the layer is enough.
    if (same === undefined) copyFile(source, target);
    else linkSync(same, target);
    placed.set(realpathSync(source), target);
  }
};

const installedPackages = async (platform: Platform): Promise<readonly Material[]> => {
  const found = await runTool(
    'dpkg-query',
    ['-W', '-f', '${Package}\t${Version}\t${Architecture}\t${db:Status-Status}\n', ...debianPackages],
    { hint: 'this is no Debian. Name a base that has glibc and libstdc++: --base IMAGE' },
  );
  const rows = found
    .trim()
    .split('\n')
    .map((line) => line.split('\t'));
  return debianPackages.map((wanted) => {
    const row = rows.find(
      ([name, , architecture = '', status]) =>
        name === wanted && status === 'installed' && [platform.architecture, 'all'].includes(architecture),
    );
    const version = row?.[1];
    if (version === undefined) throw new ImageError(`the package ${wanted} is missing: apt-get install ${wanted}`);
    return { kind: 'deb', name: wanted, version, license: 'NOASSERTION' };
  });
};

const copyFile = (from: string, to: string): void => {
  mkdirSync(path.dirname(to), { recursive: true });
  cpSync(realpathSync(from), to);
};

/** One file, as `update-ca-certificates` makes it of Mozilla's list. */
const placeAuthorities = (folder: string, root: string): void => {
  const files = readdirSync(folder)
    .filter((file) => file.endsWith('.crt'))
    .sort();
  const target = path.join(root, 'etc/ssl/certs/ca-certificates.crt');
  mkdirSync(path.dirname(target), { recursive: true });
  writeFileSync(target, files.map((file) => `${readFileSync(path.join(folder, file), 'utf8').trim()}\n`).join(''));
};
