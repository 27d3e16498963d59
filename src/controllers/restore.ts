/** The reconciler of restores: observe → decide → act, one area after the other. */
import type { BackupSaveRecord, Restore } from '../api/generated/index.ts';
import { finalizers, planRecordName, restoreRecordName } from '../api/names.ts';
import { restores } from '../api/resources.ts';
import { firstMissing } from '../decide/restore/backup-result.ts';
import { holds } from '../decide/grant/grant.ts';
import { decideRestore } from '../decide/restore/restore.ts';
import { withWorkReady } from '../decide/ready.ts';
import type { BackupContent, RestoreStatus, RestoreStep } from '../decide/restore/restore-view.ts';
import { finaliseRestore, restoreIsTerminal, summariseRestore } from '../decide/restore/restore-status.ts';
import { countOf } from '../decide/spans.ts';
import { copiesIn } from '../decide/restore/verify.ts';
import { done, requeueAfter } from '../kube/controller.ts';
import type { Reconcile, Result } from '../kube/controller.ts';
import { referenceTo } from '../kube/events.ts';
import { keyOf } from '../kube/key.ts';
import { compareResourceVersions } from '../kube/resource-version.ts';
import { deleteIfPresent, removeFinalizer, updateStatusIfChanged } from '../kube/writes.ts';
import { actInOrder, throwFirst } from './act-in-order.ts';
import { readReach } from './claims.ts';
import type { Deps } from './deps.ts';
import { excuse } from './excuse.ts';
import type { ActContext } from './grant-acts.ts';
import { observeRestore } from './observe-restore.ts';
import type { RestoreMemory } from './observe-restore.ts';
import { foldOutcomes } from './outcome.ts';
import type { Outcome } from './outcome.ts';
import { nextProcessNumber } from './process-number.ts';
import { actOnRestore, identity } from './restore-acts.ts';
import { escapedPathsOf, readContent } from './restore-choice.ts';
import { resolveBackup } from './restore-source.ts';
import { makeSilenceMeter } from './silence.ts';

interface Memory extends RestoreMemory {
  readonly written: Map<string, Restore>;
}

const busyMs = 2_000;
const conflictMs = 50;

export const makeRestoreReconciler = (deps: Deps): Reconcile => {
  const memory: Memory = { meter: makeSilenceMeter(deps.recordsHeardSinceMs), contents: new Map(), written: new Map() };
  return async (key, signal) => {
    const restore = newest(deps.caches.restores.get(key), memory.written.get(key));
    if (restore === undefined) {
      forget(memory, key);
      return done;
    }
    if (restoreIsTerminal(restore.status) && !holdsAnything(restore.status))
      return settle(deps, memory, restore, signal);
    if (restore.status?.phase === undefined) return admit(deps, memory, restore, signal);
    return pass(deps, memory, restore, signal);
  };
};

const forget = ({ meter, contents, written }: Memory, key: string): void => {
  const uid = written.get(key)?.metadata.uid ?? '';
  meter.forget(uid);
  contents.delete(uid);
  written.delete(key);
};

const newest = (cached: Restore | undefined, written: Restore | undefined): Restore | undefined => {
  if (cached === undefined || written === undefined || written.metadata.uid !== cached.metadata.uid) return cached;
  const order = compareResourceVersions(written.metadata.resourceVersion, cached.metadata.resourceVersion);
  return (order ?? 0) > 0 ? written : cached;
};

/** R1 to R3: the request gets its number; what may not be restored is refused at once, with the reason. */
const admit = async (deps: Deps, memory: Memory, restore: Restore, signal: AbortSignal): Promise<Result> => {
  if (restore.metadata.deletionTimestamp !== undefined) return done;
  const { namespace } = deps.settings;
  const processNumber = restore.status?.processNumber ?? (await nextProcessNumber(deps.api, namespace, signal));
  const begun: RestoreStatus = {
    phase: 'Queued',
    processNumber,
    startTime: new Date(deps.clock.now()).toISOString(),
    streamsText: '0/1',
    record: restoreRecordName(restore.metadata.uid ?? '', processNumber),
  };
  return write(deps, memory, restore, { ...begun, ...(await firstLook(deps, restore, signal)) }, signal);
};

const firstLook = async (deps: Deps, restore: Restore, signal: AbortSignal): Promise<RestoreStatus> => {
  const failed = (reason: string, message: string): RestoreStatus => ({
    ending: { result: 'Failed', reason, message },
  });
  const reach = await readReach(deps, restore, signal);
  if (reach?.kind === 'never') return failed('TargetNotReachable', reach.message);
  const resolved = await resolveBackup(deps.api, deps.settings.namespace, restore, signal);
  if (!resolved.ok) return failed(resolved.reason, resolved.message);
  const { backup } = resolved;
  const found = await readContent(deps, restore, backup, signal);
  if (!found.ok) return failed(found.reason, found.message);
  const missing = resolved.vouched ? undefined : firstMissing(found.linksSegment, found.content.copies);
  if (missing !== undefined)
    return failed('BackupNotSucceeded', `segment ${missing} of ${backup.name} was never committed`);
  // How much chosen paths hold is not known before they are read.
  const knowsBytes = restore.spec.target.discard === undefined && escapedPathsOf(restore).length === 0;
  const whole = knowsBytes ? { bytesTotal: found.bytes } : {};
  return {
    backup,
    planRecord: planRecordName(backup.uid, backup.processNumber),
    records: [...found.records],
    progress: {
      segmentsDone: 0,
      segmentsTotal: totalOf(restore, found.content),
      bytesDone: 0,
      percent: '0%',
      ...whole,
    },
  };
};

