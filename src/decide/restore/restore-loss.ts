/** A restore's worker or hardware was lost: what of it is tried again, and what is avoided then. */
import type { Grant } from '../../api/generated/index.ts';
import { restoreEnded } from '../../api/worker-order.ts';
import { withoutRefused } from '../grant/refused.ts';
import { failedSwitches } from '../grant/route-fault.ts';
import { retire } from './restore-release.ts';
import type { RestoreDecision, RestoreStatus } from './restore-view.ts';
import { targetNotReachable } from '../step.ts';
import type { Fault } from '../step.ts';

const maxReplacements = 4;

/** Claims 3, 12: seal, note whose fault it was, go on elsewhere while what was lost is fenced and released. */
export const loseGrant = (status: RestoreStatus, grant: Grant, fault: Fault, nowMs: number): RestoreDecision => {
  const replacements = (status.replacements ?? 0) + 1;
  const { reason, message, domain } = fault;
  const lost: Grant = {
    ...withoutRefused(grant),
    state: 'Fencing',
    stateSince: new Date(nowMs).toISOString(),
    outcome: 'Failed',
    fault: domain,
    reason,
    message,
  };
  const hopeless = domain === 'target' || replacements > maxReplacements;
  return {
    status: {
      ...retire(status, lost),
      ...{ replacements, reason, message },
      avoid: avoiding(status.avoid, grant, fault),
      ...(hopeless ? { ending: { result: 'Failed', reason, message } } : {}),
    },
    steps: [
      { kind: 'sealHead', grant, reason: hopeless ? restoreEnded : reason },
      { kind: 'noteFault', grant, fault },
    ],
  };
};

const avoiding = (before: RestoreStatus['avoid'], grant: Grant, fault: Fault): NonNullable<RestoreStatus['avoid']> => {
  const add = (list: readonly string[] | undefined, name: string): string[] => [...new Set([...(list ?? []), name])];
  // Another machine may mount the claim.
  if (fault.reason === targetNotReachable) {
    const { server = '', node = '' } = grant;
    return { ...before, servers: add(before?.servers, server), nodes: add(before?.nodes, node) };
  }
  switch (fault.domain) {
    case 'drive':
      return { ...before, drives: add(before?.drives, `${grant.library ?? ''}/${grant.drive ?? ''}`) };
    case 'tape':
      return { ...before, tapes: add(before?.tapes, grant.tape ?? '') };
    case 'changer':
      return { ...before, libraries: add(before?.libraries, grant.library ?? '') };
    // The target is a folder of one machine, which often has one server: it is waited for, not avoided.
    case 'route':
      return { ...before, switches: failedSwitches(grant).reduce<string[]>(add, [...(before?.switches ?? [])]) };
    case 'server':
    case 'worker':
    case 'source':
    case 'target':
      return { ...before };
  }
};
