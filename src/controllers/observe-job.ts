/** Reads what a decision about one backup job needs: caches first, the API where a lag would mislead. */
import type { BackupJob, BackupSaveRecord, SavePage } from '../api/generated/index.ts';
import { labels, planPodName } from '../api/names.ts';
import { savePages } from '../api/resources.ts';
import type { JobHead, JobStatus, SeenJob } from '../decide/job/job-view.ts';
import { needsCommitted } from '../decide/job/backup-job.ts';
import { effectiveSpec } from '../decide/job/effective-spec.ts';
import { grantName } from '../decide/grant/grant.ts';
import type { GrantView } from '../decide/grant/grant-life.ts';
import type { Heads } from '../decide/job/job-status.ts';
import { podFacts } from '../decide/grant/pod-facts.ts';
import type { PodFacts } from '../decide/grant/pod-facts.ts';
import type { Silence } from '../decide/job/stream-fault.ts';
import { fromNumbers } from '../decide/spans.ts';
import type { Span } from '../decide/spans.ts';
import type { Api } from '../kube/api.ts';
import { pods } from '../kube/resources.ts';
import { getIfPresent } from '../kube/writes.ts';
import { observeClaim } from './claims.ts';
import type { Deps } from './deps.ts';
import { readBoots, vouchedBy } from './fence-proofs.ts';
import type { HookTasks } from './hook-tasks.ts';
import { downSwitchesOf, nodesOf, robotView } from './robot-view.ts';
import type { SilenceMeter } from './silence.ts';

export interface ObservedJob {
  readonly seen: SeenJob;
  readonly heads: Heads;
}

export const observeJob = async (
  deps: Deps,
  meter: SilenceMeter,
  hooks: Pick<HookTasks, 'isGoing'>,
  job: BackupJob,
  signal: AbortSignal,
): Promise<ObservedJob> => {
  const nowMs = deps.clock.now();
  const uid = job.metadata.uid ?? '';
  const status: JobStatus = job.status ?? {};
  const heads = headsOf(deps, uid);
  const facts = await podsOf(deps, uid, status, heads, signal);
  const boots = await readBoots(deps, uid, status, facts, signal);
  const jobHeads = new Map([...heads.streams].map(([stream, head]) => [stream, headFacts(head)]));
  const view: GrantView = {
    ownerUid: uid,
    pods: facts,
    ...robotView(deps, status.avoid),
    fenceVouched: vouchedBy(job, boots),
  };
  const plan = heads.plan?.status?.plan;
  const planPod = facts.get(planPodName(uid, status.plan?.epoch ?? 0));
  const spec = effectiveSpec(job);
  const claim = await observeClaim(deps, job, signal);
  const most: Omit<SeenJob, 'committed'> = {
    uid,
    status,
    spec,
    deleted: job.metadata.deletionTimestamp !== undefined,
    cancelAsked: job.spec.cancel === true,
    suspendAsked: job.spec.suspend === true,
    startedAtMs: startedAtMs(job),
    view,
    plan: {
      ...{ segments: plan?.segments ?? 0, complete: plan?.complete ?? false, pod: planPod },
      // Without a running planner nobody is silent.
      ...(planPod?.state === 'running' ? { silence: plannerSilence(meter, uid, status, heads.plan, nowMs) } : {}),
    },
    heads: jobHeads,
    nodes: nodesOf(deps),
    boots,
    silence: (stream) => {
      const head = heads.streams.get(stream)?.status;
      const key = `${uid}/${stream}/${head?.epoch ?? 0}`;
      return meter.look(key, JSON.stringify(head ?? {}), progressSignature(head), nowMs);
    },
    patience: {
      stallMs: spec.stallMs,
      heartbeatMs: 4 * deps.settings.heartbeatMs,
      preparationMs: deps.settings.preparationMs,
      filesMs: deps.settings.filesMs,
      startMs: deps.settings.podStartMs,
    },
    fenceTimeoutMs: deps.settings.fenceTimeoutMs,
    downSwitches: downSwitchesOf(deps),
    hookIsGoing: (run) => hooks.isGoing(uid, run),
    ...(claim === undefined ? {} : { claim }),
  };
  const committed = needsCommitted(most)
    ? await readCommitted(deps.api, deps.settings.namespace, uid, signal)
    : undefined;
  return { seen: { ...most, committed }, heads };
};

