/** Twinreel as its users have it: installed by Helm on a whole Kubernetes, its pods run by kubelets. */
import { mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Pod } from '../../src/kube/core-types.ts';
import { compareTrees } from '../support/compare-trees.ts';
import { faultTests } from './faults.ts';
import { policyTests } from './policies.ts';
import {
  apiVersion,
  atRest,
  bench,
  claimOf,
  ended,
  goFast,
  hook,
  jobOf,
  leaderOf,
  pidOf,
  readJob,
  restoreAndCompare,
  setFaults,
  setUp,
  source,
  start,
  system,
  team,
} from './installed.ts';
import { localVolumeTests } from './local-volumes.ts';
import { releaseTests } from './release.ts';
import { rightsTests } from './rights.ts';
import { snapshotTests } from './snapshots.ts';
import { userTests } from './users.ts';

beforeAll(setUp);
afterAll(async () => bench.close());

describe('on a whole cluster', () => {
  test('two operators run, one of which leads', async () => {
    const { items } = await bench.json<{ items: Pod[] }>(
      'pods',
      ...system,
      '-l',
      'app.kubernetes.io/component=operator',
    );
    expect(items).toHaveLength(2);
    expect(items.map((pod) => pod.metadata?.name)).toContain((await leaderOf()).replace(/_.*/, ''));
  });

  test('a backup with hooks survives a drive failure and is restored from either copy', async () => {
    setFaults(
      0,
      '- {drive: 0, kind: writeError, afterBytes: 30000000}\n- {drive: 1, kind: writeError, afterBytes: 30000000}\n',
    );
    await bench.apply(jobOf({ name: 'first', spec: { hooks: { before: [hook('before')], after: [hook('after')] } } }));
    await bench.kubectl('wait', '--for=condition=Complete', 'backupjob/first', '-n', team, '--timeout=240s');
    const job = await readJob('first');
    expect(job.status).toMatchObject({ phase: 'Succeeded' });
    expect(job.status?.failovers).toBeGreaterThan(0);
    expect(readFileSync(path.join(bench.state, 'notes/hooks'), 'utf8')).toBe('before\nafter\n');
    const wide = await bench.kubectl('get', 'backupjobs', '-n', team, '-o', 'wide');
    expect(wide).toMatch(/^NAME +PHASE +PROGRESS +STREAMS +FAILOVERS +REASON +STARTED +AGE +TAPES +MESSAGE/);
    expect(wide).toMatch(/^first +Succeeded +100% +2\/2 +[1-9]/m);
    goFast();
    for (const stream of [0, 1]) await restoreAndCompare('first', `first-${stream}`, { preferStreams: [stream] });
    await atRest();
  });

  test('a claim of another namespace is backed up and restored into a claim', async () => {
    const target = path.join(bench.state, 'targets', 'claim');
    mkdirSync(target);
    await bench.apply(...claimOf('data', source), ...claimOf('restored', target));
    const spec = { source: { persistentVolumeClaim: { claimName: 'data' } } };
    await bench.apply(jobOf({ name: 'claimed', spec }));
    expect(await ended('claimed')).toMatchObject({ status: { phase: 'Succeeded', failovers: 0 } });
    await bench.apply({
      apiVersion,
      kind: 'Restore',
      metadata: { name: 'claimed', namespace: team },
      spec: { from: { backupJob: 'claimed' }, target: { persistentVolumeClaim: { claimName: 'restored' } } },
    });
    await bench.kubectl('wait', '--for=condition=Complete', 'restore/claimed', '-n', team, '--timeout=120s');
    expect(compareTrees(source, target).differences).toEqual([]);
    await atRest();
    const anchors = await bench.json<{ items: Pod[] }>('pods', '-n', team, '-l', 'twinreel.io/anchor=true');
    expect(anchors.items).toEqual([]);
  });

  test('the leading operator is deleted in the middle', async () => {
    await start({ name: 'leaderless' });
    await bench.kubectl('delete', 'pod', (await leaderOf()).replace(/_.*/, ''), ...system, '--wait=false');
    goFast();
    expect(await ended('leaderless')).toMatchObject({ status: { phase: 'Succeeded', failovers: 0 } });
    await atRest();
  });

  test('a kubelet stands still: the job goes on elsewhere at once, the tape is freed when it is back', async () => {
    // A node is missed after 12 s, its pods are given up 5 s later: the stream has to write for far longer.
    const before = await start({ name: 'frozen' }, 1_500_000);
    const stream = before.status?.streams?.find((one) => one.server === 'node-2');
    expect(stream?.tape).toBeDefined();
    process.kill(pidOf('kubelet-node-2'), 'SIGSTOP');
    try {
      await bench.kubectl('wait', '--for=condition=Ready=Unknown', 'node/node-2', '--timeout=60s');
      const lost = await bench.until('the stream is given up', async () => {
        const job = await readJob('frozen');
        return (job.status?.failovers ?? 0) > 0 ? job : undefined;
      });
      // The pod may still write: its tape is nobody else's.
      expect(lost.status?.streams?.map(({ tape, state }) => ({ tape, state }))).not.toContainEqual({
        tape: stream?.tape,
        state: 'Running',
      });
      goFast();
      await bench.until('every segment has its copies', async () => {
        const job = await readJob('frozen');
        return (job.status?.progress?.segmentsDone ?? 0) === job.status?.progress?.segmentsTotal ? job : undefined;
      });
    } finally {
      process.kill(pidOf('kubelet-node-2'), 'SIGCONT');
    }
    expect(await ended('frozen')).toMatchObject({ status: { phase: 'Succeeded' } });
    await atRest();
    await bench.kubectl('wait', '--for=condition=Ready', 'node/node-2', '--timeout=60s');
  });

  test('a node is drained in the middle', async () => {
    await start({ name: 'drained' });
    await bench.kubectl(
      'drain',
      'node-2',
      '--force',
      '--ignore-daemonsets',
      '--delete-emptydir-data',
      '--timeout=120s',
    );
    goFast();
    try {
      const job = await ended('drained');
      expect(job.status?.phase).toBe('Succeeded');
      expect(job.status?.failovers).toBeGreaterThan(0);
    } finally {
      await bench.kubectl('uncordon', 'node-2');
    }
    await atRest();
    await restoreAndCompare('drained', 'drained');
  });
});

rightsTests();
localVolumeTests();
snapshotTests();
policyTests();
userTests();
faultTests();
releaseTests();
