import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { lockState, StateInUseError } from '../../../src/agent/state-lock.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'twinreel-state-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** A process that waits for a line, tries to take the folder, says whether it has it, and lives on. */
const startRival = () => {
  const module = new URL('../../../src/agent/state-lock.ts', import.meta.url).href;
  const program = `
    const { lockState } = await import(${JSON.stringify(module)});
    process.stdout.write('here\\n');
    process.stdin.once('data', () => {
      try {
        lockState(${JSON.stringify(folder)});
        process.stdout.write('taken\\n');
      } catch (error) {
        process.stdout.write(error.code + '\\n');
      }
    });`;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', program], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const said = (): Promise<string> =>
    new Promise((resolve) => {
      child.stdout.once('data', (chunk: Buffer) => resolve(chunk.toString('utf8').trim()));
    });
  return { child, here: said(), said };
};

describe('the state folder of an agent', () => {
  it('is given to one of several that come at the same time, and is free once that one was killed', async () => {
    const rivals = Array.from({ length: 4 }, startRival);
    await Promise.all(rivals.map(({ here }) => here));
    const answers = rivals.map(({ said }) => said());
    for (const { child } of rivals) child.stdin.write('go\n');
    const said = await Promise.all(answers);
    expect(said.toSorted()).toEqual(['StateInUse', 'StateInUse', 'StateInUse', 'taken']);
    const owner = rivals[said.indexOf('taken')]?.child;
    expect(() => lockState(folder)).toThrow(`in use by the agent with pid ${owner?.pid}`);
    owner?.kill('SIGKILL');
    if (owner !== undefined) await once(owner, 'exit');
    lockState(folder)();
  });

  it('is refused while it is held, and taken again when it was given back', () => {
    const unlock = lockState(folder);
    expect(readFileSync(join(folder, 'agent.lock'), 'utf8')).toBe(`${process.pid}\n`);
    expect(() => lockState(folder)).toThrow(StateInUseError);
    unlock();
    unlock();
    lockState(folder)();
  });
});