const plannerSilence = (
  meter: SilenceMeter,
  uid: string,
  { plan }: JobStatus,
  head: BackupSaveRecord | undefined,
  nowMs: number,
): Silence =>
  meter.look(`${uid}/plan/${plan?.epoch ?? 0}`, JSON.stringify(head?.status ?? {}), progressOfPlan(head), nowMs);

const progressOfPlan = (head: BackupSaveRecord | undefined): string =>
  [head?.status?.progressCount, head?.status?.plan?.segments, head?.status?.plan?.complete].join();

/** As if it had started later by the time for which it was suspended: that counts against no deadline. */
const startedAtMs = ({ metadata, status }: BackupJob): number =>
  Date.parse(status?.startTime ?? metadata.creationTimestamp ?? '') + 1000 * (status?.suspendedSeconds ?? 0);

const headsOf = (deps: Deps, uid: string): Heads => {
  const records = deps.caches.records.byIndex('job', uid);
  const streams = new Map<number, BackupSaveRecord>();
  for (const record of records) {
    if (record.spec.type === 'Stream' && record.spec.stream !== undefined) streams.set(record.spec.stream, record);
  }
  return { streams, plan: records.find((record) => record.spec.type === 'Plan') };
};

const openEnd = Infinity;

const headFacts = ({ status }: BackupSaveRecord): JobHead => ({
  epoch: status?.epoch ?? 0,
  sealed: status?.sealed ?? false,
  closeAsked: status?.close ?? false,
  activity: status?.activity ?? 'Starting',
  openSegment: status?.openSegment,
  openBytes: status?.openBytes ?? 0,
  bytesDone: status?.totals?.bytes ?? 0,
  assigned: (status?.assigned ?? []).map(({ first, last }) => ({ first, last: last ?? openEnd })),
  idle: status?.activity === 'WaitingForWork' && status.openSegment === undefined,
});

const progressSignature = (head: BackupSaveRecord['status']): string =>
  [
    head?.activity,
    head?.progressCount,
    head?.openSegment,
    head?.openBytes,
    head?.totals?.bytes,
    head?.totals?.catalogues,
  ].join();

/** A running stream whose pod the cache does not show is looked up: a lagging cache must not fail a stream. */
const podsOf = async (
  deps: Deps,
  uid: string,
  status: JobStatus,
  heads: Heads,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, PodFacts>> => {
  const nowMs = deps.clock.now();
  const cached = deps.caches.pods.byIndex('job', uid);
  const facts = new Map(cached.map((pod) => [pod.metadata?.name ?? '', podFacts(pod, nowMs)]));
  for (const grant of [...(status.streams ?? []), ...(status.retired ?? [])]) {
    const name = grantName(uid, grant);
    const begun = heads.streams.get(grant.number)?.status?.epoch === grant.epoch;
    if (facts.has(name) || !begun || grant.endedAt !== undefined) continue;
    const pod = await getIfPresent(deps.api, pods, { namespace: deps.settings.namespace, name }, signal);
    if (pod !== undefined) facts.set(name, podFacts(pod, nowMs));
  }
  return facts;
};

/** What every stream has committed, straight from the API. */
export const readCommitted = async (
  api: Api,
  namespace: string,
  uid: string,
  signal: AbortSignal,
): Promise<ReadonlyMap<number, readonly Span[]>> => {
  const found = new Map<number, number[]>();
  for (const page of await listCommitPages(api, namespace, uid, signal)) {
    const stream = page.spec.stream ?? 0;
    const numbers = found.get(stream) ?? [];
    numbers.push(...Object.keys(page.status?.commits ?? {}).map(Number));
    found.set(stream, numbers);
  }
  return new Map([...found].map(([stream, numbers]) => [stream, fromNumbers(numbers)]));
};

const pageSize = 50;

export const listCommitPages = (api: Api, namespace: string, uid: string, signal: AbortSignal) =>
  listPages(api, namespace, `${labels.jobUid}=${uid},${labels.type}=Commits`, signal);

/** All pages that a selector names, straight from the API, a chunk at a time. */
export const listPages = async (
  api: Api,
  namespace: string,
  labelSelector: string,
  signal: AbortSignal,
): Promise<readonly SavePage[]> => {
  const pages: SavePage[] = [];
  let continueToken: string | undefined;
  do {
    const options = {
      namespace,
      labelSelector,
      limit: pageSize,
      ...(continueToken === undefined ? {} : { continueToken }),
    };
    const page = await api.list(savePages, options, signal);
    pages.push(...page.items);
    continueToken = page.continueToken === '' ? undefined : page.continueToken;
  } while (continueToken !== undefined);
  return pages;
};
