/**
 * The snapshot of a job's claim, from its wish to the moment at which it can be read. It is taken between the hooks:
 * `before` once every route is prepared, `after` as soon as it is cut, however long it takes to become readable. Pure.
 */
import { snapshotName } from '../../api/names.ts';
import { bounded } from '../../api/status-text.ts';
import type { JobStatus, SeenJob } from '../job/job-view.ts';
import { judgeClone, unusedClones } from './clones.ts';
import type { SnapshotFacts, SnapshotView } from './clones.ts';
import type { Draft } from '../job/job-draft.ts';
import { loseStream } from '../job/lose-stream.ts';
import { isQuiesced, wake } from '../job/quiesce.ts';

type Snapshot = NonNullable<JobStatus['snapshot']>;

/** The snapshotter tells of errors that its next attempt mends, such as a conflict with another writer. */
const errorPatienceMs = 30_000;

/** Can the snapshot be read? Brings it on by a step, and ends the job where there is none to be had. */
export const hasSnapshot = (draft: Draft, seen: SeenJob, view: SnapshotView, nowMs: number): boolean => {
  const known = draft.status.snapshot;
  if (known === undefined) {
    if (isEverythingPrepared(draft) && isQuiesced(draft, seen, nowMs)) request(draft, seen, nowMs);
    return false;
  }
  if (known.refused === true) return fail(draft, 'SnapshotFailed', known.message ?? '');
  const noted = known.ready === true ? known : note(draft, known, view.facts, nowMs);
  if (noted.takenAt !== undefined) wake(draft, seen, nowMs);
  return noted.ready === true || judge(draft, seen, noted, view, nowMs);
};

const isEverythingPrepared = ({ streams }: Draft): boolean =>
  streams.some(({ state }) => state === 'Ready') &&
  !streams.some(({ state }) => ['Allocating', 'Reserved', 'Preparing'].includes(state));

/** The name stands in the status before the snapshot is made: whoever leads next finds it by that. */
const request = (draft: Draft, { uid }: SeenJob, nowMs: number): void => {
  const name = snapshotName(uid, draft.status.nextEpoch ?? 0);
  draft.status = { ...draft.status, snapshot: { name, requestedAt: new Date(nowMs).toISOString() } };
  draft.steps.push({ kind: 'takeSnapshot' });
};

const note = (draft: Draft, known: Snapshot, facts: SnapshotFacts | undefined, nowMs: number): Snapshot => {
  if (facts === undefined) return known;
  const now = new Date(nowMs).toISOString();
  const { failingSince, message: _past, ...rest } = known;
  const takenAt = known.takenAt ?? facts.takenAt ?? (facts.ready ? now : undefined);
  const trouble =
    facts.error === undefined || facts.ready
      ? {}
      : { failingSince: failingSince ?? now, message: bounded(facts.error, 'detail') };
  const noted: Snapshot = {
    ...rest,
    uid: known.uid ?? facts.uid,
    ...(takenAt === undefined ? {} : { takenAt }),
    ...(facts.ready && !facts.deleting ? { ready: true } : {}),
    ...trouble,
  };
  const dataTime = takenAt === undefined ? {} : { dataTime: takenAt };
  draft.status = { ...draft.status, ...dataTime, snapshot: noted };
  return noted;
};

const judge = (draft: Draft, seen: SeenJob, known: Snapshot, view: SnapshotView, nowMs: number): false => {
  const what = `snapshot ${known.name} of ${seen.claim?.what ?? 'the claim'}`;
  const { facts, patienceMs } = view;
  const isGone = facts === undefined ? known.uid !== undefined : facts.deleting || facts.uid !== known.uid;
  if (isGone) return fail(draft, 'SnapshotFailed', `${what} was deleted before it could be read`);
  const elapsedMs = (since: string | undefined): number => nowMs - Date.parse(since ?? '');
  const isLate = elapsedMs(known.requestedAt) > patienceMs;
  const error = known.message ?? '';
  if (error !== '' && (isLate || elapsedMs(known.failingSince) > Math.min(errorPatienceMs, patienceMs)))
    return fail(draft, 'SnapshotFailed', `${what} failed: ${error}`);
  if (isLate) {
    const cut = known.takenAt === undefined ? 'was not taken' : 'was taken, but could not be read';
    const limit = `in ${Math.round(patienceMs / 1000)} s (--snapshot-timeout)`;
    const advice = facts === undefined ? '' : ': see whether the snapshot controller and the driver’s snapshotter run';
    return fail(draft, 'SnapshotNotReady', `${what} ${cut} ${limit}${advice}`);
  }
  // The status named it, then a crash: it may never have been made.
  if (facts === undefined) draft.steps.push({ kind: 'takeSnapshot' });
  return false;
};

const fail = (draft: Draft, reason: 'SnapshotFailed' | 'SnapshotNotReady', message: string): false => {
  draft.status = { ...draft.status, ending: { result: 'Failed', reason, message: bounded(message, 'verdict') } };
  return false;
};

/** Every grant gets its clone; one whose clone does not come is lost, and replaced as any other. */
export const makeClones = (draft: Draft, seen: SeenJob, view: SnapshotView, nowMs: number): void => {
  for (const grant of [...draft.streams]) {
    const verdict = judgeClone(view, seen.claim?.what ?? 'the claim', grant);
    if (verdict.kind === 'make') draft.steps.push(verdict.step);
    if (verdict.kind === 'lost') loseStream(draft, seen.spec, grant, verdict.fault, nowMs);
  }
};

export const dropClones = (draft: Draft, { claim }: SeenJob): void => {
  if (claim?.snapshot === undefined) return;
  const mounted = new Set(claim.anchors.flatMap((one) => one.claim ?? []));
  draft.steps.push(...unusedClones(claim.snapshot, [...draft.streams, ...draft.retired], mounted));
};

/** Is the snapshot wanted and not cut yet? An application may be asleep for as long. */
export const isBeingTaken = ({ snapshot, ending }: JobStatus): boolean =>
  snapshot !== undefined && snapshot.takenAt === undefined && ending === undefined;
