import { afterEach, describe, expect, it } from 'vitest';
import type { BackupJob, BackupServer, Grant, Restore } from '../../../src/api/generated/index.ts';
import { backupJobs, backupServers, restores, tapeLibraries, tapes } from '../../../src/api/resources.ts';
import { makeBackupJobReconciler } from '../../../src/controllers/backup-job.ts';
import { makeRestoreReconciler } from '../../../src/controllers/restore.ts';
import { ApiError } from '../../../src/kube/api.ts';
import type { Api, KubeObject } from '../../../src/kube/api.ts';
import type { Reconcile } from '../../../src/kube/controller.ts';
import { nodes, persistentVolumeClaims, persistentVolumes, pods } from '../../../src/kube/resources.ts';
import { makeControllerBench, namespace, type ControllerBench } from '../../support/controller-bench.ts';
import { grant, holder, job as jobWith, library, node, server, tape, uid } from '../../support/hardware-objects.ts';

const { signal } = new AbortController();
let bench: ControllerBench | undefined;
afterEach(() => bench?.stop());

/** Which pods are refused; changed by the tests. */
let refuses: (pod: KubeObject) => boolean;

const quota = (): ApiError =>
  new ApiError({ code: 'Forbidden', message: 'exceeded quota', retryable: false, outcomeUnknown: false });

const picky = (api: Api): Api => ({
  ...api,
  create: (resource, object, aborted) =>
    resource.plural === 'pods' && refuses(object) ? Promise.reject(quota()) : api.create(resource, object, aborted),
});

const inUserNamespace = ({ metadata }: KubeObject): boolean => metadata?.namespace === 'default';
const named =
  (part: string) =>
  ({ metadata }: KubeObject): boolean =>
    metadata?.name?.includes(part) === true;

const begun = new Date(0).toISOString();

const held = (kind: 'BackupJob' | 'Restore', name: string) => holder({ kind, name, stream: 0, epoch: 1 });

const granted = (state: Grant['state'], more: Partial<Grant> = {}): Grant =>
  grant({
    ...{ number: 0, epoch: 1, state, node: 'server-0', zoned: true, switches: [], zones: [], stateSince: begun },
    ...{ barcode: 'TAPE-0', loaded: true, labelId: 'a'.repeat(32) },
    ...more,
  });

const begin = async (
  owner: 'job' | 'restore',
  hostPaths: BackupServer['spec']['hostPaths'] = [],
): Promise<ControllerBench> => {
  bench = await makeControllerBench(picky);
  const { memory } = bench;
  const by = owner === 'job' ? held('BackupJob', 'job') : held('Restore', 'restore');
  memory.seed(nodes, node());
  memory.seed(backupServers, server('server-0', { state: 'InUse', holders: [by] }, { hostPaths }));
  const drives = [{ name: 'drive-0', state: 'InUse' as const, holder: by, loadedTape: 'TAPE-0' }];
  memory.seed(tapeLibraries, library({ state: 'Usable', drives }));
  memory.seed(tapes, tape('tape-0', { state: 'InUse', freeState: 'Usable', holder: by, slot: 1 }));
  return bench;
};

const beginJob = async (
  stream: Grant,
  spec: Partial<BackupJob['spec']> = {},
  status: BackupJob['status'] = {},
  hostPaths?: BackupServer['spec']['hostPaths'],
): Promise<ControllerBench> => {
  const started = await begin('job', hostPaths);
  const job = jobWith({
    ...{ phase: 'Planning', processNumber: 7, nextEpoch: 2, allocatedAt: begun, startTime: begun },
    ...status,
    streams: [stream],
  });
  started.memory.seed(backupJobs, { ...job, spec: { ...job.spec, routes: 1, ...spec } });
  await started.settle();
  return started;
};

const data = { persistentVolumeClaim: { claimName: 'data', volumeMode: 'Filesystem' } } as const;
const ofClaim: Partial<BackupJob['spec']> = { source: { ...data, include: [], exclude: [], oneFileSystem: true } };
const everything: BackupServer['spec']['hostPaths'] = [{ prefix: '/', namespaces: ['*'], readOnly: false }];

/** As often as a queue that backs off would, which is what a rejected pass makes it do. */
const pass = async (one: ControllerBench, reconcile: Reconcile, key: string, times = 1): Promise<readonly string[]> => {
  const told: string[] = [];
  for (let turn = 0; turn < times; turn += 1) {
    await reconcile(key, signal).catch((error: unknown) => told.push(String(error)));
    await one.settle();
  }
  return told;
};

const readJob = ({ memory }: ControllerBench): NonNullable<BackupJob['status']> =>
  memory.read(backupJobs, { namespace: 'default', name: 'job' })?.status ?? {};

const readRestore = ({ memory }: ControllerBench): NonNullable<Restore['status']> =>
  memory.read(restores, { namespace: 'default', name: 'restore' })?.status ?? {};

