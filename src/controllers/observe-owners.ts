/** Jobs and restores as owners of grants, and the pods that act for grants; read uncached unless it says otherwise. */
import type { BackupJob, Holder, Restore } from '../api/generated/index.ts';
import { labels } from '../api/names.ts';
import { backupJobs, restores } from '../api/resources.ts';
import type { OwnerSeen } from '../decide/grant/orphans.ts';
import { podFacts, type PodFacts } from '../decide/grant/pod-facts.ts';
import {
  grantedOrder,
  holdersOf,
  type GrantedOrder,
  type GrantHolder,
  type HeldUnit,
} from '../decide/grant/rebuild-holders.ts';
import type { Api, KubeObject, ListOptions, Ref, Resource } from '../kube/api.ts';
import type { Pod } from '../kube/core-types.ts';
import { pods } from '../kube/resources.ts';
import { getIfPresent } from '../kube/writes.ts';
import type { Deps } from './deps.ts';

const finalPhases: readonly (string | undefined)[] = ['Succeeded', 'Failed', 'Cancelled'];

export const ownerSeen = ({ metadata, status }: BackupJob | Restore): OwnerSeen => ({
  uid: metadata.uid ?? '',
  streams: status?.streams ?? [],
  retired: status?.retired ?? [],
  ended: finalPhases.includes(status?.phase),
});

/** Undefined when there is none of that name. */
export const readOwnerOf = async (
  api: Api,
  holder: Pick<Holder, 'kind' | 'namespace' | 'name'>,
  signal: AbortSignal,
): Promise<OwnerSeen | undefined> => {
  const ref = { namespace: holder.namespace, name: holder.name };
  const found =
    holder.kind === 'BackupJob'
      ? await getIfPresent(api, backupJobs, ref, signal)
      : await getIfPresent(api, restores, ref, signal);
  return found === undefined ? undefined : ownerSeen(found);
};

/** Labels do not tell a job from a restore: the uid does. */
export const readOwnerByUid = async (
  api: Api,
  ref: Ref & { readonly namespace: string },
  uid: string,
  signal: AbortSignal,
): Promise<OwnerSeen | undefined> => {
  const job = await readOwnerOf(api, { kind: 'BackupJob', ...ref }, signal);
  return job?.uid === uid ? job : readOwnerOf(api, { kind: 'Restore', ...ref }, signal);
};

const pageSize = 500;

const listAll = async <T extends KubeObject>(
  api: Api,
  resource: Resource<T>,
  options: ListOptions,
  signal: AbortSignal,
): Promise<readonly T[]> => {
  const found: T[] = [];
  let continueToken: string | undefined;
  do {
    const page = await api.list(
      resource,
      { ...options, limit: pageSize, ...(continueToken === undefined ? {} : { continueToken }) },
      signal,
    );
    found.push(...page.items);
    continueToken = page.continueToken;
  } while (continueToken !== undefined);
  return found;
};

export const listOwners = async (api: Api, signal: AbortSignal): Promise<readonly OwnerSeen[]> => {
  const all = [...(await listAll(api, backupJobs, {}, signal)), ...(await listAll(api, restores, {}, signal))];
  return all.map(ownerSeen);
};

/** As the caches have them: a first look that costs nothing. */
export const cachedOwners = ({ caches }: Deps): readonly OwnerSeen[] =>
  [...caches.jobs.list(), ...caches.restores.list()].map(ownerSeen);

export const listWorkerPods = (
  { api, settings }: Deps,
  selector: string,
  signal: AbortSignal,
): Promise<readonly Pod[]> =>
  listAll(api, pods, { namespace: settings.namespace, labelSelector: `${labels.worker}=true${selector}` }, signal);

/** Pods of one job, whatever they do. */
export const listPodsOf = async (deps: Deps, uid: string, signal: AbortSignal): Promise<readonly PodFacts[]> => {
  const found = await listWorkerPods(deps, `,${labels.jobUid}=${uid}`, signal);
  return found.map((pod) => podFacts(pod, deps.clock.now()));
};

/**
 * Who holds the unit, found again from all jobs, restores and pods. The unit's status is empty, so nobody can be granted
 * it meanwhile; a grant that ends meanwhile leaves a holder that the orphan collector frees.
 */
export const findHolders = async (deps: Deps, units: readonly HeldUnit[], signal: AbortSignal) => {
  const owners: GrantHolder[] = [
    ...(await listAll(deps.api, backupJobs, {}, signal)).map((job) => grantHolder('BackupJob', job)),
    ...(await listAll(deps.api, restores, {}, signal)).map((restore) => grantHolder('Restore', restore)),
  ];
  const orders = (await listWorkerPods(deps, '', signal)).flatMap((pod) => liveOrder(pod, deps.clock.now()));
  return units.map((unit) => holdersOf(unit, owners, orders));
};

const grantHolder = (kind: 'BackupJob' | 'Restore', { metadata, status }: BackupJob | Restore): GrantHolder => ({
  job: {
    kind,
    uid: metadata.uid ?? '',
    namespace: metadata.namespace ?? '',
    name: metadata.name,
    processNumber: status?.processNumber ?? 0,
  },
  grants: [...(status?.streams ?? []), ...(status?.retired ?? [])],
});

const liveOrder = (pod: Pod, nowMs: number): readonly GrantedOrder[] => {
  if (podFacts(pod, nowMs).state === 'ended') return [];
  const text = pod.spec?.containers[0]?.env?.find((variable) => variable.name === 'TWINREEL_ORDER')?.value;
  if (text === undefined) return [];
  try {
    return [grantedOrder(JSON.parse(text))].filter((order) => order !== undefined);
  } catch {
    // Not an order of ours: it acts for no grant.
    return [];
  }
};
