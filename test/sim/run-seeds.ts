import { Worker } from 'node:worker_threads';
import type { MutationName } from './mutations.ts';
import type { SeedOrder } from './seed-thread.ts';
import type { Outcome } from './world.ts';

export interface SeedRun {
  readonly from: number;
  readonly count: number;
  readonly threads: number;
  readonly mutation?: MutationName;
  readonly stopAtFirst?: boolean;
  readonly trace?: (line: string) => void;
}

export interface SeedSummary {
  /** How many were simulated. */
  readonly seeds: number;
  /** By seed. */
  readonly failures: readonly Outcome[];
  readonly steps: number;
  readonly failovers: number;
  /** Jobs by their last phase. */
  readonly phases: ReadonlyMap<string, number>;
}

type Message =
  { readonly kind: 'outcome'; readonly outcome: Outcome } | { readonly kind: 'trace'; readonly line: string };

export const runSeeds = async (run: SeedRun): Promise<SeedSummary> => {
  const all = Array.from({ length: run.count }, (_, index) => run.from + index);
  const shares = Array.from({ length: run.threads }, (_, thread) => all.filter((_, i) => i % run.threads === thread));
  const outcomes: Outcome[] = [];
  const workers: Worker[] = [];
  const ended = shares.map(
    (seeds) =>
      new Promise<void>((resolve, reject) => {
        const order: SeedOrder = {
          seeds,
          mutation: run.mutation,
          stopAtFirst: run.stopAtFirst ?? false,
          isTraced: run.trace !== undefined,
        };
        const worker = new Worker(new URL('./seed-thread.ts', import.meta.url), { workerData: order });
        workers.push(worker);
        worker.on('message', (message: Message) => {
          if (message.kind === 'trace') return run.trace?.(message.line);
          outcomes.push(message.outcome);
          if (run.stopAtFirst === true && message.outcome.violation !== undefined) {
            for (const each of workers) void each.terminate();
          }
        });
        worker.once('error', reject);
        worker.once('exit', () => resolve());
      }),
  );
  await Promise.all(ended);
  return summarise(outcomes);
};

const summarise = (outcomes: readonly Outcome[]): SeedSummary => {
  const phases = new Map<string, number>();
  for (const phase of outcomes.flatMap((one) => one.phases)) phases.set(phase, (phases.get(phase) ?? 0) + 1);
  return {
    seeds: outcomes.length,
    failures: outcomes.filter(({ violation }) => violation !== undefined).sort((a, b) => a.seed - b.seed),
    steps: outcomes.reduce((sum, { steps }) => sum + steps, 0),
    failovers: outcomes.reduce((sum, { failovers }) => sum + failovers, 0),
    phases,
  };
};
