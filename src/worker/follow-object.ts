import type { Api, KubeObject, Ref, Resource } from '../kube/api.ts';
import { isApiError } from '../kube/api.ts';
import { jittered } from '../kube/backoff.ts';
import { sleep, type Clock } from '../kube/clock.ts';

/** How often the object is read where it can't be watched, and how long a broken watch is left alone. */
const pollMs = 1_000;
const watchSeconds = 290;

/**
 * Tells every version of one object that it comes to see, until the signal is aborted; the API may go away and come
 * back meanwhile. A watch where the server allows it, else one read a second.
 */
export const followObject = async <T extends KubeObject>(
  api: Api,
  resource: Resource<T>,
  ref: Ref,
  seen: (object: T) => void,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> => {
  while (!signal.aborted) {
    try {
      const object = await api.get(resource, ref, signal);
      seen(object);
      await watchOnce(api, resource, ref, object.metadata?.resourceVersion ?? '', seen, signal);
    } catch (error) {
      if (signal.aborted) return;
      if (!isApiError(error)) throw error;
    }
    await sleep(clock, jittered(pollMs, Math.random), signal).catch(ignore);
  }
};

const watchOnce = async <T extends KubeObject>(
  api: Api,
  resource: Resource<T>,
  ref: Ref,
  resourceVersion: string,
  seen: (object: T) => void,
  signal: AbortSignal,
): Promise<void> => {
  const options = {
    ...(ref.namespace === undefined ? {} : { namespace: ref.namespace }),
    fieldSelector: `metadata.name=${ref.name}`,
    resourceVersion,
    timeoutSeconds: watchSeconds,
  };
  for await (const event of api.watch(resource, options, signal)) {
    if (event.type === 'ADDED' || event.type === 'MODIFIED') seen(event.object);
  }
};

const ignore = (): void => undefined;
