/** Claims on disks of one node on the whole cluster: what reads or writes them has to be there. */
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { NodeName } from '../../dev/cluster/layout.ts';
import { runIn } from '../../dev/cluster/members.ts';
import { labels } from '../../src/api/names.ts';
import type { Restore } from '../../src/api/generated/index.ts';
import type { Pod } from '../../src/kube/core-types.ts';
import { compareTrees } from '../support/compare-trees.ts';
import { onNode } from '../support/csi-stand-in.ts';
import { makeTree } from '../support/make-tree.ts';
import { layout, settle } from './fault-bench.ts';
import { apiVersion, atRest, bench, ended, goFast, image, nodes, start, system, team } from './installed.ts';

/** The same path on both nodes and another disk on each, as on machines of their own. */
const mountPoint = path.join(bench.state, 'disk');
const diskOf = (node: NodeName): string => path.join(bench.state, node, 'disk');
const dataOn = (node: NodeName): string => path.join(diskOf(node), 'data');

const makeDisks = (): void => {
  mkdirSync(mountPoint, { recursive: true });
  for (const node of nodes) {
    rmSync(dataOn(node), { recursive: true, force: true });
    mkdirSync(diskOf(node), { recursive: true });
    const mount = 'mountpoint -q "$2" || mount --bind "$1" "$2"';
    runIn(layout, node, ['sh', '-ec', mount, 'sh', diskOf(node), mountPoint]);
  }
  makeTree(dataOn('node-2'), { files: 300, totalBytes: 30 * 2 ** 20, seed: 13 });
  mkdirSync(dataOn('node-1'));
  expect(readdirSync(mountPoint)).toEqual([]);
};

/** @param binding Immediate, or when the first pod uses the claim */
const classOf = (name: string, binding: 'Immediate' | 'WaitForFirstConsumer'): object => ({
  apiVersion: 'storage.k8s.io/v1',
  kind: 'StorageClass',
  metadata: { name },
  provisioner: 'kubernetes.io/no-provisioner',
  volumeBindingMode: binding,
});

const diskClaim = (name: string, node: NodeName, storageClassName: string): readonly object[] => {
  const common = { accessModes: ['ReadWriteOnce'], storageClassName };
  return [
    {
      apiVersion: 'v1',
      kind: 'PersistentVolume',
      metadata: { name },
      spec: {
        ...common,
        capacity: { storage: '1Gi' },
        local: { path: path.join(mountPoint, 'data') },
        nodeAffinity: onNode(node),
      },
    },
    {
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      metadata: { name, namespace: team },
      spec: { ...common, resources: { requests: { storage: '1Gi' } } },
    },
  ];
};

/** Its scheduler binds the claim, and sends it to the node of the disk. */
const user = (): object => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'disk-user', namespace: team },
  spec: {
    terminationGracePeriodSeconds: 0,
    containers: [
      {
        name: 'main',
        image,
        imagePullPolicy: 'Never',
        args: ['-e', 'setInterval(() => undefined, 1e6)'],
        volumeMounts: [{ name: 'disk', mountPath: '/disk' }],
      },
    ],
    volumes: [{ name: 'disk', persistentVolumeClaim: { claimName: 'disk' } }],
  },
});

const nodesOf = async (...which: readonly string[]): Promise<ReadonlySet<string | undefined>> => {
  const { items } = await bench.json<{ items: Pod[] }>('pods', ...which);
  expect(items.length).toBeGreaterThan(0);
  return new Set(items.map(({ spec }) => spec?.nodeName));
};

/** One node has it: there both streams have to be. */
const spec = {
  source: { persistentVolumeClaim: { claimName: 'disk' } },
  disjointness: { server: 'Preferred' },
  segmentSize: '4Mi',
};

export const localVolumeTests = (): void => {
  describe('disks of one node on a whole cluster', () => {
    beforeAll(async () => {
      makeDisks();
      await bench.apply(
        classOf('disks', 'WaitForFirstConsumer'),
        classOf('bound-disks', 'Immediate'),
        ...diskClaim('disk', 'node-2', 'disks'),
        ...diskClaim('other-disk', 'node-1', 'bound-disks'),
        user(),
      );
      await bench.kubectl('wait', '--for=condition=Ready', 'pod/disk-user', '-n', team, '--timeout=60s');
    });
    afterAll(async () => {
      await settle();
      await bench.kubectl('delete', 'pod/disk-user', '-n', team, '--ignore-not-found', '--timeout=60s');
    });

    test('a claim is backed up where its disk is, and restored into one whose disk is elsewhere', async () => {
      const job = await start({ name: 'disk', spec }, 3_000_000);
      expect(await nodesOf('-n', team, '-l', `${labels.anchor}=true`)).toEqual(new Set(['node-2']));
      const ours = ['-l', `${labels.jobUid}=${job.metadata.uid}`];
      expect(await nodesOf(...system, ...ours)).toEqual(new Set(['node-2']));
      goFast();
      const done = await ended('disk');
      expect(done.status).toMatchObject({ phase: 'Succeeded', failovers: 0 });
      expect(done.status?.streams?.map(({ node }) => node)).toEqual(['node-2', 'node-2']);
      await bench.apply({
        apiVersion,
        kind: 'Restore',
        metadata: { name: 'disk', namespace: team },
        spec: { from: { backupJob: 'disk' }, target: { persistentVolumeClaim: { claimName: 'other-disk' } } },
      });
      await bench.kubectl('wait', '--for=condition=Complete', 'restore/disk', '-n', team, '--timeout=120s');
      const restored = await bench.json<Restore>('restore', 'disk', '-n', team);
      expect(new Set(restored.status?.streams?.map(({ node }) => node))).toEqual(new Set(['node-1']));
      expect(compareTrees(dataOn('node-2'), dataOn('node-1')).differences).toEqual([]);
      await atRest();
    });
  });
};
