/**
 * What the operator does next with a tape library: look through it, empty a drive that nobody holds, or wait. Pure.
 *
 * One task at a time: `status.changerHolder` names its pod and is written, by compare-and-swap, before the pod is made;
 * so a crash leaves a task that the next pass goes on with. Loads and unloads of jobs come before: a task is not begun
 * while one of them moves the robot.
 */
import type { BackupServer, LibraryDriveStatus, SavePage, Tape, TapeLibrary } from '../../api/generated/index.ts';
import { annotations } from '../../api/names.ts';
import { faultOfPod } from '../grant/grant-life.ts';
import { withState } from './hardware-state.ts';
import { withDrives, type LibraryStatus } from './inventory.ts';
import type { PodFacts } from '../grant/pod-facts.ts';
import { withHardwareReady } from '../ready.ts';
import { noteRetry, retryAsked } from './retry-request.ts';
import { mayMoveRobot } from './robot-servers.ts';
import { libraryOf } from './tape-place.ts';

export interface SeenLibrary {
  readonly library: TapeLibrary;
  readonly servers: readonly BackupServer[];
  readonly tapes: readonly Tape[];
  /** Pods whose action moves this library's robot. */
  readonly robotPods: readonly PodFacts[];
  /** Of the task's pod, once that has ended. */
  readonly page: SavePage | undefined;
  /** Attempts that failed since the last that did not. */
  readonly failures: number;
  readonly lastFailureMs: number;
  readonly patience: { readonly startMs: number; readonly runMs: number };
}

export type LibraryStep =
  /** The status is empty, or a drive is new: holders are found again first. */
  | { readonly kind: 'rebuild' }
  | { readonly kind: 'write'; readonly status: LibraryStatus }
  | { readonly kind: 'launchInventory'; readonly server: BackupServer; readonly pod: string; readonly page: string }
  | {
      readonly kind: 'launchUnload';
      readonly server: BackupServer;
      readonly pod: string;
      readonly drive: LibraryDriveStatus;
    }
  | { readonly kind: 'apply'; readonly page: SavePage; readonly begunAtMs: number }
  | { readonly kind: 'noteUnloaded'; readonly drive: LibraryDriveStatus; readonly slot: number | undefined }
  | {
      readonly kind: 'fail';
      readonly status: LibraryStatus;
      readonly reason: string;
      readonly message: string;
      /** Its node may never answer again: the pod is not waited for. */
      readonly force: boolean;
    }
  | { readonly kind: 'deletePod'; readonly pod: string; readonly uid: string }
  | { readonly kind: 'wait'; readonly retryMs?: number };

/** @param now the operator's clock in milliseconds */
export const decideLibrary = (seen: SeenLibrary, now: number): LibraryStep => {
  const step = nextStep(seen, now);
  const ready = (status: LibraryStatus): LibraryStatus =>
    withHardwareReady(status, seen.library.metadata.generation, isoOf(now));
  if (step.kind === 'write' || step.kind === 'fail') return { ...step, status: ready(step.status) };
  const { status } = seen.library;
  if (step.kind !== 'wait' || status === undefined || ready(status) === status) return step;
  // A spec that asks for nothing new was seen all the same.
  return { kind: 'write', status: ready(status) };
};

const nextStep = (seen: SeenLibrary, now: number): LibraryStep => {
  const { library } = seen;
  const status = library.status;
  const known = new Set(status?.drives?.map((drive) => drive.name));
  if (status?.state === undefined || library.spec.drives.some((drive) => !known.has(drive.name))) {
    return { kind: 'rebuild' };
  }
  if (status.changerHolder !== undefined) return goOn(seen, status, status.changerHolder, now);
  if (library.spec.disabled) return disable(status, now);
  return begin(seen, status, now);
};

const isoOf = (ms: number): string => new Date(ms).toISOString();

/** Whoever uses a drive may end what he does. */
const disable = (status: LibraryStatus, now: number): LibraryStep => {
  if (status.state === 'NotUsable' && status.reason === 'Disabled') return { kind: 'wait' };
  const found = { state: 'NotUsable' as const, reason: 'Disabled', message: 'spec.disabled is set' };
  return { kind: 'write', status: withState(status, found, isoOf(now)) };
};

const pageOf = (task: string): string => task;
const inventoryName = (library: string): string => `tw-lib-${library}`;
const unloadName = (inventory: string, drive: LibraryDriveStatus): string =>
  `${inventory}-unload-${drive.elementAddress ?? 0}`;

