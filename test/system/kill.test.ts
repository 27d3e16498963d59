/** Each part of the system is killed at random moments of jobs, at least five times; `npm run kill` does any number. */
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type KillRole, killRoles, runKillWave, type WaveReport } from '../../dev/kill/kill-wave.ts';
import { LocalCluster } from '../support/local-cluster.ts';
import { makeRandom, makeTree } from '../support/make-tree.ts';

const servers = ['server-0', 'server-1', 'server-2'];
const seed = Number(process.env['TWINREEL_KILL_SEED'] ?? Date.now() % 2 ** 31);
const killsOfEach = 5;
const perWave = 3;

let cluster: LocalCluster;
let source: string;
const reports: WaveReport[] = [];

beforeAll(async () => {
  cluster = await LocalCluster.start({ servers: 3, libraries: 2, drives: 4, slots: 30 });
  source = path.join(cluster.folder, 'source');
  makeTree(source, { files: 400, totalBytes: 48e6, seed: 5, filesPerFolder: 50 });
});
afterAll(() => cluster.stop());

/** In turn, so that the kills of one wave differ. */
const roles: readonly KillRole[] = Array.from({ length: killsOfEach }, () => killRoles).flat();
const waves = Array.from({ length: Math.ceil(roles.length / perWave) }, (_, at) => ({
  number: at,
  roles: roles.slice(at * perWave, (at + 1) * perWave),
}));
const random = makeRandom(seed);

it.each(waves)(
  `survives wave $number: $roles killed at random moments (TWINREEL_KILL_SEED=${String(seed)})`,
  async (wave) => {
    const report = await runKillWave({ cluster, servers, source, random, log: console.log, ...wave });
    reports.push(report);
    expect(report.wrong).toEqual([]);
  },
);

it('has killed each of them at least five times', () => {
  const kills = reports.flatMap((report) => report.kills).filter((kill) => !kill.startsWith('no '));
  const missed = killRoles.filter((role) => kills.filter((kill) => kill.startsWith(`${role} `)).length < killsOfEach);
  expect(missed).toEqual([]);
});

it('loses no job to the death of a part', () => {
  const lost = reports.flatMap(({ jobs }) => jobs).filter(({ phase }) => phase !== 'Succeeded');
  expect(lost).toEqual([]);
});
