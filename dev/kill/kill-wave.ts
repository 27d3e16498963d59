/** One wave: some jobs start together, some processes are killed at random moments, then everything has to be true. */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { BackupJob } from '../../src/api/generated/index.ts';
import { openVirtualLibrary } from '../../src/devices/changer/virtual-library.ts';
import { eventually, type LocalCluster } from '../../test/support/local-cluster.ts';
import { findUnrest } from '../../test/support/rest-state.ts';
import { isAlive, type ProcessIdentity, signal } from '../processes/process-identity.ts';
import { findLies } from './find-lies.ts';

export const killRoles = ['operator', 'worker', 'agent', 'kube-apiserver', 'etcd'] as const;
export type KillRole = (typeof killRoles)[number];

/** A number from 0 up to below the bound. */
export type Random = (below: number) => number;

export interface KilledJob {
  readonly name: string;
  readonly phase: string;
  readonly reason: string;
  readonly failovers: number;
}

export interface WaveReport {
  /** What was killed and when after the start, such as `operator at 3.2 s`; or that the jobs were over before. */
  readonly kills: readonly string[];
  /** How many of them hit something. */
  readonly hits: number;
  readonly jobs: readonly KilledJob[];
  /** Everything that is not as it must be, in words; empty when all is well. */
  readonly wrong: readonly string[];
}

export interface Wave {
  readonly cluster: LocalCluster;
  readonly servers: readonly string[];
  readonly source: string;
  readonly number: number;
  readonly roles: readonly KillRole[];
  readonly random: Random;
  readonly log: (line: string) => void;
}

/** Drives of this pace make jobs of 48 MB last about as long, on a machine however fast, so that kills find them. */
const slowBytesPerSecond = 4_000_000;
const spanMs = 13_000;

export const runKillWave = async (wave: Wave): Promise<WaveReport> => {
  const { cluster, roles, random } = wave;
  const names = roles.map((role, at) => `wave-${String(wave.number)}-${String(at)}-${role}`);
  // Both strategies, from the seed: all routes at once, or one with a standby.
  const specs = names.map(() => ({ copies: 1 + random(2) }));
  const moments = roles.map(() => random(spanMs));
  slowDown(cluster);
  await Promise.all(names.map((name, at) => cluster.createJob(name, wave.source, specs[at])));
  const over = { value: false };
  const killing = Promise.all(roles.map((role, at) => killAt(wave, role, moments[at] ?? 0, over)));
  const jobs = await Promise.all(names.map((name) => cluster.jobEnded(name))).finally(() => (over.value = true));
  const shots = await killing;
  const kills = shots.map(({ words }) => words);
  await eventually('everything is up again', () => (allUp(wave) ? true : undefined));
  const unrest = await untilAtRest(wave);
  const lies: string[] = [];
  for (const job of jobs) lies.push(...(await findLies(cluster, job)));
  const hits = shots.filter(({ hit }) => hit).length;
  const report = { kills, hits, jobs: jobs.map(summary), wrong: [...unrest, ...lies] };
  wave.log(`wave ${String(wave.number)}: ${kills.join(', ')} → ${report.jobs.map(inWords).join(', ')}`);
  for (const line of report.wrong) wave.log(`  WRONG: ${line}`);
  return report;
};

const slowDown = (cluster: LocalCluster): void => {
  for (let number = 0; existsSync(cluster.library(number)); number += 1) {
    const { drives } = openVirtualLibrary(cluster.library(number));
    const faults = drives.map((_, drive) => ({ drive, kind: 'slow', bytesPerSecond: slowBytesPerSecond }));
    cluster.setFaults(number, faults);
  }
};

const summary = ({ metadata, status }: BackupJob): KilledJob => ({
  name: metadata.name,
  phase: status?.phase ?? '',
  reason: status?.reason ?? '',
  failovers: status?.failovers ?? 0,
});

const inWords = ({ phase, reason, failovers }: KilledJob): string =>
  `${phase}${phase === 'Succeeded' ? '' : ` (${reason})`}${failovers > 0 ? ` after ${String(failovers)} failovers` : ''}`;

const killAt = async (wave: Wave, role: KillRole, momentMs: number, over: { readonly value: boolean }) => {
  await sleep(momentMs);
  const started = performance.now();
  // Between two pods there is no worker, and what was just killed is not up yet: the next one is taken.
  while (!over.value) {
    const victims = victimsOf(wave, role);
    const victim = victims[wave.random(Math.max(1, victims.length))];
    if (victim !== undefined && signal(victim, 'SIGKILL')) {
      const at = (momentMs + performance.now() - started) / 1000;
      return { hit: true, words: `${role} (${String(victim.pid)}) at ${at.toFixed(1)} s` };
    }
    await sleep(10);
  }
  return { hit: false, words: `no ${role}: the jobs were over` };
};

const victimsOf = ({ cluster, servers }: Wave, role: KillRole): readonly ProcessIdentity[] =>
  role === 'worker'
    ? servers.flatMap((server) => cluster.workers(server)).filter(({ pid }) => isWorker(pid))
    : cluster.processes().filter((entry) => entry.role === role);

const workerMain = path.join('src', 'worker', 'main.ts');

/** Not the shell that waits for it. */
const isWorker = (pid: number): boolean => {
  try {
    const [command = '', ...args] = readFileSync(`/proc/${String(pid)}/cmdline`, 'utf8').split('\0');
    return path.basename(command) === 'node' && args.some((arg) => arg.endsWith(workerMain));
  } catch {
    return false;
  }
};

const allUp = ({ cluster, servers }: Wave): boolean => {
  const running = cluster.processes().filter(isAlive);
  // etcd, kube-apiserver, kube-controller-manager, kube-scheduler, operator and supervisor, beside the agents.
  return running.length === servers.length + 6;
};

const untilAtRest = async ({ cluster, servers }: Wave): Promise<readonly string[]> => {
  try {
    await eventually('nothing is held or running', async () =>
      (await findUnrest(cluster, servers)).length === 0 ? true : undefined,
    );
    return [];
  } catch {
    return findUnrest(cluster, servers);
  }
};
