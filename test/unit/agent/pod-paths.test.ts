import { describe, expect, it } from 'vitest';
import { readField } from '../../../src/agent/field-reference.ts';
import { rewriteArgument, rewriteValue } from '../../../src/agent/mount-table.ts';
import { supervisorScript } from '../../../src/agent/supervisor-script.ts';
import { expandVariables } from '../../../src/agent/variable-expansion.ts';

const mounts = [
  { mountPath: '/mnt/data', hostPath: '/host/d' },
  { mountPath: '/mnt/data/inner/', hostPath: '/host/i' },
];

describe('rewriteValue', () => {
  it.each([
    { name: 'a mount itself', value: '/mnt/data', gives: '/host/d' },
    { name: 'a mount with a slash at its end', value: '/mnt/data/', gives: '/host/d' },
    { name: 'a path beneath a mount', value: '/mnt/data/a/b', gives: '/host/d/a/b' },
    { name: 'a path beneath the deeper of two mounts', value: '/mnt/data/inner/x', gives: '/host/i/x' },
    { name: 'a path that only begins with the same letters', value: '/mnt/database', gives: '/mnt/database' },
    { name: 'a path that climbs out of the mount', value: '/mnt/data/../etc', gives: '/mnt/data/../etc' },
    { name: 'a relative path', value: 'mnt/data', gives: 'mnt/data' },
    { name: 'a sentence that names the mount', value: 'see /mnt/data', gives: 'see /mnt/data' },
    { name: 'nothing', value: '', gives: '' },
  ])('gives $gives for $name', ({ value, gives }) => {
    expect(rewriteValue(mounts, value)).toBe(gives);
  });

  it('takes a mount of the root for everything that is absolute', () => {
    expect(rewriteValue([{ mountPath: '/', hostPath: '/host' }], '/etc/passwd')).toBe('/host/etc/passwd');
  });
});

describe('rewriteArgument', () => {
  it('looks behind the equals sign of an option', () => {
    expect(rewriteArgument(mounts, '--library=/mnt/data/l')).toBe('--library=/host/d/l');
    expect(rewriteArgument(mounts, '/mnt/data/a=/mnt/data')).toBe('/host/d/a=/mnt/data');
    expect(rewriteArgument(mounts, '--name=mnt')).toBe('--name=mnt');
  });
});

describe('expandVariables', () => {
  it.each([
    { text: '$(A)-$(B)', gives: '1-2' },
    { text: '$$(A)', gives: '$(A)' },
    { text: '$(C)', gives: '$(C)' },
    { text: '$A ${A} $', gives: '$A ${A} $' },
    { text: '$$$$', gives: '$$' },
  ])('makes "$gives" of "$text"', ({ text, gives }) => {
    expect(expandVariables(text, { A: '1', B: '2' })).toBe(gives);
  });
});

describe('readField', () => {
  const pod = { metadata: { name: 'p', labels: { 'a/b': 'c' } }, spec: { containers: [], nodeName: 'n' } };
  it.each([
    { path: 'metadata.name', gives: 'p' },
    { path: "metadata.labels['a/b']", gives: 'c' },
    { path: "metadata.annotations['none']", gives: '' },
    { path: 'spec.nodeName', gives: 'n' },
    { path: 'status.podIP', gives: '10.0.0.1' },
    { path: 'spec.secrets', gives: undefined },
  ])('gives $gives for $path', ({ path, gives }) => {
    expect(readField(pod, { hostIP: '10.0.0.1' }, path)).toBe(gives);
  });
});

describe('supervisorScript', () => {
  it('quotes every word, so that no argument is read as a command', () => {
    const script = supervisorScript({ command: ['a b', "it's", '$(c)'], startedFile: '/s', exitFile: '/e' });
    expect(script).toContain(`(exec 'a b' 'it'\\''s' '$(c)' </dev/null 2>&3 3>&-)`);
  });
});
