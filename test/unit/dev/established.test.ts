import { expect, it } from 'vitest';
import { notEstablished, untilEstablished } from '../../../dev/controlplane/established.ts';

const definition = (name: string, conditions: unknown) => ({ metadata: { name }, status: { conditions } });
const established = [
  { type: 'NamesAccepted', status: 'True' },
  { type: 'Established', status: 'True' },
];
const told = (...items: readonly object[]): string => JSON.stringify({ kind: 'List', items });

it('a definition that has no conditions yet is waited for, as is one whose are not true', () => {
  const young = { metadata: { name: 'young' } };
  const refused = definition('refused', [{ type: 'Established', status: 'False' }]);
  const json = told(definition('a', established), young, definition('new', null), refused);
  expect(notEstablished(json)).toEqual(['young', 'new', 'refused']);
  expect(notEstablished(JSON.stringify(definition('a', established)))).toEqual([]);
});

it('asks until all are established', async () => {
  const answers = [told(definition('a', null)), told(definition('a', [])), told(definition('a', established))];
  const asked: (readonly string[])[] = [];
  await untilEstablished((args) => {
    asked.push(args);
    return Promise.resolve({ code: 0, stdout: answers[asked.length - 1] ?? '', stderr: '' });
  }, 'crds');
  expect(asked).toEqual(Array.from({ length: 3 }, () => ['get', '-f', 'crds', '-o', 'json']));
});

it('tells what never was, and what kubectl said', async () => {
  const never = () => Promise.resolve({ code: 0, stdout: told(definition('a', null)), stderr: '' });
  await expect(untilEstablished(never, 'crds', 0)).rejects.toThrow('not established in 0 s: a');
  const refused = () => Promise.resolve({ code: 1, stdout: '', stderr: 'no such file\n' });
  await expect(untilEstablished(refused, 'crds')).rejects.toThrow('kubectl get -f crds: no such file');
});
