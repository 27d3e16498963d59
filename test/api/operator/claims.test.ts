/**
 * Jobs and restores on claims of users, against the real operator, agents, workers and admission. No kubelet is here: the
 * test plays its part for the anchors, on volumes that lie on this machine.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { labels, mediaServerTaint } from '../../../src/api/names.ts';
import { isApiError } from '../../../src/kube/api.ts';
import type { Pod } from '../../../src/kube/core-types.ts';
import { nodes, pods } from '../../../src/kube/resources.ts';
import { compareTrees } from '../../support/compare-trees.ts';
import { eventually, LocalCluster } from '../../support/local-cluster.ts';

let cluster: LocalCluster;
const playing = new AbortController();
let played: Promise<void>;
/** Anchors with the claim of this name do not start. */
const broken = 'broken';

const anchorsOf = async (): Promise<readonly Pod[]> => {
  const { items } = await cluster.api.list(pods, { labelSelector: `${labels.anchor}=true` });
  return items;
};

const claimNameOf = ({ spec }: Pod): string => spec?.volumes?.[0]?.persistentVolumeClaim?.claimName ?? '';

/** What a kubelet does: starts the anchor, and takes it away once it is deleted. */
const playKubelet = async (pod: Pod): Promise<void> => {
  const { namespace = '', name = '', deletionTimestamp } = pod.metadata ?? {};
  const ref = { namespace, name };
  if (deletionTimestamp !== undefined) await cluster.api.delete(pods, ref, { gracePeriodSeconds: 0 });
  else if (pod.status?.phase !== 'Running') {
    const state =
      claimNameOf(pod) === broken
        ? { terminated: { exitCode: 1, reason: 'StartError', message: 'the volume is not there' } }
        : { running: { startedAt: new Date().toISOString() } };
    const container = { name: 'anchor', image: 'twinreel', imageID: '', ready: true, restartCount: 0, state };
    const phase = claimNameOf(pod) === broken ? 'Failed' : 'Running';
    await cluster.api.patch(
      pods,
      ref,
      { status: { phase, containerStatuses: [container] } },
      { type: 'merge', subresource: 'status' },
    );
  }
};

const play = async (): Promise<void> => {
  while (!playing.signal.aborted) {
    try {
      for (const { metadata } of (await cluster.api.list(nodes, { labelSelector: mediaServerTaint })).items) {
        const change = { metadata: { labels: { [mediaServerTaint]: null } } };
        await cluster.api.patch(nodes, { name: metadata?.name ?? '' }, change, { type: 'merge' });
      }
      for (const pod of await anchorsOf()) await playKubelet(pod);
    } catch (error) {
      if (!isApiError(error)) throw error;
    }
    await sleep(100);
  }
};

/** A static volume on this machine and a claim bound to it. */
const makeClaim = async (name: string, folder: string, mode = 'ReadWriteMany'): Promise<void> => {
  const capacity = { storage: '1Gi' };
  await cluster.apply({
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: { name: `pv-${name}` },
    spec: {
      capacity,
      accessModes: [mode],
      storageClassName: '',
      hostPath: { path: folder },
      claimRef: { namespace: 'default', name },
    },
  });
  await cluster.apply({
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name, namespace: 'default' },
    spec: { accessModes: [mode], storageClassName: '', volumeName: `pv-${name}`, resources: { requests: capacity } },
  });
  const bound = await cluster.kubectl('wait', '--for=jsonpath={.status.phase}=Bound', '--timeout=60s', `pvc/${name}`);
  expect(bound.stderr).toBe('');
};

const fill = (name: string): string => {
  const folder = cluster.makeFolder(name);
  mkdirSync(path.join(folder, 'inner', 'deep'), { recursive: true });
  for (let n = 0; n < 20; n += 1)
    writeFileSync(path.join(folder, 'inner', `file-${String(n)}`), `${name} ${String(n)}`);
  writeFileSync(path.join(folder, 'inner', 'deep', 'big'), Buffer.alloc(3_000_000, 7));
  return folder;
};

const jobOn = (claimName: string, more: object = {}): object => ({
  source: { persistentVolumeClaim: { claimName, ...more } },
});

const noAnchors = (): Promise<true> =>
  eventually('no anchor is left', async () => ((await anchorsOf()).length === 0 ? true : undefined), 30_000);

beforeAll(async () => {
  cluster = await LocalCluster.start({ servers: 2, libraries: 2, slots: 8 });
  played = play();
}, 240_000);
afterAll(async () => {
  playing.abort();
  await played;
  await cluster.stop();
}, 120_000);

