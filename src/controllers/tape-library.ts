/** Looks through a library when that is due, makes its tapes known, and empties drives that nobody holds. */
import type { LibraryDriveStatus, Tape, TapeLibrary } from '../api/generated/index.ts';
import { labels } from '../api/names.ts';
import { savePages, tapeLibraries, tapes } from '../api/resources.ts';
import { libraryAfterInventory, withDrives } from '../decide/hardware/inventory.ts';
import { decideLibrary, type LibraryStep, type SeenLibrary } from '../decide/hardware/library.ts';
import { lossOfAction } from '../decide/grant/action-pod.ts';
import { podFacts } from '../decide/grant/pod-facts.ts';
import { tapesAfterInventory, type TapeChange } from '../decide/hardware/tape-inventory.ts';
import { libraryOf } from '../decide/hardware/tape-place.ts';
import { done, requeueAfter, type Reconcile, type Result } from '../kube/controller.ts';
import { referenceTo } from '../kube/events.ts';
import { createIfAbsent, getIfPresent, updateStatusIfChanged } from '../kube/writes.ts';
import { conflictMs } from './backup-server.ts';
import type { Deps } from './deps.ts';
import { clearTask, deletePod, launchInventory, launchUnload } from './library-task.ts';
import { findHolders } from './observe-owners.ts';
import { actionView } from './robot-view.ts';

interface Failures {
  readonly count: number;
  readonly lastMs: number;
}

/** An inventory or unload that takes longer is given up. */
const runMs = 15 * 60_000;

export const makeTapeLibraryReconciler = (deps: Deps): Reconcile => {
  // Only for backing off: a new leader tries at once.
  const failures = new Map<string, Failures>();
  return async (key, signal) => {
    const library = deps.caches.libraries.get(key);
    if (library === undefined) {
      failures.delete(key);
      return done;
    }
    const seen = await observe(deps, library, failures.get(key), signal);
    const step = decideLibrary(seen, deps.clock.now());
    if (step.kind === 'fail') return fail(deps, failures, seen, step, signal);
    if (step.kind === 'apply' || step.kind === 'noteUnloaded') failures.delete(key);
    return act(deps, seen, step, signal);
  };
};

const observe = async (
  deps: Deps,
  library: TapeLibrary,
  failures: Failures | undefined,
  signal: AbortSignal,
): Promise<SeenLibrary> => {
  const { caches, clock, settings } = deps;
  const { name } = library.metadata;
  const nowMs = clock.now();
  const actions = actionView(deps);
  const robotPods = caches.pods.byIndex('library', name).flatMap((pod) => {
    const own = pod.metadata?.labels ?? {};
    if (!robotRoles.includes(own[labels.role])) return [];
    const facts = podFacts(pod, nowMs);
    // The pods of jobs that are given up keep the library from nothing; its own ones are judged with its task.
    const givenUp = own[labels.jobUid] !== undefined && lossOfAction(facts, actions) !== undefined;
    return givenUp ? [] : [facts];
  });
  const { changerHolder, inventoryPage, inventoryPod } = library.status ?? {};
  const ended = robotPods.some((pod) => pod.name === changerHolder?.pod && pod.state === 'ended');
  const page =
    ended && changerHolder?.pod === inventoryPod && inventoryPage !== undefined
      ? await getIfPresent(deps.api, savePages, { namespace: settings.namespace, name: inventoryPage }, signal)
      : undefined;
  return {
    library,
    servers: caches.servers.list(),
    tapes: caches.tapes.list(),
    robotPods,
    page,
    failures: failures?.count ?? 0,
    lastFailureMs: failures?.lastMs ?? 0,
    patience: { startMs: settings.podStartMs, runMs },
  };
};

const robotRoles: readonly (string | undefined)[] = ['inventory', 'load', 'unload'];

type Failure = Extract<LibraryStep, { kind: 'fail' }>;

/** Counted once it is written: a pass on an old cache fails by the conflict. */
const fail = async (
  deps: Deps,
  failures: Map<string, Failures>,
  { library }: SeenLibrary,
  { status, reason, message, force }: Failure,
  signal: AbortSignal,
): Promise<Result> => {
  const written = await updateStatusIfChanged(deps.api, tapeLibraries, library, status, signal);
  if (written.conflict) return requeueAfter(conflictMs);
  const { name } = library.metadata;
  failures.set(name, { count: (failures.get(name)?.count ?? 0) + 1, lastMs: deps.clock.now() });
  const regarding = referenceTo(tapeLibraries, library);
  deps.events.record({ regarding, type: 'Warning', reason, action: 'Inventory', note: message });
  await clearTask(deps, library, signal, force);
  return done;
};

const act = async (
  deps: Deps,
  seen: SeenLibrary,
  step: Exclude<LibraryStep, Failure>,
  signal: AbortSignal,
): Promise<Result> => {
  const { library } = seen;
  switch (step.kind) {
    case 'rebuild':
      return write(deps, library, await rebuilt(deps, library, signal), signal);
    case 'write':
      return write(deps, library, step.status, signal);
    case 'launchInventory':
      if (!(await stillTask(deps, library, step.pod, signal))) return requeueAfter(conflictMs);
      await launchInventory(deps, library, step, signal);
      return requeueAfter(deps.settings.podStartMs);
    case 'launchUnload':
      if (!(await stillTask(deps, library, step.pod, signal))) return requeueAfter(conflictMs);
      await launchUnload(deps, seen, step, signal);
      return requeueAfter(deps.settings.podStartMs);
    case 'apply':
      return apply(deps, library, step, signal);
    case 'noteUnloaded':
      return noteUnloaded(deps, library, step.drive, step.slot, signal);
    case 'deletePod':
      await deletePod(deps, step.pod, { uid: step.uid }, signal);
      return requeueAfter(5_000);
    case 'wait':
      return step.retryMs === undefined ? done : requeueAfter(step.retryMs);
  }
};