const begin = (seen: SeenLibrary, status: LibraryStatus, now: number): LibraryStep => {
  const own = `${inventoryName(seen.library.metadata.name)}-`;
  const left = seen.robotPods.find(({ name, deleting }) => !deleting && name.startsWith(own));
  if (left !== undefined) return { kind: 'deletePod', pod: left.name, uid: left.uid };
  const orphan = loadedUnheld(status);
  const why = orphan === undefined ? inventoryDueMs(seen, status, now) : now;
  if (why === undefined) return { kind: 'wait' };
  const waitMs = Math.max(why, notBefore(seen)) - now;
  if (waitMs > 0) return { kind: 'wait', retryMs: waitMs };
  const busy = seen.robotPods.some(({ name, state }) => state !== 'ended' && !name.startsWith(own));
  if (busy) return { kind: 'wait', retryMs: 5_000 };
  if (chooseServer(seen) === undefined) return noServer(status, now);
  const asked = seen.library.metadata.annotations?.[annotations.inventory];
  const retry = retryAsked(seen.library);
  const since = isoOf(now);
  const request = {
    ...(asked === undefined ? {} : { inventoryRequest: asked }),
    ...(retry === undefined ? {} : tryingAgain(status, retry, since)),
  };
  if (orphan !== undefined) {
    const pod = unloadName(status.inventoryPage ?? '', orphan);
    return { kind: 'write', status: { ...status, changerHolder: { pod, since } } };
  }
  let count = Number(/-(\d+)$/.exec(status.inventoryPage ?? '')?.[1] ?? 0) + 1;
  // Where the status was lost, a pod of an earlier count may still be there.
  while (seen.robotPods.some(({ name }) => name === `${own}${count}`)) count += 1;
  const pod = `${own}${count}`;
  return {
    kind: 'write',
    status: { ...status, ...request, changerHolder: { pod, since }, inventoryPod: pod, inventoryPage: pageOf(pod) },
  };
};

/** Whatever was said of a drive that nobody holds is to be found out again. */
const tryingAgain = (status: LibraryStatus, retry: string, since: string): Partial<LibraryStatus> => ({
  conditions: noteRetry(status.conditions, retry, since),
  drives: (status.drives ?? []).map((drive) =>
    drive.holder === undefined && drive.state === 'NotUsable' ? withState(drive, toBeSeen, since) : drive,
  ),
});

const toBeSeen = { state: 'Unknown', reason: 'RetryRequested', message: 'the next inventory says what it is' } as const;

const noServer = (status: LibraryStatus, now: number): LibraryStep => {
  const wait: LibraryStep = { kind: 'wait', retryMs: 10_000 };
  if (status.state !== 'Unknown' || status.reason === 'NoUsableServer') return wait;
  const message = 'no usable BackupServer may move its robot';
  return {
    kind: 'write',
    status: withState(status, { state: 'Unknown' as const, reason: 'NoUsableServer', message }, isoOf(now)),
  };
};

/** A cartridge that nobody holds in a drive that nobody holds, where the last inventory saw it. */
const loadedUnheld = (status: LibraryStatus): LibraryDriveStatus | undefined =>
  status.state !== 'Usable' || status.inventoryPage === undefined
    ? undefined
    : status.drives?.find(
        ({ holder, state, loadedTape }) =>
          holder === undefined && state === 'Usable' && loadedTape !== undefined && loadedTape !== '',
      );

const backoffMs = (failures: number, baseMs: number, maxMs: number): number =>
  failures <= 0 ? 0 : Math.min(baseMs * 2 ** Math.min(failures - 1, 20), maxMs);

const notBefore = ({ failures, lastFailureMs }: SeenLibrary): number =>
  lastFailureMs + backoffMs(failures, 5_000, 600_000);

/** When the library has to be looked through again; undefined: not before something changes. */
const inventoryDueMs = (seen: SeenLibrary, status: LibraryStatus, now: number): number | undefined => {
  const { library, tapes } = seen;
  const { name } = library.metadata;
  const asked = library.metadata.annotations?.[annotations.inventory];
  if (status.lastInventory === undefined || status.state === 'Unknown' || status.state === 'NotUsable') return now;
  if (asked !== undefined && asked !== status.inventoryRequest) return now;
  if (retryAsked(library) !== undefined) return now;
  const lastMs = Date.parse(status.lastInventory);
  const due = (status.drives ?? []).flatMap((drive) => driveDueMs(drive, lastMs) ?? []);
  const lost = tapes.some(
    (tape) =>
      libraryOf(tape) === name && tape.status?.holder === undefined && (tape.status?.state ?? 'Unknown') === 'Unknown',
  );
  if (lost) due.push(lastMs + 5_000);
  return due.length === 0 ? undefined : Math.min(...due);
};

const driveDueMs = (drive: LibraryDriveStatus, lastInventoryMs: number): number | undefined => {
  if (drive.holder !== undefined) return undefined;
  const sinceMs = Math.max(lastInventoryMs, Date.parse(drive.stateSince ?? '') || 0);
  const state: LibraryDriveStatus['state'] | undefined = drive.state;
  switch (state) {
    case undefined:
    case 'Unknown':
      return lastInventoryMs + 1_000;
    case 'NotUsable':
      return sinceMs + backoffMs(1 + (drive.errors ?? 0), 30_000, 3_600_000);
    case 'Usable':
    case 'InUse':
      return undefined;
  }
};

