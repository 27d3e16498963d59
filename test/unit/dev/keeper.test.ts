import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Keeper } from '../../../dev/local/keeper.ts';
import type { Daemon } from '../../../dev/processes/daemon.ts';
import { findMarked, isAlive, signal } from '../../../dev/processes/process-identity.ts';

let folder: string;
let keeper: Keeper | undefined;
let lines: string[];

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'twinreel-keeper-'));
  lines = [];
});
afterEach(async () => {
  await keeper?.stop(0);
  rmSync(folder, { recursive: true, force: true });
});

function keep(script: string): Keeper {
  keeper = new Keeper({
    command: {
      role: 'operator',
      name: 'sample',
      command: '/bin/sh',
      args: ['-c', script],
      env: { TWINREEL_TEST_MARK: folder },
      logFile: path.join(folder, 'logs', 'sample.log'),
    },
    log: (line) => lines.push(line),
    onChange: () => undefined,
  });
  keeper.start();
  return keeper;
}

async function untilRunning(one: Keeper, otherThan?: Daemon): Promise<Daemon> {
  let found: Daemon | undefined;
  await expect
    .poll(() => {
      found = one.running();
      return found !== undefined && found.identity.pid !== otherThan?.identity.pid;
    })
    .toBe(true);
  if (found === undefined) throw new Error('it does not run');
  return found;
}

describe('a keeper', () => {
  it('starts its process again within two seconds when it is killed', async () => {
    const one = keep('exec sleep 1000');
    const first = await untilRunning(one);
    const killedMs = performance.now();
    signal(first.identity, 'SIGKILL');
    const second = await untilRunning(one, first);
    expect(performance.now() - killedMs).toBeLessThan(2000);
    expect(isAlive(first.identity)).toBe(false);
    expect(isAlive(second.identity)).toBe(true);
    expect(lines).toEqual(['sample has ended (SIGKILL); starting it again in 200 ms']);
  });

  it('tries again, ever more slowly, what ends at once', async () => {
    keep('exit 3');
    await expect.poll(() => lines.length, { timeout: 10_000 }).toBeGreaterThan(2);
    expect(lines.slice(0, 3)).toEqual([
      'sample has ended (exit code 3); starting it again in 200 ms',
      'sample has ended (exit code 3); starting it again in 400 ms',
      'sample has ended (exit code 3); starting it again in 800 ms',
    ]);
  });

  it('kills on stop what does not end when asked, and starts nothing again', async () => {
    const one = keep(
      "trap '' TERM; touch trapped; while :; do sleep 0.1; done".replace('trapped', path.join(folder, 'trapped')),
    );
    const daemon = await untilRunning(one);
    await expect.poll(() => existsSync(path.join(folder, 'trapped'))).toBe(true);
    await one.stop(200);
    expect(isAlive(daemon.identity)).toBe(false);
    expect(one.running()).toBeUndefined();
    expect(lines).toEqual([]);
  });

  it('writes the output into the log', async () => {
    keep('echo hello; exec sleep 1000');
    await expect.poll(() => readFileSync(path.join(folder, 'logs', 'sample.log'), 'utf8')).toBe('hello\n');
  });
});

describe('findMarked', () => {
  it('finds children by the environment that they inherited', async () => {
    const one = keep('sleep 1000 & wait');
    const daemon = await untilRunning(one);
    await expect.poll(() => findMarked('TWINREEL_TEST_MARK', folder).length).toBe(2);
    const found = findMarked('TWINREEL_TEST_MARK', folder);
    expect(found).toContainEqual(daemon.identity);
    expect(findMarked('TWINREEL_TEST_MARK', path.dirname(folder))).toEqual([]);
    for (const process of found) signal(process, 'SIGKILL');
  });
});
