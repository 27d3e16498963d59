import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { pageName } from '../../../src/api/names.ts';
import { backupSaveRecords, savePages } from '../../../src/api/resources.ts';
import type { BackupOrder, JobIdentity } from '../../../src/api/worker-order.ts';
import { errorOfAnswer } from '../../../src/kube/http-error.ts';
import { silentLog } from '../../../src/kube/log.ts';
import { KubeLedger } from '../../../src/worker/kube-ledger.ts';
import type { SegmentCommit } from '../../../src/worker/ledger.ts';
import { SharedProgress } from '../../../src/worker/progress.ts';
import { patientApi } from '../../../src/worker/patient-api.ts';
import { makeManualClock, settle, type ManualClock } from '../../manual-clock.ts';
import { apiError, makeMemoryApi, type MemoryApi } from '../kube/memory-api.ts';

const namespace = 'twinreel-system';
const record = 'r-s0';
const planRecord = 'r-plan';
const uid = '0a1b2c3d-0000-4000-8000-000000000000';
const job: JobIdentity = { kind: 'BackupJob', uid, namespace: 'default', name: 'x', processNumber: 1 };
const order: BackupOrder = {
  ...{ v: 1, role: 'backup', pod: 'the-pod', operatorNamespace: namespace, server: 'server-0', job },
  grant: { stream: 0, epoch: 1 },
  library: { name: 'library-0', driver: 'virtual' },
  drive: { name: 'drive-0', elementAddress: 256 },
  tape: { name: 'the-tape', barcode: '000001L9', labelId: 'aa'.repeat(16) },
  source: { kind: 'hostPath', path: '/data', include: [], exclude: [], oneFileSystem: true, shared: false },
  ...{ sourceFolder: { prefix: '/data', beneath: '' }, lockPages: false },
  consistent: false,
  ...{ record, planRecord, compression: 'None', catalogueEvery: 16, fenceTimeoutMs: 60_000, heartbeatMs: 1e9 },
};

const commitOf = (segment: number): SegmentCommit => ({
  ...{ kind: 'data', segment, group: segment, bytes: 1, blocks: 1, entries: 1, files: 1, indexOffset: 0 },
  ...{ sha256: '', encoding: 'NN', writtenAt: '2030-01-01T00:00:00Z' },
});

let api: MemoryApi;
let clock: ManualClock;
let progress: SharedProgress;
let stop: AbortController;
beforeEach(() => {
  api = makeMemoryApi();
  clock = makeManualClock();
  progress = new SharedProgress();
  stop = new AbortController();
});
afterEach(() => stop.abort(new Error('the test is over')));

const headStatus = () => api.read(backupSaveRecords, { namespace, name: record })?.status ?? {};

const openLedger = async (): Promise<KubeLedger> => {
  const plan = { segments: 2, complete: true, pages: 1, linksSegment: 2, startedAt: '2030-01-01T00:00:00Z' };
  const status = { epoch: 1, pod: 'the-pod', assigned: [{ first: 0, last: 0 }] };
  api.seed(backupSaveRecords, { metadata: { name: record, namespace }, spec: { type: 'Stream', job }, status });
  const planStatus = { plan };
  const metadata = { name: planRecord, namespace };
  api.seed(backupSaveRecords, { metadata, spec: { type: 'Plan', job }, status: planStatus });
  const boundary = { weight: 1, entries: 1, files: 1, bytes: 1, offset: 0, kind: 'D' } as const;
  const boundaries = [0, 1].map((number) => ({ ...boundary, number, path: number === 0 ? '' : 'm' }));
  api.seed(savePages, {
    metadata: { name: pageName(planRecord, 0), namespace },
    spec: { type: 'Plan', record: planRecord, page: 0, job },
    status: { boundaries },
  });
  return openLedgerAgain();
};

const openLedgerAgain = (): Promise<KubeLedger> => {
  const fail = (reason: Error): void => stop.abort(reason);
  const deps = {
    api: patientApi(api, clock, 20_000),
    clock,
    log: silentLog,
    order,
    progress,
    fenceable: true,
    stop: fail,
  };
  return KubeLedger.open(deps, stop.signal);
};

/** Segment 0 is given, written and committed; then the ledger is asked for more. */
const writeTheOnlySegment = async (ledger: KubeLedger): Promise<void> => {
  expect(await ledger.openNext(stop.signal)).toMatchObject({ kind: 'segment', work: { segment: 0 } });
  progress.setActivity('Writing');
  progress.addBytes(100);
  await ledger.commit(commitOf(0), stop.signal);
  progress.setActivity('WaitingForWork');
};

