/** A library with tapes, the objects of one job with its grants, and a source: what the operator would have made. */
import { randomBytes, randomUUID } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inject, onTestFinished } from 'vitest';
import type { BackupSaveRecord, BackupSaveRecordStatus } from '../../../src/api/generated/backup-save-record.ts';
import type { SavePage } from '../../../src/api/generated/save-page.ts';
import type { Commit, Holder } from '../../../src/api/generated/shared.ts';
import {
  operatorNamespace,
  pageName,
  planPodName,
  planRecordName,
  restoreRecordName,
  streamPodName,
  streamRecordName,
} from '../../../src/api/names.ts';
import { backupSaveRecords, savePages, tapeLibraries, tapes } from '../../../src/api/resources.ts';
import type {
  BackupOrder,
  JobIdentity,
  LoadOrder,
  PlanOrder,
  RestoreOrder,
  SourceOrder,
} from '../../../src/api/worker-order.ts';
import { createVirtualLibrary, type VirtualLibrary } from '../../../src/devices/changer/virtual-library.ts';
import type { Api } from '../../../src/kube/api.ts';
import { loadKubeConfig } from '../../../src/kube/kube-config.ts';
import { makeRestApi } from '../../../src/kube/rest-api.ts';

export const driveAddress = 256;
export const firstSlot = 1024;
const MiB = 2 ** 20;

export interface Stage {
  readonly api: Api;
  readonly kubeconfig: string;
  readonly folder: string;
  readonly source: string;
  readonly target: string;
  readonly library: VirtualLibrary;
  readonly libraryName: string;
  readonly barcode: string;
  readonly tape: string;
  readonly job: JobIdentity;
  readonly planRecord: string;
  readonly record: string;
  readonly labelId: string;
}

export interface StageOptions {
  readonly tapeSizeBytes?: number;
}

let processNumber = Math.floor(Date.now() / 1000);

const nextJob = (kind: JobIdentity['kind']): JobIdentity => {
  processNumber += 1;
  return { kind, uid: randomUUID(), namespace: 'default', name: `job-${processNumber}`, processNumber };
};

export const makeStage = async (options: StageOptions = {}): Promise<Stage> => {
  const kubeconfig = inject('kubeconfig');
  const api = makeRestApi({ kubeConfig: await loadKubeConfig({ kubeconfig }) });
  const folder = mkdtempSync(join(tmpdir(), 'twinreel-stage-'));
  const id = randomBytes(3).toString('hex');
  const barcode = `T${id.slice(0, 5).toUpperCase()}L9`;
  const library = createVirtualLibrary({
    folder: join(folder, 'library'),
    drives: 2,
    slots: 4,
    tapeSizeBytes: options.tapeSizeBytes ?? 2048 * MiB,
    barcodes: [barcode],
  });
  for (const name of ['source', 'target', 'catalogue']) mkdirSync(join(folder, name));
  const job = nextJob('BackupJob');
  const libraryName = `library-${id}`;
  const tape = `${libraryName}-${barcode.toLowerCase()}`;
  const stage: Stage = {
    api,
    kubeconfig,
    folder,
    source: join(folder, 'source'),
    target: join(folder, 'target'),
    library,
    libraryName,
    barcode,
    tape,
    job,
    planRecord: planRecordName(job.uid, job.processNumber),
    record: streamRecordName(job.uid, job.processNumber, 0),
    labelId: randomBytes(16).toString('hex'),
  };
  await makeObjects(stage);
  onTestFinished(() => {
    api.close();
    rmSync(folder, { recursive: true, force: true });
  });
  return stage;
};

const makeObjects = async ({ api, libraryName, library, tape, barcode, job, planRecord, record }: Stage) => {
  const drive = (n: number) => ({ name: `drive-${n}`, elementAddress: driveAddress + n, disabled: false });
  const spec = { driver: { virtual: { folder: library.folder } }, servers: ['server-0'], drives: [drive(0), drive(1)] };
  await api.create(tapeLibraries, { metadata: { name: libraryName }, spec: { ...spec, disabled: false } });
  await api.create(tapes, {
    metadata: { name: tape },
    spec: { library: libraryName, barcode, pool: 'default', worm: false, disabled: false },
  });
  const head = (name: string, type: 'Plan' | 'Stream', stream?: number): BackupSaveRecord => ({
    metadata: { name, namespace: operatorNamespace, labels: { 'twinreel.io/job-uid': job.uid } },
    spec: { type, job, ...(stream !== undefined && { stream }) },
  });
  await api.create(backupSaveRecords, head(planRecord, 'Plan'));
  await api.create(backupSaveRecords, head(record, 'Stream', 0));
};

/** Gives tape and drive to a grant. */
export const hold = async (stage: Stage, job: JobIdentity, epoch: number): Promise<void> => {
  const { api, tape, libraryName } = stage;
  const { kind, namespace, name, uid, processNumber: number } = job;
  const holder: Holder = { kind, namespace, name, uid, epoch, processNumber: number, stream: 0 };
  const merge = { type: 'merge', subresource: 'status' } as const;
  await api.patch(tapes, { name: tape }, { status: { state: 'InUse', holder } }, merge);
  const drives = [{ name: 'drive-0', elementAddress: driveAddress, state: 'InUse', holder }];
  await api.patch(tapeLibraries, { name: libraryName }, { status: { state: 'Usable', drives } }, merge);
};

