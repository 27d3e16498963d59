import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import type { Commit } from '../../../src/api/generated/shared.ts';
import { pageName } from '../../../src/api/names.ts';
import { backupJobs, backupSaveRecords, savePages } from '../../../src/api/resources.ts';
import type { BackupOrder, JobIdentity } from '../../../src/api/worker-order.ts';
import type { Api } from '../../../src/kube/api.ts';
import { CatalogueSource } from '../../../src/worker/catalogue.ts';
import type { CatalogueMember } from '../../../src/worker/source-reader-protocol.ts';
import type { CatalogueKind } from '../../../src/worker/stream-loop.ts';
import { makeManualClock, type ManualClock } from '../../manual-clock.ts';
import { apiError, makeMemoryApi, type MemoryApi } from '../kube/memory-api.ts';

const namespace = 'twinreel-system';
const record = 'r-s0';
const planRecord = 'r-plan';
const uid = '0a1b2c3d-0000-4000-8000-000000000000';
const job: JobIdentity = { kind: 'BackupJob', uid, namespace: 'default', name: 'x', processNumber: 1 };
const here = 'aa'.repeat(16);
const elsewhere = 'bb'.repeat(16);
const order: BackupOrder = {
  ...{ v: 1, role: 'backup', pod: 'the-pod', operatorNamespace: namespace, server: 'server-0', job },
  grant: { stream: 0, epoch: 2 },
  library: { name: 'library-0', driver: 'virtual' },
  drive: { name: 'drive-0', elementAddress: 256 },
  tape: { name: 'the-tape', barcode: '000001L9', labelId: here },
  source: { kind: 'hostPath', path: '/data', include: [], exclude: [], oneFileSystem: true, shared: false },
  ...{ sourceFolder: { prefix: '/data', beneath: '' }, lockPages: false },
  consistent: false,
  ...{ record, planRecord, compression: 'None', catalogueEvery: 16, fenceTimeoutMs: 60_000, heartbeatMs: 1e9 },
};

const commitOn = (labelId: string, group: number): Commit => ({
  ...{ epoch: 2, kind: 'D', library: 'library-0', tape: 'the-tape', barcode: '000001L9', labelId, group, bytes: 1 },
  ...{ blocks: 1, entries: 1, files: 1, indexOffset: 0, sha256: '', encoding: 'NN', writtenAt: '2030-01-01T00:00:00Z' },
});

let api: MemoryApi;
let clock: ManualClock;

beforeEach(() => {
  api = makeMemoryApi();
  clock = makeManualClock();
  const plan = { segments: 2, complete: true, pages: 1, linksSegment: 2 };
  api.seed(backupSaveRecords, {
    metadata: { name: planRecord, namespace },
    spec: { type: 'Plan', job },
    status: { plan },
  });
  const spec = { type: 'Stream', job, stream: 0 } as const;
  api.seed(backupSaveRecords, { metadata: { name: record, namespace }, spec, status: { pages: 1 } });
  const boundary = { weight: 1, entries: 1, files: 1, bytes: 1, offset: 0, kind: 'D' } as const;
  const boundaries = [0, 1].map((number) => ({ ...boundary, number, path: number === 0 ? '' : 'm' }));
  const page = (name: string) => ({ name: pageName(name, 0), namespace });
  const pageSpec = { page: 0, job };
  const planSpec = { type: 'Plan', record: planRecord, ...pageSpec } as const;
  api.seed(savePages, { metadata: page(planRecord), spec: planSpec, status: { boundaries } });
  const commits = { '0': commitOn(elsewhere, 4), '1': commitOn(here, 0) };
  api.seed(savePages, {
    metadata: page(record),
    spec: { type: 'Commits', record, ...pageSpec },
    status: { commits },
  });
});

const sourceOf = (indexFolder?: string): CatalogueSource => {
  const { signal } = new AbortController();
  return new CatalogueSource({ api, clock, order, signal, ...(indexFolder !== undefined && { indexFolder }) });
};

