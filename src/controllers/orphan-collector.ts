/**
 * Frees what is held by grants that hold nothing any more, and clears away records and pods of jobs that are gone. It
 * takes over where a crash, a deleted finalizer or a replaced leader has left off; those who hold something free it
 * themselves.
 */
import type { Holder } from '../api/generated/index.ts';
import { annotations, finalizers, grantOfName, labels, uid8 } from '../api/names.ts';
import { backupSaveRecords, backupServers, fcSwitches, tapeLibraries, tapes } from '../api/resources.ts';
import { isAbandoned, isLive, judgeHolder, type OwnerSeen } from '../decide/grant/orphans.ts';
import { podFacts, type PodFacts } from '../decide/grant/pod-facts.ts';
import type { Api } from '../kube/api.ts';
import { done, requeueAfter, type Reconcile, type Result } from '../kube/controller.ts';
import type { Pod } from '../kube/core-types.ts';
import { pods } from '../kube/resources.ts';
import { deleteIfPresent, getIfPresent, patchMetadata, removeFinalizer } from '../kube/writes.ts';
import { changeStatus } from './change-status.ts';
import type { Deps } from './deps.ts';
import { freeUnit, sameHolder, type Unit } from './holders.ts';
import { cachedOwners, listOwners, listPodsOf, readOwnerByUid, readOwnerOf } from './observe-owners.ts';

export type CollectedKind = 'server' | 'library' | 'tape' | 'switch' | 'record' | 'pod' | 'anchor';

/** Keys name the kind, too. */
export const collectorKey = (kind: CollectedKind, name: string): string => `${kind}:${name}`;

export interface CollectorOptions {
  /** A mistake to put back on purpose: frees what was granted between the two reads. */
  readonly readJobFirst?: boolean;
}

const recheckMs = 60_000;
const soonMs = 2_000;

export const makeOrphanCollector =
  (deps: Deps, options: CollectorOptions = {}): Reconcile =>
  async (key, signal) => {
    const [kind, name] = splitKey(key);
    switch (kind) {
      case 'record':
        return collectRecord(deps, name, signal);
      case 'pod':
        return collectPod(deps, name, signal);
      case 'anchor':
        return collectAnchor(deps, name, signal);
      case 'server':
      case 'library':
      case 'tape':
      case 'switch':
        return collectHolders(deps, options, kind, name, signal);
    }
  };

const kinds: readonly string[] = [
  'server',
  'library',
  'tape',
  'switch',
  'record',
  'pod',
  'anchor',
] satisfies CollectedKind[];
const isKind = (text: string): text is CollectedKind => kinds.includes(text);

const splitKey = (key: string): readonly [CollectedKind, string] => {
  const colon = key.indexOf(':');
  const kind = key.slice(0, colon);
  if (!isKind(kind)) throw new TypeError(`"${key}" is no key of the orphan collector`);
  return [kind, key.slice(colon + 1)];
};

type HardwareKind = Exclude<CollectedKind, 'record' | 'pod' | 'anchor'>;

interface Held {
  readonly unit: Unit;
  readonly holder: Holder;
}

const collectHolders = async (
  deps: Deps,
  { readJobFirst = false }: CollectorOptions,
  kind: HardwareKind,
  name: string,
  signal: AbortSignal,
): Promise<Result> => {
  const cached = heldInCache(deps, kind, name);
  const known = cachedOwners(deps);
  const suspects = cached.filter(({ holder }) => !known.some((owner) => isLive(holder, owner)));
  if (suspects.length === 0) return cached.length === 0 ? done : requeueAfter(recheckMs);
  const early = readJobFirst ? await listOwners(deps.api, signal) : undefined;
  let waiting = false;
  for (const held of await readHeld(deps.api, kind, name, signal)) {
    const owner =
      early === undefined
        ? await readOwnerOf(deps.api, held.holder, signal)
        : early.find(({ uid }) => uid === held.holder.uid);
    waiting = !(await collectHolder(deps, held, owner, signal)) || waiting;
  }
  return requeueAfter(waiting ? soonMs : recheckMs);
};

