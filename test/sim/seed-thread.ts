/** Simulates the seeds that it is given, a few at a time: while one waits for its turn, another has it. */
import { parentPort, workerData } from 'node:worker_threads';
import { mutate, type MutationName } from './mutations.ts';

export interface SeedOrder {
  readonly seeds: readonly number[];
  readonly mutation: MutationName | undefined;
  readonly stopAtFirst: boolean;
  readonly isTraced: boolean;
}

const atATime = 4;

const run = async ({ seeds, mutation, stopAtFirst, isTraced }: SeedOrder): Promise<void> => {
  if (mutation !== undefined) mutate(mutation);
  // Stacks of simulated faults cost more than the faults.
  if (!isTraced) Error.stackTraceLimit = 0;
  const { simulate } = await import('./world.ts');
  const left = [...seeds];
  const options = isTraced ? { trace: (line: string) => parentPort?.postMessage({ kind: 'trace', line }) } : {};
  const work = async (): Promise<void> => {
    for (let seed = left.shift(); seed !== undefined; seed = left.shift()) {
      const outcome = await simulate(seed, options);
      parentPort?.postMessage({ kind: 'outcome', outcome });
      if (outcome.violation !== undefined && stopAtFirst) left.length = 0;
    }
  };
  await Promise.all(Array.from({ length: atATime }, work));
};

await run(workerData as SeedOrder);
