/**
 * Jobs that read snapshots of claims: the operator, agents, workers, admission, the snapshot CRDs and the snapshot
 * controller are real. The test plays the kubelet for anchors, and the sidecars of a CSI driver on folders.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { findSnapshotController } from '../../../dev/tools/snapshot-controller.ts';
import type { BackupJob } from '../../../src/api/generated/index.ts';
import { labels } from '../../../src/api/names.ts';
import { persistentVolumeClaims, persistentVolumes, volumeSnapshots } from '../../../src/kube/resources.ts';
import { compareTrees } from '../../support/compare-trees.ts';
import {
  CsiStandIn,
  copyFolder,
  claimObjects,
  driverObjects,
  snapshotClass,
  snapshotClassObject,
  volumeSnapshotContents,
} from '../../support/csi-stand-in.ts';
import { anchorsOf, playKubelet } from '../../support/kubelet-stand-in.ts';
import { eventually, LocalCluster } from '../../support/local-cluster.ts';

let cluster: LocalCluster;
let csi: CsiStandIn;
let controller: ChildProcess | undefined;
const playing = new AbortController();
const played: Promise<void>[] = [];

const fill = (name: string): string => {
  const folder = cluster.makeFolder(name);
  mkdirSync(path.join(folder, 'deep'), { recursive: true });
  for (let n = 0; n < 20; n += 1) writeFileSync(path.join(folder, `file-${String(n)}`), `${name} ${String(n)}`);
  writeFileSync(path.join(folder, 'deep', 'big'), Buffer.alloc(3_000_000, 7));
  return folder;
};

const makeClaim = async (name: string): Promise<string> => {
  const folder = fill(name);
  for (const object of claimObjects(name, folder)) await cluster.apply(object);
  const bound = await cluster.kubectl('wait', '--for=jsonpath={.status.phase}=Bound', '--timeout=60s', `pvc/${name}`);
  expect(bound.stderr).toBe('');
  return folder;
};

const snapshotOf = (claimName: string, more: object = {}): object => ({
  source: { persistentVolumeClaim: { claimName }, snapshot: { volumeSnapshotClassName: snapshotClass } },
  ...more,
});

/** Of all jobs: each test leaves nothing behind. */
const leftovers = async (): Promise<readonly string[]> => {
  const { api } = cluster;
  const found = [
    ...(await api.list(volumeSnapshots, {})).items,
    ...(await api.list(volumeSnapshotContents, {})).items,
    ...(await api.list(persistentVolumeClaims, {})).items.filter(({ spec }) => spec?.dataSource !== undefined),
    ...(await api.list(persistentVolumes, {})).items.filter(({ metadata }) => metadata?.name?.startsWith('pvc-')),
    ...(await anchorsOf(api)),
  ];
  return found.map(({ metadata }) => metadata?.name ?? '');
};

const nothingLeft = async (): Promise<void> => {
  const look = async (): Promise<boolean | undefined> => {
    const left = await leftovers();
    if (left.length > 0) throw new Error(`left: ${left.join(', ')}`);
    return true;
  };
  await eventually('no snapshot, clone, volume or anchor is left', look, 60_000);
};

const whenRequested = (name: string): Promise<BackupJob> =>
  cluster.jobWhen(name, 'asks for a snapshot', ({ status }) => status?.snapshot?.uid !== undefined, 60_000);

const condition = ({ status }: BackupJob, type: string) => status?.conditions?.find((one) => one.type === type);

beforeAll(async () => {
  process.env['TWINREEL_SNAPSHOT_TIMEOUT'] = '12s';
  cluster = await LocalCluster.start({ servers: 3, libraries: 2, drives: 3, slots: 12 });
  played.push(playKubelet(cluster.api, playing.signal));
}, 240_000);

afterAll(async () => {
  playing.abort();
  await Promise.all(played);
  if (controller !== undefined) {
    const ended = once(controller, 'exit');
    controller.kill('SIGTERM');
    await ended;
  }
  await cluster.stop();
}, 120_000);

