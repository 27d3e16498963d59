import type { Api } from './api.ts';
import { abortReason } from './clock.ts';

/**
 * The same API for as long as `leading` is not aborted: after that every write is refused with its reason before it is
 * sent, whoever still runs. Reads go on. Writes on their way when the lease was lost are what compare-and-swap and
 * epochs are for.
 *
 * @param isLeading  asked before each write, for what a timer may notice late, such as a process that was suspended
 */
export const fencedApi = (api: Api, leading: AbortSignal, isLeading: () => boolean = () => true): Api => {
  const write = async <R>(send: (signal: AbortSignal) => Promise<R>, own: AbortSignal | undefined): Promise<R> => {
    // `isLeading` first: it aborts the signal when it finds the lease run out.
    if (!isLeading() || leading.aborted) throw abortReason(leading);
    return send(own ?? leading);
  };
  return {
    get: (resource, ref, signal) => api.get(resource, ref, signal),
    list: (resource, options, signal) => api.list(resource, options, signal),
    watch: (resource, options, signal) => api.watch(resource, options, signal),
    create: (resource, object, signal) => write((s) => api.create(resource, object, s), signal),
    update: (resource, object, signal) => write((s) => api.update(resource, object, s), signal),
    updateStatus: (resource, object, signal) => write((s) => api.updateStatus(resource, object, s), signal),
    patch: (resource, ref, body, options, signal) => write((s) => api.patch(resource, ref, body, options, s), signal),
    delete: (resource, ref, options, signal) => write((s) => api.delete(resource, ref, options, s), signal),
    createSubresource: (resource, ref, subresource, body, signal) =>
      write((s) => api.createSubresource(resource, ref, subresource, body, s), signal),
  };
};
