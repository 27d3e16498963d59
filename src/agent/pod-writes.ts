/**
 * The writes to one pod, in order and until they are accepted: an outage of the API delays a report, it never loses one.
 */
import type { Api } from '../kube/api.ts';
import { isApiError } from '../kube/api.ts';
import { exponentialMs } from '../kube/backoff.ts';
import type { Clock } from '../kube/clock.ts';
import type { Log } from '../kube/log.ts';
import { pods, type PodIdentity, type PodStatus } from './core-objects.ts';
import { pause } from './kube-time.ts';

export type Accepted = 'accepted' | 'podGone' | 'aborted';

export interface PodWrites {
  /**
   * Reports a status; resolves once it, or a later one, has been accepted. Of several that wait only the last is sent,
   * and none is sent before an earlier one has been answered: a report never overtakes a newer one.
   */
  report(status: PodStatus): Promise<Accepted>;
  /** Ends the pod's grace in the API: the object goes, or stays only for the finalizers of others. */
  remove(): Promise<Accepted>;
}

export interface PodWritesDeps {
  readonly api: Api;
  readonly clock: Clock;
  readonly log: Log;
  /** Ends all trying. */
  readonly signal: AbortSignal;
}

const retry = { baseMs: 50, maxMs: 5000 };

export const makePodWrites = ({ api, clock, log, signal }: PodWritesDeps, pod: PodIdentity): PodWrites => {
  const ref = { namespace: pod.namespace, name: pod.name };
  let wanted: PodStatus | undefined;
  let sending: Promise<Accepted> | undefined;

  /** Every write names the uid: a conflict is either a race of writers, or another pod that bears the name by now. */
  const isReplaced = async (): Promise<boolean> => {
    try {
      return (await api.get(pods, ref, signal)).metadata?.uid !== pod.uid;
    } catch (error) {
      return isApiError(error, 'NotFound');
    }
  };

  const untilAccepted = async (what: string, write: () => Promise<unknown>): Promise<Accepted> => {
    for (let failures = 0; !signal.aborted; failures += 1) {
      try {
        await write();
        return 'accepted';
      } catch (error) {
        if (isApiError(error, 'NotFound')) return 'podGone';
        if (isApiError(error, 'Conflict') && (await isReplaced())) return 'podGone';
        if (!signal.aborted) log.warn({ pod: pod.name, err: error }, `${what} was not accepted; trying again`);
        await pause(clock, exponentialMs(failures + 1, retry), signal);
      }
    }
    return 'aborted';
  };

  const send = async (): Promise<Accepted> => {
    for (;;) {
      let sent: PodStatus | undefined;
      const outcome = await untilAccepted('the pod status', () => {
        sent = wanted;
        return api.patch(
          pods,
          ref,
          { metadata: { uid: pod.uid }, status: sent },
          { type: 'merge', subresource: 'status' },
          signal,
        );
      });
      if (outcome !== 'accepted' || sent === wanted) {
        sending = undefined;
        return outcome;
      }
    }
  };

  return {
    report: (status) => {
      wanted = status;
      sending ??= send();
      return sending;
    },
    remove: () =>
      untilAccepted('the removal of the pod', () =>
        api.delete(pods, ref, { uid: pod.uid, gracePeriodSeconds: 0 }, signal),
      ),
  };
};