describe('a cluster that serves no snapshots', () => {
  it('has a job told so before anything is secured, and serves other jobs', { timeout: 120_000 }, async () => {
    await makeClaim('unserved');
    await cluster.createJob('unserved', '', snapshotOf('unserved'));
    const { status } = await cluster.jobEnded('unserved', 30_000);
    expect(status).toMatchObject({ phase: 'Failed', reason: 'SnapshotNotPossible' });
    expect(status?.message).toContain('does not serve snapshot.storage.k8s.io/v1: install the CRDs');
    expect(status?.streams?.every(({ server }) => server === undefined)).toBe(true);
    await cluster.createJob('plain', fill('plain'));
    expect((await cluster.jobEnded('plain')).status?.phase).toBe('Succeeded');
  });
});

describe('a snapshot of a claim', () => {
  beforeAll(async () => {
    const { program, crds } = await findSnapshotController();
    expect((await cluster.kubectl('apply', '--server-side', '-f', crds)).stderr).toBe('');
    await cluster.kubectl('wait', '--for=condition=Established', '--timeout=60s', '-f', crds);
    for (const object of driverObjects) await cluster.apply(object);
    controller = spawn(program, [`--kubeconfig=${cluster.kubeconfig}`], { stdio: 'ignore' });
    csi = new CsiStandIn(cluster.api, cluster.makeFolder('csi'));
    played.push(csi.play(playing.signal));
  }, 600_000);

  it(
    'is what two streams read, each by a clone of its own, however the claim changes',
    { timeout: 240_000 },
    async () => {
      const source = await makeClaim('data');
      const asItWas = path.join(cluster.folder, 'as-it-was');
      copyFolder(source, asItWas);
      csi.onCut = (folder) => {
        if (folder !== source) return;
        writeFileSync(path.join(source, 'file-1'), 'changed after the cut');
        rmSync(path.join(source, 'deep'), { recursive: true });
        writeFileSync(path.join(source, 'new'), 'made after the cut');
      };
      await cluster.createJob('shot', '', snapshotOf('data'));
      const job = await cluster.jobEnded('shot', 120_000);
      expect(job.status).toMatchObject({ phase: 'Succeeded', reason: 'AllCopiesWritten' });
      expect(condition(job, 'Consistent')).toMatchObject({ status: 'True', reason: 'Snapshot' });
      expect(job.status?.dataTime).toBe(job.status?.snapshot?.takenAt);
      expect([...csi.filled.keys()].map((name) => /-s(\d)-e\d+-clone$/.exec(name)?.[1]).sort()).toEqual(['0', '1']);
      expect(new Set(csi.filled.values()).size).toBe(2);
      const records = await cluster.recordsOf(job);
      expect(new Set(records.map(({ spec }) => spec.source?.snapshot))).toEqual(new Set([job.status?.snapshot?.name]));
      await nothingLeft();
      const target = cluster.makeFolder('restored');
      await cluster.createRestore('back', 'shot', target);
      expect((await cluster.restoreEnded('back')).status).toMatchObject({ phase: 'Succeeded' });
      expect(compareTrees(asItWas, target).differences).toEqual([]);
      expect(readFileSync(path.join(target, 'file-1'), 'utf8')).toBe('data 1');
    },
  );

  it('is cloned for a route that replaces a lost one', { timeout: 240_000 }, async () => {
    await makeClaim('moved');
    csi.filled.clear();
    cluster.setFaults(1, [{ drive: 0, kind: 'writeError', afterBytes: 1_000_000 }]);
    await cluster.createJob('moved', '', snapshotOf('moved', { segmentSize: '1Mi' }));
    const job = await cluster.jobEnded('moved', 120_000);
    cluster.setFaults(1, []);
    expect(job.status).toMatchObject({ phase: 'Succeeded', failovers: 1 });
    expect(csi.filled.size).toBe(3);
    await nothingLeft();
  });

  it('that fails ends the job with what the driver says', { timeout: 120_000 }, async () => {
    csi.troubles.set(await makeClaim('failing'), 'fails');
    await cluster.createJob('failing', '', snapshotOf('failing'));
    const job = await cluster.jobEnded('failing', 60_000);
    expect(job.status).toMatchObject({ phase: 'Failed', reason: 'SnapshotFailed' });
    expect(job.status?.message).toMatch(/snapshot tw-\w+-snap-e\d+ of claim default\/failing failed: .*no space left/);
    expect(condition(job, 'Failed')).toMatchObject({ status: 'True', reason: 'SnapshotFailed' });
    await nothingLeft();
  });

  it('that is never readable ends the job after its time', { timeout: 120_000 }, async () => {
    csi.troubles.set(await makeClaim('slow'), 'neverReady');
    await cluster.createJob('slow', '', snapshotOf('slow'));
    expect((await whenRequested('slow')).status?.phase).toBe('Quiescing');
    const { status } = await cluster.jobEnded('slow', 60_000);
    expect(status).toMatchObject({ phase: 'Failed', reason: 'SnapshotNotReady' });
    expect(status?.message).toContain('was taken, but could not be read in 12 s');
    await nothingLeft();
  });

  it('whose clones are never bound ends the job, and names the clone', { timeout: 120_000 }, async () => {
    csi.troubles.set(await makeClaim('uncloned'), 'neverCloned');
    await cluster.createJob('uncloned', '', snapshotOf('uncloned', { maxReplacements: 0 }));
    const { status } = await cluster.jobEnded('uncloned', 60_000);
    expect(status).toMatchObject({ phase: 'Failed', reason: 'CloneNotBound' });
    expect(status?.message).toMatch(/clone tw-\w+-s\d-e\d+-clone of a snapshot of claim default\/uncloned/);
    await nothingLeft();
  });

  it(
    'goes with a job that is cancelled, suspended or deleted while it is waited for',
    { timeout: 240_000 },
    async () => {
      const folder = await makeClaim('waiting');
      csi.troubles.set(folder, 'neverReady');
      const order = (name: string, spec: object) =>
        cluster.kubectl('patch', 'backupjob', name, '--type=merge', '-p', JSON.stringify({ spec }));
      await cluster.createJob('cancelled', '', snapshotOf('waiting'));
      await whenRequested('cancelled');
      await order('cancelled', { cancel: true });
      expect((await cluster.jobEnded('cancelled', 60_000)).status?.phase).toBe('Cancelled');
      await nothingLeft();
      await cluster.createJob('deleted', '', snapshotOf('waiting'));
      await whenRequested('deleted');
      expect((await cluster.kubectl('delete', 'backupjob', 'deleted', '--timeout=60s')).code).toBe(0);
      await nothingLeft();
      await cluster.createJob('suspended', '', snapshotOf('waiting'));
      const first = await whenRequested('suspended');
      await order('suspended', { suspend: true });
      await cluster.jobWhen('suspended', 'is suspended', ({ status }) => status?.phase === 'Suspended', 60_000);
      await nothingLeft();
      csi.troubles.delete(folder);
      await order('suspended', { suspend: false });
      const ended = await cluster.jobEnded('suspended', 120_000);
      expect(ended.status?.phase).toBe('Succeeded');
      expect(ended.status?.snapshot?.name).not.toBe(first.status?.snapshot?.name);
      await nothingLeft();
    },
  );

  it('is taken once, though the operator is killed as soon as it stands', { timeout: 240_000 }, async () => {
    const folder = await makeClaim('killed');
    csi.troubles.set(folder, 'neverReady');
    const cutsBefore = csi.cuts;
    await cluster.createJob('killed', '', snapshotOf('killed'));
    await eventually('the snapshot stands', async () =>
      (await cluster.api.list(volumeSnapshots, {})).items.length > 0 ? true : undefined,
    );
    const operator = cluster.processes().find(({ role }) => role === 'operator');
    if (operator === undefined) throw new Error('no operator runs');
    process.kill(operator.pid, 'SIGKILL');
    csi.troubles.delete(folder);
    expect((await cluster.jobEnded('killed', 120_000)).status?.phase).toBe('Succeeded');
    expect(csi.cuts - cutsBefore).toBe(1);
    await nothingLeft();
  });

  it.each([
    { name: 'of a class that there is not', className: 'nowhere', says: 'VolumeSnapshotClass nowhere does not exist' },
    { name: 'of a class that keeps what it made', className: 'keeping', says: 'name one with deletionPolicy Delete' },
    { name: 'of the default class, where none is', className: undefined, says: 'has no default VolumeSnapshotClass' },
  ])('is refused $name', async ({ className, says }) => {
    const name = `refused-${className ?? 'default'}`;
    await makeClaim(name);
    await cluster.apply({ ...snapshotClassObject, metadata: { name: 'keeping' }, deletionPolicy: 'Retain' });
    const snapshot = className === undefined ? {} : { volumeSnapshotClassName: className };
    await cluster.createJob(name, '', { source: { persistentVolumeClaim: { claimName: name }, snapshot } });
    const { status } = await cluster.jobEnded(name, 30_000);
    expect(status).toMatchObject({ phase: 'Failed', reason: 'SnapshotNotPossible' });
    expect(status?.message).toContain(says);
  });
});

