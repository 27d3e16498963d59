/** The local installation as its users drive it: from a shell, through the npm script. */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ProcessEntry, readProcessTable } from '../../dev/local/process-table.ts';
import { findMarked, isAlive, signal } from '../../dev/processes/process-identity.ts';

const root = path.join(import.meta.dirname, '..', '..');
const state = mkdtempSync(path.join(tmpdir(), 'twinreel-local-'));
const processesFile = path.join(state, 'processes.json');

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

async function run(command: string, args: readonly string[], env: NodeJS.ProcessEnv = process.env): Promise<Ended> {
  const child = spawn(command, args, { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  return { code, stdout, stderr };
}

const local = (...args: readonly string[]): Promise<Ended> => run('npm', ['run', '-s', 'local', '--', ...args]);
const up = (...args: readonly string[]): Promise<Ended> => local('up', '--state', state, ...args);
const down = (): Promise<Ended> => local('down', '--state', state);

const kubectl = (...args: readonly string[]): Promise<Ended> =>
  run(path.join(state, 'bin', 'kubectl'), args, { ...process.env, KUBECONFIG: path.join(state, 'kubeconfig') });

const table = (): readonly ProcessEntry[] => readProcessTable(processesFile);

function entry(name: string): ProcessEntry | undefined {
  return table().find((one) => one.name === name);
}

function mustFind(name: string): ProcessEntry {
  const found = entry(name);
  if (found === undefined) throw new Error(`${name} is not in processes.json`);
  return found;
}

function expectNothingRuns(before: readonly ProcessEntry[]): void {
  expect(before.length).toBeGreaterThan(0);
  expect(before.filter(isAlive)).toEqual([]);
  expect(findMarked('TWINREEL_LOCAL_STATE', state)).toEqual([]);
  expect(JSON.parse(readFileSync(processesFile, 'utf8'))).toEqual([]);
}

const names = [
  'etcd',
  'kube-apiserver',
  'kube-controller-manager',
  'kube-scheduler',
  'operator',
  'server-0',
  'server-1',
  'supervisor',
];

beforeAll(async () => {
  const result = await up('--slots', '3', '--tape-size', '64Mi');
  expect(result, result.stderr).toMatchObject({ code: 0 });
});
afterAll(async () => {
  await down();
  rmSync(state, { recursive: true, force: true });
});

describe('local up', () => {
  it('has written a kubeconfig for the administrator', async () => {
    expect(await kubectl('auth', 'can-i', '*', '*')).toMatchObject({ code: 0, stdout: 'yes\n' });
  });

  it('has written what runs', () => {
    expect(
      table()
        .map((one) => one.name)
        .sort(),
    ).toEqual([...names].sort());
    expect(table().every(isAlive)).toBe(true);
    expect(mustFind('server-1').role).toBe('agent');
  });

  it('returned only when all hardware was usable and every tape known', async () => {
    const states = 'jsonpath={range .items[*]}{.metadata.name} {.status.state}{"\\n"}{end}';
    const hardware = await kubectl('get', 'backupservers,tapelibraries,fcswitches', '-o', states);
    expect(hardware.stdout.trim().split('\n').sort()).toEqual([
      'library-0 Usable',
      'library-1 Usable',
      'server-0 Usable',
      'server-1 Usable',
      'switch-0 Usable',
      'switch-1 Usable',
    ]);
    const barcodes = await kubectl('get', 'tapes', '-o', 'jsonpath={.items[*].spec.barcode}');
    expect(barcodes.stdout.split(' ').sort()).toEqual([
      ...['A00000L9', 'A00001L9', 'A00002L9'],
      ...['B00000L9', 'B00001L9', 'B00002L9'],
    ]);
  });

  it('gives the operator its role and not the cluster', async () => {
    const asOperator = (...args: readonly string[]): Promise<Ended> =>
      kubectl('--kubeconfig', path.join(state, 'operator', 'kubeconfig'), 'auth', 'can-i', ...args);
    expect(await asOperator('update', 'backupjobs', '--subresource=status')).toMatchObject({ stdout: 'yes\n' });
    expect(await asOperator('delete', 'namespaces')).toMatchObject({ stdout: 'no\n' });
    expect(await asOperator('get', 'secrets', '-n', 'kube-system')).toMatchObject({ stdout: 'no\n' });
  });

  it('does nothing when it is up already', async () => {
    const before = table();
    const again = await up();
    expect(again).toMatchObject({ code: 0 });
    expect(again.stderr).toContain('is up already');
    expect(table()).toEqual(before);
  });

  it('refuses other options than those that the folder was made with', async () => {
    const result = await up('--servers', '3');
    expect(result).toMatchObject({ code: 1 });
    expect(result.stderr).toContain('was made with servers 2, not 3');
  });
});

describe('the supervisor', () => {
  it.each(names.filter((name) => name !== 'supervisor'))('starts %s again within two seconds', async (name) => {
    const killed = mustFind(name);
    signal(killed, 'SIGKILL');
    await expect.poll(() => entry(name)?.pid ?? killed.pid, { timeout: 2000, interval: 20 }).not.toBe(killed.pid);
    expect(isAlive(killed)).toBe(false);
    expect(isAlive(mustFind(name))).toBe(true);
  });

  it('brings all back to work after all was killed at once', async () => {
    await expect.poll(() => kubectl('create', 'configmap', 'kept'), { timeout: 60_000 }).toMatchObject({ code: 0 });
    for (const one of table()) if (one.role !== 'supervisor') signal(one, 'SIGKILL');
    const get = (): Promise<Ended> => kubectl('get', 'configmap', 'kept', '-o', 'name');
    await expect.poll(get, { timeout: 60_000 }).toMatchObject({ code: 0, stdout: 'configmap/kept\n' });
  });
});

describe('local down', () => {
  it('leaves no process', async () => {
    const before = table();
    expect(await down()).toMatchObject({ code: 0, stdout: 'stopped\n' });
    expectNothingRuns(before);
  });

  it('keeps data, libraries and tapes for the next up', async () => {
    const result = await up();
    expect(result, result.stderr).toMatchObject({ code: 0 });
    expect(result.stderr).not.toContain('labelling');
    expect(await kubectl('get', 'configmap', 'kept')).toMatchObject({ code: 0 });
    expect(existsSync(path.join(state, 'libraries', 'library-0', 'library.json'))).toBe(true);
  });

  it('leaves no process either when the supervisor was killed', async () => {
    const before = table();
    signal(mustFind('supervisor'), 'SIGKILL');
    await expect.poll(() => isAlive(mustFind('supervisor'))).toBe(false);
    expect(await down()).toMatchObject({ code: 0 });
    expectNothingRuns(before);
  });

  it('is not needed before an up that follows a killed supervisor', async () => {
    expect(await up()).toMatchObject({ code: 0 });
    const before = table();
    signal(mustFind('supervisor'), 'SIGKILL');
    const again = await up();
    expect(again, again.stderr).toMatchObject({ code: 0 });
    expect(before.filter(isAlive)).toEqual([]);
    expect(
      table()
        .map((one) => one.name)
        .sort(),
    ).toEqual([...names].sort());
    const running = table();
    expect(await down()).toMatchObject({ code: 0 });
    expectNothingRuns(running);
  });

  it('says so when there is nothing to stop', async () => {
    expect(await down()).toMatchObject({ code: 0 });
    const result = await local('down', '--state', path.join(state, 'none'));
    expect(result).toMatchObject({ code: 1 });
    expect(result.stderr).toContain('is no folder that "up" has made');
  });
});
