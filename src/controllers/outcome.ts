/** What acts achieved, told as data and folded into the owner's status by a second write. */
import type { BackupJob, Grant, HookRun } from '../api/generated/index.ts';
import { bounded } from '../api/status-text.ts';
import { withRun } from '../decide/job/hooks.ts';
import { withRefused } from '../decide/grant/refused.ts';
import { failedSwitches, withFailedZone } from '../decide/grant/route-fault.ts';

export type Outcome =
  | { readonly kind: 'zoned'; readonly epoch: number }
  | { readonly kind: 'zoneFailed'; readonly epoch: number; readonly switchName: string; readonly message: string }
  | {
      readonly kind: 'refused';
      readonly epoch: number;
      readonly pod: string;
      readonly reason: string;
      readonly message: string;
    }
  | { readonly kind: 'planRefused'; readonly pod: string; readonly reason: string; readonly message: string }
  | { readonly kind: 'loaded'; readonly epoch: number; readonly labelId: string }
  | { readonly kind: 'unloaded'; readonly epoch: number }
  | { readonly kind: 'freed'; readonly epoch: number }
  | {
      readonly kind: 'hookRan';
      readonly run: HookRun;
      readonly ok: boolean;
      readonly pods: string;
      readonly message: string;
    }
  /** The cluster takes no snapshot of the claim, or no clone of that; trying again does not help. */
  | { readonly kind: 'snapshotRefused'; readonly message: string }
  | { readonly kind: 'recordsFinished' };

type BackupJobStatus = NonNullable<BackupJob['status']>;

interface Held {
  readonly streams?: readonly Grant[];
  readonly retired?: readonly Grant[];
}

/** @param now RFC 3339 */
export const foldOutcomes = (
  status: Held,
  outcomes: readonly Outcome[],
  now: string,
): { streams: Grant[]; retired: Grant[] } => {
  let streams = [...(status.streams ?? [])];
  let retired = [...(status.retired ?? [])];
  for (const outcome of outcomes) {
    if (!('epoch' in outcome)) continue;
    // A stream that waits again bears the epoch of its lost grant.
    const change = (grant: Grant): Grant =>
      grant.epoch === outcome.epoch && grant.state !== 'Waiting' ? applied(grant, outcome, now) : grant;
    streams = streams.map(change);
    // A retired grant has no further use once it is freed.
    retired = retired.map(change).filter((grant) => !(outcome.kind === 'freed' && grant.epoch === outcome.epoch));
  }
  return { streams, retired };
};

const applied = (grant: Grant, outcome: Extract<Outcome, { readonly epoch: number }>, now: string): Grant => {
  switch (outcome.kind) {
    case 'zoned':
      return withoutFailure({ ...grant, zoned: true });
    case 'zoneFailed':
      return withFailedZone(grant, outcome.switchName, bounded(outcome.message, 'detail'));
    case 'refused':
      return withRefused(grant, outcome, now);
    case 'loaded':
      return { ...grant, loaded: true, labelId: outcome.labelId, state: 'Ready', stateSince: now };
    case 'unloaded':
      return { ...grant, unloaded: true };
    case 'freed':
      // Only what was being released ends here.
      return grant.state === 'Releasing' || grant.state === 'Fencing'
        ? { ...grant, unzoned: true, state: endState(grant), endedAt: now, stateSince: now }
        : grant;
  }
};

/** The switch answers again: what was said of it holds no longer. */
const withoutFailure = (grant: Grant): Grant => {
  if (failedSwitches(grant).length === 0) return grant;
  const { reason: _reason, message: _message, ...rest } = grant;
  return { ...rest, zones: (grant.zones ?? []).map((zone) => ({ ...zone, ready: true })) };
};

const endState = ({ outcome }: Grant): Grant['state'] =>
  outcome === undefined || outcome === 'Unused' ? 'Released' : outcome;

/** @param now RFC 3339 */
export const foldHooks = (runs: readonly HookRun[], outcomes: readonly Outcome[], now: string): HookRun[] =>
  outcomes.reduce<HookRun[]>(
    (sofar, outcome) => {
      if (outcome.kind !== 'hookRan') return sofar;
      const { run, ok, pods, message } = outcome;
      // No pod was found: the field has no empty value.
      const where = pods === '' ? {} : { pod: pods.slice(0, 253) };
      const ended = { endedAt: now, ...where, message: bounded(message, 'detail') };
      return withRun(sofar, { ...run, ...ended, state: ok ? 'Succeeded' : 'Failed' });
    },
    [...runs],
  );

/** A refusal stands: the next decision is made of it. */
export const foldRefusal = (
  snapshot: BackupJobStatus['snapshot'],
  outcomes: readonly Outcome[],
): BackupJobStatus['snapshot'] => {
  const refusal = outcomes.find((outcome) => outcome.kind === 'snapshotRefused');
  if (refusal === undefined || snapshot === undefined) return snapshot;
  return { ...snapshot, refused: true, message: bounded(refusal.message, 'detail') };
};

/** @param now RFC 3339 */
export const foldPlan = (
  plan: BackupJobStatus['plan'],
  outcomes: readonly Outcome[],
  now: string,
): BackupJobStatus['plan'] => {
  const refused = outcomes.find((outcome) => outcome.kind === 'planRefused');
  return refused === undefined ? plan : withRefused(plan ?? {}, refused, now);
};
