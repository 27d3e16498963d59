/** Faults of pods, nodes, network and API server on the whole cluster: whatever happens, a job ends with the truth. */
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { condition, evict, limitMemory, operators, seen, settle, streamOn, upgrade } from './fault-bench.ts';
import { atRest, ended, goFast, restoreAndCompare, start } from './installed.ts';

/** What can't be told at once is given up soon: these tests wait for it. */
const impatient = ['heartbeat=2s', 'fenceTimeout=20s', 'podStartTimeout=15s'].map((one) => `settings.${one}`);
const spec = { stallTimeout: '10s', disjointness: { server: 'Preferred' } };

const argumentsOf = async (): Promise<readonly string[]> =>
  (await operators()).map(({ spec: pod }) => pod?.containers[0]?.args?.join(' ') ?? '');

const history = (job: Awaited<ReturnType<typeof ended>>): readonly string[] =>
  (job.status?.failoverHistory ?? []).map(({ reason }) => reason ?? '');

export const faultTests = (): void => {
  describe('faults on a whole cluster', { timeout: 240_000 }, () => {
    afterEach(settle);
    upgradeTest();
    describe('with short times', () => {
      // The upgrade's test has set them, where it was run.
      beforeAll(async () => {
        if (!(await argumentsOf()).every((one) => one.includes('--heartbeat 2s'))) await upgrade(...impatient);
      });
      podTests();
    });
  });
};

const upgradeTest = (): void => {
  test('an upgrade of the release with a changed value touches no stream of a running job', async () => {
    const before = await start({ name: 'upgraded', spec }, 3_000_000);
    await upgrade(...impatient);
    const upgraded = await argumentsOf();
    expect(upgraded).toHaveLength(2);
    for (const one of upgraded) expect(one).toContain('--heartbeat 2s');
    goFast();
    const job = await ended('upgraded');
    expect(job.status).toMatchObject({ phase: 'Succeeded', failovers: 0 });
    const epochs = (one: typeof job): unknown => one.status?.streams?.map(({ epoch, pod }) => [epoch, pod]);
    expect(epochs(job)).toEqual(epochs(before));
    expect(condition(job, 'Released')).toBe('True NothingHeld');
  });
};

const podTests = (): void => {
  test('a worker is evicted, its successor is killed for lack of memory: the job goes on elsewhere and says why', async () => {
    const before = await start({ name: 'evicted', spec });
    await limitMemory('node-2', '40Mi');
    await evict(streamOn(before, 'node-2').pod);
    const lost = await seen('evicted', 'the successor was killed', (job) => history(job).includes('OutOfMemory'));
    expect(history(lost)[0]).toBe('PodDeleted');
    const why = lost.status?.failoverHistory?.find(({ reason }) => reason === 'OutOfMemory')?.message;
    expect(why).toMatch(/on node-2 was killed for lack of memory: raise .*limits.memory/);
    goFast();
    const job = await ended('evicted');
    expect(job.status).toMatchObject({ phase: 'Succeeded' });
    expect(condition(job, 'Complete')).toMatch(/^True /);
    await atRest();
    await restoreAndCompare('evicted', 'evicted');
  });
};
