/** What proves, beside its pod, that a worker is gone. Jobs and restores share it. */
import type { BackupJob, Grant, Restore } from '../api/generated/index.ts';
import { annotations } from '../api/names.ts';
import { grantName } from '../decide/grant/grant.ts';
import type { GrantView } from '../decide/grant/grant-life.ts';
import { nodeFacts } from '../decide/grant/pod-facts.ts';
import type { PodFacts } from '../decide/grant/pod-facts.ts';
import { nodes } from '../kube/resources.ts';
import { getIfPresent } from '../kube/writes.ts';
import type { Deps } from './deps.ts';

/**
 * Boots of nodes, read uncached and after the pods were: with a boot from before the pod, a writer that lives would look
 * as if its node had been started again. Asked only where it decides something.
 */
export const readBoots = async (
  deps: Deps,
  uid: string,
  status: { readonly streams?: readonly Grant[]; readonly retired?: readonly Grant[] },
  facts: ReadonlyMap<string, PodFacts>,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, string>> => {
  const boots = new Map<string, string>();
  for (const grant of [...(status.streams ?? []), ...(status.retired ?? [])]) {
    const name = grant.node ?? '';
    const pod = facts.get(grantName(uid, grant));
    const cached = deps.caches.nodes.get(name);
    const begins = grant.podStarted !== true && grant.state === 'Running' && pod?.state === 'running';
    const differs = grant.podStarted === true && cached?.status?.nodeInfo?.bootID !== grant.bootID;
    if (pod === undefined || pod.state === 'ended' || boots.has(name) || !(begins || differs)) continue;
    const node = await getIfPresent(deps.api, nodes, { name }, signal);
    const bootId = node === undefined ? '' : nodeFacts(node).bootId;
    if (bootId !== '') boots.set(name, bootId);
  }
  return boots;
};

/** The administrator's word for one epoch, or a node that was started again after the pod was seen to run on it. */
export const vouchedBy =
  ({ metadata }: BackupJob | Restore, boots: ReadonlyMap<string, string>): GrantView['fenceVouched'] =>
  (grant) => {
    if (metadata.annotations?.[annotations.fenced] === String(grant.epoch)) return true;
    const bootId = boots.get(grant.node ?? '');
    return grant.podStarted === true && bootId !== undefined && grant.bootID !== bootId;
  };