/** @returns false while pods of the grant have to end first */
const collectHolder = async (
  deps: Deps,
  { unit, holder }: Held,
  owner: OwnerSeen | undefined,
  signal: AbortSignal,
): Promise<boolean> => {
  const acting = isLive(holder, owner) ? [] : await listPodsOf(deps, holder.uid, signal);
  const verdict = judgeHolder(holder, owner, acting);
  switch (verdict.kind) {
    case 'live':
      return true;
    case 'fence':
      for (const pod of verdict.pods) await deletePod(deps, pod, signal);
      return false;
    case 'free': {
      const { namespace, name, epoch, stream } = holder;
      deps.log.warn({ unit, job: `${namespace}/${name}`, epoch, stream }, 'freeing what no grant holds any more');
      if (verdict.unsure) await doubt(deps, unit, holder, signal);
      await freeUnit(deps.api, unit, holder, signal);
      return true;
    }
  }
};

const heldInCache = ({ caches }: Deps, kind: HardwareKind, name: string): readonly Held[] => {
  switch (kind) {
    case 'server':
      return heldBy({ kind, name }, caches.servers.get(name)?.status?.holders);
    case 'switch':
      return heldBy({ kind, name }, caches.switches.get(name)?.status?.holders);
    case 'tape':
      return heldBy({ kind, name }, [caches.tapes.get(name)?.status?.holder]);
    case 'library':
      return (caches.libraries.get(name)?.status?.drives ?? []).flatMap((drive) =>
        heldBy({ kind: 'drive', name, drive: drive.name }, [drive.holder]),
      );
  }
};

const readHeld = async (api: Api, kind: HardwareKind, name: string, signal: AbortSignal): Promise<readonly Held[]> => {
  const ref = { name };
  switch (kind) {
    case 'server':
      return heldBy({ kind, name }, (await getIfPresent(api, backupServers, ref, signal))?.status?.holders);
    case 'switch':
      return heldBy({ kind, name }, (await getIfPresent(api, fcSwitches, ref, signal))?.status?.holders);
    case 'tape':
      return heldBy({ kind, name }, [(await getIfPresent(api, tapes, ref, signal))?.status?.holder]);
    case 'library': {
      const library = await getIfPresent(api, tapeLibraries, ref, signal);
      return (library?.status?.drives ?? []).flatMap((drive) =>
        heldBy({ kind: 'drive', name, drive: drive.name }, [drive.holder]),
      );
    }
  }
};

const heldBy = (unit: Unit, holders: readonly (Holder | undefined)[] | undefined): readonly Held[] =>
  (holders ?? []).flatMap((holder) => (holder === undefined ? [] : [{ unit, holder }]));

/** Its job vanished in the middle: a cartridge may be in the drive, zones may stand. Nothing is offered before that is known. */
const doubt = async (deps: Deps, unit: Unit, holder: Holder, signal: AbortSignal): Promise<void> => {
  await removeZones(deps, holder, signal);
  const found = { state: 'Unknown' as const, reason: 'HolderGone', message: `${holder.kind} ${holder.name} is gone` };
  const ref = { name: unit.name };
  if (unit.kind === 'drive') {
    await changeStatus(
      deps.api,
      tapeLibraries,
      ref,
      ({ status }) => ({
        ...status,
        drives: (status?.drives ?? []).map((drive) =>
          drive.name === unit.drive && drive.holder !== undefined && sameHolder(drive.holder, holder)
            ? { ...drive, ...found }
            : drive,
        ),
      }),
      signal,
    );
  }
  if (unit.kind === 'tape') {
    await changeStatus(
      deps.api,
      tapes,
      ref,
      ({ status }) => {
        if (status?.holder === undefined || !sameHolder(status.holder, holder)) return undefined;
        // Scratch it may be no longer.
        const { freeState: _past, ...rest } = status;
        return { ...rest, ...found };
      },
      signal,
    );
  }
};

