/** A stream was lost, or its tape is full: what it held is retired, its number waits for other hardware. */
import { bounded, boundedReason } from '../../api/status-text.ts';
import { maxAvoidedTapes } from './avoided-tapes.ts';
import type { EffectiveSpec } from './effective-spec.ts';
import type { Grant } from '../grant/grant.ts';
import type { JobStatus } from './job-view.ts';
import type { Draft } from './job-draft.ts';
import { isDriveOffline } from '../hardware/offline-drive.ts';
import { withoutRefused } from '../grant/refused.ts';
import { failedSwitches } from '../grant/route-fault.ts';
import { isOfNode, tapeNotFound } from '../step.ts';
import type { Fault } from '../step.ts';

const maxHistory = 64;

/**
 * F6 and claims 3, 12: seal, note whose fault it was, go on elsewhere. `span` is the planned change to the next tape: it
 * is no failure, counts nothing and blames nobody.
 */
export const loseStream = (
  draft: Draft,
  spec: EffectiveSpec,
  grant: Grant,
  fault: Fault,
  nowMs: number,
  kind: 'lost' | 'span' = 'lost',
): void => {
  const [reason, message] = [boundedReason(fault.reason), bounded(fault.message, 'detail')];
  const replacements = draft.status.replacements ?? 0;
  // A source that cannot be read is read no better through another drive, nor fits what is too large on another tape.
  const replaced = kind === 'span' || (fault.domain !== 'source' && replacements < spec.maxReplacements);
  const since = new Date(nowMs).toISOString();
  const retired: Grant = {
    ...withoutRefused(grant),
    state: 'Fencing',
    stateSince: since,
    outcome: 'Failed',
    fault: fault.domain,
    reason,
    message,
  };
  draft.steps.push({ kind: 'sealHead', grant, reason }, { kind: 'noteFault', grant, fault });
  if (replaced) draft.retired = [...draft.retired, retired];
  const waiting: Grant = {
    number: grant.number,
    epoch: grant.epoch,
    role: grant.role,
    state: 'Waiting',
    reason,
    message,
    ...(kind === 'span' ? {} : { lostEpoch: grant.epoch }),
    startedAt: new Date(nowMs).toISOString(),
  };
  const entry: Grant = replaced ? waiting : retired;
  draft.streams = draft.streams.map((one) => (one.number === grant.number ? entry : one));
  if (kind === 'span') return;
  draft.status = {
    ...draft.status,
    replacements: replacements + Number(replaced),
    bytesRewritten: (draft.status.bytesRewritten ?? 0) + fault.lostBytes,
    avoid: avoiding(draft.status.avoid, grant, fault),
    failoverHistory: [
      ...(draft.status.failoverHistory ?? []),
      { stream: grant.number, fromEpoch: grant.epoch, reason, message, at: new Date(nowMs).toISOString() },
    ].slice(-maxHistory),
  };
};

const avoiding = (before: JobStatus['avoid'], grant: Grant, fault: Fault): NonNullable<JobStatus['avoid']> => {
  const add = (list: readonly string[] | undefined, name: string | undefined): string[] =>
    name === undefined ? [...(list ?? [])] : [...new Set([...(list ?? []), name])];
  // Where the list is full, the job begins no further tape: neverAgain.
  const withTape = add(before?.tapes, grant.tape).slice(0, maxAvoidedTapes);
  const drive = `${grant.library ?? ''}/${grant.drive ?? ''}`;
  switch (fault.domain) {
    case 'drive':
    case 'tape':
      if (fault.reason === tapeNotFound) return { ...before, tapes: withTape };
      if (isDriveOffline(fault)) return { ...before, drives: add(before?.drives, drive) };
      // After a write error nobody can tell which of the two it was.
      return { ...before, drives: add(before?.drives, drive), tapes: withTape };
    case 'changer':
      return { ...before, libraries: add(before?.libraries, grant.library) };
    case 'server': {
      // Several servers may stand on one node.
      const nodes = isOfNode(fault) ? { nodes: add(before?.nodes, grant.node) } : {};
      return { ...before, servers: add(before?.servers, grant.server), ...nodes };
    }
    case 'route':
      return { ...before, switches: failedSwitches(grant).reduce(add, [...(before?.switches ?? [])]) };
    case 'source':
    case 'target':
    case 'worker':
      return { ...before };
  }
};
