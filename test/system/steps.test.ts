/** Every step of the flows, on the real thing: control plane, operator, agents, workers, virtual libraries. */
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { BackupJob, Commit, Grant, Holder } from '../../src/api/generated/index.ts';
import { operatorNamespace } from '../../src/api/names.ts';
import { openVirtualLibrary } from '../../src/devices/changer/virtual-library.ts';
import { compareTrees } from '../support/compare-trees.ts';
import { revisionOf } from '../support/history.ts';
import { eventually } from '../support/local-cluster.ts';
import { findUnrest } from '../support/rest-state.ts';
import { isWhole, readTape, type TapeGroup } from '../support/tape-content.ts';
import { segmentBytes, StepScenarios } from './step-scenarios.ts';

let scenarios: StepScenarios;
beforeAll(async () => {
  scenarios = await StepScenarios.start();
});
afterAll(() => scenarios.stop());

const grantOf = (job: BackupJob, stream: number): Grant => {
  const grant = job.status?.streams?.[stream];
  if (grant === undefined) throw new Error(`${job.metadata.name} has no stream ${String(stream)}`);
  return grant;
};

/** When the stream worker's pod was made: nothing is written before. */
const podRevision = ({ pod = '' }: Grant): number => {
  const first = scenarios.history.pods.versions(pod)[0];
  if (first === undefined) throw new Error(`pod ${pod} was never seen`);
  return first.revision;
};

const isHeldBy = (holder: Holder | undefined, job: BackupJob, grant: Grant): boolean =>
  holder?.uid === job.metadata.uid && holder?.epoch === grant.epoch && holder?.stream === grant.number;

/** Commits of each stream by segment number. */
const commitsOf = async (job: BackupJob): Promise<ReadonlyMap<number, ReadonlyMap<number, Commit>>> => {
  const found = new Map<number, Map<number, Commit>>();
  for (const { spec, status } of await scenarios.cluster.pagesOf(job)) {
    if (spec.type !== 'Commits') continue;
    const stream = found.get(spec.stream ?? 0) ?? new Map<number, Commit>();
    for (const [segment, commit] of Object.entries(status?.commits ?? {})) stream.set(Number(segment), commit);
    found.set(spec.stream ?? 0, stream);
  }
  return found;
};

const sortedKeys = (map: ReadonlyMap<number, unknown> | undefined): number[] =>
  [...(map?.keys() ?? [])].sort((a, b) => a - b);

const upTo = (last: number): number[] => Array.from({ length: last + 1 }, (_, number) => number);

const linksSegmentOf = (job: BackupJob): number => job.status?.plan?.linksSegment ?? -1;

const libraryNumber = (library: string | undefined): number => Number(/\d+$/.exec(library ?? '')?.[0]);

const tapeOf = (library: string | undefined, barcode: string | undefined): readonly TapeGroup[] => {
  const out = path.join(scenarios.cluster.folder, 'tapes', barcode ?? '');
  return readTape(scenarios.cluster.library(libraryNumber(library)), barcode ?? '', out);
};

const condition = (job: BackupJob, type: string) => job.status?.conditions?.find((one) => one.type === type);

const reasonsOf = async (name: string): Promise<readonly string[]> =>
  (await scenarios.cluster.eventsOf(name)).map(({ reason }) => reason);

const expectNothingHeldFor = (job: BackupJob): void => {
  const grants = [...(job.status?.streams ?? []), ...(job.status?.retired ?? [])];
  expect(grants.map(({ state }) => state)).not.toContain('Fencing');
  for (const { versions } of [scenarios.history.tapes, scenarios.history.servers, scenarios.history.switches]) {
    const names = new Set(versions().map(({ object }) => object.metadata.name));
    for (const name of names) {
      const last = versions(name).at(-1)?.object.status ?? {};
      expect(JSON.stringify(last), name).not.toContain(job.metadata.uid);
    }
  }
};

const phasesOf = (job: BackupJob): readonly string[] => {
  const phases = scenarios.history.jobs.versions(job.metadata.name).map(({ object }) => object.status?.phase ?? '');
  return phases.filter((phase, at) => phase !== '' && phase !== phases[at - 1]);
};