/** A switch that does not answer holds the unit back only where a zone of the grant was seen on it. */
const removeZones = async (deps: Deps, holder: Holder, signal: AbortSignal): Promise<void> => {
  const isOurs = ({ name }: { readonly name: string }): boolean => {
    const zone = grantOfName(name);
    return zone?.uid8 === uid8(holder.uid) && zone.stream === holder.stream && zone.epoch === holder.epoch;
  };
  for (const fcSwitch of deps.caches.switches.list()) {
    try {
      const fabric = await deps.fabricOf(fcSwitch, signal);
      const { zones } = await fabric.read(signal);
      for (const { name } of zones.filter(isOurs)) await fabric.removeZone(name, signal);
    } catch (error) {
      if (signal.aborted || (fcSwitch.status?.zones ?? []).some(isOurs)) throw error;
      deps.log.warn({ switch: fcSwitch.metadata.name, err: error }, 'zones could not be looked at');
    }
  }
};

const deletePod = async ({ api, settings }: Deps, pod: PodFacts, signal: AbortSignal): Promise<void> => {
  if (pod.deleting) return;
  await deleteIfPresent(api, pods, { namespace: settings.namespace, name: pod.name }, { uid: pod.uid }, signal);
};

interface Labelled {
  readonly uid: string;
  readonly ref: { readonly namespace: string; readonly name: string };
}

const ownerLabels = (found: Readonly<Record<string, string>> | undefined): Labelled | undefined => {
  const uid = found?.[labels.jobUid];
  const namespace = found?.[labels.jobNamespace];
  const name = found?.[labels.jobName];
  if (uid === undefined || namespace === undefined || name === undefined) return undefined;
  return { uid, ref: { namespace, name } };
};

const ownerInCache = (deps: Deps, { uid }: Labelled): OwnerSeen | undefined =>
  cachedOwners(deps).find((owner) => owner.uid === uid);

/** The object was seen before its owner is read: one that is made for a new owner is never taken for an old one's. */
const abandoned = async (deps: Deps, labelled: Labelled, signal: AbortSignal): Promise<boolean> => {
  if (!isAbandoned(labelled.uid, ownerInCache(deps, labelled))) return false;
  return isAbandoned(labelled.uid, await readOwnerByUid(deps.api, labelled.ref, labelled.uid, signal));
};

const collectRecord = async (deps: Deps, name: string, signal: AbortSignal): Promise<Result> => {
  const record = deps.caches.records.get(name);
  const labelled = ownerLabels(record?.metadata.labels);
  if (record === undefined || labelled === undefined || !(await abandoned(deps, labelled, signal))) return done;
  const change = { labels: { [labels.active]: null } };
  const written = await patchMetadata(deps.api, backupSaveRecords, record, change, signal);
  return written.conflict ? requeueAfter(soonMs) : done;
};

const collectPod = async (deps: Deps, name: string, signal: AbortSignal): Promise<Result> => {
  const pod = deps.caches.pods.get(name);
  const labelled = ownerLabels(pod?.metadata?.labels);
  if (pod === undefined || labelled === undefined || !(await abandoned(deps, labelled, signal))) return done;
  const facts = podFacts(pod, deps.clock.now());
  await deletePod(deps, facts, signal);
  if (!facts.fenced || !(facts.state === 'ended' || vouchedFor(pod))) return done;
  const written = await removeFinalizer(deps.api, pods, pod, finalizers.fence, signal);
  return written.conflict ? requeueAfter(soonMs) : done;
};

/** Nothing can own what lies in the users' namespaces: who made it clears it away, or else this. */
const collectAnchor = async (deps: Deps, name: string, signal: AbortSignal): Promise<Result> => {
  const pod = deps.caches.anchors.get(name);
  const labelled = ownerLabels(pod?.metadata?.labels);
  if (pod === undefined || labelled === undefined || pod.metadata?.deletionTimestamp !== undefined) return done;
  if (!(await abandoned(deps, labelled, signal))) return done;
  const { namespace = '', name: podName = '', uid = '' } = pod.metadata ?? {};
  await deleteIfPresent(deps.api, pods, { namespace, name: podName }, { uid }, signal);
  return done;
};

/** There is no job left to annotate: the administrator says it on the pod. */
const vouchedFor = (pod: Pod): boolean => pod.metadata?.annotations?.[annotations.fenced] !== undefined;
