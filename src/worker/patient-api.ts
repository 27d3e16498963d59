import { ApiError, isApiError, type Api, type WatchEvent, type KubeObject } from '../kube/api.ts';
import type { Clock } from '../kube/clock.ts';

/**
 * An API server that has just started refuses everything until its caches of roles, bindings and accounts are filled. A
 * refusal is therefore taken for an absence at first: `retryable`, so that callers wait as they do for an API that is
 * away. What is refused again and again for `patienceMs` is refused in earnest.
 */
export const patientApi = (api: Api, clock: Pick<Clock, 'now'>, patienceMs: number): Api => {
  /** Since when each call has been refused without a success in between. */
  const refused = new Map<string, number>();

  const judge = (call: string, error: unknown): unknown => {
    if (!isApiError(error, 'Forbidden', 'Unauthorized')) return error;
    const since = refused.get(call) ?? clock.now();
    refused.set(call, since);
    if (clock.now() - since >= patienceMs) return error;
    const { code, message, status, outcomeUnknown } = error;
    const known = status === undefined ? {} : { status };
    return new ApiError({ code, message, ...known, outcomeUnknown, retryable: true, cause: error });
  };

  const patient = async <T>(call: string, act: () => Promise<T>): Promise<T> => {
    try {
      const answer = await act();
      refused.delete(call);
      return answer;
    } catch (error) {
      throw judge(call, error);
    }
  };

  async function* watched<T extends KubeObject>(
    call: string,
    events: AsyncIterable<WatchEvent<T>>,
  ): AsyncGenerator<WatchEvent<T>> {
    try {
      for await (const event of events) {
        refused.delete(call);
        yield event;
      }
    } catch (error) {
      throw judge(call, error);
    }
  }

  return {
    get: (resource, ref, signal) => patient(`get ${resource.plural} ${ref.name}`, () => api.get(resource, ref, signal)),
    list: (resource, options, signal) => patient(`list ${resource.plural}`, () => api.list(resource, options, signal)),
    watch: (resource, options, signal) => watched(`watch ${resource.plural}`, api.watch(resource, options, signal)),
    create: (resource, object, signal) =>
      patient(`create ${resource.plural}`, () => api.create(resource, object, signal)),
    update: (resource, object, signal) =>
      patient(`update ${resource.plural}`, () => api.update(resource, object, signal)),
    updateStatus: (resource, object, signal) =>
      patient(`update ${resource.plural}/status`, () => api.updateStatus(resource, object, signal)),
    patch: (resource, ref, body, options, signal) =>
      patient(`patch ${resource.plural} ${ref.name} ${options.subresource ?? ''}`, () =>
        api.patch(resource, ref, body, options, signal),
      ),
    delete: (resource, ref, options, signal) =>
      patient(`delete ${resource.plural} ${ref.name}`, () => api.delete(resource, ref, options, signal)),
    createSubresource: (resource, ref, subresource, body, signal) =>
      patient(`create ${resource.plural} ${ref.name} ${subresource}`, () =>
        api.createSubresource(resource, ref, subresource, body, signal),
      ),
  };
};
