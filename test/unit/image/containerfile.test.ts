import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseContainerfile } from '../../../dev/image/containerfile.ts';
import { nodePin } from '../../../dev/image/node-program.ts';
import { isNeeded } from '../../../dev/image/npm-packages.ts';

const checkout = path.join(import.meta.dirname, '../../..');

describe('parseContainerfile', () => {
  it('reads what a container starts with and what the layers are', () => {
    const text = [
      'ARG BASE=scratch',
      'FROM ${BASE}',
      '# a remark',
      'COPY low /',
      'COPY high /',
      'ENV A=b c',
      'WORKDIR /app',
      'USER 7:8',
      'ENTRYPOINT ["node"]',
      'CMD ["x.ts", "--y"]',
    ];
    expect(parseContainerfile(text.join('\n'))).toEqual({
      folders: ['low', 'high'],
      env: ['A=b c'],
      workdir: '/app',
      user: '7:8',
      entrypoint: ['node'],
      command: ['x.ts', '--y'],
    });
  });

  it.each([
    ['an instruction that it would have to run', 'RUN true', /RUN true/],
    ['a copy to elsewhere than the root', 'COPY app /app', /COPY FOLDER \//],
    ['a command for a shell', 'CMD "node x"', /JSON list/],
  ])('refuses %s', (_name, line, message) => {
    expect(() => parseContainerfile(line)).toThrow(message);
  });
});

it('pins the Node that package-lock.json names', () => {
  const lock = JSON.parse(readFileSync(path.join(checkout, 'package-lock.json'), 'utf8')) as {
    readonly packages: Readonly<Record<string, { readonly version: string } | undefined>>;
  };
  expect(lock.packages['node_modules/node']?.version).toBe(nodePin.version);
});

it.each([
  ['index.js', true],
  ['package.json', true],
  ['LICENSE.md', true],
  ['koffi.node', true],
  ['index.d.ts', false],
  ['index.js.map', false],
  ['README.md', false],
])('keeps %s of a package: %s', (file, kept) => {
  expect(isNeeded(file)).toBe(kept);
});
