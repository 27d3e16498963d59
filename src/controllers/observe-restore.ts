/** Reads what a decision about one restore needs: caches first, the API where a lag would mislead. */
import type { BackupSaveRecord, Restore } from '../api/generated/index.ts';
import { backupSaveRecords } from '../api/resources.ts';
import { grantName, holds } from '../decide/grant/grant.ts';
import { podFacts } from '../decide/grant/pod-facts.ts';
import type { PodFacts } from '../decide/grant/pod-facts.ts';
import { choosesAgain, needsChoice } from '../decide/restore/restore.ts';
import type { RestoreReport, RestoreStatus, SeenRestore } from '../decide/restore/restore-view.ts';
import { reservationsOf } from '../decide/restore/restore-reservations.ts';
import { outlookOf } from '../decide/restore/restore-tapes.ts';
import type { HeadFacts, Patience } from '../decide/job/stream-fault.ts';
import { parseDurationMs } from '../decide/units.ts';
import { pods } from '../kube/resources.ts';
import { getIfPresent } from '../kube/writes.ts';
import { hardwareOf } from './allocation.ts';
import { observeClaim, reachOnceFree } from './claims.ts';
import type { Deps } from './deps.ts';
import { readBoots, vouchedBy } from './fence-proofs.ts';
import { headRef } from './restore-acts.ts';
import { escapedPathsOf, readContent } from './restore-choice.ts';
import type { ContentFound } from './restore-choice.ts';
import { downSwitchesOf, nodesOf, robotView } from './robot-view.ts';
import type { SilenceMeter } from './silence.ts';

export interface ObservedRestore {
  readonly seen: SeenRestore;
  readonly head: BackupSaveRecord | undefined;
  readonly refused: { readonly reason: string; readonly message: string } | undefined;
}

/** What a process remembers of restores between two passes; all of it can be read again. */
export interface RestoreMemory {
  readonly meter: SilenceMeter;
  /** By uid. A backup that has ended changes no more: good enough to look for a nearer copy. */
  readonly contents: Map<string, ContentFound>;
}

export const observeRestore = async (
  deps: Deps,
  { meter, contents }: RestoreMemory,
  restore: Restore,
  signal: AbortSignal,
): Promise<ObservedRestore> => {
  const nowMs = deps.clock.now();
  const uid = restore.metadata.uid ?? '';
  const status = restore.status ?? {};
  const fresh = needsChoice(status);
  // What is done decides what is read next: not from a cache that lags.
  const head = fresh ? await readHead(deps, restore, signal) : cachedHead(deps, uid);
  const found = await contentFor(deps, contents, restore, signal);
  const facts = await podsOf(deps, restore, signal);
  const boots = await readBoots(deps, uid, status, facts, signal);
  const claim = await observeClaim(deps, restore, signal);
  const seen: SeenRestore = {
    uid,
    status,
    ...wishesOf(restore),
    view: {
      ownerUid: uid,
      pods: facts,
      ...robotView(deps, status.avoid),
      fenceVouched: vouchedBy(restore, boots),
    },
    head: headFacts(head),
    report: reportOf(head, status),
    choice:
      found?.ok === true
        ? {
            ...found.content,
            outlook: outlookOf(restore, hardwareOf(deps), await reachOnceFree(deps, restore, signal)),
          }
        : undefined,
    nodes: nodesOf(deps),
    boots,
    silence: () => silenceOf(meter, uid, head?.status, nowMs),
    patience: patienceOf(deps, restore),
    fenceTimeoutMs: deps.settings.fenceTimeoutMs,
    downSwitches: downSwitchesOf(deps),
    ...(claim === undefined ? {} : { claim }),
  };
  return { seen, head, refused: found?.ok === false ? found : undefined };
};

const contentFor = async (
  deps: Deps,
  contents: RestoreMemory['contents'],
  restore: Restore,
  signal: AbortSignal,
): Promise<ContentFound | undefined> => {
  const { status = {}, metadata } = restore;
  const uid = metadata.uid ?? '';
  const known = choosesAgain(status) ? contents.get(uid) : undefined;
  if (status.backup === undefined || known !== undefined) return known;
  if (!needsChoice(status) && !choosesAgain(status)) return undefined;
  const found = await readContent(deps, restore, status.backup, signal);
  if (found.ok) contents.set(uid, found);
  return found;
};

