import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { expect, it } from 'vitest';
import { withMachineLock } from '../../../dev/processes/machine-lock.ts';

const name = `machine-lock.test ${process.pid}`;

it('lets one at a time at work', async () => {
  let working = 0;
  const work = async (): Promise<void> => {
    working += 1;
    expect(working).toBe(1);
    await new Promise((resolve) => setImmediate(resolve));
    working -= 1;
  };
  await Promise.all(Array.from({ length: 5 }, () => withMachineLock(name, () => undefined, work)));
  expect(working).toBe(0);
});

it('is released when the work fails', async () => {
  await expect(
    withMachineLock(
      name,
      () => undefined,
      () => Promise.reject(new Error('broken')),
    ),
  ).rejects.toThrow('broken');
  expect(
    await withMachineLock(
      name,
      () => undefined,
      async () => 'mine',
    ),
  ).toBe('mine');
});

it('is released when its holder is killed', async () => {
  const module = path.join(import.meta.dirname, '../../../dev/processes/machine-lock.ts');
  const script = `const { withMachineLock } = await import(${JSON.stringify(module)});
    await withMachineLock(${JSON.stringify(name)}, () => {}, () => new Promise(() => console.log('held')));`;
  const holder = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(holder.stdout, 'data');
  let waited = false;
  const mine = withMachineLock(
    name,
    () => {
      waited = true;
      holder.kill('SIGKILL');
    },
    async () => 'mine',
  );
  expect(await mine).toBe('mine');
  expect(waited).toBe(true);
});
