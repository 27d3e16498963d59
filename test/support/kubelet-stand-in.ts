/** A kubelet's part for the pods that keep claims mounted: starts them, and takes them away once they are deleted. */
import { setTimeout as sleep } from 'node:timers/promises';
import { labels, mediaServerTaint } from '../../src/api/names.ts';
import { isApiError, type Api } from '../../src/kube/api.ts';
import type { Pod } from '../../src/kube/core-types.ts';
import { nodes, pods } from '../../src/kube/resources.ts';

export const anchorsOf = async (api: Api): Promise<readonly Pod[]> =>
  (await api.list(pods, { labelSelector: `${labels.anchor}=true` })).items;

const tend = async (api: Api, pod: Pod): Promise<void> => {
  const { namespace = '', name = '', deletionTimestamp } = pod.metadata ?? {};
  const ref = { namespace, name };
  if (deletionTimestamp !== undefined) return api.delete(pods, ref, { gracePeriodSeconds: 0 });
  if (pod.status?.phase === 'Running') return;
  const state = { running: { startedAt: new Date().toISOString() } };
  const container = { name: 'anchor', image: 'twinreel', imageID: '', ready: true, restartCount: 0, state };
  const status = { phase: 'Running', containerStatuses: [container] };
  await api.patch(pods, ref, { status }, { type: 'merge', subresource: 'status' });
};

const pass = async (api: Api): Promise<void> => {
  // A node of the node agent mounts no claims: this one has a kubelet.
  for (const { metadata } of (await api.list(nodes, { labelSelector: mediaServerTaint })).items) {
    const change = { metadata: { labels: { [mediaServerTaint]: null } } };
    await api.patch(nodes, { name: metadata?.name ?? '' }, change, { type: 'merge' });
  }
  for (const pod of await anchorsOf(api)) await tend(api, pod);
};

const everyMs = 100;

/** Until the signal is aborted; what the API refuses is tried again. */
export const playUntilAborted = async (act: () => Promise<void>, signal: AbortSignal): Promise<void> => {
  while (!signal.aborted) {
    try {
      await act();
    } catch (error) {
      if (!isApiError(error)) throw error;
    }
    await sleep(everyMs);
  }
};

export const playKubelet = (api: Api, signal: AbortSignal): Promise<void> => playUntilAborted(() => pass(api), signal);