const wishesOf = (restore: Restore) => {
  const { activeDeadline } = restore.spec;
  return {
    paths: escapedPathsOf(restore),
    prefer: restore.spec.preferStreams ?? [],
    target: restore.spec.target.hostPath?.path ?? `claim ${restore.spec.target.persistentVolumeClaim?.claimName ?? ''}`,
    ...(restore.spec.target.discard === undefined
      ? {}
      : { discards: { streams: restore.spec.target.discard.streams ?? [] } }),
    deleted: restore.metadata.deletionTimestamp !== undefined,
    cancelAsked: restore.spec.cancel === true,
    activeDeadlineMs: activeDeadline === undefined ? undefined : parseDurationMs(activeDeadline),
    startedAtMs: Date.parse(restore.status?.startTime ?? ''),
  };
};

const headFacts = (head: BackupSaveRecord | undefined): HeadFacts | undefined => {
  const said = head?.status;
  if (said === undefined) return undefined;
  return {
    epoch: said.epoch ?? 0,
    sealed: said.sealed ?? false,
    closeAsked: false,
    activity: said.activity ?? 'Starting',
    openSegment: said.openSegment,
    openBytes: 0,
    bytesDone: said.restore?.bytesRestored ?? 0,
  };
};

const patienceOf = ({ settings }: Deps, restore: Restore): Patience => {
  const stallMs = parseDurationMs(restore.spec.stallTimeout ?? '60s');
  const { heartbeatMs, preparationMs, filesMs, podStartMs } = settings;
  return { stallMs, heartbeatMs: 4 * heartbeatMs, preparationMs, filesMs, startMs: podStartMs };
};

const silenceOf = (meter: SilenceMeter, uid: string, said: BackupSaveRecord['status'], nowMs: number) =>
  meter.look(`${uid}/${said?.epoch ?? 0}`, JSON.stringify(said ?? {}), signature(said), nowMs);

const signature = (said: BackupSaveRecord['status']): string =>
  [
    said?.activity,
    said?.progressCount,
    said?.openBytes,
    said?.restore?.bytesRestored,
    said?.restore?.segmentsRead,
  ].join();

const readHead = (deps: Deps, restore: Restore, signal: AbortSignal): Promise<BackupSaveRecord | undefined> =>
  getIfPresent(deps.api, backupSaveRecords, headRef(deps, restore), signal);

const cachedHead = (deps: Deps, uid: string): BackupSaveRecord | undefined =>
  deps.caches.records.byIndex('job', uid).find((record) => record.spec.type === 'Restore');

/** A worker whose pod the cache does not show is looked up: a lagging cache must not fail a worker, nor call it gone. */
const podsOf = async (deps: Deps, restore: Restore, signal: AbortSignal): Promise<ReadonlyMap<string, PodFacts>> => {
  const nowMs = deps.clock.now();
  const uid = restore.metadata.uid ?? '';
  const facts = new Map(
    deps.caches.pods.byIndex('job', uid).map((pod) => [pod.metadata?.name ?? '', podFacts(pod, nowMs)]),
  );
  for (const grant of [...(restore.status?.streams ?? []), ...(restore.status?.retired ?? [])]) {
    const name = grantName(uid, grant);
    if (facts.has(name) || grant.pod === undefined || grant.fencedBy !== undefined || !holds(grant)) continue;
    const pod = await getIfPresent(deps.api, pods, { namespace: deps.settings.namespace, name }, signal);
    if (pod !== undefined) facts.set(name, podFacts(pod, nowMs));
  }
  return facts;
};

const reportOf = (head: BackupSaveRecord | undefined, status: RestoreStatus): RestoreReport => {
  const told = head?.status?.restore;
  const tapeOf = (barcode: string): string =>
    (status.areas ?? []).find((area) => area.barcode === barcode)?.tape ?? barcode.toLowerCase();
  return {
    done: told?.done ?? [],
    readBack: (told?.readBack ?? []).map(({ barcode, first, last }) => ({ tape: tapeOf(barcode), first, last })),
    bad: (told?.badSegments ?? []).map(({ segment, barcode, reason = 'Unreadable', message = '' }) => ({
      segment,
      tape: tapeOf(barcode),
      reason,
      message,
    })),
    badRanges: (told?.badRanges ?? []).map(({ barcode, first, last }) => ({ tape: tapeOf(barcode), first, last })),
    failureCount: told?.failureCount ?? 0,
    reservations: reservationsOf(told ?? {}),
    finished: told?.finished ?? false,
    found: told?.found ?? [],
  };
};
