import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const listFile = join(import.meta.dirname, '../packages.txt');

/** They are missing and can't be installed from here; the message says what to do. */
export class PackagesMissingError extends Error {
  readonly code = 'PACKAGES_MISSING';
}

/** Names in a list with one per line; `#` begins a remark. Pure. */
export const parsePackageList = (text: string): readonly string[] =>
  text
    .split('\n')
    .map((line) => line.replace(/#.*/, '').trim())
    .filter((name) => name !== '');

/** The wanted packages that `dpkg-query -W -f '${Package} ${db:Status-Status}\n'` does not show as installed. Pure. */
export const missingPackages = (wanted: readonly string[], dpkgOutput: string): readonly string[] => {
  const installed = new Set(
    dpkgOutput
      .split('\n')
      .map((line) => line.split(' '))
      .filter(([, status]) => status === 'installed')
      .map(([name]) => name),
  );
  return wanted.filter((name) => !installed.has(name));
};

/**
 * Installs what is missing of the listed packages; asks apt for nothing when nothing is.
 *
 * @throws PackagesMissingError
 */
export const installPackages = (log: (line: string) => void): void => {
  const wanted = parsePackageList(readFileSync(listFile, 'utf8'));
  const query = spawnSync('dpkg-query', ['-W', '-f', '${Package} ${db:Status-Status}\n', ...wanted], {
    encoding: 'utf8',
  });
  if (query.error !== undefined) {
    throw new PackagesMissingError(`this is no Debian; install what these packages have: ${wanted.join(' ')}`);
  }
  // It ends with 1 when it does not know one of them; the others are shown all the same.
  const missing = missingPackages(wanted, query.stdout);
  if (missing.length === 0) return;
  const command = `apt-get install ${missing.join(' ')}`;
  if (process.getuid?.() !== 0) {
    throw new PackagesMissingError(`missing: ${missing.join(', ')}. Run this as root: ${command}`);
  }
  log(`installing ${missing.join(', ')}`);
  aptGet('update');
  aptGet('install', '-y', '--no-install-recommends', ...missing);
};

const aptGet = (...args: readonly string[]): void => {
  const run = spawnSync('apt-get', ['-q', ...args], {
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
  });
  if (run.status !== 0) throw new PackagesMissingError(`apt-get ${args.join(' ')} failed`);
};
