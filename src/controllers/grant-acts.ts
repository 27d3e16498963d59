/** Carries out the steps that jobs and restores share: zones, load and unload pods, notes on hardware, holders. */
import type { BackupJob, Grant, Restore, TapeLibrary } from '../api/generated/index.ts';
import { finalizers } from '../api/names.ts';
import { fcSwitches } from '../api/resources.ts';
import type { HostFolder, JobIdentity, WorkerOrder } from '../api/worker-order.ts';
import { loadPodName, unloadPodName, grantName } from '../decide/grant/grant.ts';
import { hostFolderOn } from '../decide/allocation/hardware.ts';
import { podFacts } from '../decide/grant/pod-facts.ts';
import { sourceNotReachable } from '../decide/step.ts';
import type { Step } from '../decide/step.ts';
import { workerPod } from '../decide/grant/worker-pod.ts';
import type { WorkerPodPlan } from '../decide/grant/worker-pod.ts';
import type { Fabric } from '../devices/fabric/fabric.ts';
import { ApiError, isApiError } from '../kube/api.ts';
import type { Pod } from '../kube/core-types.ts';
import { pods } from '../kube/resources.ts';
import { createIfAbsent, deleteIfPresent, getIfPresent, removeFinalizer } from '../kube/writes.ts';
import type { Deps } from './deps.ts';
import {
  changeDrive,
  changeTape,
  noteFault,
  noteLoaded,
  noteUnloaded,
  park,
  suspectFence,
  withTold,
  unconfirmed,
} from './hardware-notes.ts';
import { freeUnit, holderOf, unitsOf } from './holders.ts';
import type { Outcome } from './outcome.ts';
import { Refusal, orRefusal } from './refusal.ts';
import { ZoneFailure } from './zone-failure.ts';

export interface ActContext {
  readonly deps: Deps;
  readonly job: JobIdentity;
  /** May a blank tape be labelled? Backups may, restores may not. */
  readonly labelsBlankTapes: boolean;
  readonly signal: AbortSignal;
}

export type GrantStep = Extract<
  Step,
  {
    kind:
      | 'zone'
      | 'launchLoad'
      | 'noteLoaded'
      | 'launchUnload'
      | 'noteUnloaded'
      | 'park'
      | 'free'
      | 'suspectFence'
      | 'deletePod'
      | 'liftFence'
      | 'noteFault';
  }
>;

/** @returns what was achieved, if the owner's status has to know */
export const actOnGrant = async (context: ActContext, step: GrantStep): Promise<Outcome | undefined> => {
  switch (step.kind) {
    case 'zone':
      await zone(context, step.grant);
      return { kind: 'zoned', epoch: step.grant.epoch };
    case 'launchLoad':
      return launchLoad(context, step.grant);
    case 'noteLoaded':
      await noteLoaded(context, step.grant, step.facts);
      return { kind: 'loaded', epoch: step.grant.epoch, labelId: step.facts.labelId ?? '' };
    case 'launchUnload':
      return launchUnload(context, { ...step.grant, server: step.server });
    case 'noteUnloaded':
      await noteUnloaded(context, step.grant, step.slot);
      return { kind: 'unloaded', epoch: step.grant.epoch };
    case 'park':
      await park(context, step.grant, step.reason, step.message);
      return { kind: 'unloaded', epoch: step.grant.epoch };
    case 'free':
      await free(context, step.grant);
      return { kind: 'freed', epoch: step.grant.epoch };
    case 'suspectFence':
      return suspectFence(context, step.grant);
    case 'deletePod':
      return deletePod(context, step.pod, step.uid);
    case 'liftFence':
      return liftFence(context, step.grant, step.pod, step.uid);
    case 'noteFault':
      return noteFault(context, step.grant, step.fault);
  }
};

const fabricOfSwitch = async ({ deps, signal }: ActContext, name: string): Promise<Fabric | undefined> => {
  const fcSwitch = await getIfPresent(deps.api, fcSwitches, { name }, signal);
  return fcSwitch === undefined ? undefined : deps.fabricOf(fcSwitch, signal);
};

/** The API's faults stay its own: they say nothing of the switch. */
const onSwitch = async (name: string, work: () => Promise<void>): Promise<void> => {
  try {
    await work();
  } catch (error) {
    throw isApiError(error) ? error : new ZoneFailure(name, error);
  }
};

/** X1: the route is a zone of its own on each of its switches; the driver reads it back. */
const zone = async (context: ActContext, grant: Grant): Promise<void> => {
  for (const one of grant.zones ?? []) {
    await onSwitch(one.switch, async () => {
      const fabric = await fabricOfSwitch(context, one.switch);
      if (fabric === undefined)
        throw new Error(`FCSwitch ${one.switch} of stream ${grant.number} does not exist any more`);
      await fabric.ensureZone({ name: one.name, members: one.members ?? [] }, context.signal);
    });
  }
};

const unzone = async (context: ActContext, grant: Grant): Promise<void> => {
  for (const one of grant.zones ?? []) {
    await onSwitch(one.switch, async () => {
      const fabric = await fabricOfSwitch(context, one.switch);
      await fabric?.removeZone(one.name, context.signal);
    });
  }
};

/**
 * Creates the pod of an order; one of that name that is there already is the same action begun before.
 *
 * @throws Refusal
 */
export const launch = async (
  { deps, signal }: Pick<ActContext, 'deps' | 'signal'>,
  plan: Omit<WorkerPodPlan, 'image' | 'graceSeconds'>,
): Promise<void> => {
  const { image, graceSeconds } = deps.settings;
  const pod = workerPod({ ...plan, image, graceSeconds });
  await orRefusal(plan.order.pod, () => createIfAbsent(deps.api, pods, pod, signal));
};