describe('a parallel backup', () => {
  it('B1 starts at once when it is applied, with a process number of its own', async () => {
    const { parallel, second, writing } = await scenarios.crowd();
    await scenarios.seen(parallel);
    expect(phasesOf(parallel)[0]).toBe('Queued');
    expect(writing.status?.phase).toMatch(/^(Planning|Running)$/);
    expect(Date.parse(parallel.status?.startTime ?? '')).not.toBeNaN();
    expect(parallel.status?.processNumber).toBeGreaterThan(0);
    expect(second.status?.processNumber).not.toBe(parallel.status?.processNumber);
  });

  it('B2 asks the application to quiesce, and fails before a byte moves when it cannot be asked', async () => {
    const { cluster, source } = scenarios;
    await scenarios.thirdSet();
    const hook = { podSelector: { matchLabels: { app: 'nobody' } }, command: ['quiesce'] };
    await cluster.createJob('quiescing', source, { hooks: { before: [hook] } });
    const job = await cluster.jobEnded('quiescing');
    expect(job.status).toMatchObject({ phase: 'Failed', failovers: 0, bytesRewritten: 0 });
    expect(job.status?.message).toContain('app=nobody');
    expect(job.status?.hooks?.[0]).toMatchObject({ when: 'Before', index: 0, state: 'Failed' });
    expect(await commitsOf(job)).toEqual(new Map());
    expect(condition(job, 'Released')).toMatchObject({ status: 'True' });
  });

  it.each([
    ['B3', 'B4', 'B5', 0],
    ['B6', 'B6', 'B6', 1],
  ])(
    '%s %s %s secures server, library, drive, tape and switches of stream %#, before its worker exists',
    async (...row) => {
      const stream = row[3];
      const { parallel } = await scenarios.crowd();
      await scenarios.seen(parallel);
      const grant = grantOf(parallel, stream);
      const revision = podRevision(grant);
      const { history } = scenarios;
      const drive = history.libraries
        .asOf(grant.library ?? '', revision)
        ?.status?.drives?.find(({ name }) => name === grant.drive);
      const server = history.servers.asOf(grant.server ?? '', revision)?.status?.holders;
      const tape = history.tapes.asOf(grant.tape ?? '', revision)?.status;
      expect(server?.some((holder) => isHeldBy(holder, parallel, grant))).toBe(true);
      expect(isHeldBy(drive?.holder, parallel, grant)).toBe(true);
      expect(isHeldBy(tape?.holder, parallel, grant)).toBe(true);
      expect(grant.switches).toHaveLength(1);
      for (const name of grant.switches ?? []) {
        const holders = history.switches.asOf(name, revision)?.status?.holders;
        expect(holders?.some((holder) => isHeldBy(holder, parallel, grant))).toBe(true);
      }
      expect(await reasonsOf('parallel')).toContain('Secured');
    },
  );

  it('B5 gives every route zones of its own, of nothing but its server port and its drive port', async () => {
    const { parallel, zones } = await scenarios.crowd();
    for (const stream of [0, 1]) {
      for (const { name, members = [] } of grantOf(parallel, stream).zones ?? []) {
        expect(members).toHaveLength(2);
        expect(zones.find((zone) => zone.name === name)?.members.toSorted()).toEqual(members.toSorted());
      }
    }
    // Two jobs of two streams.
    expect(zones).toHaveLength(4);
  });

  it('B6 secures streams that share neither server, library, drive, tape nor switch', async () => {
    const { parallel } = await scenarios.crowd();
    const [a, b] = [grantOf(parallel, 0), grantOf(parallel, 1)];
    expect([a.server, a.library, a.tape, a.switches]).not.toEqual([b.server, b.library, b.tape, b.switches]);
    for (const unit of ['server', 'library', 'tape', 'epoch'] as const) expect(a[unit]).not.toBe(b[unit]);
    expect(a.switches).not.toEqual(b.switches);
  });

  it('B7 fails a job that may not wait: nothing stays secured and the user is told', async () => {
    const { impatient } = await scenarios.crowd();
    expect(impatient.status).toMatchObject({ phase: 'Failed', reason: 'NoUsableDrive' });
    expect(condition(impatient, 'Failed')).toMatchObject({ status: 'True', reason: 'NoUsableDrive' });
    expect(condition(impatient, 'Released')).toMatchObject({ status: 'True' });
    expect(await reasonsOf('impatient')).toContain('NoUsableDrive');
    expectNothingHeldFor(impatient);
    expect(impatient.status?.streams?.map(({ drive }) => drive)).toEqual([undefined, undefined]);
  });

  it('B7 fails a job at once that this hardware could never serve, though it may wait', async () => {
    const { impossible } = await scenarios.crowd();
    expect(impossible.spec.whenUnavailable).toBe('Wait');
    expect(impossible.status?.phase).toBe('Failed');
    expect(impossible.status?.message).toMatch(/server/);
    expectNothingHeldFor(impossible);
  });

  it('B7 queues a job that may wait: it names what is in the way and its place, and runs when that is free', async () => {
    const { patient, behind, parallel } = await scenarios.crowd();
    expect(patient.status).toMatchObject({ phase: 'Queued', reason: 'NoUsableDrive', queue: { position: 1 } });
    expect(behind.status?.queue?.position).toBe(2);
    const blockers = patient.status?.queue?.blockedBy ?? [];
    const drive = `${String(grantOf(parallel, 0).library)}/${String(grantOf(parallel, 0).drive)}`;
    const blocker = blockers.find(({ kind, name }) => kind === 'Drive' && name === drive);
    expect(blocker).toMatchObject({ reason: 'Held', holder: { name: 'parallel', namespace: 'default', stream: 0 } });
    expect(blocker?.message).toContain('default/parallel');
    expect((await scenarios.losses()).patient.status?.phase).toBe('Succeeded');
  });

  it('B8 loads and checks each tape before its worker exists', async () => {
    const { parallel } = await scenarios.crowd();
    for (const stream of [0, 1]) {
      const grant = grantOf(parallel, stream);
      const revision = podRevision(grant);
      const library = scenarios.history.libraries.asOf(grant.library ?? '', revision)?.status;
      expect(library?.drives?.find(({ name }) => name === grant.drive)?.loadedTape).toBe(grant.barcode);
      const tape = scenarios.history.tapes.asOf(grant.tape ?? '', revision)?.status;
      expect(tape).toMatchObject({ drive: grant.drive, labelId: grant.labelId });
    }
    expect(await reasonsOf('parallel')).toContain('Loaded');
  });

  it('B9 tells each server what data, which library, which drive and which tape', async () => {
    const { parallel } = await scenarios.crowd();
    for (const stream of [0, 1]) {
      const grant = grantOf(parallel, stream);
      const pod = scenarios.lastPod(grant);
      const text = pod?.spec?.containers[0]?.env?.find(({ name }) => name === 'TWINREEL_ORDER')?.value;
      const order: unknown = JSON.parse(text ?? '{}');
      expect(order).toMatchObject({
        role: 'backup',
        server: grant.server,
        source: { kind: 'hostPath', path: scenarios.source },
        library: { name: grant.library },
        drive: { name: grant.drive },
        tape: { barcode: grant.barcode, labelId: grant.labelId },
        grant: { stream, epoch: grant.epoch },
      });
      expect(pod?.metadata?.namespace).toBe(operatorNamespace);
      expect(pod?.spec?.nodeName).toBe(grant.node);
    }
  });

  it('B10 hears of each server how it ended', async () => {
    const { parallel } = await scenarios.crowd();
    for (const stream of [0, 1]) {
      const ended = scenarios.lastPod(grantOf(parallel, stream))?.status?.containerStatuses?.[0]?.state?.terminated;
      expect(ended).toMatchObject({ exitCode: 0 });
      expect(JSON.parse(ended?.message ?? '{}')).toMatchObject({ role: 'backup', outcome: 'succeeded' });
      expect(grantOf(parallel, stream)).toMatchObject({ state: 'Succeeded', outcome: 'Succeeded' });
    }
  });

  it('B11 calls one success a success, and does not hide that it is the only one (claim 2)', async () => {
    const { patient } = await scenarios.losses();
    expect(patient.status).toMatchObject({ phase: 'Succeeded', reason: 'CopiesMissing' });
    expect(condition(patient, 'Complete')).toMatchObject({ status: 'True' });
    expect(condition(patient, 'Redundant')).toMatchObject({ status: 'False' });
    expect(patient.status?.streams?.map(({ outcome }) => outcome)).toEqual(['Succeeded', 'Failed']);
    const commits = await commitsOf(patient);
    expect(sortedKeys(commits.get(0))).toEqual(upTo(linksSegmentOf(patient)));
    expect(sortedKeys(commits.get(1)).length).toBeLessThan(linksSegmentOf(patient));
  });

  it('B12 records the areas of every success (claim 6)', async () => {
    const { parallel } = await scenarios.crowd();
    const records = (await scenarios.cluster.recordsOf(parallel)).filter(({ spec }) => spec.type === 'Stream');
    expect(records).toHaveLength(2);
    const commits = await commitsOf(parallel);
    for (const { spec, status } of records) {
      const { library, barcode, labelId } = grantOf(parallel, spec.stream ?? 0);
      const area = { library, barcode, labelId, firstSegment: 0, lastSegment: linksSegmentOf(parallel) };
      expect(spec.source).toMatchObject({ kind: 'hostPath', path: scenarios.source });
      expect(status).toMatchObject({ outcome: 'Succeeded', areas: [area] });
      expect(Date.parse(status?.startTime ?? '')).toBeLessThan(Date.parse(status?.endTime ?? ''));
      expect(sortedKeys(commits.get(spec.stream ?? 0))).toEqual(upTo(linksSegmentOf(parallel)));
    }
  });

  it('B12 records digests, places and sizes that are those of the tape (claim 5)', async () => {
    const { parallel } = await scenarios.crowd();
    const commits = await commitsOf(parallel);
    for (const stream of [0, 1]) {
      const { library, barcode } = grantOf(parallel, stream);
      const groups = tapeOf(library, barcode);
      for (const [segment, commit] of commits.get(stream) ?? []) {
        const group = groups[commit.group];
        expect(group === undefined ? undefined : isWhole(group)).toBe(true);
        expect(group?.header).toMatchObject({ number: segment, stream, job: { uid: parallel.metadata.uid } });
        expect([group?.sha256, group?.trailers?.sha256]).toEqual([commit.sha256, commit.sha256]);
        expect(group?.payloadBytes).toBe(commit.blocks * 262_144);
      }
    }
  });

  it('B13 writes the save information onto the tapes themselves', async () => {
    const { parallel } = await scenarios.crowd();
    for (const stream of [0, 1]) {
      const { library, barcode } = grantOf(parallel, stream);
      const catalogues = tapeOf(library, barcode).filter(
        ({ header }) => header?.kind === 'catalogue' && header.job.uid === parallel.metadata.uid,
      );
      expect(catalogues.length).toBeGreaterThan(0);
      expect(catalogues.every(isWhole)).toBe(true);
    }
  });

  it('B14 releases everything before it says that it is complete', async () => {
    const { parallel } = await scenarios.crowd();
    await scenarios.seen(parallel);
    const { history } = scenarios;
    const end = revisionOf(
      history.jobs.versions('parallel').find(({ object }) => object.status?.phase === 'Succeeded')?.object ?? {},
    );
    expect(end).toBeGreaterThan(0);
    for (const stream of [0, 1]) {
      const grant = grantOf(parallel, stream);
      const drive = history.libraries
        .asOf(grant.library ?? '', end)
        ?.status?.drives?.find(({ name }) => name === grant.drive);
      const tape = history.tapes.asOf(grant.tape ?? '', end)?.status;
      expect(isHeldBy(drive?.holder, parallel, grant)).toBe(false);
      expect(isHeldBy(tape?.holder, parallel, grant)).toBe(false);
      expect(tape?.slot).toBeGreaterThan(0);
      for (const name of grant.switches ?? []) {
        const holders = history.switches.asOf(name, end)?.status?.holders ?? [];
        expect(holders.some((holder) => isHeldBy(holder, parallel, grant))).toBe(false);
      }
    }
    expect(condition(parallel, 'Released')).toMatchObject({ status: 'True' });
  });

  it('claim 13, 14: runs two operations at the same time with two sets', async () => {
    const { parallel } = await scenarios.crowd();
    const commits = await commitsOf(parallel);
    const times = [0, 1].map((stream) =>
      [...(commits.get(stream)?.values() ?? [])].map(({ writtenAt }) => Date.parse(writtenAt)).sort((a, b) => a - b),
    );
    const [first = [], second = []] = times;
    expect(first[0]).toBeLessThan(second.at(-1) ?? 0);
    expect(second[0]).toBeLessThan(first.at(-1) ?? 0);
  });

  it('says what each tape holds now', async () => {
    const { second } = await scenarios.crowd();
    for (const stream of [0, 1]) {
      const grant = grantOf(second, stream);
      const tape = scenarios.history.tapes.versions(grant.tape ?? '').at(-1)?.object.status;
      expect(tape?.usedBytes).toBeGreaterThan(grant.bytesDone ?? 0);
      expect(tape?.groups).toBeGreaterThan(linksSegmentOf(second));
    }
  });
});