type LibraryStatus = NonNullable<TapeLibrary['status']>;

/** The end of a task deletes its pod, and that may be seen before the end itself is: it is not begun once more. */
const stillTask = async (
  { api }: Deps,
  { metadata }: TapeLibrary,
  pod: string,
  signal: AbortSignal,
): Promise<boolean> =>
  (await getIfPresent(api, tapeLibraries, { name: metadata.name }, signal))?.status?.changerHolder?.pod === pod;

/** What was written comes back as an event: the next pass sees it. */
const write = async (deps: Deps, library: TapeLibrary, status: LibraryStatus, signal: AbortSignal): Promise<Result> => {
  const written = await updateStatusIfChanged(deps.api, tapeLibraries, library, status, signal);
  return written.conflict || !written.changed ? requeueAfter(conflictMs) : done;
};

/** An empty status is Unknown, never free: who holds the drives is found again before they are offered. */
const rebuilt = async (deps: Deps, library: TapeLibrary, signal: AbortSignal): Promise<LibraryStatus> => {
  const { name } = library.metadata;
  const before = library.status?.drives ?? [];
  const fresh = library.spec.drives.filter((drive) => !before.some((known) => known.name === drive.name));
  const units = fresh.map((drive) => ({ kind: 'drive' as const, name, drive: drive.name }));
  const holders = await findHolders(deps, units, signal);
  const drives = fresh.map((drive, index): LibraryDriveStatus => {
    const holder = holders[index]?.[0];
    const known = { name: drive.name, elementAddress: drive.elementAddress };
    return holder === undefined ? { ...known, state: 'Unknown' } : { ...known, state: 'InUse', holder };
  });
  return withDrives({ ...library.status, state: library.status?.state ?? 'Unknown' }, [...before, ...drives]);
};

/** Tapes first, the library last: until it is Usable nobody takes a drive of it for the first time. */
const apply = async (
  deps: Deps,
  library: TapeLibrary,
  { page, begunAtMs }: Extract<LibraryStep, { kind: 'apply' }>,
  signal: AbortSignal,
): Promise<Result> => {
  const inventory = page.status?.inventory;
  if (inventory === undefined) return done;
  const now = new Date(deps.clock.now()).toISOString();
  const { caches } = deps;
  const stock = { library, inventory, tapes: caches.tapes.list(), pools: caches.pools.list() };
  let unsettled = false;
  for (const change of tapesAfterInventory(stock, now)) {
    unsettled = !(await applyToTape(deps, change, signal)) || unsettled;
  }
  if (unsettled) return requeueAfter(conflictMs);
  const status = libraryAfterInventory(library, { inventory, begunAtMs, now });
  const written = await updateStatusIfChanged(deps.api, tapeLibraries, library, status, signal);
  if (written.conflict) return requeueAfter(conflictMs);
  await clearTask(deps, library, signal);
  return done;
};

/** @returns false while there is more to do to this tape */
const applyToTape = async (deps: Deps, change: TapeChange, signal: AbortSignal): Promise<boolean> => {
  if (change.kind === 'create') {
    const tape: Tape = { metadata: { name: change.name }, spec: change.spec };
    const { object } = await createIfAbsent(deps.api, tapes, tape, signal);
    const same = object.spec.barcode === change.spec.barcode;
    if (!same) deps.log.error({ tape: change.name, barcode: change.spec.barcode }, 'its name is that of another tape');
    // Its own reconciler finds out first whether somebody holds it.
    return !same;
  }
  const { tape, status } = change;
  if (tape.status?.state === undefined) return false;
  const was = libraryOf(tape);
  if (was !== status.library)
    deps.log.info({ tape: tape.metadata.name, from: was ?? 'nowhere', to: status.library }, 'a tape is elsewhere');
  return !(await updateStatusIfChanged(deps.api, tapes, tape, status, signal)).conflict;
};

const noteUnloaded = async (
  deps: Deps,
  library: TapeLibrary,
  drive: LibraryDriveStatus,
  slot: number | undefined,
  signal: AbortSignal,
): Promise<Result> => {
  const tape = deps.caches.tapes.list().find((one) => one.spec.barcode === drive.loadedTape);
  if (tape?.status !== undefined && tape.status.holder === undefined) {
    const { drive: _left, ...rest } = tape.status;
    // A tape that could not be unloaded was called NotUsable for that; where its data end is read when it is loaded.
    const mended =
      rest.state === 'NotUsable' ? { state: rest.freeState ?? ('Full' as const), reason: '', message: '' } : {};
    const status = { ...rest, ...(slot === undefined ? {} : { slot }), ...mended };
    const written = await updateStatusIfChanged(deps.api, tapes, tape, status, signal);
    if (written.conflict) return requeueAfter(conflictMs);
  }
  const { changerHolder: _done, ...rest } = library.status ?? {};
  const drives = (rest.drives ?? []).map((one) => {
    if (one.name !== drive.name) return one;
    const { loadedTape: _tape, homeSlot: _slot, ...empty } = one;
    return empty;
  });
  const written = await updateStatusIfChanged(deps.api, tapeLibraries, library, { ...rest, drives }, signal);
  if (written.conflict) return requeueAfter(conflictMs);
  await clearTask(deps, library, signal);
  return done;
};