/** Of a restore that discards every copy counts. */
const totalOf = ({ spec: { target } }: Restore, content: BackupContent): number =>
  target.discard === undefined
    ? countOf(content.wanted)
    : copiesIn({ discards: { streams: target.discard.streams ?? [] } }, content).length;

const write = async (
  deps: Deps,
  memory: Memory,
  restore: Restore,
  status: RestoreStatus,
  signal: AbortSignal,
): Promise<Result> => {
  const ready = toldReady(deps, restore, status);
  const written = await updateStatusIfChanged<RestoreStatus, Restore>(deps.api, restores, restore, ready, signal);
  if (written.conflict) return requeueAfter(conflictMs);
  remember(deps, memory, restore, written.object);
  return requeueAfter(0);
};

const toldReady = ({ clock }: Deps, { metadata }: Restore, status: RestoreStatus): RestoreStatus =>
  withWorkReady(status, metadata.generation, new Date(clock.now()).toISOString());

const remember = (deps: Deps, memory: Memory, before: Restore, after: Restore): void => {
  memory.written.set(keyOf(after), after);
  const phase = after.status?.phase;
  if (phase === undefined || phase === before.status?.phase) return;
  const bad = phase === 'Failed' || phase === 'Cancelled';
  const said = after.status?.message ?? '';
  deps.events.record({
    regarding: referenceTo(restores, after),
    type: bad ? 'Warning' : 'Normal',
    reason: phase,
    action: 'Reconcile',
    note: said === '' ? `the restore is ${phase}` : `${phase}: ${said}`,
  });
  if (restoreIsTerminal(after.status)) deps.metrics.ended('Restore', phase);
};

const pass = async (deps: Deps, memory: Memory, restore: Restore, signal: AbortSignal): Promise<Result> => {
  const { seen, head, refused } = await observeRestore(deps, memory, restore, signal);
  const now = deps.clock.now();
  const decision =
    refused === undefined
      ? decideRestore(seen, now)
      : { status: { ...seen.status, ending: { result: 'Failed' as const, ...refused } }, steps: [] };
  const over = restoreIsTerminal(restore.status);
  const status = toldReady(deps, restore, over ? decision.status : summariseRestore(decision.status, head));
  const written = await updateStatusIfChanged<RestoreStatus, Restore>(deps.api, restores, restore, status, signal);
  if (written.conflict) return requeueAfter(conflictMs);
  remember(deps, memory, restore, written.object);
  return carryOut(deps, memory, written.object, decision.steps, head, signal);
};

const carryOut = async (
  deps: Deps,
  memory: Memory,
  restore: Restore,
  steps: readonly RestoreStep[],
  head: BackupSaveRecord | undefined,
  signal: AbortSignal,
): Promise<Result> => {
  const context: ActContext = { deps, job: identity(restore), labelsBlankTapes: false, signal };
  const act = (step: RestoreStep): Promise<Outcome | undefined> => actOnRestore(context, restore, step);
  const { outcomes, failures } = await actInOrder(steps, act, excuse, signal);
  const idleMs = steps.length > 0 || waitsOrHolds(restore) ? busyMs : conflictMs;
  const result =
    outcomes.length === 0 ? requeueAfter(idleMs) : await note(deps, memory, restore, outcomes, head, signal);
  throwFirst(failures, deps.log, { restore: keyOf(restore) });
  return result;
};

const note = async (
  deps: Deps,
  memory: Memory,
  restore: Restore,
  outcomes: readonly Outcome[],
  head: BackupSaveRecord | undefined,
  signal: AbortSignal,
): Promise<Result> => {
  const now = new Date(deps.clock.now()).toISOString();
  const folded: RestoreStatus = { ...restore.status, ...foldOutcomes(restore.status ?? {}, outcomes, now) };
  const ended = outcomes.some(({ kind }) => kind === 'recordsFinished');
  const generation = restore.metadata.generation ?? 0;
  const final = ended || restoreIsTerminal(restore.status);
  const status = final ? finaliseRestore(folded, generation, now) : summariseRestore(folded, head);
  return write(deps, memory, restore, status, signal);
};

const holdsAnything = (status: Restore['status']): boolean =>
  [...(status?.streams ?? []), ...(status?.retired ?? [])].some(holds);

const waitsOrHolds = ({ status }: Restore): boolean =>
  holdsAnything(status) || (status?.streams ?? []).some(({ state }) => state === 'Waiting');

const settle = async (deps: Deps, memory: Memory, restore: Restore, signal: AbortSignal): Promise<Result> => {
  const status = toldReady(deps, restore, restore.status ?? {});
  if (status !== restore.status) return write(deps, memory, restore, status, signal);
  const lifted = await removeFinalizer(deps.api, restores, restore, finalizers.held, signal);
  if (lifted.conflict) return requeueAfter(conflictMs);
  const { namespace = '', name, uid = '' } = restore.metadata;
  memory.meter.forget(uid);
  memory.contents.delete(uid);
  const ttlSeconds = restore.spec.ttlSecondsAfterFinished;
  if (ttlSeconds === undefined || restore.status?.completionTime === undefined) return done;
  const leftMs = Date.parse(restore.status.completionTime) + 1000 * ttlSeconds - deps.clock.now();
  if (leftMs > 0) return requeueAfter(leftMs);
  await deleteIfPresent(deps.api, restores, { namespace, name }, { uid }, signal);
  return done;
};
