/** Backups read back from real virtual tapes by the CLI: good ones, damaged ones, one copy, and what is told of it. */
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { BackupJob, Commit, Restore } from '../../src/api/generated/index.ts';
import { findCondition } from '../../src/api/conditions.ts';
import { labels, operatorNamespace } from '../../src/api/names.ts';
import { backupJobs } from '../../src/api/resources.ts';
import { pods } from '../../src/kube/resources.ts';
import { corruptPayload } from '../support/corrupt-tape.ts';
import { eventually, LocalCluster } from '../support/local-cluster.ts';
import { makeTree } from '../support/make-tree.ts';
import { findUnrest } from '../support/rest-state.ts';
import { type Ran, runCli } from '../unit/cli/run-cli.ts';

let cluster: LocalCluster;
let job: BackupJob;

beforeAll(async () => {
  cluster = await LocalCluster.start({ servers: 2, libraries: 2, drives: 2, slots: 4 });
  const source = path.join(cluster.folder, 'source');
  makeTree(source, { files: 200, totalBytes: 24e6, seed: 8, filesPerFolder: 40 });
  await cluster.createJob('whole', source);
  job = await cluster.jobEnded('whole');
  expect(job.status?.phase, job.status?.message).toBe('Succeeded');
});
afterAll(() => cluster.stop());

const cli = (...args: readonly string[]): Promise<Ran> => runCli([...args, '--kubeconfig', cluster.kubeconfig]);

const verify = async (name: string, ...args: readonly string[]): Promise<{ ran: Ran; restore: Restore }> => {
  const ran = await cli('verify', 'whole', '--wait', '--name', name, ...args);
  return { ran, restore: await cluster.restoreEnded(name) };
};

/** By stream and segment. */
const commits = async (): Promise<ReadonlyMap<string, Commit>> => {
  const pages = (await cluster.pagesOf(job)).filter(({ spec }) => spec.type === 'Commits');
  return new Map(
    pages.flatMap(({ spec, status }) =>
      Object.entries(status?.commits ?? {}).map(([n, commit]) => [`${String(spec.stream)}/${n}`, commit] as const),
    ),
  );
};

const verified = async (): Promise<readonly string[]> =>
  [...(await commits())].filter(([, { verifiedAt }]) => verifiedAt !== undefined).map(([key]) => key);

const readJob = (): Promise<BackupJob> => cluster.api.get(backupJobs, { namespace: 'default', name: 'whole' });

const condition = async () => findCondition((await readJob()).status?.conditions, 'Verified');

describe('verify', () => {
  it('of one stream reads its copies only, and says that the others were not', async () => {
    const before = readdirSync(path.join(cluster.folder, 'source'));
    const { ran, restore } = await verify('one-stream', '--stream', '1');
    expect(ran, ran.stderr).toMatchObject({ code: 0 });
    expect(restore.status).toMatchObject({ phase: 'Succeeded', reason: 'Verified' });
    const keys = await verified();
    expect(keys.length).toBeGreaterThan(2);
    expect(keys.every((key) => key.startsWith('1/'))).toBe(true);
    expect(await condition()).toMatchObject({ status: 'Unknown', reason: 'PartlyVerified' });
    expect(readdirSync(path.join(cluster.folder, 'source'))).toEqual(before);
  });

  it('reads every copy by pods of role verify that have no target, and tells it everywhere', async () => {
    const making = verify('all');
    const pod = await eventually('a worker of role verify', async () => {
      const { items } = await cluster.api.list(pods, {
        namespace: operatorNamespace,
        labelSelector: `${labels.role}=verify`,
      });
      return items[0];
    });
    const mounts = (pod.spec?.containers[0]?.volumeMounts ?? []).map(({ name }) => name);
    expect(mounts.filter((name) => !name.startsWith('kube-api-access-'))).toEqual(['library']);
    const { ran, restore } = await making;
    expect(ran, ran.stderr).toMatchObject({ code: 0 });
    expect(ran.stdout).toContain('100%');
    const all = await commits();
    expect(restore.status?.progress).toMatchObject({ segmentsDone: all.size, segmentsTotal: all.size });
    expect(new Set(await verified())).toEqual(new Set(all.keys()));
    expect(await condition()).toMatchObject({ status: 'True', reason: 'CopiesAgree' });
    const { stdout } = await cli('describe', 'backupjob/whole');
    expect(stdout).toMatch(/verified +20\d\d-[^ ]+ \([^)]* ago\): good, CopiesAgree/);
    expect(stdout).toMatch(/Verified +CopiesAgree: all copies of \d+ segments on /);
  });

  it('names the segment and the tape of a bad copy, exits with 1, and the copy is not verified any more', async () => {
    const commit = (await commits()).get('0/1');
    if (commit === undefined) throw new Error('segment 1 of stream 0 is not committed');
    corruptPayload(cluster.library(Number(/\d+$/.exec(commit.library)?.[0])), commit.barcode, commit.group);
    const { ran, restore } = await verify('bad');
    expect(ran).toMatchObject({ code: 1 });
    expect(ran.stderr).toContain(`segment 1 on ${commit.tape}: DigestMismatch`);
    expect(restore.status).toMatchObject({ phase: 'Failed', reason: 'CopiesBad' });
    expect(restore.status?.badSegments).toMatchObject([{ segment: 1, tape: commit.tape }]);
    const all = await commits();
    expect(new Set(await verified())).toEqual(new Set([...all.keys()].filter((key) => key !== '0/1')));
    const found = await condition();
    expect(found).toMatchObject({ status: 'False', reason: 'CopiesBad' });
    expect(found?.message).toContain(`segment 1 on ${commit.tape}`);
    expect((await cli('status', 'whole')).stdout).toMatch(/verified .*BAD, CopiesBad/);
    const told = await eventually('an event', async () => {
      const { stdout } = await cli('describe', 'backupjob/whole');
      return stdout.includes('VerificationFailed') ? stdout : undefined;
    });
    expect(told).toContain('VerificationFailed');
  });

  it('is refused for a backup that is not there', async () => {
    expect(await cli('verify', 'no-such', '--wait', '--name', 'none')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('no backup job default/no-such') as string,
    });
  });

  it('leaves nothing held, loaded or running', async () => {
    await expect.poll(() => findUnrest(cluster, ['server-0', 'server-1']), { timeout: 60_000 }).toEqual([]);
  });
});
