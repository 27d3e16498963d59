/** Which pods an agent follows: those of its node, in all namespaces where it may see them. */
import { isApiError, type Api } from '../kube/api.ts';
import { exponentialMs } from '../kube/backoff.ts';
import type { Clock } from '../kube/clock.ts';
import type { Log } from '../kube/log.ts';
import { pods } from './core-objects.ts';
import { pause } from './kube-time.ts';

export interface PodSelection {
  /** Absent: all. */
  readonly namespace?: string;
  readonly fieldSelector: string;
}

const retry = { baseMs: 200, maxMs: 5000 };

/**
 * Any pod may name this node, and one that nobody answers for is Pending without a reason and keeps its namespace from
 * being deleted. An identity of the node's own (`system:node:NAME`) sees them all; a service account has rights in the
 * namespace of the workers only, since rights on pods everywhere would be rights on pods of other nodes, too.
 */
export const selectPods = async (
  { api, clock, log }: { readonly api: Api; readonly clock: Clock; readonly log: Log },
  { nodeName, namespace }: { readonly nodeName: string; readonly namespace: string },
  signal: AbortSignal,
): Promise<PodSelection> => {
  const fieldSelector = `spec.nodeName=${nodeName}`;
  for (let failures = 1; !signal.aborted; failures += 1) {
    try {
      await api.list(pods, { fieldSelector, limit: 1 }, signal);
      return { fieldSelector };
    } catch (error) {
      if (isApiError(error, 'Forbidden')) {
        log.warn(
          { node: nodeName, namespace },
          'pods of other namespaces on this node cannot be seen: nobody ends them',
        );
        return { namespace, fieldSelector };
      }
      if (!signal.aborted) log.warn({ node: nodeName, err: error }, 'the pods cannot be listed; trying again');
      await pause(clock, exponentialMs(failures, retry), signal);
    }
  }
  return { namespace, fieldSelector };
};
