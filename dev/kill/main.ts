/**
 * `npm run kill -- --times N [--role R] [--seed S]`: starts a local installation, kills processes at random moments of
 * jobs and holds what is left against the truth. Ends with 1 when anything was wrong.
 */
import path from 'node:path';
import { Command, Option } from 'commander';
import { LocalCluster } from '../../test/support/local-cluster.ts';
import { makeRandom, makeTree } from '../../test/support/make-tree.ts';
import { wholeNumber } from '../local/options.ts';
import { type KillRole, killRoles, runKillWave } from './kill-wave.ts';

interface Wishes {
  readonly times: number;
  readonly role?: KillRole;
  readonly seed: number;
}

const program = new Command('kill')
  .description('Kills processes at random moments of jobs, and looks whether everything ended with the truth.')
  .option('--times <count>', 'how many kills', wholeNumber(1, 1_000_000), 25)
  .addOption(new Option('--role <role>', 'only these processes; default: all in turn').choices(killRoles))
  .option('--seed <number>', 'the same seed kills at the same moments', wholeNumber(0, 2 ** 31), Date.now() % 2 ** 31)
  .parse();
const { times, role, seed } = program.opts<Wishes>();
const log = (line: string): void => console.log(line);
const servers = ['server-0', 'server-1', 'server-2'];
const perWave = 3;

log(`seed ${String(seed)}`);
const cluster = await LocalCluster.start({ servers: 3, libraries: 2, drives: 4, slots: 30 });
let wrong = 0;
let hits = 0;
const failed: string[] = [];
try {
  const source = path.join(cluster.folder, 'source');
  makeTree(source, { files: 400, totalBytes: 48e6, seed: 5, filesPerFolder: 50 });
  const random = makeRandom(seed);
  const roles = Array.from({ length: times }, (_, at) => role ?? killRoles[at % killRoles.length] ?? 'operator');
  for (let number = 0; number * perWave < times; number += 1) {
    const mine = roles.slice(number * perWave, (number + 1) * perWave);
    const report = await runKillWave({ cluster, servers, source, number, roles: mine, random, log });
    wrong += report.wrong.length;
    hits += report.hits;
    // Truthful, but what can still be done had better be done: three servers and eight drives are enough for one kill each.
    failed.push(
      ...report.jobs.filter(({ phase }) => phase !== 'Succeeded').map(({ name, reason }) => `${name}: ${reason}`),
    );
  }
} finally {
  await cluster.stop();
}
if (failed.length > 0) log(`jobs that did not succeed: ${failed.join(', ')}`);
log(`${String(hits)} of ${String(times)} kills hit; ${String(wrong)} things are wrong (seed ${String(seed)})`);
process.exitCode = wrong === 0 && failed.length === 0 && hits > 0 ? 0 : 1;