interface Place {
  readonly server: WorkerPodPlan['server'];
  readonly library: TapeLibrary;
}

/** Server and library of a grant; both must exist, whatever their state. */
export const placeOf = ({ deps }: Pick<ActContext, 'deps'>, grant: Grant): Place => {
  const server = deps.caches.servers.get(grant.server ?? '');
  const library = deps.caches.libraries.get(grant.library ?? '');
  if (server === undefined)
    throw new Error(`BackupServer ${grant.server ?? ''} of stream ${grant.number} does not exist`);
  if (library === undefined)
    throw new Error(`TapeLibrary ${grant.library ?? ''} of stream ${grant.number} does not exist`);
  return { server, library };
};

/**
 * A path that was allowed when the server was chosen may not be any more: then nothing is mounted.
 *
 * @param pod that was to mount it
 * @throws Refusal
 */
export const mustAllow = (
  pod: string,
  server: WorkerPodPlan['server'],
  { metadata }: BackupJob | Restore,
  hostPath: { readonly path: string; readonly write: boolean },
): HostFolder => {
  const folder = hostFolderOn(server, metadata.namespace ?? '', hostPath);
  if (folder !== undefined) return folder;
  const what = `BackupServer ${server.metadata.name} does not allow ${hostPath.path} to ${metadata.name} any more`;
  throw new Refusal(pod, hostPath.write ? 'TargetNotAllowed' : sourceNotReachable, what);
};

export const commonOrder = ({ deps, job }: Pick<ActContext, 'deps' | 'job'>, grant: Grant, pod: string) => ({
  v: 1 as const,
  pod,
  operatorNamespace: deps.settings.namespace,
  server: grant.server ?? '',
  job,
  grant: { stream: grant.number, epoch: grant.epoch },
  library: libraryOrder(deps, grant),
  drive: { name: grant.drive ?? '', elementAddress: grant.driveElement ?? 0 },
});

const libraryOrder = (deps: Deps, grant: Grant) => {
  const library = deps.caches.libraries.get(grant.library ?? '');
  const driver = library?.spec.driver.scsi === undefined ? ('virtual' as const) : ('scsi' as const);
  return { name: grant.library ?? '', driver };
};

/** What the record says of a grant's tape. */
export const tapeOrder = ({ deps }: Pick<ActContext, 'deps'>, grant: Grant) => {
  const tape = deps.caches.tapes.get(grant.tape ?? '');
  const labelId = grant.labelId ?? tape?.status?.labelId;
  const slot = tape?.status?.slot;
  const groups = tape?.status?.labelId === labelId ? tape?.status?.groups : undefined;
  return {
    name: grant.tape ?? '',
    barcode: grant.barcode ?? '',
    ...(labelId === undefined ? {} : { labelId }),
    ...(slot === undefined ? {} : { slot }),
    ...(groups === undefined ? {} : { groups }),
  };
};

const randomHex = (random: () => number): string =>
  Array.from({ length: 32 }, () => Math.floor(random() * 16).toString(16)).join('');

const launchLoad = async (context: ActContext, grant: Grant): Promise<undefined> => {
  const place = placeOf(context, grant);
  const order: WorkerOrder = {
    role: 'load',
    ...commonOrder(context, grant, loadPodName(context.job.uid, grant)),
    tape: tapeOrder(context, grant),
    ...(context.labelsBlankTapes ? { newLabelId: randomHex(context.deps.random) } : {}),
  };
  await launch(context, { order, ...place, job: context.job, fence: true });
  return undefined;
};

const launchUnload = async (context: ActContext, grant: Grant): Promise<undefined> => {
  const place = placeOf(context, grant);
  const order: WorkerOrder = {
    role: 'unload',
    ...commonOrder(context, grant, unloadPodName(context.job.uid, grant)),
    tape: tapeOrder(context, grant),
  };
  await launch(context, { order, ...place, job: context.job, fence: false });
  return undefined;
};

const free = async (context: ActContext, grant: Grant): Promise<void> => {
  const { deps, job, signal } = context;
  await unzone(context, grant);
  await changeDrive(context, grant, (drive) => {
    if (drive.reason !== unconfirmed) return drive;
    const { reason: _reason, message: _message, ...rest } = drive;
    return { ...rest, state: 'InUse' as const };
  });
  const holder = holderOf(job, grant);
  for (const unit of unitsOf(grant)) await freeUnit(deps.api, unit, holder, signal);
};

const deletePod = async ({ deps, signal }: ActContext, name: string, uid: string): Promise<undefined> => {
  const ref = { namespace: deps.settings.namespace, name };
  await deleteIfPresent(deps.api, pods, ref, { uid }, signal);
  return undefined;
};

/**
 * The decision saw every container terminated: nothing of this pod can write any more. What it says of the tape is noted
 * first, since the pod is gone without its finalizer.
 */
const liftFence = async (context: ActContext, grant: Grant, name: string, uid: string): Promise<undefined> => {
  const { deps, signal } = context;
  const ref = { namespace: deps.settings.namespace, name };
  const pod = await getIfPresent<Pod>(deps.api, pods, ref, signal);
  if (pod === undefined || pod.metadata?.uid !== uid) return undefined;
  const told = podFacts(pod, deps.clock.now()).exit?.message?.tape;
  if (told !== undefined && name === grantName(context.job.uid, grant)) {
    await changeTape(context, grant, (status) => withTold(status, told));
  }
  const written = await removeFinalizer(deps.api, pods, pod, finalizers.fence, signal);
  if (written.conflict) {
    const message = `pod ${name} changed while its fence was lifted`;
    throw new ApiError({ code: 'Conflict', message, retryable: true, outcomeUnknown: false });
  }
  return undefined;
};
