/** `npm run sim -- --seeds 1000 --from 1` or `npm run sim -- --seed 17 --trace`. */
import { parseArgs } from 'node:util';
import { isMutation, mutations } from './mutations.ts';
import { runSeeds } from './run-seeds.ts';

const usage = `Simulates the control plane on simulated time, with faults from a seed.

  --seeds N       how many seeds (default 1000)
  --from N        the first one (default 1)
  --seed N        just this one
  --trace         tell everything that happens, one line each
  --threads N     default 2
  --mutation M    put a known mistake back: ${Object.keys(mutations).join(', ')}
  --keep-going    do not stop at the first seed that fails
`;

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1000' },
    from: { type: 'string', default: '1' },
    seed: { type: 'string' },
    threads: { type: 'string', default: '2' },
    mutation: { type: 'string' },
    trace: { type: 'boolean', default: false },
    'keep-going': { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

const main = async (): Promise<number> => {
  const { mutation } = values;
  if (values.help || (mutation !== undefined && !isMutation(mutation))) {
    process.stdout.write(usage);
    return values.help ? 0 : 2;
  }
  const one = values.seed === undefined ? undefined : Number(values.seed);
  const startedAt = performance.now();
  const { seeds, failures, steps, phases, failovers } = await runSeeds({
    from: one ?? Number(values.from),
    count: one === undefined ? Number(values.seeds) : 1,
    threads: one === undefined ? Number(values.threads) : 1,
    stopAtFirst: !values['keep-going'],
    ...(mutation === undefined ? {} : { mutation }),
    ...(values.trace ? { trace: (line: string) => void process.stdout.write(`${line}\n`) } : {}),
  });
  for (const { seed, violation } of failures) {
    process.stdout.write(`seed ${seed}: ${violation?.message ?? ''}\n`);
  }
  const seconds = (performance.now() - startedAt) / 1000;
  const ends = [...phases].map(([phase, count]) => `${count} ${phase}`).join(', ');
  process.stdout.write(
    `${seeds} seeds, ${failures.length} failed, ${steps} steps, ${failovers} failovers, jobs: ${ends}; ${seconds.toFixed(1)} s\n`,
  );
  const [first] = failures;
  if (first !== undefined) process.stdout.write(`npm run sim -- --seed ${first.seed} --trace\n`);
  return failures.length === 0 ? 0 : 1;
};

process.exitCode = await main();