/** After a failure another one, where there is one: the fault may be the server's. */
export const chooseServer = ({ library, servers, failures }: Pick<SeenLibrary, 'library' | 'servers' | 'failures'>) => {
  const able = servers
    .filter((server) => mayMoveRobot(server, library))
    .sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
  return able[failures % Math.max(able.length, 1)];
};

type Task = NonNullable<LibraryStatus['changerHolder']>;

const goOn = (seen: SeenLibrary, status: LibraryStatus, task: Task, now: number): LibraryStep => {
  const pod = seen.robotPods.find((one) => one.name === task.pod);
  if (pod === undefined) return relaunch(seen, status, task, now);
  if (pod.state !== 'ended') return judgeLive(seen, status, task, pod, now);
  const told = pod.exit?.message;
  const succeeded = pod.exit?.code === 0 && (told === undefined || told.outcome === 'succeeded');
  const drive = driveOfTask(status, task);
  if (drive !== undefined) {
    if (succeeded) return { kind: 'noteUnloaded', drive, slot: told?.slot };
    return failTask(status, drive, faultOfPod(pod), now);
  }
  const inventory = seen.page?.status?.inventory;
  if (succeeded && seen.page !== undefined && inventory?.complete === true) {
    return { kind: 'apply', page: seen.page, begunAtMs: Date.parse(task.since ?? '') || 0 };
  }
  if (succeeded) {
    const message = inventory?.error ?? `pod ${pod.name} ended well and left no whole inventory`;
    return failTask(status, undefined, { reason: 'InventoryIncomplete', message }, now);
  }
  return failTask(status, undefined, faultOfPod(pod), now);
};

const driveOfTask = (status: LibraryStatus, task: Task): LibraryDriveStatus | undefined =>
  status.inventoryPod === task.pod
    ? undefined
    : status.drives?.find((drive) => unloadName(status.inventoryPage ?? '', drive) === task.pod);

/** The status named the pod, then a crash; or somebody deleted it. Both actions may be done twice. */
const relaunch = (seen: SeenLibrary, status: LibraryStatus, task: Task, now: number): LibraryStep => {
  const server = chooseServer(seen);
  const waitedMs = now - (Date.parse(task.since ?? '') || 0);
  const drive = driveOfTask(status, task);
  if (drive === undefined && status.inventoryPod !== task.pod) {
    // A task of a status that was changed by hand.
    const { changerHolder: _stale, ...rest } = status;
    return { kind: 'write', status: rest };
  }
  if (server === undefined || waitedMs > seen.patience.startMs + seen.patience.runMs) {
    return failTask(status, drive, { reason: 'NoUsableServer', message: `pod ${task.pod} could not be run` }, now);
  }
  if (drive !== undefined) return { kind: 'launchUnload', server, pod: task.pod, drive };
  return { kind: 'launchInventory', server, pod: task.pod, page: pageOf(task.pod) };
};

/** So long a pod may stay after its grace period before it is given up: its node may never answer again. */
const stuckMs = 60_000;

const judgeLive = (seen: SeenLibrary, status: LibraryStatus, task: Task, pod: PodFacts, now: number): LibraryStep => {
  const limitMs = pod.state === 'waiting' ? seen.patience.startMs : seen.patience.runMs;
  const node = seen.servers.find((server) => server.spec.node === pod.node);
  const lost = node === undefined || node.status?.state === 'NotUsable';
  const leftMs = limitMs - pod.ageMs;
  if (leftMs > 0 && !lost) return { kind: 'wait', retryMs: leftMs };
  if (!pod.deleting) return { kind: 'deletePod', pod: pod.name, uid: pod.uid };
  const { overdueMs = 0 } = pod;
  if (overdueMs < stuckMs) return { kind: 'wait', retryMs: stuckMs - overdueMs };
  // What a node that is well can't end may still move the robot: the next task waits for it.
  const mayRun = pod.state === 'running' && (!lost || node?.status?.reason === 'Disabled');
  if (mayRun) return { kind: 'wait', retryMs: stuckMs };
  const what = pod.waitingReason ?? (lost ? `its server is lost` : `not done after ${Math.round(pod.ageMs / 1000)} s`);
  const fault = { reason: 'PodGone', message: `pod ${pod.name}: ${what}` };
  return failTask(status, driveOfTask(status, task), fault, now, true);
};

const failTask = (
  status: LibraryStatus,
  drive: LibraryDriveStatus | undefined,
  { reason, message }: { readonly reason: string; readonly message: string },
  now: number,
  force = false,
): LibraryStep => {
  const { changerHolder: _over, inventoryPod: _pod, ...rest } = status;
  const found = { state: 'NotUsable' as const, reason, message };
  if (drive === undefined) return { kind: 'fail', status: withState(rest, found, isoOf(now)), reason, message, force };
  const drives = (rest.drives ?? []).map((one) =>
    one.name === drive.name ? withState({ ...one, errors: (one.errors ?? 0) + 1 }, found, isoOf(now)) : one,
  );
  return { kind: 'fail', status: withDrives(rest, drives), reason, message, force };
};
