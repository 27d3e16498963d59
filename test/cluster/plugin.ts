/** `kubectl twinreel …` as krew installs it, on the whole cluster: what a user types from a backup to a report of a fault. */
import { mkdirSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import type { BackupJob, BackupServer, Restore } from '../../src/api/generated/index.ts';
import { annotations } from '../../src/api/names.ts';
import { compareTrees } from '../support/compare-trees.ts';
import { type Ended, run } from '../support/shell.ts';
import {
  bench,
  ended,
  goFast,
  heldBy,
  hook,
  jobOf,
  readJob,
  slowDrives,
  source,
  system,
  team,
  underWay,
} from './installed.ts';
import { minutely, smallSource } from './schedules.ts';

const folder = path.join(bench.state, 'plugin');
const bin = path.join(folder, 'bin');
const secret = 'hunter2-of-the-shop';

/** As a user types it, in the team's namespace. */
const plugin = async (...args: readonly string[]): Promise<Ended> => bench.ran(bin, 'kubectl', 'twinreel', ...args);
const ofTeam = ['-n', team] as const;

/** What it printed. @throws where it has not ended with 0 */
const typed = async (...args: readonly string[]): Promise<string> => {
  const { code, stdout, stderr } = await plugin(...args);
  expect({ code, args }, stdout + stderr).toEqual({ code: 0, args });
  return stdout;
};

const json = async <T>(...args: readonly string[]): Promise<T> => JSON.parse(await typed(...args, '-o', 'json')) as T;

const installPlugin = async (): Promise<void> => {
  // A cluster that was kept has that of a former run.
  rmSync(folder, { recursive: true, force: true });
  const [out, store] = [path.join(folder, 'out'), path.join(folder, 'store')];
  for (const made of [store, bin]) mkdirSync(made, { recursive: true });
  const built = await run('npm', ['run', '-s', 'krew', '--', '--out', out]);
  expect(built.code, built.stderr).toBe(0);
  const { spec } = parse(readFileSync(path.join(out, 'twinreel.yaml'), 'utf8')) as {
    spec: { platforms: { uri: string; bin: string }[] };
  };
  const [platform] = spec.platforms;
  const archive = path.join(out, path.basename(platform?.uri ?? ''));
  expect((await run('tar', ['-xzf', archive, '-C', store])).code).toBe(0);
  symlinkSync(path.join(store, platform?.bin ?? ''), path.join(bin, 'kubectl-twinreel'));
};

const slowly = (): void => {
  for (const library of [0, 1]) slowDrives(library);
};

export const pluginTests = (): void => {
  describe('who type kubectl twinreel', () => {
    beforeAll(installPlugin);
    scheduleTest();
    storyTest();
    readingTest();
    cancelTest();
    drainTest();
    debugTest();
  });
};

const scheduleTest = (): void => {
  test('a schedule is run now, and its latest backup comes back as it was', async () => {
    const note = path.join(smallSource, 'note');
    writeFileSync(note, `of ${new Date().toISOString()}`);
    const job = await json<BackupJob>('backup', '--from-schedule', minutely, '--wait', ...ofTeam);
    expect(job).toMatchObject({ kind: 'BackupJob', status: { phase: 'Succeeded' } });
    const schedule = await bench.json<{ spec: { runNow?: string } }>('backupschedule', minutely, ...ofTeam);
    expect(job.metadata.annotations?.[annotations.runNow]).toBe(schedule.spec.runNow);
    const target = path.join(bench.state, 'targets', 'latest');
    mkdirSync(target, { recursive: true });
    const restored = await json<Restore>('restore', '--latest', minutely, '--to', target, '--wait', ...ofTeam);
    expect(restored).toMatchObject({
      spec: { from: { latest: { schedule: minutely } } },
      status: { phase: 'Succeeded' },
    });
    expect(compareTrees(smallSource, target).differences).toEqual([]);
  });
};

/** A worker's line of the log, for every segment that it wrote. */
const committed = (text: string, pod: string): readonly number[] =>
  text
    .split('\n')
    .filter((line) => line.startsWith(`[${pod}] `) && line.includes('segment committed'))
    .map((line) => (JSON.parse(line.slice(line.indexOf('{'))) as { segment: number }).segment);

const storyTest = (): void => {
  test('a backup is watched while it runs, and who follows its log is told of every segment and of its end', async () => {
    slowly();
    const flags = ['--path', source, '--routes', '2', '--copies', '2', '--segment-size', '16Mi', '--name', 'typed'];
    const made = await json<BackupJob>('backup', ...flags, ...ofTeam);
    expect(made).toMatchObject({ kind: 'BackupJob', metadata: { name: 'typed' }, spec: { routes: 2, copies: 2 } });
    let isFollowing = true;
    const following = plugin('logs', 'typed', '-f', ...ofTeam).finally(() => (isFollowing = false));
    const running = await underWay('typed');
    const pods = (running.status?.streams ?? []).map(({ pod = '' }) => pod);
    expect(pods).toHaveLength(2);
    expect(await json<BackupJob>('status', 'typed', ...ofTeam)).toMatchObject({ status: { phase: 'Running' } });
    const { items } = await json<{ items: { kind: string; metadata: { name: string } }[] }>('status', ...ofTeam);
    expect(items.map(({ kind, metadata }) => `${kind}/${metadata.name}`)).toContain('BackupJob/typed');
    const story = await typed('describe', 'typed', ...ofTeam);
    expect(story).toMatch(/^BackupJob team\/typed +Running/);
    for (const { server = '', library = '', tape = '' } of running.status?.streams ?? [])
      expect(story).toMatch(new RegExp(`${server} → .*${library}/drive-\\d → ${tape.toUpperCase()}`));
    expect(story).toMatch(/^Events\n(?: .*\n)*?.*Normal/m);
    const tail = await typed('logs', 'typed', '--stream', '0', '--tail', '3', ...ofTeam);
    expect(tail).toMatch(/^== tw-[0-9a-f]{8}-s0-e\d+/);
    expect(isFollowing).toBe(true);
    goFast();
    const followed = await following;
    expect(followed.code, followed.stderr).toBe(0);
    const job = await readJob('typed');
    expect(job.status?.phase).toBe('Succeeded');
    // Both copies of each, and each writer wrote one.
    const all = Array.from({ length: (job.status?.progress?.segmentsTotal ?? 0) / 2 }, (_, n) => n);
    expect(all.length).toBeGreaterThan(2);
    for (const pod of pods) {
      expect(committed(followed.stdout, pod).toSorted((a, b) => a - b)).toEqual(all);
      expect(followed.stdout).toMatch(new RegExp(`^\\[${pod}\\] .*"done"`, 'm'));
    }
    expect(await heldBy(job.metadata.uid ?? '')).toEqual([]);
  });
};

/** Everything below a folder, as the CLI prints it; names with odd bytes it prints otherwise. */
const namesBelow = async (root: string): Promise<readonly string[]> => {
  const { stdout } = await run('find', [root, '-mindepth', '1', '-printf', '%y/%P\\0']);
  const found = stdout.split('\0').slice(0, -1);
  return found.map((text) => `${text.slice(2)}${text.startsWith('d/') ? '/' : ''}`);
};

const readingTest = (): void => {
  test('it is verified, every copy of it, and looked into', async () => {
    const verified = await json<Restore>('verify', 'typed', '--wait', ...ofTeam);
    expect(verified).toMatchObject({ spec: { target: { discard: {} } }, status: { phase: 'Succeeded' } });
    const job = await readJob('typed');
    const condition = job.status?.conditions?.find(({ type }) => type === 'Verified');
    expect(condition).toMatchObject({ status: 'True' });
    const catalogue = path.join(bench.state, 'catalogue', job.status?.streams?.[0]?.server ?? '');
    const plain = /^[\w./-]+$/;
    const found = (await typed('find', 'typed', '--catalogue', catalogue, ...ofTeam)).trimEnd().split('\n');
    const there = await namesBelow(source);
    expect(found).toHaveLength(there.length);
    expect(found.filter((name) => plain.test(name)).toSorted()).toEqual(
      there.filter((name) => plain.test(name)).toSorted(),
    );
    const top = (await typed('ls', 'typed', '--catalogue', catalogue, ...ofTeam)).trimEnd().split('\n');
    expect(top).toHaveLength(readdirSync(source).length);
    expect(await plugin('find', 'typed', '*.nowhere', '--catalogue', catalogue, ...ofTeam)).toMatchObject({ code: 1 });
  });
};

const cancelTest = (): void => {
  test('a job that runs is cancelled, and nothing is held afterwards', async () => {
    slowly();
    await typed('backup', '--path', source, '--routes', '2', '--copies', '2', '--name', 'unwanted', ...ofTeam);
    const job = await underWay('unwanted', 0);
    await bench.until('it has hardware', async () =>
      (await heldBy(job.metadata.uid ?? '')).length >= 4 ? true : undefined,
    );
    expect(await typed('cancel', 'unwanted', '--wait', ...ofTeam)).toContain('is asked to end');
    goFast();
    expect(await json<BackupJob>('status', 'unwanted', ...ofTeam)).toMatchObject({ status: { phase: 'Cancelled' } });
    await bench.until('nothing is held', async () =>
      (await heldBy(job.metadata.uid ?? '')).length === 0 ? true : undefined,
    );
    expect(await plugin('cancel', 'unwanted', ...ofTeam)).toMatchObject({ code: 1 });
  });
};

const drainTest = (): void => {
  test('a server is drained once its stream has ended, takes no other, and is used again', async () => {
    slowly();
    await typed('backup', '--path', source, '--routes', '2', '--copies', '2', '--name', 'leaving', ...ofTeam);
    const job = await underWay('leaving', 0);
    await bench.until('it runs on node-2', async () =>
      (await heldBy(job.metadata.uid ?? '')).includes('node-2') ? true : undefined,
    );
    let isDraining = true;
    const draining = plugin('drain', 'server/node-2', '--wait').finally(() => (isDraining = false));
    const server = await bench.until('it is out of use', async () => {
      const { items } = await json<{ items: BackupServer[] }>('servers');
      return items.find(({ metadata, spec }) => metadata.name === 'node-2' && spec.disabled);
    });
    expect(server.status?.holders?.map(({ uid }) => uid)).toContain(job.metadata.uid);
    expect(isDraining).toBe(true);
    goFast();
    expect(await draining).toMatchObject({ code: 0 });
    expect((await readJob('leaving')).status).toMatchObject({ failovers: 0 });
    const one = ['--path', smallSource, '--routes', '1', '--wait', ...ofTeam];
    const elsewhere = await json<BackupJob>('backup', ...one);
    expect(elsewhere.status).toMatchObject({ phase: 'Succeeded', streams: [{ server: 'node-1' }] });
    await typed('undrain', 'server/node-2');
    const { items } = await json<{ items: BackupServer[] }>('servers');
    expect(items.map(({ spec }) => spec.disabled ?? false)).toEqual([false, false]);
  });
};

const debugTest = (): void => {
  test('a report of a fault has what is needed, and no secret', async () => {
    const command = ['node', '-e', `console.error('PASSWORD=${secret}'); process.exit(1)`];
    const hooks = { before: [{ ...hook('plugin'), command }] };
    await bench.apply(jobOf({ name: 'telling', spec: { hooks } }), {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'shop', namespace: team },
      stringData: { password: secret },
    });
    const job = await ended('telling');
    expect(job.status).toMatchObject({ phase: 'Failed', reason: 'HookFailed' });
    // What the hook has printed stands in the job: the report may not tell it.
    expect(JSON.stringify(job.status)).toContain(secret);
    const out = path.join(folder, 'report.tar.gz');
    const token = (await bench.kubectl('create', 'token', 'twinreel-worker', ...system)).trim();
    expect(await typed('debug', '--out', out)).toContain('without Secrets');
    expect((await run('tar', ['-xzf', out, '-C', folder])).code).toBe(0);
    const report = path.join(folder, 'report');
    const read = (name: string): string => readFileSync(path.join(report, name), 'utf8');
    const has = readdirSync(report);
    for (const name of ['backupjobs', 'backupschedules', 'backupsaverecords', 'events', 'pods', 'tapes', 'versions'])
      expect(has).toContain(`${name}.yaml`);
    expect(read('backupjobs.yaml')).toContain('name: typed');
    expect(read('pods.yaml')).toContain('name: twinreel-operator-');
    const all = has.map(read).join('\n');
    for (const hidden of [secret, Buffer.from(secret).toString('base64'), token]) expect(all).not.toContain(hidden);
    expect(all).not.toMatch(/eyJ[\w-]{10,}\.[\w-]+/);
  });
};