/** Lets the time pass in which an API is waited for. */
const gather = async (source: CatalogueSource, kind: CatalogueKind): Promise<readonly CatalogueMember[]> => {
  const asked = source.members(kind, 0);
  await clock.advance(120_000);
  return asked;
};

const linesOf = (members: readonly CatalogueMember[], name: string): readonly unknown[] => {
  const content = members.find((member) => member.name === name)?.content;
  if (!(content instanceof Uint8Array)) throw new Error(`no ${name}`);
  return Buffer.from(content)
    .toString()
    .split('\n')
    .filter((text) => text !== '')
    .map((text): unknown => JSON.parse(text));
};

const headOf = (members: readonly CatalogueMember[]): unknown => linesOf(members, 'catalogue-000000.json')[0];

describe('CatalogueSource', () => {
  it('calls whole what has every page', async () => {
    const members = await gather(sourceOf(), 'whole');
    expect(headOf(members)).toMatchObject({ whole: true, count: 2 });
    expect(linesOf(members, 'commits.jsonl')).toHaveLength(2);
  });

  it('asks again for a page when the API was away for a moment', async () => {
    api.fail('get', { error: apiError('Unreachable') });
    expect(headOf(await gather(sourceOf(), 'whole'))).toMatchObject({ whole: true, count: 2 });
  });

  it('does not call whole what lacks a page, and says no count', async () => {
    for (const name of [planRecord, record]) {
      const before = api.read(savePages, { namespace, name: pageName(name, 0) });
      api.remove(savePages, { namespace, name: pageName(name, 0) });
      expect(headOf(await gather(sourceOf(), 'whole'))).toMatchObject({ whole: false, count: null });
      if (before !== undefined) api.seed(savePages, before);
    }
  });

  it('gives up on an API that stays away', async () => {
    for (let n = 0; n < 1_000; n += 1) api.fail('get', { error: apiError('Unreachable') });
    expect(headOf(await gather(sourceOf(), 'incremental'))).toMatchObject({ whole: false, count: null });
  });

  it('does not wait for a job that it may not read', async () => {
    const refusing: Api = {
      ...api,
      get: async (resource, ref, signal) => {
        if (resource.plural === backupJobs.plural) throw apiError('Forbidden');
        return api.get(resource, ref, signal);
      },
    };
    const source = new CatalogueSource({ api: refusing, clock, order, signal: new AbortController().signal });
    // Time stands still: what waits for it never ends.
    expect(headOf(await source.members('whole', 0))).toMatchObject({ whole: true, count: 2 });
  });

  it('tells the plan again where the catalogue before could not', async () => {
    const source = sourceOf();
    const page = api.read(savePages, { namespace, name: pageName(planRecord, 0) });
    api.remove(savePages, { namespace, name: pageName(planRecord, 0) });
    expect(linesOf(await gather(source, 'incremental'), 'plan.jsonl')).toEqual([]);
    if (page !== undefined) api.seed(savePages, page);
    expect(linesOf(await gather(source, 'incremental'), 'plan.jsonl')).toHaveLength(2);
    expect(linesOf(await gather(source, 'incremental'), 'plan.jsonl')).toHaveLength(0);
  });

  it('holds a commit that still waits for the API', async () => {
    const source = sourceOf();
    const waiting = { ...commitOn(here, 1), kind: 'links', segment: 2, encoding: 'NN' } as const;
    source.add(waiting);
    const told = linesOf(await gather(source, 'whole'), 'commits.jsonl');
    expect(told).toHaveLength(3);
    expect(told[2]).toMatchObject({ n: 2, stream: 0, epoch: 2, labelId: here, group: 1 });
  });

  it('holds the indexes of the segments on this tape, and of no other', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'twinreel-indexes-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    for (const n of [0, 1, 5]) writeFileSync(join(folder, `index-00000${n}.jsonl.zst`), '');
    const names = (await gather(sourceOf(folder), 'whole')).map(({ name }) => name);
    expect(names.filter((name) => name.startsWith('indexes/'))).toEqual(['indexes/index-000001.jsonl.zst']);
  });
});
