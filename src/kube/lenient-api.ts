import { type Api, ApiError, isApiError, type Resource } from './api.ts';
import type { Clock } from './clock.ts';

/**
 * The same API, whose refusals count as "try again" until they have lasted for `patienceMs`: a server that has just been
 * started answers before it has read its roles and accounts, and then refuses what it allows a second later
 * (kubernetes/kubernetes#86715). A watch is begun again by whoever follows it anyway.
 */
export const lenientApi = (api: Api, clock: Clock, patienceMs: number): Api => {
  /** When each kind of call was first refused, since it last was not. */
  const refusedSince = new Map<string, number>();
  const judged = (call: string, error: unknown): unknown => {
    if (!isApiError(error, 'Forbidden', 'Unauthorized')) return error;
    const since = refusedSince.get(call) ?? clock.now();
    refusedSince.set(call, since);
    if (clock.now() - since >= patienceMs) return error;
    const { code, message, status } = error;
    return new ApiError({
      ...{ code, message, retryable: true, outcomeUnknown: false, cause: error },
      ...(status === undefined ? {} : { status }),
    });
  };
  const ask = async <R>(verb: string, { plural }: Resource, send: () => Promise<R>): Promise<R> => {
    const call = `${verb} ${plural}`;
    try {
      const answer = await send();
      refusedSince.delete(call);
      return answer;
    } catch (error) {
      throw judged(call, error);
    }
  };
  return {
    get: (resource, ref, signal) => ask('get', resource, () => api.get(resource, ref, signal)),
    list: (resource, options, signal) => ask('list', resource, () => api.list(resource, options, signal)),
    watch: (resource, options, signal) => api.watch(resource, options, signal),
    create: (resource, object, signal) => ask('create', resource, () => api.create(resource, object, signal)),
    update: (resource, object, signal) => ask('update', resource, () => api.update(resource, object, signal)),
    updateStatus: (resource, object, signal) =>
      ask('updateStatus', resource, () => api.updateStatus(resource, object, signal)),
    patch: (resource, ref, body, options, signal) =>
      ask('patch', resource, () => api.patch(resource, ref, body, options, signal)),
    delete: (resource, ref, options, signal) =>
      ask('delete', resource, () => api.delete(resource, ref, options, signal)),
    createSubresource: (resource, ref, subresource, body, signal) =>
      ask(`create ${subresource}`, resource, () => api.createSubresource(resource, ref, subresource, body, signal)),
  };
};
