import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { missingPackages, parsePackageList } from '../../../dev/set-up/debian-packages.ts';

it('reads one name per line, without remarks', () => {
  expect(parsePackageList('acl\n\n# for tests\nzstd # too\n')).toEqual(['acl', 'zstd']);
});

it('has a list of names that Debian could have', () => {
  const names = parsePackageList(readFileSync(join(import.meta.dirname, '../../../dev/packages.txt'), 'utf8'));
  expect(names.length).toBeGreaterThan(0);
  for (const name of names) expect(name).toMatch(/^[a-z0-9][a-z0-9.+-]+$/);
});

it('misses what is unknown and what was removed but for its configuration', () => {
  const output = 'acl installed\nzstd config-files\n';
  expect(missingPackages(['acl', 'zstd', 'python3'], output)).toEqual(['zstd', 'python3']);
});