describe('KubeLedger.openNext', () => {
  it('tells the head that nothing is open any more, also when the first attempt fails', async () => {
    const ledger = await openLedger();
    await writeTheOnlySegment(ledger);
    expect(headStatus()).toMatchObject({ openSegment: 0 });
    api.fail('patch', { error: apiError('Unreachable') });
    const waiting = ledger.openNext(stop.signal).catch(() => undefined);
    await settle();
    expect(headStatus()).toMatchObject({ openSegment: 0 });
    await clock.advance(10_000);
    expect(headStatus().openSegment ?? null).toBeNull();
    expect(headStatus()).toMatchObject({ activity: 'WaitingForWork', totals: { segments: 1 } });
    stop.abort(new Error('enough'));
    await waiting;
  });
});

describe('KubeLedger.addFindings', () => {
  const findings = { skipped: 0, vanished: 1, changed: 0, padded: 0, examples: [{ path: 'gone', why: 'ENOENT' }] };

  it('tells the head with the last write, on top of what stood there before', async () => {
    const ledger = await openLedger();
    ledger.addFindings(findings);
    await ledger.finish(stop.signal);
    const again = await openLedgerAgain();
    again.addFindings({ ...findings, examples: [{ path: `x${'other%FF'.repeat(200)}`, why: 'ENOENT' }] });
    await again.finish(stop.signal);
    const { totals, examples = [] } = headStatus();
    expect(totals).toMatchObject({ vanished: 2 });
    expect(examples.map(({ path }) => path.slice(-8))).toEqual(['gone', '%FFother']);
    expect(examples[1]?.path.length).toBe(1022);
  });
});

describe('KubeLedger.readPlan', () => {
  it('waits for an API that is away', async () => {
    const ledger = await openLedger();
    for (let n = 0; n < 50; n += 1) api.fail('get', { error: apiError('Unreachable') });
    const reading = ledger.readPlan(stop.signal);
    await clock.advance(600_000);
    expect((await reading).boundaries.map(({ n }) => n)).toEqual([0, 1]);
  });
});

describe('KubeLedger.uncommittedBytes', () => {
  it('is none after a catalogue that was written while commits were queued', async () => {
    const ledger = await openLedger();
    await ledger.openNext(stop.signal);
    progress.addBytes(100);
    for (let n = 0; n < 40; n += 1) api.fail('create', { error: apiError('Unreachable') });
    const committed = ledger.commit(commitOf(0), stop.signal);
    await clock.advance(10_000);
    await committed;
    progress.addBytes(30);
    ledger.countCatalogue();
    expect(ledger.uncommittedBytes).toBe(130);
    await clock.advance(60_000);
    expect(ledger.uncommittedBytes).toBe(0);
  });
});

describe('KubeLedger.start', () => {
  it('waits for an API that is away: nothing has been touched yet', async () => {
    for (let n = 0; n < 3; n += 1) api.fail('get', { error: apiError('Unreachable') });
    const opening = openLedger();
    await clock.advance(10_000);
    await writeTheOnlySegment(await opening);
    expect(headStatus()).toMatchObject({ openSegment: 0, pages: 1 });
  });

  it('does not wait for a head that is sealed', async () => {
    await openLedger();
    await api.patch(backupSaveRecords, { namespace, name: record }, { status: { sealed: true } }, { type: 'merge' });
    await expect(openLedgerAgain()).rejects.toMatchObject({ reason: 'Sealed' });
  });
});

describe('KubeLedger.commit', () => {
  const forbidden = errorOfAnswer({ method: 'POST', path: '/savepages' }, 403, '');

  it('keeps the segment while a server that has just started knows no roles yet', async () => {
    const ledger = await openLedger();
    for (let n = 0; n < 5; n += 1) api.fail('create', { error: forbidden });
    const written = writeTheOnlySegment(ledger);
    await clock.advance(10_000);
    await written;
    const waiting = ledger.openNext(stop.signal).catch(() => undefined);
    await clock.advance(10_000);
    expect(stop.signal.aborted).toBe(false);
    expect(headStatus()).toMatchObject({ pages: 1, totals: { segments: 1 } });
    stop.abort(new Error('enough'));
    await waiting;
  });

  it('ends the stream when the refusal lasts', async () => {
    const ledger = await openLedger();
    for (let n = 0; n < 500; n += 1) api.fail('create', { error: forbidden });
    const written = writeTheOnlySegment(ledger);
    await clock.advance(60_000);
    await written.catch(() => undefined);
    expect(stop.signal.reason).toMatchObject({ reason: 'ApiError' });
  });
});
