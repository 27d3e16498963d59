import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Container } from '../../../src/agent/containers.ts';
import { readBootID } from '../../../src/agent/machine.ts';
import { podFolder } from '../../../src/agent/pod-folder.ts';
import { findPodProcesses } from '../../../src/agent/pod-processes.ts';
import { isAlive, readProcess } from '../../../src/agent/proc.ts';
import { makeProcessContainers } from '../../../src/agent/process-containers.ts';
import { readProcessRecord } from '../../../src/agent/process-record.ts';
import { realClock } from '../../../src/kube/clock.ts';

let stateFolder: string;
const bootID = readBootID();
const pod = { uid: 'pod-under-test', namespace: 'n', name: 'p' };

beforeEach(() => {
  stateFolder = mkdtempSync(join(tmpdir(), 'twinreel-containers-'));
});

afterEach(() => {
  for (const found of processes()) process.kill(found.pid, 'SIGKILL');
  rmSync(stateFolder, { recursive: true, force: true });
});

const make = (boot = bootID) => makeProcessContainers({ stateFolder, bootID: boot, clock: realClock });
const folder = () => podFolder(stateFolder, pod.uid);
const processes = () => findPodProcesses({ uid: pod.uid, stateFolder }, undefined);
const start = (script: string, ...args: readonly string[]): Promise<Container> =>
  make().start({
    pod,
    container: 'worker',
    command: ['/bin/sh', '-c', script, 'sh', ...args],
    env: { PATH: '/usr/bin:/bin' },
  });
const log = () => readFileSync(join(folder().logs, 'worker.log'), 'utf8');
const until = async (what: string, look: () => boolean): Promise<void> => {
  const giveUp = performance.now() + 10_000;
  while (!look()) {
    if (performance.now() > giveUp) throw new Error(`never came: ${what}`);
    await sleep(5);
  }
};

describe('a container', () => {
  it('ends with the code of its process, and its words and errors are in the log, the shell says nothing there', async () => {
    const container = await start('echo "$1"; echo err >&2; exit 5', `it's $HOME "here"`);
    expect(await container.ended).toMatchObject({ kind: 'exited', exitCode: 5, reason: 'Error' });
    expect(log()).toBe(`it's $HOME "here"\nerr\n`);
  });

  it('ends with 128 and the signal that killed it, without a remark of the shell in the log', async () => {
    const container = await start('kill -SEGV $$');
    expect(await container.ended).toMatchObject({ exitCode: 139, signal: 11 });
    expect(log()).toBe('');
  });

  it('ends with 127 when there is no such program', async () => {
    const container = await make().start({ pod, container: 'worker', command: ['/no/such'], env: {} });
    expect(await container.ended).toMatchObject({ kind: 'exited', exitCode: 127 });
    expect(log()).toContain('/no/such');
  });

  it('is on record before it does anything', async () => {
    const container = await start('cat "$1"', folder().record);
    await container.ended;
    expect(log()).toContain('"pid":');
  });

  it('gets SIGTERM in its main process only', async () => {
    const container = await start("trap 'exit 9' TERM; (trap 'echo child >&2' TERM; sleep 1000) & echo ready; wait");
    await until('the trap stands', () => log() === 'ready\n');
    container.terminate();
    expect(await container.ended).toMatchObject({ exitCode: 9 });
    expect(log()).toBe('ready\n');
    expect(processes()).toEqual([]);
  });

  it('is killed with all that it has started, in its session or not', async () => {
    const container = await start(
      "trap '' TERM; setsid sleep 1000 & sleep 1000 & echo ready; while :; do sleep 0.05; done",
    );
    await until('the children run', () => log() === 'ready\n' && processes().length >= 4);
    container.kill();
    expect(await container.ended).toMatchObject({ kind: 'exited', exitCode: 137, signal: 9 });
    expect(processes()).toEqual([]);
  });

  it('is lost, and nothing of it is left, when its shell is killed', async () => {
    const container = await start('sleep 1000');
    await until('it runs', () => existsSync(folder().started));
    process.kill(readProcessRecord(folder().record)?.pid ?? -1, 'SIGKILL');
    expect(await container.ended).toMatchObject({ kind: 'lost' });
    expect(processes()).toEqual([]);
  });

  it('is not started when its working folder is not there', async () => {
    const launch = { pod, container: 'worker', command: ['true'], env: {}, workingFolder: join(stateFolder, 'none') };
    await expect(make().start(launch)).rejects.toThrow('could not be started');
    expect(processes()).toEqual([]);
  });
});

