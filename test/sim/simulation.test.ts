import { beforeAll, describe, expect, it } from 'vitest';
import { isMutation, mutations } from './mutations.ts';
import { regressions } from './regressions.ts';
import { runSeeds } from './run-seeds.ts';

const ciSeeds = 2_000;
const threads = 2;

const tell = (failures: Awaited<ReturnType<typeof runSeeds>>['failures']): string =>
  failures
    .map(({ seed, violation }) => `npm run sim -- --seed ${seed} --trace\n  ${violation?.message ?? ''}`)
    .join('\n');

describe('the control plane, simulated with faults', () => {
  let summary: Awaited<ReturnType<typeof runSeeds>>;
  beforeAll(async () => {
    summary = await runSeeds({ from: 1, count: ciSeeds, threads });
  }, 600_000);

  it(`keeps every invariant at every write and comes to rest, for ${ciSeeds} seeds`, () => {
    expect(tell(summary.failures)).toBe('');
    expect(summary.seeds).toBe(ciSeeds);
  });

  it('sees jobs of every end and streams that fail over, or it would prove nothing', () => {
    expect([...summary.phases.keys()]).toEqual(expect.arrayContaining(['Succeeded', 'Failed', 'Cancelled']));
    expect(summary.failovers).toBeGreaterThan(ciSeeds / 10);
  });

  it('does the same thing for the same seed', async () => {
    const traceOf = async (): Promise<string> => {
      const lines: string[] = [];
      await runSeeds({ from: 17, count: 1, threads: 1, trace: (line) => void lines.push(line) });
      return lines.join('\n');
    };
    const first = await traceOf();
    expect(first.length).toBeGreaterThan(1_000);
    expect(await traceOf()).toBe(first);
  });

  it.each(regressions)('stays right about seed $seed: $was', async ({ seed }) => {
    const { failures } = await runSeeds({ from: seed, count: 1, threads: 1 });
    expect(tell(failures)).toBe('');
  });

  const common = Object.entries(mutations).flatMap(([name, one]) => ('rare' in one || !isMutation(name) ? [] : [name]));
  it.each(common)('finds the mistake %s', async (mutation) => {
    const { failures } = await runSeeds({ from: 1, count: ciSeeds, threads, mutation, stopAtFirst: true });
    expect(failures.length).toBeGreaterThan(0);
    expect(failures[0]?.violation?.code).not.toBe('Crashed');
  });
});