export const patchHead = (stage: Stage, name: string, status: object): Promise<BackupSaveRecord> =>
  stage.api.patch(
    backupSaveRecords,
    { namespace: operatorNamespace, name },
    { status },
    { type: 'merge', subresource: 'status' },
  );

export const readHead = async (stage: Stage, name = stage.record): Promise<BackupSaveRecordStatus> =>
  (await stage.api.get(backupSaveRecords, { namespace: operatorNamespace, name })).status ?? {};

/** Every commit of the stream, by segment. */
export const readCommits = async (stage: Stage, name = stage.record): Promise<ReadonlyMap<number, Commit>> => {
  const { pages = 0 } = await readHead(stage, name);
  const found = new Map<number, Commit>();
  for (let n = 0; n < pages; n += 1) {
    const page: SavePage = await stage.api.get(savePages, { namespace: operatorNamespace, name: pageName(name, n) });
    for (const [segment, commit] of Object.entries(page.status?.commits ?? {})) found.set(Number(segment), commit);
  }
  return found;
};

/** Waits until the head is so; rejects after a minute. */
export const headIs = async (
  stage: Stage,
  wanted: (status: BackupSaveRecordStatus) => boolean,
  name = stage.record,
): Promise<BackupSaveRecordStatus> => {
  const until = Date.now() + 60_000;
  for (;;) {
    const status = await readHead(stage, name);
    if (wanted(status)) return status;
    if (Date.now() > until) throw new Error(`the head never became so: ${JSON.stringify(status)}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
};

export const sourceOrder = (stage: Stage): SourceOrder => ({
  kind: 'hostPath',
  path: stage.source,
  include: [],
  exclude: [],
  oneFileSystem: true,
  shared: false,
});

const common = { v: 1, operatorNamespace, server: 'server-0' } as const;

const granted = (stage: Stage, job: JobIdentity, epoch: number) => ({
  ...common,
  job,
  grant: { stream: 0, epoch },
  library: { name: stage.libraryName, driver: 'virtual' as const },
  drive: { name: 'drive-0', elementAddress: driveAddress },
});

export const loadOrder = (stage: Stage, epoch: number, job = stage.job): LoadOrder => ({
  ...granted(stage, job, epoch),
  role: 'load',
  pod: `${streamPodName(job.uid, 0, epoch)}-load`,
  tape: { name: stage.tape, barcode: stage.barcode, slot: firstSlot },
  newLabelId: stage.labelId,
});

export const planOrder = (stage: Stage, segmentBytes: number, epoch = 1): PlanOrder => ({
  ...common,
  role: 'plan',
  job: stage.job,
  pod: planPodName(stage.job.uid, epoch),
  record: stage.planRecord,
  source: sourceOrder(stage),
  sourceFolder: { prefix: stage.source, beneath: '' },
  lockPages: false,
  segmentBytes,
});

export const backupOrder = (stage: Stage, epoch: number): BackupOrder => ({
  ...granted(stage, stage.job, epoch),
  role: 'backup',
  pod: streamPodName(stage.job.uid, 0, epoch),
  tape: { name: stage.tape, barcode: stage.barcode, labelId: stage.labelId },
  source: sourceOrder(stage),
  sourceFolder: { prefix: stage.source, beneath: '' },
  record: stage.record,
  planRecord: stage.planRecord,
  lockPages: false,
  compression: 'None',
  consistent: true,
  catalogueEvery: 4,
  fenceTimeoutMs: 60_000,
  heartbeatMs: 200,
});

/** What the operator does before it starts a stream worker: holders and head for this epoch. */
export const grant = async (stage: Stage, epoch: number, assigned: object = [{ first: 0 }]): Promise<void> => {
  await hold(stage, stage.job, epoch);
  const pod = streamPodName(stage.job.uid, 0, epoch);
  await patchHead(stage, stage.record, { epoch, pod, sealed: false, close: false, assigned });
};

export const makeRestore = async (stage: Stage, epoch = 1): Promise<{ job: JobIdentity; record: string }> => {
  const job = nextJob('Restore');
  const record = restoreRecordName(job.uid, job.processNumber);
  await stage.api.create(backupSaveRecords, {
    metadata: { name: record, namespace: operatorNamespace },
    spec: { type: 'Restore', job },
  });
  await hold(stage, job, epoch);
  await patchHead(stage, record, { epoch, pod: streamPodName(job.uid, 0, epoch) });
  return { job, record };
};

export const restoreOrder = (
  stage: Stage,
  { job, record }: { job: JobIdentity; record: string },
  more: Partial<RestoreOrder> = {},
): RestoreOrder => ({
  ...granted(stage, job, 1),
  role: 'restore',
  pod: streamPodName(job.uid, 0, 1),
  tape: { name: stage.tape, barcode: stage.barcode, labelId: stage.labelId },
  record,
  backup: stage.job,
  planRecord: stage.planRecord,
  commitRecords: [stage.record],
  segments: [{ first: 0, last: 100_000 }],
  targetFolder: { prefix: stage.target, beneath: '' },
  paths: [],
  conflict: 'Fail',
  finish: true,
  heartbeatMs: 200,
  ...more,
});