describe('a claim', () => {
  it(
    'is backed up by two servers and restored into another one, and no anchor is left',
    { timeout: 240_000 },
    async () => {
      const source = fill('data');
      const target = cluster.makeFolder('target');
      await makeClaim('data', source);
      await makeClaim('target', target);
      const claimed = { persistentVolumeClaim: { claimName: 'data', path: 'inner' } };
      await cluster.createJob('claimed', '', { source: claimed });
      const ended = await cluster.jobEnded('claimed', 120_000);
      expect(ended.status).toMatchObject({ phase: 'Succeeded', reason: 'AllCopiesWritten' });
      await noAnchors();
      await cluster.createRestore('back', 'claimed', '', {
        target: { persistentVolumeClaim: { claimName: 'target' } },
      });
      const restored = await eventually('the restore has ended', async () => {
        const { status } = await cluster.restore('back');
        return status?.phase === 'Succeeded' || status?.phase === 'Failed' ? status : undefined;
      });
      expect(restored).toMatchObject({ phase: 'Succeeded' });
      expect(compareTrees(path.join(source, 'inner'), target).differences).toEqual([]);
      await noAnchors();
    },
  );

  it('that does not exist fails the job before anything is secured', async () => {
    await cluster.createJob('nowhere', '', { ...jobOn('nowhere'), whenUnavailable: 'Fail' });
    const { status } = await cluster.jobEnded('nowhere', 30_000);
    expect(status).toMatchObject({ phase: 'Failed', reason: 'SourceNotReachable' });
    expect(status?.message).toContain('claim default/nowhere does not exist');
    expect(status?.streams?.every(({ server }) => server === undefined)).toBe(true);
  });

  it('that does not exist yet is waited for until it is made', { timeout: 120_000 }, async () => {
    await cluster.createJob('early', '', jobOn('later'));
    await cluster.jobWhen('early', 'waits for the claim', ({ status }) =>
      (status?.message ?? '').includes('claim default/later does not exist: it is waited for until it is made'),
    );
    await makeClaim('later', fill('later'));
    const { status } = await cluster.jobEnded('early', 90_000);
    expect(status, status?.message).toMatchObject({ phase: 'Succeeded' });
    await noAnchors();
  });

  it(
    'whose anchor does not start fails the job with the reason, and the anchor goes',
    { timeout: 120_000 },
    async () => {
      await makeClaim(broken, fill(broken));
      await cluster.createJob('unmounted', '', jobOn(broken));
      const { status } = await cluster.jobEnded('unmounted', 60_000);
      expect(status).toMatchObject({ phase: 'Failed', reason: 'SourceNotReachable' });
      expect(status?.message).toMatch(
        /claim default\/broken could not be mounted on node server-\d: .*the volume is not there/,
      );
      await noAnchors();
    },
  );

  it('is let go of when its job is cancelled or deleted', { timeout: 120_000 }, async () => {
    await makeClaim('held', fill('held'));
    const isMounted = (): Promise<true> =>
      eventually('anchored', async () => ((await anchorsOf()).length > 0 ? true : undefined), 30_000);
    await cluster.createJob('cancelled', '', jobOn('held'));
    await isMounted();
    await cluster.kubectl('patch', 'backupjob', 'cancelled', '--type=merge', '-p', '{"spec":{"cancel":true}}');
    await cluster.jobEnded('cancelled', 60_000);
    await noAnchors();
    await cluster.createJob('deleted', '', jobOn('held'));
    await isMounted();
    expect((await cluster.kubectl('delete', 'backupjob', 'deleted', '--timeout=60s')).code).toBe(0);
    await noAnchors();
  });

  it('is let go of by the collector when nobody else is left to do it', async () => {
    const orphan = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: {
        name: 'orphan',
        namespace: 'default',
        labels: {
          [labels.anchor]: 'true',
          [labels.jobUid]: '00000000-0000-4000-8000-000000000000',
          [labels.jobNamespace]: 'default',
          [labels.jobName]: 'gone',
        },
      },
      spec: { nodeName: 'server-0', containers: [{ name: 'anchor', image: 'twinreel' }] },
    };
    await cluster.apply(orphan);
    await noAnchors();
  });
});

describe('the operator outside its own namespace', () => {
  const pod = (spec: object, of: Readonly<Record<string, string>>): string =>
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'tried', namespace: 'default', labels: of },
      spec,
    });
  const asOperator = async (manifest: string) => {
    const file = path.join(cluster.makeFolder('tried'), 'pod.json');
    writeFileSync(file, manifest);
    const user = 'system:serviceaccount:twinreel-system:twinreel-operator';
    return cluster.kubectl('create', '--dry-run=server', '-f', file, `--as=${user}`);
  };
  const anchor = { [labels.anchor]: 'true' };
  const container = { name: 'c', image: 'i', securityContext: { allowPrivilegeEscalation: false } };
  const good = {
    automountServiceAccountToken: false,
    securityContext: { runAsNonRoot: true },
    containers: [container],
    volumes: [{ name: 'claim', persistentVolumeClaim: { claimName: 'data' } }],
  };
  const privileged = { ...container, securityContext: { allowPrivilegeEscalation: true, privileged: true } };

  it('may make an anchor', async () => {
    expect(await asOperator(pod(good, anchor))).toMatchObject({ code: 0 });
  });

  it.each([
    { name: 'a pod without the label', spec: good, of: {}, says: 'metadata.labels[twinreel.io/anchor]' },
    { name: 'one with a token', spec: { ...good, automountServiceAccountToken: true }, of: anchor, says: 'no token' },
    {
      name: 'one with a host path',
      spec: { ...good, volumes: [{ name: 'h', hostPath: { path: '/' } }] },
      of: anchor,
      says: 'a claim as its only volume',
    },
    {
      name: 'a privileged one',
      spec: { ...good, containers: [privileged] },
      of: anchor,
      says: 'an anchor is not root',
    },
    {
      name: 'one on the network of its node',
      spec: { ...good, hostNetwork: true },
      of: anchor,
      says: 'shares nothing',
    },
  ])('may not make $name', async ({ spec, of, says }) => {
    const { code, stderr } = await asOperator(pod(spec, of));
    expect(code).not.toBe(0);
    expect(stderr).toContain(says);
  });
});