describe('a failover backup', () => {
  it('F1 secures both routes with their libraries, tapes and switches before the first is used', async () => {
    const { failover } = await scenarios.losses();
    await scenarios.seen(failover);
    const begun = scenarios.history.jobs
      .versions('failover')
      .find(({ object }) => object.status?.streams?.[0]?.state === 'Running')?.object;
    const [active, standby] = begun?.status?.streams ?? [];
    expect(active).toMatchObject({ role: 'Active', state: 'Running' });
    expect(standby).toMatchObject({ role: 'Standby' });
    expect(standby?.library).not.toBe(active?.library);
    expect(standby?.server).not.toBe(active?.server);
    expect(standby?.zones?.length).toBeGreaterThan(0);
    const revision = podRevision(active ?? grantOf(failover, 0));
    const tape = scenarios.history.tapes.asOf(standby?.tape ?? '', revision)?.status;
    expect(standby === undefined ? false : isHeldBy(tape?.holder, failover, standby)).toBe(true);
  });

  it('F2 fails and releases when fewer than the wanted routes can be had', async () => {
    const { cluster, source } = scenarios;
    await scenarios.thirdSet();
    await cluster.createJob('too-many', source, { routes: 3, copies: 1 });
    const job = await cluster.jobEnded('too-many');
    expect(job.status?.phase).toBe('Failed');
    expect(condition(job, 'Released')).toMatchObject({ status: 'True' });
    expectNothingHeldFor(job);
  });

  it('F3 prepares both tapes', async () => {
    const { failover } = await scenarios.losses();
    const loaded = (await scenarios.cluster.eventsOf('failover')).filter(({ reason }) => reason === 'Loaded');
    expect(loaded.map(({ note }) => note.slice(0, 8)).sort()).toEqual(expect.arrayContaining(['stream 0', 'stream 1']));
    expect(failover.status?.streams?.some(({ role }) => role === 'Standby')).toBe(true);
  });

  it('F4 copies the data in segments, in order', async () => {
    const { failover } = await scenarios.losses();
    const commits = await commitsOf(failover);
    expect(linksSegmentOf(failover)).toBeGreaterThan(5);
    for (const stream of [0, 1]) {
      const inTapeOrder = [...(commits.get(stream) ?? [])].sort(([, a], [, b]) => a.group - b.group);
      expect(inTapeOrder.map(([segment]) => segment)).toEqual(sortedKeys(commits.get(stream)));
    }
  });

  it('F5 records each success at once, one by one', async () => {
    const { failover } = await scenarios.losses();
    for (const page of await scenarios.cluster.pagesOf(failover)) {
      if (page.spec.type !== 'Commits') continue;
      const counts = scenarios.history.pages
        .versions(page.metadata.name)
        .map(({ object }) => Object.keys(object.status?.commits ?? {}).length);
      const steps = counts.slice(1).map((count, at) => count - (counts[at] ?? 0));
      expect(Math.max(...steps)).toBe(1);
      expect(counts.at(-1)).toBe(Object.keys(page.status?.commits ?? {}).length);
    }
  });

  it('F6 goes on over the second route from the segment that failed (claims 3, 4, 12)', async () => {
    const { failover } = await scenarios.losses();
    expect(failover.status).toMatchObject({ failovers: 1, failoverHistory: [{ stream: 0, reason: 'TapeWriteError' }] });
    const commits = await commitsOf(failover);
    const [before, after] = [sortedKeys(commits.get(0)), sortedKeys(commits.get(1))];
    expect(before.length).toBeGreaterThan(0);
    expect(before).toEqual(upTo(before.length - 1));
    expect([...before, ...after]).toEqual(upTo(linksSegmentOf(failover)));
    const reasons = await reasonsOf('failover');
    expect(reasons).toEqual(expect.arrayContaining(['TapeWriteError', 'FailedOver']));
  });

  it('F6 writes at most the open segment again, and says truly how much', async () => {
    const { failover } = await scenarios.losses();
    const lost = (await commitsOf(failover)).get(0)?.values().next().value;
    const groups = tapeOf(lost?.library, lost?.barcode).filter(
      ({ header }) => header?.job.uid === failover.metadata.uid,
    );
    const abandoned = groups.filter((group) => !isWhole(group));
    expect(abandoned.length).toBeLessThanOrEqual(1);
    const onTape = abandoned.reduce((sum, { payloadBytes }) => sum + payloadBytes, 0);
    expect(failover.status?.bytesRewritten).toBe(onTape);
    expect(onTape).toBeGreaterThan(0);
    expect(onTape).toBeLessThanOrEqual(segmentBytes + 2 * 262_144);
  });

  it('F6 goes over also when a drive says nothing at all', async () => {
    const { hanging } = await scenarios.silence();
    expect(hanging.status).toMatchObject({ phase: 'Succeeded', failovers: 1 });
    expect(hanging.status?.failoverHistory?.[0]).toMatchObject({ stream: 0, reason: 'Stalled' });
    const commits = await commitsOf(hanging);
    const segments = [...sortedKeys(commits.get(0)), ...sortedKeys(commits.get(1))].sort((a, b) => a - b);
    expect([...new Set(segments)]).toEqual(upTo(linksSegmentOf(hanging)));
    expect(hanging.status?.bytesRewritten).toBeLessThanOrEqual(segmentBytes + 2 * 262_144);
    expect(condition(hanging, 'Released')).toMatchObject({ status: 'True' });
  });

  it('F7 succeeds when every segment is on tape', async () => {
    const { failover } = await scenarios.losses();
    expect(failover.status).toMatchObject({ phase: 'Succeeded', reason: 'AllCopiesWritten' });
    expect(condition(failover, 'Complete')).toMatchObject({ status: 'True' });
    expect(phasesOf(failover).at(-1)).toBe('Succeeded');
  });

  it('F8 fails when the second route fails too and there is no third', async () => {
    const { doomed } = await scenarios.silence();
    expect(doomed.status).toMatchObject({ phase: 'Failed', reason: 'TapeWriteError' });
    expect(doomed.status?.failoverHistory?.map(({ stream }) => stream)).toEqual([0, 1]);
    expect(doomed.status?.bytesRewritten).toBeLessThanOrEqual(2 * (segmentBytes + 2 * 262_144));
    expect(await reasonsOf('doomed')).toContain('Failed');
    expectNothingHeldFor(doomed);
  });

  it('F8 secures a third set where it may (claim 15)', async () => {
    const { third } = await scenarios.thirdSet();
    expect(third.status?.phase, third.status?.message).toBe('Succeeded');
    expect(third.status?.failoverHistory).toHaveLength(2);
    const drives = new Set<string>();
    for (const commits of (await commitsOf(third)).values())
      for (const { barcode } of commits.values()) drives.add(barcode);
    expect(drives.size).toBe(3);
    expect(third.status?.bytesRewritten).toBeLessThanOrEqual(2 * (segmentBytes + 2 * 262_144));
  });

  it('F9 releases everything', async () => {
    const { failover } = await scenarios.losses();
    await scenarios.thirdSet();
    expect(condition(failover, 'Released')).toMatchObject({ status: 'True' });
    expectNothingHeldFor(failover);
    await eventually('nothing is held', async () =>
      (await findUnrest(scenarios.cluster, ['server-0', 'server-1'])).length === 0 ? true : undefined,
    ).catch(async (error: unknown) => {
      expect(await findUnrest(scenarios.cluster, ['server-0', 'server-1']), String(error)).toEqual([]);
    });
  });
});

