import path from 'node:path';
import { expect, it } from 'vitest';
import { run } from '../../support/shell.ts';

it('every line is out when the process ends, the last one too', async () => {
  const script = path.join(import.meta.dirname, 'fixtures', 'last-words.ts');
  const { code, stdout, stderr } = await run(process.execPath, [script]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const lines = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { readonly pod: string; readonly msg: string });
  expect(lines).toHaveLength(101);
  expect(lines.at(-1)).toMatchObject({ role: 'inventory', pod: 'tw-inventory', msg: 'done' });
});
