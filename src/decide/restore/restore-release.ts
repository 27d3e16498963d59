/**
 * What a restore's grants go through after their work: sealed, fenced, unloaded, freed. A grant that was lost is retired:
 * that goes on beside the next area, and after the restore's end if it has to.
 *
 * One rule binds the next area to it: the target has one writer. A worker that is only believed to be dead may write
 * into it all the same, and nothing but its end keeps it from that: no drive or zone lies between it and the target, and
 * its own clock may stand still with it. So what follows waits until the old worker is proven to be gone. A grant whose
 * worker was never started keeps nobody waiting: an action pod has no target.
 */
import type { Grant } from '../../api/generated/index.ts';
import { restoreEnded } from '../../api/worker-order.ts';
import { proofOf } from '../grant/fence-proof.ts';
import { holds } from '../grant/grant.ts';
import { releaseGrant } from '../grant/grant-life.ts';
import type { RestoreDecision, RestoreEnding, RestoreStatus, SeenRestore } from './restore-view.ts';
import type { Step } from '../step.ts';

const iso = (ms: number): string => new Date(ms).toISOString();

interface Release {
  readonly grant: Grant;
  readonly steps: readonly Step[];
}

/** One pass towards freed. @param ends nobody comes after this worker: it is asked to tidy up */
const releaseOne = (seen: SeenRestore, held: Grant, ends: boolean, nowMs: number): Release => {
  const { grant, steps } = releaseGrant(held, seen.view);
  const since = grant.state === held.state && grant.stateSince !== undefined ? grant.stateSince : iso(nowMs);
  const dated: Grant = { ...grant, ...proofOf(seen, grant, nowMs), stateSince: since };
  const { head } = seen;
  const seals: readonly Step[] =
    head !== undefined && head.epoch === grant.epoch && !head.sealed
      ? [{ kind: 'sealHead', grant, reason: ends ? restoreEnded : (grant.reason ?? 'Released') }]
      : [];
  const suspects: readonly Step[] =
    dated.state === 'Fencing' && isOverdue(seen, dated, nowMs) ? [{ kind: 'suspectFence', grant: dated }] : [];
  // What was freed is forgotten, and with it that its worker may still write.
  const safe = mayWrite(dated) ? steps.filter(({ kind }) => kind !== 'free') : steps;
  return { grant: dated, steps: [...seals, ...safe, ...suspects] };
};

/** For so long, and no longer, is a fence or an unload waited for. */
const isOverdue = (seen: SeenRestore, grant: Grant, nowMs: number): boolean =>
  (grant.state === 'Fencing' || grant.state === 'Releasing') &&
  nowMs - Date.parse(grant.stateSince ?? '') > seen.fenceTimeoutMs;

/** Holds something that the restore's end still waits for. */
export const isAwaited = (seen: SeenRestore, grant: Grant, nowMs: number): boolean =>
  holds(grant) && !isOverdue(seen, grant, nowMs);

/** May a worker of this grant still write into the target? */
const mayWrite = (grant: Grant): boolean => holds(grant) && grant.pod !== undefined && grant.fencedBy === undefined;

/** The grant's number is free for another one; what the grant holds is released beside it. */
export const retire = (status: RestoreStatus, grant: Grant): RestoreStatus => {
  const { number, epoch, role, outcome = 'Unused', reason, message } = grant;
  const left: Grant = {
    ...{ number, epoch, role, outcome },
    state: outcome === 'Unused' ? 'Released' : outcome,
    ...(reason === undefined ? {} : { reason }),
    ...(message === undefined ? {} : { message }),
  };
  return { ...status, streams: [left], retired: [...(status.retired ?? []), grant] };
};

/** The current grant: where its drive hangs in the unload, too, it is left behind as a lost one is. */
export const releaseCurrent = (
  seen: SeenRestore,
  status: RestoreStatus,
  held: Grant,
  nowMs: number,
): RestoreDecision => {
  const { grant, steps } = releaseOne(seen, held, status.ending !== undefined, nowMs);
  const hangs = isOverdue(seen, grant, nowMs);
  return { status: hangs ? retire(status, grant) : { ...status, streams: [grant] }, steps };
};

export const releaseRetired = (seen: SeenRestore, status: RestoreStatus, nowMs: number): RestoreDecision => {
  const released = (status.retired ?? []).map((grant) =>
    holds(grant) ? releaseOne(seen, grant, status.ending !== undefined, nowMs) : { grant, steps: [] },
  );
  const steps = released.flatMap((one) => one.steps);
  return { status: released.length === 0 ? status : { ...status, retired: released.map(({ grant }) => grant) }, steps };
};

export type TargetFree =
  { readonly kind: 'free' } | { readonly kind: 'wait' } | { readonly kind: 'never'; readonly ending: RestoreEnding };

/** May another worker write into the target now? */
export const targetIsFree = (seen: SeenRestore, status: RestoreStatus, nowMs: number): TargetFree => {
  // Nothing is written: a lost worker that still reads does no harm.
  if (seen.discards !== undefined) return { kind: 'free' };
  const writers = (status.retired ?? []).filter(mayWrite);
  const overdue = writers.find((grant) => isOverdue(seen, grant, nowMs));
  if (overdue !== undefined) return { kind: 'never', ending: unconfirmed(overdue) };
  return { kind: writers.length > 0 ? 'wait' : 'free' };
};

const unconfirmed = ({ pod = '', node = '', epoch }: Grant): RestoreEnding => ({
  result: 'Failed',
  reason: 'FencingUnconfirmed',
  message:
    `pod ${pod} on node ${node} is not proven to be gone and may still write into the target, so nobody else may; ` +
    `when it is known to be gone, annotate twinreel.io/fenced=${epoch} and restore again`,
});