describe('a restore', () => {
  it('R1 may be asked for what succeeded only (claim 8)', async () => {
    await scenarios.crowd();
    const early = await scenarios.cluster.restore('early');
    expect(early.status).toMatchObject({ phase: 'Failed', reason: 'BackupNotFinished' });
    const { refused } = await scenarios.thirdSet();
    expect(refused.status).toMatchObject({ phase: 'Failed', reason: 'BackupNotSucceeded' });
    expect(refused.status?.message).toContain('default/doomed is Failed');
  });

  it('R2, R3 finds backup, records and segments for what was asked', async () => {
    const { whole } = await scenarios.thirdSet();
    const { failover } = await scenarios.losses();
    expect(whole.status?.backup).toMatchObject({ name: 'failover', uid: failover.metadata.uid });
    expect(whole.status?.progress?.segmentsTotal).toBe(linksSegmentOf(failover) + 1);
    expect(whole.status?.records?.every((name) => failover.status?.records?.includes(name))).toBe(true);
  });

  it('R4 to R7 secures tape, server and switches and loads the tape, area by area', async () => {
    const { whole } = await scenarios.thirdSet();
    const areas = whole.status?.areas ?? [];
    expect(areas).toHaveLength(2);
    expect(areas.every(({ state }) => state === 'Done')).toBe(true);
    const versions = scenarios.history.restores.versions('of-failover');
    for (const { barcode } of areas) {
      const running = versions.find(
        ({ object }) =>
          object.status?.streams?.[0]?.barcode === barcode && object.status.streams[0].state === 'Running',
      )?.object.status?.streams?.[0];
      expect(running, barcode).toBeDefined();
      const revision = podRevision(running ?? { number: 0, epoch: 0, role: 'Active', state: 'Waiting' });
      const tape = scenarios.history.tapes.asOf(running?.tape ?? '', revision)?.status;
      expect(tape).toMatchObject({
        drive: running?.drive,
        holder: { kind: 'Restore', name: 'of-failover', epoch: running?.epoch },
      });
      const server = scenarios.history.servers.asOf(running?.server ?? '', revision)?.status?.holders;
      expect(server?.some(({ uid }) => uid === whole.metadata.uid)).toBe(true);
      expect(running?.zones?.length).toBeGreaterThan(0);
    }
  });

  it('R8, R9 brings back every file as it was', async () => {
    const { target } = await scenarios.thirdSet();
    const compared = compareTrees(scenarios.source, target);
    expect(compared.differences).toEqual([]);
    expect(compared.files).toBeGreaterThan(500);
  });

  it('R10, R11 reports and tells the user', async () => {
    const { whole } = await scenarios.thirdSet();
    expect(whole.status).toMatchObject({ phase: 'Succeeded', failureCount: 0, reason: 'Restored' });
    expect(whole.status?.filesRestored).toBeGreaterThan(500);
    expect(await reasonsOf('of-failover')).toContain('Succeeded');
  });

  it('R12 releases everything, and every tape lies in its slot again', async () => {
    const { whole } = await scenarios.thirdSet();
    expect(whole.status?.conditions?.find(({ type }) => type === 'Released')).toMatchObject({ status: 'True' });
    for (const library of [0, 1]) {
      const { drives } = await openVirtualLibrary(scenarios.cluster.library(library)).changer.inventory();
      expect(drives.map(({ barcode }) => barcode)).toEqual([undefined, undefined]);
    }
  });
});

describe('the claims that no step names', () => {
  it('claim 1: what is executed is executed with what was secured', async () => {
    const { parallel } = await scenarios.crowd();
    const commits = await commitsOf(parallel);
    for (const stream of [0, 1]) {
      const { library, tape } = grantOf(parallel, stream);
      const used = [...(commits.get(stream)?.values() ?? [])].map((commit) => `${commit.library} ${commit.tape}`);
      expect(new Set(used)).toEqual(new Set([`${String(library)} ${String(tape)}`]));
    }
  });

  it('claim 5: every segment is on two tapes', async () => {
    const { parallel } = await scenarios.crowd();
    const commits = await commitsOf(parallel);
    for (const segment of upTo(linksSegmentOf(parallel))) {
      const copies = [0, 1].map((stream) => commits.get(stream)?.get(segment)?.barcode);
      expect(new Set(copies).size).toBe(2);
      expect(copies).not.toContain(undefined);
    }
  });
});
