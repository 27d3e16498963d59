import { describe, expect, it } from 'vitest';
import { actInOrder } from '../../../src/controllers/act-in-order.ts';
import type { Step } from '../../../src/decide/step.ts';
import { aGrant } from '../decide/job-objects.ts';

const one = aGrant(0, 'Preparing');
const other = aGrant(1, 'Running');
const steps: readonly Step[] = [
  { kind: 'zone', grant: one },
  { kind: 'launchLoad', grant: one },
  { kind: 'deletePod', pod: 'tw-1a2b3c4d-s0-e1-load', uid: 'u' },
  { kind: 'closeHead', grant: other },
  { kind: 'deletePod', pod: 'tw-1a2b3c4d-s1-e2', uid: 'u' },
  { kind: 'launchPlan', server: 'server-0' },
  { kind: 'finishRecords' },
];
const textOf = (step: Step): string => ('grant' in step ? `${step.kind} ${step.grant.number}` : step.kind);

const run = async (
  failing: readonly string[],
  signal = new AbortController().signal,
  isExcused: (step: Step) => boolean = () => false,
) => {
  const done: string[] = [];
  const act = (step: Step): Promise<string> => {
    if (failing.includes(textOf(step))) return Promise.reject(new Error(`${textOf(step)} failed`));
    done.push(textOf(step));
    return Promise.resolve(textOf(step));
  };
  const acted = await actInOrder(steps, act, (step) => (isExcused(step) ? `excused ${step.kind}` : undefined), signal);
  return { done, ...acted };
};

describe('the acts of one pass', () => {
  it('are all done, in order', async () => {
    const { done, outcomes, failures } = await run([]);
    expect(done).toEqual(steps.map(textOf));
    expect(outcomes).toEqual(done);
    expect(failures).toEqual([]);
  });

  it('go on for other grants where one failed, whose later acts wait', async () => {
    const { done, outcomes, failures } = await run(['zone 0']);
    expect(done).toEqual(['closeHead 1', 'deletePod', 'launchPlan']);
    expect(outcomes).toEqual(done);
    expect(failures.map(({ message }) => message)).toEqual(['zone 0 failed']);
  });

  it('end the whole though one failed that is excused', async () => {
    const { done, outcomes, failures } = await run(['zone 0'], undefined, ({ kind }) => kind === 'zone');
    expect(done).toEqual(['closeHead 1', 'deletePod', 'launchPlan', 'finishRecords']);
    expect(outcomes[0]).toBe('excused zone');
    expect(failures).toHaveLength(1);
  });

  it('tell every failure', async () => {
    expect((await run(['launchLoad 0', 'closeHead 1'])).failures).toHaveLength(2);
  });

  it('end with the signal', async () => {
    await expect(run(['zone 0'], AbortSignal.abort(new Error('stopped')))).rejects.toThrow('zone 0 failed');
  });
});
