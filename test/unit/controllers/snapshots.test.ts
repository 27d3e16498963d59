import { afterEach, describe, expect, it } from 'vitest';
import type { BackupJob } from '../../../src/api/generated/index.ts';
import { cloneName, labels, snapshotName } from '../../../src/api/names.ts';
import { backupJobs, backupServers, tapeLibraries } from '../../../src/api/resources.ts';
import { makeBackupJobReconciler } from '../../../src/controllers/backup-job.ts';
import type { JobStatus } from '../../../src/decide/job/job-view.ts';
import type { KubeObject, Resource } from '../../../src/kube/api.ts';
import { persistentVolumeClaims, volumeSnapshots } from '../../../src/kube/resources.ts';
import { makeControllerBench, type ControllerBench } from '../../support/controller-bench.ts';
import { grant, job as jobWith, library, server, uid } from '../../support/hardware-objects.ts';
import { apiError } from '../kube/memory-api.ts';

const { signal } = new AbortController();
const key = 'default/job';
const ref = { namespace: 'default', name: 'job' };
const name = snapshotName(uid, 4);
const clone = cloneName(uid, 1, 3);
let bench: ControllerBench | undefined;
afterEach(() => bench?.stop());

const theBench = (): ControllerBench => {
  if (bench === undefined) throw new Error('there is no bench');
  return bench;
};

const begin = async (status: JobStatus = {}) => {
  bench = await makeControllerBench();
  const now = new Date(bench.clock.now()).toISOString();
  bench.memory.seed(backupServers, server());
  bench.memory.seed(tapeLibraries, library());
  const job = jobWith({
    ...{ phase: 'Preparing', processNumber: 7, allocatedAt: now, startTime: now, nextEpoch: 4 },
    streams: [grant({ state: 'Ready', node: 'server-0', zoned: true, loaded: true, unloaded: true })],
    ...status,
  });
  const { hostPath: _hostPath, ...source } = job.spec.source;
  const persistentVolumeClaim = { claimName: 'data', volumeMode: 'Filesystem' as const };
  const snapshot = { volumeSnapshotClassName: 'fast' };
  bench.memory.seed(backupJobs, {
    ...job,
    spec: { ...job.spec, routes: 1, source: { ...source, persistentVolumeClaim, snapshot } },
  });
  bench.memory.seed(persistentVolumeClaims, {
    metadata: { namespace: 'default', name: 'data' },
    spec: { accessModes: ['ReadWriteOnce'], storageClassName: 'fast', volumeName: 'pv' },
    status: { phase: 'Bound', capacity: { storage: '1Gi' } },
  });
  return leader();
};

/** A new one knows only what the API says. */
const leader = () => {
  const reconcile = makeBackupJobReconciler(theBench().deps);
  return async (): Promise<JobStatus> => {
    await theBench().settle();
    await reconcile(key, signal);
    await theBench().settle();
    return read(backupJobs, 'job')?.status ?? {};
  };
};

const read = <T extends KubeObject>(resource: Resource<T>, called: string): T | undefined =>
  theBench().memory.read(resource, { namespace: 'default', name: called });

const change = (spec: Partial<BackupJob['spec']>): void => {
  const job = theBench().memory.read(backupJobs, ref);
  if (job !== undefined) theBench().memory.seed(backupJobs, { ...job, spec: { ...job.spec, ...spec } });
};

const readable: JobStatus = { snapshot: { name, uid: 'uid-snap', ready: true, requestedAt: '', takenAt: '' } };
const seedSnapshot = (owner = uid): void =>
  void theBench().memory.seed(volumeSnapshots, {
    metadata: {
      namespace: 'default',
      name,
      uid: 'uid-snap',
      labels: { [labels.jobUid]: owner, [labels.snapshot]: 'true' },
    },
    spec: { source: { persistentVolumeClaimName: 'data' } },
    status: { readyToUse: true, restoreSize: '2Gi' },
  });

describe('the snapshot of a job', () => {
  it('stands in the status first, and is the job’s', async () => {
    const pass = await begin();
    const status = await pass();
    expect(status).toMatchObject({ phase: 'Quiescing', snapshot: { name } });
    expect(read(volumeSnapshots, name)).toMatchObject({
      metadata: { labels: { [labels.jobUid]: uid }, ownerReferences: [{ kind: 'BackupJob', name: 'job', uid }] },
      spec: { source: { persistentVolumeClaimName: 'data' }, volumeSnapshotClassName: 'fast' },
    });
  });

  it('that was made by a leader who died is adopted by the next one', async () => {
    const pass = await begin();
    theBench().memory.fail('create', { lost: true });
    await expect(pass()).rejects.toThrow('Unreachable');
    const made = read(volumeSnapshots, name)?.metadata?.uid;
    expect(made).toBeDefined();
    expect((await leader()()).snapshot?.uid).toBe(made);
  });

  it('that was never made is made by the next one', async () => {
    const pass = await begin();
    theBench().memory.fail('create', { error: apiError('Unreachable') });
    await expect(pass()).rejects.toThrow('Unreachable');
    expect(read(volumeSnapshots, name)).toBeUndefined();
    await leader()();
    expect(read(volumeSnapshots, name)).toBeDefined();
  });

  it('that the cluster refuses ends the job with its words', async () => {
    const pass = await begin();
    theBench().memory.fail('create', { error: apiError('Forbidden') });
    await pass();
    const status = await pass();
    expect(status.ending).toMatchObject({ result: 'Failed', reason: 'SnapshotFailed' });
    expect(status.ending?.message).toContain(`snapshot ${name} was not taken: Forbidden`);
  });

  it('of that name which is another one’s is neither read nor deleted', async () => {
    const pass = await begin();
    seedSnapshot('somebody');
    await pass();
    expect((await pass()).ending).toMatchObject({ reason: 'SnapshotFailed' });
    expect(read(volumeSnapshots, name)).toBeDefined();
  });
});

describe('the clone of a grant', () => {
  it('is as large as its snapshot wants, and follows the node', async () => {
    const pass = await begin(readable);
    seedSnapshot();
    await pass();
    expect(read(persistentVolumeClaims, clone)).toMatchObject({
      metadata: { annotations: { 'volume.kubernetes.io/selected-node': 'server-0' } },
      spec: { resources: { requests: { storage: '2Gi' } }, dataSource: { name } },
    });
  });

  it('of a snapshot that is gone ends the job', async () => {
    const pass = await begin(readable);
    await pass();
    const status = await pass();
    expect(status.ending?.message).toContain(`snapshot ${name} is gone`);
    expect(read(persistentVolumeClaims, clone)).toBeUndefined();
  });

  it('that a quota refuses ends the job', async () => {
    const pass = await begin(readable);
    seedSnapshot();
    theBench().memory.fail('create', { error: apiError('Forbidden') });
    await pass();
    expect((await pass()).ending?.message).toContain(`clone ${clone} was not made: Forbidden`);
  });
});

describe('a job that ends', () => {
  it('leaves neither snapshot nor clone, and touches no other claim', async () => {
    const pass = await begin(readable);
    seedSnapshot();
    await pass();
    expect(read(persistentVolumeClaims, clone)).toBeDefined();
    change({ cancel: true });
    let status = await pass();
    for (let turn = 0; turn < 8 && status.phase !== 'Cancelled'; turn += 1) status = await pass();
    expect(status.phase).toBe('Cancelled');
    expect(read(volumeSnapshots, name)).toBeUndefined();
    expect(read(persistentVolumeClaims, clone)).toBeUndefined();
    expect(read(persistentVolumeClaims, 'data')).toBeDefined();
  });
});