const driveOf = ({ memory }: ControllerBench) => memory.read(tapeLibraries, { name: 'library-0' })?.status?.drives?.[0];

/** The kubelet mounts the claim and starts the anchor. */
const letRun = async (one: ControllerBench): Promise<void> => {
  one.memory.seed(persistentVolumeClaims, {
    metadata: { namespace: 'default', name: 'data', uid: 'uid-data' },
    spec: { accessModes: ['ReadWriteOnce'], volumeName: 'pv' },
    status: { phase: 'Bound' },
  });
  one.memory.seed(persistentVolumes, {
    metadata: { name: 'pv' },
    spec: {
      nfs: { server: 'nas', path: '/data' },
      claimRef: { namespace: 'default', name: 'data', uid: 'uid-data' },
    },
    status: { phase: 'Bound' },
  });
  for (const anchor of (await one.memory.list(pods, { namespace: 'default' })).items) {
    const container = { name: 'anchor', image: '', imageID: '', ready: true, restartCount: 0 };
    const status = { containerStatuses: [{ ...container, state: { running: { startedAt: begun } } }] };
    one.memory.seed(pods, { ...anchor, status });
  }
  await one.settle();
};

const podNames = async ({ memory }: ControllerBench, inNamespace = namespace): Promise<readonly string[]> =>
  (await memory.list(pods, { namespace: inNamespace })).items.map(({ metadata }) => metadata?.name ?? '');

describe('an anchor that the user’s namespace refuses', () => {
  it('is told at once, and after a while costs the job the route', async () => {
    refuses = inUserNamespace;
    const one = await beginJob(granted('Ready'), ofClaim);
    const reconcile = makeBackupJobReconciler(one.deps);
    expect(await pass(one, reconcile, 'default/job')).toHaveLength(1);
    const first = readJob(one);
    expect(first).toMatchObject({ reason: 'SourceNotReachable', streams: [{ state: 'Ready' }] });
    expect(first.message).toMatch(
      /claim default\/data .* node server-0: pod tw-1a2b3c4d-anchor-.* refused: exceeded quota/u,
    );
    await one.clock.advance(one.deps.settings.podStartMs + 1_000);
    await pass(one, reconcile, 'default/job', 2);
    expect(readJob(one)).toMatchObject({
      streams: [{ state: 'Waiting', lostEpoch: 1, reason: 'SourceNotReachable' }],
      avoid: { servers: ['server-0'], nodes: ['server-0'] },
    });
    expect(await podNames(one)).toContain('tw-1a2b3c4d-s0-e1-unload-0');
  });

  it('costs nothing where it is let in soon', async () => {
    refuses = inUserNamespace;
    const one = await beginJob(granted('Ready'), ofClaim);
    const reconcile = makeBackupJobReconciler(one.deps);
    await pass(one, reconcile, 'default/job');
    refuses = () => false;
    await pass(one, reconcile, 'default/job');
    await letRun(one);
    await one.clock.advance(one.deps.settings.podStartMs - 1_000);
    expect(await pass(one, reconcile, 'default/job')).toEqual([]);
    const { streams, reason = '' } = readJob(one);
    expect({ state: streams?.[0]?.state, refused: streams?.[0]?.refused, reason }).toEqual({
      ...{ state: 'Running', refused: undefined, reason: '' },
    });
  });

  it('does not wake the job by what is told', async () => {
    refuses = inUserNamespace;
    const one = await beginJob(granted('Ready'), ofClaim);
    const reconcile = makeBackupJobReconciler(one.deps);
    const version = () => one.memory.read(backupJobs, { namespace: 'default', name: 'job' })?.metadata.resourceVersion;
    await pass(one, reconcile, 'default/job', 2);
    const before = version();
    await pass(one, reconcile, 'default/job', 2);
    expect(version()).toBe(before);
  });
});

