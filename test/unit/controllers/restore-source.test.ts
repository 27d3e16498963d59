import { afterEach, describe, expect, it } from 'vitest';
import type { BackupJob, BackupSaveRecord, Commit, Restore } from '../../../src/api/generated/index.ts';
import { planRecordName, streamRecordName } from '../../../src/api/names.ts';
import { backupJobs, backupSaveRecords, savePages } from '../../../src/api/resources.ts';
import { resolveBackup } from '../../../src/controllers/restore-source.ts';
import { actOnStream } from '../../../src/controllers/stream-acts.ts';
import type { Api } from '../../../src/kube/api.ts';
import type { MemoryApi } from '../kube/memory-api.ts';
import { makeControllerBench, namespace, type ControllerBench } from '../../support/controller-bench.ts';
import { job as jobWith } from '../../support/hardware-objects.ts';

const { signal } = new AbortController();
let bench: ControllerBench | undefined;
afterEach(() => bench?.stop());

type Result = NonNullable<NonNullable<BackupSaveRecord['status']>['result']>;
type Outcome = NonNullable<NonNullable<BackupSaveRecord['status']>['outcome']>;

/** One night's backup: segments 0, 1 and links (2). */
interface Night {
  readonly number: number;
  readonly outcome: Outcome;
  readonly result?: Result;
  readonly committed?: readonly number[];
  /** Phase of the job; absent: it was deleted. */
  readonly phase?: NonNullable<BackupJob['status']>['phase'];
}

const commit: Commit = {
  ...{ library: 'lib-0', tape: 't0', barcode: 'T0', labelId: 'l', group: 0, epoch: 1, bytes: 1, blocks: 1, entries: 1 },
  ...{ files: 1, sha256: '', writtenAt: '2030-01-01T02:00:00Z', indexOffset: 0 },
};

const uidOf = (number: number): string => `0000000${number}-0000-4000-8000-000000000000`;
const labelsOf = (number: number, type: string, active = false) => ({
  'twinreel.io/job-uid': uidOf(number),
  'twinreel.io/job-namespace': 'default',
  'twinreel.io/job-name': `night-${number}`,
  'twinreel.io/type': type,
  ...(active ? { 'twinreel.io/active': 'true' } : {}),
});

const jobRef = (number: number) =>
  ({
    kind: 'BackupJob',
    namespace: 'default',
    name: `night-${number}`,
    uid: uidOf(number),
    processNumber: number,
  }) as const;

const seedNight = (memory: MemoryApi, { number, outcome, result, committed = [], phase }: Night): void => {
  const job = jobRef(number);
  const plan = planRecordName(job.uid, number);
  const stream = streamRecordName(job.uid, number, 0);
  memory.seed(backupSaveRecords, {
    metadata: { namespace, name: plan, labels: labelsOf(number, 'Plan') },
    spec: { type: 'Plan', job, schedule: 'nightly' },
    status: { plan: { complete: true, linksSegment: 2 }, ...(result === undefined ? {} : { result }) },
  });
  memory.seed(backupSaveRecords, {
    metadata: { namespace, name: stream, labels: labelsOf(number, 'Stream') },
    spec: { type: 'Stream', stream: 0, job, schedule: 'nightly' },
    status: { outcome, endTime: `2030-01-0${number}T03:00:00Z` },
  });
  memory.seed(savePages, {
    metadata: { namespace, name: `${stream}-p0`, labels: labelsOf(number, 'Commits') },
    spec: { type: 'Commits', record: stream, stream: 0, page: 0 },
    status: { commits: Object.fromEntries(committed.map((segment) => [String(segment), commit])) },
  });
  if (phase !== undefined)
    memory.seed(backupJobs, jobWith({ phase, processNumber: number }, { name: `night-${number}`, uid: job.uid }));
};

/** The API in memory knows no selectors. */
const selecting = (api: Api): Api => ({
  ...api,
  list: async (resource, options, abort) => {
    const found = await api.list(resource, options, abort);
    const wanted = (options.labelSelector ?? '').split(',').map((term) => term.split('='));
    const fits = (own: Readonly<Record<string, string>> = {}): boolean =>
      wanted.every(([name = '', value]) => name === '' || own[name] === value);
    return { ...found, items: found.items.filter((item) => fits(item.metadata?.labels)) };
  },
});

const restoreOf = (from: Restore['spec']['from']): Restore => ({
  metadata: { namespace: 'default', name: 'restore', uid: 'r' },
  spec: {
    ...{
      from,
      target: { hostPath: { path: '/target' } },
      conflict: 'Fail',
      cancel: false,
      paths: [],
      escapedPaths: [],
    },
    ...{ preferStreams: [], whenUnavailable: 'Wait', priority: 1000, stallTimeout: '60s' },
  },
});