describe('the operator outside its own namespace', () => {
  const metadata = { name: 'tried', namespace: 'default' };
  const ours = { ...metadata, labels: { [labels.snapshot]: 'true' } };
  const resources = { requests: { storage: '1Gi' } };
  const dataSource = { apiGroup: 'snapshot.storage.k8s.io', kind: 'VolumeSnapshot', name: 'snap' };
  const claim = (of: object, more: object): object => ({
    ...{ apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata: of },
    spec: { accessModes: ['ReadWriteOnce'], resources, ...more },
  });
  const snapshot = (of: object): object => ({
    ...{ apiVersion: 'snapshot.storage.k8s.io/v1', kind: 'VolumeSnapshot', metadata: of },
    spec: { source: { persistentVolumeClaimName: 'data' } },
  });
  const asOperator = (...args: readonly string[]) =>
    cluster.kubectl(...args, '--dry-run=server', '--as=system:serviceaccount:twinreel-system:twinreel-operator');
  const create = (manifest: object) => {
    const file = path.join(cluster.makeFolder('tried'), 'object.json');
    writeFileSync(file, JSON.stringify(manifest));
    return asOperator('create', '-f', file);
  };

  it('makes snapshots and clones of its own', async () => {
    expect(await create(claim(ours, { dataSource }))).toMatchObject({ code: 0 });
    expect(await create(snapshot(ours))).toMatchObject({ code: 0 });
  });

  it.each([
    { name: 'a claim without the label', made: claim(metadata, { dataSource }), says: 'with this label only' },
    { name: 'a claim of no snapshot', made: claim(ours, {}), says: 'makes claims of snapshots only' },
    { name: 'a snapshot without the label', made: snapshot(metadata), says: 'with this label only' },
  ])('does not make $name', async ({ made, says }) => {
    const { code, stderr } = await create(made);
    expect(code).not.toBe(0);
    expect(stderr).toContain(says);
  });

  it('does not delete the claims and snapshots of users', async () => {
    await cluster.apply({
      ...snapshot({ name: 'theirs', namespace: 'default' }),
      metadata: { name: 'theirs', namespace: 'default' },
    });
    for (const what of ['pvc/data', 'volumesnapshot/theirs']) {
      const { code, stderr } = await asOperator('delete', what);
      expect(code).not.toBe(0);
      expect(stderr).toContain('with this label only');
    }
    await cluster.kubectl('delete', 'volumesnapshot', 'theirs');
  });
});