describe('a worker that is refused in the operator’s namespace', () => {
  it('costs the stream its route, if it was to load, and no tape its state', async () => {
    refuses = named('-load');
    const one = await beginJob(granted('Preparing', { loaded: false }), {}, { phase: 'Preparing' }, everything);
    const reconcile = makeBackupJobReconciler(one.deps);
    await pass(one, reconcile, 'default/job');
    expect(readJob(one)).toMatchObject({ reason: 'PodRefused', streams: [{ state: 'Preparing' }] });
    await one.clock.advance(one.deps.settings.podStartMs + 1_000);
    await pass(one, reconcile, 'default/job', 3);
    expect(readJob(one)).toMatchObject({ streams: [{ state: 'Waiting', reason: 'PodRefused' }], retired: [] });
    expect(driveOf(one)?.holder).toBeUndefined();
    expect(driveOf(one)?.state).not.toBe('NotUsable');
    expect(await podNames(one)).not.toContain('tw-1a2b3c4d-s0-e1-unload-0');
  });

  it('ends the job, if it was to plan and every attempt is refused', async () => {
    refuses = named('-plan');
    const one = await beginJob(granted('Ready'), {}, {}, everything);
    const reconcile = makeBackupJobReconciler(one.deps);
    await pass(one, reconcile, 'default/job');
    expect(readJob(one)).toMatchObject({ reason: 'PodRefused', phase: 'Planning' });
    for (let attempt = 0; attempt < 3; attempt += 1) {
      await one.clock.advance(one.deps.settings.podStartMs + 1_000);
      await pass(one, reconcile, 'default/job', 2);
    }
    expect(readJob(one).ending).toMatchObject({ result: 'Failed', reason: 'PodRefused' });
    expect(readJob(one).ending?.message).toContain('exceeded quota');
  });

  it('parks drive and tape, if it was to unload and every attempt is refused', async () => {
    refuses = named('-unload');
    const one = await beginJob(granted('Releasing', { outcome: 'Unused' }), { cancel: true }, {}, everything);
    const reconcile = makeBackupJobReconciler(one.deps);
    for (let attempt = 0; attempt < 4; attempt += 1) {
      await pass(one, reconcile, 'default/job', 2);
      await one.clock.advance(one.deps.settings.podStartMs + 1_000);
    }
    await pass(one, reconcile, 'default/job', 4);
    expect(driveOf(one)).toMatchObject({ state: 'NotUsable', reason: 'PodRefused' });
    expect(driveOf(one)?.holder).toBeUndefined();
    expect(readJob(one).phase).toBe('Cancelled');
  });
});

describe('a folder that its owner allows no more', () => {
  it('costs a stream its route that was about to read it', async () => {
    refuses = () => false;
    const running = granted('Running', { pod: 'tw-1a2b3c4d-s0-e1' });
    const plan = { epoch: 0, segments: 4, complete: true };
    const one = await beginJob(running, {}, { phase: 'Running', plan });
    const reconcile = makeBackupJobReconciler(one.deps);
    await pass(one, reconcile, 'default/job', 2);
    expect(readJob(one)).toMatchObject({ reason: 'SourceNotReachable', streams: [{ state: 'Running' }] });
    expect(readJob(one).message).toContain('BackupServer server-0 does not allow /data');
    await one.clock.advance(one.deps.settings.podStartMs + 1_000);
    await pass(one, reconcile, 'default/job');
    expect(readJob(one)).toMatchObject({ streams: [{ state: 'Waiting', reason: 'SourceNotReachable' }] });
  });
});

describe('a restore', () => {
  const restoreInto = (target: Restore['spec']['target'], streams: Grant[]): Restore => ({
    metadata: { namespace: 'default', name: 'restore', uid, generation: 1, finalizers: ['twinreel.io/held'] },
    spec: {
      ...{ from: { backupJob: 'job' }, target, conflict: 'Fail', cancel: false, paths: [], escapedPaths: [] },
      ...{ preferStreams: [], whenUnavailable: 'Wait', priority: 1000, stallTimeout: '60s' },
    },
    status: { phase: 'Running', processNumber: 7, startTime: begun, streams },
  });

  it.each([
    ['whose anchor is refused', data, inUserNamespace, 'TargetNotReachable'],
    ['whose load is refused', { hostPath: { path: '/target' } }, named('-load'), 'PodRefused'],
  ] as const)('%s tells it at once, and loses the route after a while', async (_name, target, refusing, reason) => {
    refuses = refusing;
    const one = await begin('restore', everything);
    one.memory.seed(restores, restoreInto(target, [granted('Preparing', { loaded: false })]));
    await one.settle();
    const reconcile = makeRestoreReconciler(one.deps);
    await pass(one, reconcile, 'default/restore');
    expect(readRestore(one)).toMatchObject({ reason, streams: [{ state: 'Preparing' }] });
    expect(readRestore(one).message).toContain('exceeded quota');
    await one.clock.advance(one.deps.settings.podStartMs + 1_000);
    await pass(one, reconcile, 'default/restore');
    const { streams, retired, replacements } = readRestore(one);
    expect({ outcome: streams?.[0]?.outcome, why: streams?.[0]?.reason, replacements }).toEqual({
      ...{ outcome: 'Failed', why: reason, replacements: 1 },
    });
    expect(retired).toHaveLength(1);
  });

  it('that is let in soon forgets that it was refused', async () => {
    refuses = named('-load');
    const one = await begin('restore', everything);
    one.memory.seed(
      restores,
      restoreInto({ hostPath: { path: '/target' } }, [granted('Preparing', { loaded: false })]),
    );
    await one.settle();
    const reconcile = makeRestoreReconciler(one.deps);
    await pass(one, reconcile, 'default/restore');
    refuses = () => false;
    await pass(one, reconcile, 'default/restore', 2);
    const { streams, reason } = readRestore(one);
    expect({ refused: streams?.[0]?.refused, reason }).toEqual({ refused: undefined, reason: undefined });
  });
});