const latestOf = (more: object = {}): Restore['spec']['from'] => ({ latest: { schedule: 'nightly', ...more } });

const resolve = async (nights: readonly Night[], from: Restore['spec']['from']) => {
  bench = await makeControllerBench();
  for (const night of nights) seedNight(bench.memory, night);
  return resolveBackup(selecting(bench.memory), namespace, restoreOf(from), signal);
};

const whole = [0, 1, 2];
const good: Night = { number: 1, outcome: 'Succeeded', result: 'Succeeded', committed: whole };

describe('R1: the latest backup that succeeded', () => {
  it.each<readonly [string, readonly Night[], object, string]>([
    ['is the newest', [good, { ...good, number: 2 }], {}, 'night-2'],
    [
      'is the one before, where the last failed though a stream of it had finished',
      [good, { number: 2, outcome: 'Succeeded', result: 'Failed', committed: whole, phase: 'Failed' }],
      {},
      'night-1',
    ],
    [
      'is the one before, where the last was cancelled after a stream of it had finished',
      [good, { number: 2, outcome: 'Succeeded', result: 'Cancelled', committed: whole }],
      {},
      'night-1',
    ],
    [
      'is the last, though every stream of it was lost after its last commit',
      [good, { number: 2, outcome: 'Abandoned', result: 'Succeeded', committed: whole }],
      {},
      'night-2',
    ],
    [
      'is the one before, while the last still runs',
      [good, { number: 2, outcome: 'Running', committed: [0], phase: 'Running' }],
      {},
      'night-1',
    ],
    [
      'is known after the jobs are gone, for records of before by what they hold: whole',
      [good, { number: 2, outcome: 'Abandoned', committed: whole }],
      {},
      'night-2',
    ],
    [
      'is known after the jobs are gone, for records of before by what they hold: not whole',
      [good, { number: 2, outcome: 'Succeeded', committed: [0, 2] }],
      {},
      'night-1',
    ],
    [
      'is known for records of before by the job, while there is one',
      [good, { number: 2, outcome: 'Succeeded', committed: whole, phase: 'Failed' }],
      {},
      'night-1',
    ],
    ['is no younger than was asked', [good, { ...good, number: 2 }], { before: '2030-01-02T00:00:00Z' }, 'night-1'],
    ['is of that schedule', [good], { schedule: 'weekly' }, 'NoBackup'],
    ['is none, where none succeeded', [{ ...good, result: 'Failed' }], {}, 'NoBackup'],
  ])('%s', async (_name, nights, wish, expected) => {
    const found = await resolve(nights, latestOf(wish));
    expect(found.ok ? found.backup.name : found.reason).toBe(expected);
  });
});

describe('claim 8: a backup whose job was deleted', () => {
  it.each<readonly [string, Night, string]>([
    ['is refused where its records say that it failed', { ...good, result: 'Failed' }, 'BackupNotSucceeded'],
    ['is restored where they say that it succeeded', good, 'vouched'],
    ['has to prove itself where they say nothing', { number: 1, outcome: 'Succeeded', committed: whole }, 'by commits'],
  ])('%s', async (_name, night, expected) => {
    const found = await resolve([night], { backupJob: 'night-1' });
    expect(found.ok ? (found.vouched ? 'vouched' : 'by commits') : found.reason).toBe(expected);
  });
});

describe('when a job ends', () => {
  it.each(['Succeeded', 'Failed', 'Cancelled', 'Suspended'] as const)('%s stands in its records', async (result) => {
    bench = await makeControllerBench();
    const { memory, deps } = bench;
    seedNight(memory, { number: 1, outcome: 'Abandoned' });
    await bench.settle();
    const ref = { namespace, name: planRecordName(uidOf(1), 1) };
    const ending = { result, reason: 'R', message: 'm' };
    const job = jobWith({ phase: 'Releasing', processNumber: 1, ending }, { name: 'night-1', uid: uidOf(1) });
    const context = { deps, job: jobRef(1), labelsBlankTapes: true, signal };
    await actOnStream(context, job, { kind: 'finishRecords' });
    await actOnStream(context, job, { kind: 'finishRecords' });
    expect(memory.read(backupSaveRecords, ref)?.status?.result).toBe(result === 'Suspended' ? undefined : result);
    expect(memory.read(backupSaveRecords, ref)?.status?.plan?.complete).toBe(true);
  });
});
