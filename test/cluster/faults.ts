/** Faults of pods, nodes, network and API server on the whole cluster: whatever happens, a job ends with the truth. */
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import {
  continueKubelet,
  cutNode,
  freezeNode,
  joinNode,
  killProcess,
  removeImage,
  restoreImage,
  startProcess,
  stopKubelet,
  thawNode,
} from '../../dev/cluster/faults.ts';
import { isAlive } from '../../dev/processes/process-identity.ts';
import {
  argumentsOf,
  condition,
  cutWorker,
  evict,
  joinWorkers,
  layout,
  leaderNode,
  limitMemory,
  seen,
  settle,
  spreadOperators,
  streamOn,
  tapeBytes,
  tapeOf,
  upgrade,
  workerProcess,
} from './fault-bench.ts';
import { atRest, bench, ended, goFast, image, jobOf, leaderOf, nodes, restoreAndCompare, start } from './installed.ts';

/** What can't be told at once is given up soon: these tests wait for it. */
const impatient = ['heartbeat=2s', 'fenceTimeout=20s', 'podStartTimeout=15s'].map((one) => `settings.${one}`);
const spec = { stallTimeout: '10s', disjointness: { server: 'Preferred' } };

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
      restartTest();
      podTests();
      imageTest();
      policyTest();
      leaderTest();
      fenceTest();
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

