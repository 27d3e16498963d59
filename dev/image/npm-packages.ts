import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import path from 'node:path';
import type { Platform } from './platform.ts';
import { runTool } from './run-tool.ts';
import type { Material } from './sbom.ts';

/**
 * Installs what package-lock.json has for production, for another machine too, and moves what runs beneath a folder.
 * @returns what was installed
 */
export const placePackages = async (
  platform: Platform,
  checkout: string,
  root: string,
  work: string,
): Promise<readonly Material[]> => {
  const folder = path.join(work, 'npm');
  mkdirSync(folder, { recursive: true });
  for (const file of ['package.json', 'package-lock.json', '.npmrc'])
    cpSync(path.join(checkout, file), path.join(folder, file));
  // No script of a package runs: what they would build for this machine comes ready-made for all of them.
  const machine = ['--os=linux', `--cpu=${platform.cpu}`, '--libc=glibc'];
  await runTool('npm', ['ci', '--omit=dev', '--ignore-scripts', '--prefer-offline', ...machine], { cwd: folder });
  const modules = path.join(folder, 'node_modules');
  // npm's own `sbom` takes the development packages that are not there for a fault.
  const lock: unknown = JSON.parse(readFileSync(path.join(modules, '.package-lock.json'), 'utf8'));
  prune(modules, platform.cpu);
  const materials = readMaterials(lock, (place) => existsSync(path.join(folder, place)));
  mkdirSync(path.join(root, 'app'), { recursive: true });
  renameSync(modules, path.join(root, 'app/node_modules'));
  return materials;
};

const readMaterials = (lock: unknown, isThere: (place: string) => boolean): readonly Material[] =>
  Object.entries(recordOf(field(lock, 'packages')))
    .filter(([place]) => isThere(place))
    .map(([place, about]) => {
      const name = place.slice(place.lastIndexOf('node_modules/') + 'node_modules/'.length);
      const version = textOf(field(about, 'version'));
      const license = textOf(field(about, 'license'));
      return { kind: 'npm', name, version, license: license === '' ? 'NOASSERTION' : license };
    });

const recordOf = (value: unknown): object => (typeof value === 'object' && value !== null ? value : {});
const field = (value: unknown, name: string): unknown => Reflect.get(recordOf(value), name);
const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');

const foldersWithoutCode = new Set(['benchmark', 'benchmarks', 'doc', 'docs', 'example', 'examples', 'test', 'tests']);

/** Types, maps, pages, sources in C, code made small for browsers: Node loads none of them. Licences stay, and package.json for who scans images. */
export const isNeeded = (file: string): boolean =>
  /^(licen[cs]e|notice|copying)/i.test(file) ||
  !/\.(ts|mts|cts|map|md|markdown|flow|tsbuildinfo|c|cc|cpp|h|hh|inc|asm|s|min\.[cm]?js)$/i.test(file);

const prune = (modules: string, cpu: string): void => {
  for (const hidden of ['.bin', '.package-lock.json'])
    rmSync(path.join(modules, hidden), { recursive: true, force: true });
  for (const folder of packageFolders(modules)) {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      if (entry.isDirectory() && (foldersWithoutCode.has(entry.name) || entry.name.startsWith('.'))) {
        rmSync(path.join(folder, entry.name), { recursive: true });
      }
    }
  }
  // Bare is another runtime: the packages that name these have Node's own modules in their place under Node.
  for (const name of readdirSync(modules).filter((one) => one.startsWith('bare-'))) {
    rmSync(path.join(modules, name), { recursive: true });
  }
  for (const unused of unusedFolders(cpu)) rmSync(path.join(modules, unused), { recursive: true, force: true });
  removeUnneeded(modules);
};

/** What koffi's install script would compile, and what packages have for other libcs, browsers and bundlers. */
const unusedFolders = (cpu: string): readonly string[] => [
  'koffi/vendor',
  'koffi/lib',
  `@koromix/koffi-linux-${cpu}/musl_${cpu}`,
  'yaml/browser',
  'js-yaml/dist/browser',
  // The command line of js-yaml, and what that alone needs.
  'js-yaml/bin',
  'argparse',
  'jsonpath-plus/src',
  'jsep/dist/iife',
  'jsonpath-plus/dist/index-browser-umd.cjs',
  // For who requires them; they are imported here.
  'jsonpath-plus/dist/index-node-cjs.cjs',
  'js-yaml/dist/js-yaml.cjs.js',
  'jsonpath-plus/dist/index-browser-esm.js',
  'croner/dist/croner.umd.js',
  '@opentelemetry/api/build/esm',
  '@opentelemetry/api/build/esnext',
  'ajv/lib',
  'bintrees/dist',
  'asynckit/bench.js',
];

const packageFolders = (modules: string): readonly string[] =>
  readdirSync(modules, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .flatMap((entry) => {
      const folder = path.join(modules, entry.name);
      return entry.name.startsWith('@') ? packageFolders(folder) : [folder];
    });

/** @returns whether nothing is left of it */
const removeUnneeded = (folder: string): boolean => {
  let left = 0;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const full = path.join(folder, entry.name);
    if (entry.isDirectory() ? removeUnneeded(full) : !isNeeded(entry.name))
      rmSync(full, { recursive: true, force: true });
    else left += 1;
  }
  return left === 0;
};
