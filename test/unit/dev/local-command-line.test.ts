import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { expect, it } from 'vitest';

const main = join(import.meta.dirname, '../../../dev/local/main.ts');

const local = async (...args: readonly string[]): Promise<{ readonly code: unknown; readonly text: string }> =>
  new Promise((resolve) => {
    execFile(process.execPath, [main, ...args], (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : error.code, text: `${stdout}${stderr}` }),
    );
  });

it.each([
  { name: 'no command', args: [], code: 2, says: 'Usage: local' },
  { name: 'an unknown command', args: ['upp'], code: 2, says: "unknown command 'upp'" },
  { name: 'no folder', args: ['up'], code: 2, says: "'--state <dir>' not specified" },
  { name: 'help', args: ['up', '--help'], code: 0, says: 'Usage: local up' },
])('local ends with 2 where the command line is wrong: $name', { timeout: 60_000 }, async ({ args, code, says }) => {
  const ended = await local(...args);
  expect(ended.code).toBe(code);
  expect(ended.text).toContain(says);
});