describe('recovery', () => {
  it('adopts a container that lives and sees its true end', async () => {
    const file = join(stateFolder, 'go');
    await start('until [ -e "$1" ]; do sleep 0.02; done; exit 6', file);
    const adopted = await make().recover(pod.uid);
    expect(adopted).toMatchObject({ pod, name: 'worker' });
    writeFileSync(file, '');
    expect(await adopted?.ended).toMatchObject({ kind: 'exited', exitCode: 6 });
  });

  it('takes a container that was recorded but not let go for one that never started', async () => {
    const container = await start('true');
    await container.ended;
    rmSync(folder().started);
    rmSync(folder().exit);
    expect(await (await make().recover(pod.uid))?.ended).toEqual({ kind: 'neverStarted' });
  });

  it('takes half an exit file for none', async () => {
    const container = await start('exit 12');
    await container.ended;
    writeFileSync(folder().exit, '1');
    expect(await (await make().recover(pod.uid))?.ended).toMatchObject({ kind: 'lost' });
  });

  it('knows that nothing of another boot runs', async () => {
    const container = await start('sleep 1000');
    await until('it runs', () => existsSync(folder().started));
    const later = await make('another-boot').recover(pod.uid);
    expect(await later?.ended).toMatchObject({
      kind: 'lost',
      message: 'the machine was started anew while the container ran',
    });
    container.kill();
    await container.ended;
  });

  it('does not take another process with the same pid for its own', async () => {
    const container = await start('true');
    await container.ended;
    rmSync(folder().exit);
    const record = readProcessRecord(folder().record);
    writeFileSync(folder().record, JSON.stringify({ ...record, pid: process.pid, startTime: '1' }));
    expect(await (await make().recover(pod.uid))?.ended).toMatchObject({ kind: 'lost' });
    expect(isAlive(process.pid, readProcess(process.pid)?.startTime ?? '')).toBe(true);
  });

  it('kills what bears the mark of a pod without a record', async () => {
    await start('sleep 1000');
    rmSync(folder().record);
    expect(await make().recover(pod.uid)).toBeUndefined();
    expect(processes()).toEqual([]);
  });

  it('kills what was started from a folder of which nothing is left, and nothing else', async () => {
    const other = { ...pod, uid: 'other-pod' };
    const command = ['/bin/sleep', '1000'];
    const lost = await start('sleep 1000');
    const known = await make().start({ pod: other, container: 'worker', command, env: {} });
    const knownFolder = podFolder(stateFolder, other.uid);
    await until('both run', () => existsSync(folder().started) && existsSync(knownFolder.started));
    rmSync(folder().root, { recursive: true });
    await make().endUnrecorded();
    expect(processes()).toEqual([]);
    expect(findPodProcesses({ uid: other.uid, stateFolder }, undefined).length).toBeGreaterThan(0);
    known.kill();
    await Promise.all([lost.ended, known.ended]);
  });

  it('starts nothing when the agent dies between start and record', async () => {
    const blocked = join(stateFolder, 'pods', pod.uid, 'process.json.tmp');
    const containers = make();
    const done = containers.start({ pod, container: 'worker', command: ['true'], env: {} });
    await (
      await done
    ).ended;
    // A folder in the way of the record: writing it fails as a full disk would.
    rmSync(folder().started);
    mkdirSync(blocked);
    await expect(containers.start({ pod, container: 'worker', command: ['true'], env: {} })).rejects.toThrow();
    await until('the shell has ended', () => processes().length === 0);
    expect(() => readFileSync(folder().started)).toThrow();
  });
});
