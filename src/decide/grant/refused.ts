/**
 * A pod that is refused: by a quota or a policy of its namespace, or since the server's owner allows its folder no more.
 * It is told at once; for a while somebody may mend it, then whoever needs it is lost. Pure.
 */
import type { Refused } from '../../api/generated/index.ts';
import { bounded, boundedReason } from '../../api/status-text.ts';
import type { ClaimView } from '../claim/anchors.ts';
import type { Fault } from '../step.ts';
import type { GrantView } from './grant-life.ts';

export const podRefused = 'PodRefused';

/** A grant, or the plan. */
export interface Refusable {
  readonly refused?: Refused;
}

type Found = Omit<Refused, 'since'>;

/**
 * Noted once for each pod: a status that changed with every attempt would wake the next one at once.
 *
 * @param now RFC 3339
 */
export const withRefused = <T extends Refusable>(held: T, { pod, reason, message }: Found, now: string): T =>
  held.refused?.pod === pod
    ? held
    : {
        ...held,
        refused: {
          pod,
          reason: boundedReason(reason),
          message: bounded(message, 'detail'),
          since: held.refused?.since ?? now,
        },
      };

export const withoutRefused = <T extends Refusable>(held: T): T => {
  const { refused, ...rest } = held;
  return refused === undefined ? held : (rest as T);
};

/**
 * A pod that is there is refused no more.
 *
 * @param owner pods and anchors of a job or restore
 */
export const admitted =
  ({ view, claim }: { readonly view: Pick<GrantView, 'pods'>; readonly claim?: Pick<ClaimView, 'anchors'> }) =>
  <T extends Refusable>(held: T): T => {
    const pod = held.refused?.pod ?? '';
    return view.pods.has(pod) || claim?.anchors.some(({ name }) => name === pod) === true ? withoutRefused(held) : held;
  };

/** @returns why nothing more is expected of the pod; undefined while it is not refused, or not for long enough */
export const refusalFault = (
  { refused }: Refusable,
  pod: string,
  patienceMs: number,
  nowMs: number,
): Fault | undefined => {
  if (refused?.pod !== pod || nowMs - Date.parse(refused.since) <= patienceMs) return undefined;
  return { reason: refused.reason, message: refused.message, domain: 'server', lostBytes: 0 };
};