const restartTest = (): void => {
  test('API server and kubelet are killed and started again: workers write on, nothing is lost', async () => {
    const before = await start({ name: 'restarted', spec });
    await killProcess(layout, 'kubelet-node-2');
    await killProcess(layout, 'kube-apiserver');
    try {
      const written = tapeBytes();
      await bench.until('workers write on', async () => (tapeBytes() > written + 8 * 2 ** 20 ? true : undefined), 30);
    } finally {
      await startProcess(layout, 'kube-apiserver');
      await bench.until('the API server is ready', async () => bench.kubectl('get', '--raw', '/readyz'));
      await startProcess(layout, 'kubelet-node-2');
    }
    goFast();
    const job = await ended('restarted');
    expect(job.status).toMatchObject({ phase: 'Succeeded', failovers: 0 });
    const epochs = (one: typeof job): unknown => one.status?.streams?.map(({ epoch }) => epoch);
    expect(epochs(job)).toEqual(epochs(before));
    await atRest();
    await restoreAndCompare('restarted', 'restarted');
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

const imageTest = (): void => {
  test('a node has the image no more: the other goes on; none has it: the job fails and names the image', async () => {
    const before = await start({ name: 'imageless', spec });
    try {
      await removeImage(layout, 'node-2', image);
      await evict(streamOn(before, 'node-2').pod);
      const lost = await seen('imageless', 'no pod starts', (job) => history(job).includes('PodNotStarted'));
      expect(lost.status?.failoverHistory?.at(-1)?.message).toMatch(/on node-2: ErrImageNeverPull: .*twinreel:test/);
      goFast();
      expect((await ended('imageless')).status).toMatchObject({ phase: 'Succeeded' });
      await removeImage(layout, 'node-1', image);
      await bench.apply(jobOf({ name: 'nowhere', spec: { ...spec, maxReplacements: 2 } }));
      const job = await ended('nowhere');
      expect(job.status).toMatchObject({ phase: 'Failed', reason: 'PodNotStarted' });
      expect(job.status?.message).toMatch(/ErrImageNeverPull: .*twinreel:test/);
    } finally {
      for (const node of nodes) await restoreImage(layout, node, image).catch(() => undefined);
    }
    await atRest();
    await restoreAndCompare('imageless', 'imageless');
  });
};

const policyTest = (): void => {
  test('a policy that allows a worker nothing cuts it off in the middle: the job goes on elsewhere and says why', async () => {
    const before = await start({ name: 'denied', spec }, 2_000_000);
    const stream = streamOn(before, 'node-2');
    const worker = await workerProcess('node-2', stream.pod);
    try {
      await cutWorker(stream.pod);
      const lost = await seen('denied', 'the worker is given up', (job) => history(job).length > 0);
      expect(lost.status?.failoverHistory?.[0]).toMatchObject({ stream: stream.number, fromEpoch: stream.epoch });
      // Its drive is not blamed, of which nobody knows.
      expect(history(lost)[0]).toBe('HeartbeatLost');
      // Its kubelet can end it.
      await bench.until('the worker has ended', async () => (isAlive(worker) ? undefined : true));
      goFast();
      const job = await ended('denied');
      expect(job.status).toMatchObject({ phase: 'Succeeded' });
      await seen('denied', 'nothing is held', (one) => condition(one, 'Released') === 'True NothingHeld');
    } finally {
      await joinWorkers();
    }
    await atRest();
    await restoreAndCompare('denied', 'denied');
  });
};

const leaderTest = (): void => {
  test("the leader's node stands still: the standby leads and ends the job; woken up, it frees the tape", async () => {
    await spreadOperators();
    const before = await start({ name: 'hung', spec });
    const [leader, node] = [await leaderOf(), await leaderNode()];
    const stream = streamOn(before, node);
    await freezeNode(layout, node);
    try {
      const frozenAt = performance.now();
      await bench.until('another leads', async () => ((await leaderOf()) === leader ? undefined : true), 40);
      // Lease 15 s, tried every 2 s; the rest is for a busy machine.
      expect(performance.now() - frozenAt).toBeLessThan(25_000);
      goFast();
      const job = await ended('hung');
      expect(job.status).toMatchObject({ phase: 'Succeeded' });
      // Whichever is first: the cluster gives the node's pods up, or Twinreel the node.
      expect(history(job)[0]).toMatch(/^(PodDeleted|NodeGone)$/);
      expect(condition(job, 'Released')).toBe('False FencingUnconfirmed');
      expect((await tapeOf(stream)).status).toMatchObject({ holder: { uid: job.metadata.uid, epoch: stream.epoch } });
    } finally {
      thawNode(layout, node);
    }
    await seen('hung', 'the fence is proven', (job) => condition(job, 'Released') === 'True NothingHeld');
    expect((await tapeOf(stream)).status?.holder).toBeUndefined();
    expect(await leaderOf()).not.toBe(leader);
    await atRest();
    await restoreAndCompare('hung', 'hung');
  });
};

const fenceTest = (): void => {
  test('a worker that nobody can reach keeps its tape until it is proven to be gone', async () => {
    const before = await start({ name: 'cut', spec }, 2_000_000);
    const [survivor, node] = (await leaderNode()) === 'node-1' ? nodes : ([nodes[1], nodes[0]] as const);
    const stream = streamOn(before, node);
    const worker = await workerProcess(node, stream.pod);
    const isHeld = async (): Promise<void> =>
      expect((await tapeOf(stream)).status).toMatchObject({
        holder: { uid: before.metadata.uid, epoch: stream.epoch },
      });
    stopKubelet(layout, node);
    cutNode(layout, node);
    try {
      const lost = await seen('cut', 'it goes on elsewhere', (job) =>
        (job.status?.streams ?? []).every(({ state, server }) => state === 'Running' && server === survivor),
      );
      expect(lost.status?.streams?.map(({ tape }) => tape)).not.toContain(stream.tape);
      // It still writes, with nobody to tell it that it should not.
      expect(isAlive(worker)).toBe(true);
      await isHeld();
      goFast();
      const job = await ended('cut');
      expect(job.status).toMatchObject({ phase: 'Succeeded' });
      expect(condition(job, 'Released')).toBe('False FencingUnconfirmed');
      await isHeld();
      joinNode(layout, node);
      // No kubelet is there that could end it: it reads that it was replaced, and stops.
      await bench.until('the worker has stopped itself', async () => (isAlive(worker) ? undefined : true));
      await isHeld();
    } finally {
      joinNode(layout, node);
      continueKubelet(layout, node);
    }
    await seen('cut', 'the fence is proven', (job) => condition(job, 'Released') === 'True NothingHeld');
    expect((await tapeOf(stream)).status?.holder).toBeUndefined();
    await atRest();
    await restoreAndCompare('cut', 'cut');
  });
};
