import {
  ApiError,
  type Api,
  type ApiErrorCode,
  type KubeObject,
  type Ref,
  type Resource,
  type WatchEvent,
} from '../../../src/kube/api.ts';
import { keyOf, keyOfRef } from '../../../src/kube/key.ts';

type Method = 'get' | 'list' | 'watch' | 'create' | 'update' | 'updateStatus' | 'patch' | 'delete';

/** What goes wrong with one call; `lost`: it takes place, but its answer does not arrive. */
export type Fault = { readonly error: Error } | { readonly lost: true } | { readonly hang: true };

/** An API of a few objects in memory: compare-and-swap, watches from a version, faults on demand. */
export interface MemoryApi extends Api {
  readonly calls: readonly Method[];
  /** The next call of this method meets the fault. */
  fail(method: Method, fault: Fault): void;
  /** Ends all running watches, quietly or with an error. */
  endWatches(error?: Error): void;
  /** Puts an event into all running watches, whatever is stored. */
  inject(event: WatchEvent<KubeObject>): void;
  /** Forgets the events of so far: a watch from before is `Gone`. */
  compact(): void;
  seed<T extends KubeObject>(resource: Resource<T>, object: T): T;
  read<T extends KubeObject>(resource: Resource<T>, ref: Ref): T | undefined;
  remove<T extends KubeObject>(resource: Resource<T>, ref: Ref): void;
  version(): number;
}

export const apiError = (code: ApiErrorCode, more: Partial<ApiError> = {}): ApiError =>
  new ApiError({
    code,
    message: code,
    retryable: true,
    outcomeUnknown: more.outcomeUnknown ?? false,
    ...(more.retryAfterMs === undefined ? {} : { retryAfterMs: more.retryAfterMs }),
  });

interface Watcher {
  readonly plural: string;
  readonly push: (event: WatchEvent<KubeObject>) => void;
  readonly end: (error: Error | undefined) => void;
}

interface Logged {
  readonly version: number;
  readonly plural: string;
  readonly event: WatchEvent<KubeObject>;
}

export const makeMemoryApi = (): MemoryApi => {
  const objects = new Map<string, KubeObject>();
  const calls: Method[] = [];
  const faults: { method: Method; fault: Fault }[] = [];
  const watchers = new Set<Watcher>();
  let history: Logged[] = [];
  let oldest = 0;
  let version = 100;

  const idOf = <T extends KubeObject>(resource: Resource<T>, key: string): string => `${resource.plural}:${key}`;
  const note = (plural: string, event: WatchEvent<KubeObject>): void => {
    history.push({ version, plural, event });
    for (const watcher of watchers) if (watcher.plural === plural) watcher.push(event);
  };
  const store = <T extends KubeObject>(resource: Resource<T>, object: T, type: 'ADDED' | 'MODIFIED'): T => {
    version += 1;
    const before = objects.get(idOf(resource, keyOf(object)));
    const uid = object.metadata?.uid ?? before?.metadata?.uid ?? `uid-${version}`;
    const stored = { ...object, metadata: { ...object.metadata, uid, resourceVersion: `${version}` } };
    objects.set(idOf(resource, keyOf(object)), stored);
    note(resource.plural, { type, object: stored });
    return stored;
  };
  const find = <T extends KubeObject>(resource: Resource<T>, key: string): T => {
    const found = objects.get(idOf(resource, key));
    if (found === undefined) throw apiError('NotFound');
    return found as T;
  };
  const remove = <T extends KubeObject>(resource: Resource<T>, ref: Ref): void => {
    const before = find(resource, keyOfRef(ref));
    version += 1;
    objects.delete(idOf(resource, keyOfRef(ref)));
    const metadata = { ...before.metadata, resourceVersion: `${version}` };
    note(resource.plural, { type: 'DELETED', object: { ...before, metadata } });
  };
  const swap = <T extends KubeObject>(resource: Resource<T>, object: T): T => {
    const before = find(resource, keyOf(object));
    const seen = object.metadata?.resourceVersion;
    if (seen !== undefined && seen !== before.metadata?.resourceVersion) throw apiError('Conflict');
    return store(resource, object, 'MODIFIED');
  };

  const call = async <R>(method: Method, signal: AbortSignal | undefined, act: () => R): Promise<R> => {
    calls.push(method);
    await Promise.resolve();
    signal?.throwIfAborted();
    const at = faults.findIndex((each) => each.method === method);
    const fault = at < 0 ? undefined : faults.splice(at, 1)[0]?.fault;
    if (fault === undefined) return act();
    if ('error' in fault) throw fault.error;
    if ('lost' in fault) {
      act();
      throw apiError('Unreachable', { outcomeUnknown: true });
    }
    return new Promise<R>((_, reject) => {
      signal?.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
    });
  };

  async function* watch<T extends KubeObject>(
    resource: Resource<T>,
    from: string,
    signal: AbortSignal,
  ): AsyncGenerator<WatchEvent<T>, void> {
    await call('watch', signal, () => {
      if (Number(from) < oldest) throw apiError('Gone');
    });
    const waiting: WatchEvent<KubeObject>[] = history
      .filter((each) => each.plural === resource.plural && each.version > Number(from))
      .map((each) => each.event);
    let wake = Promise.withResolvers<void>();
    let ended: { readonly error: Error | undefined } | undefined;
    const end = (error: Error | undefined): void => {
      ended = { error };
      wake.resolve();
    };
    const push = (event: WatchEvent<KubeObject>): void => {
      waiting.push(event);
      wake.resolve();
    };
    const watcher: Watcher = { plural: resource.plural, push, end };
    watchers.add(watcher);
    signal.addEventListener('abort', () => end(signal.reason as Error), { once: true });
    if (signal.aborted) end(signal.reason as Error);
    try {
      for (;;) {
        for (let event = waiting.shift(); event !== undefined; event = waiting.shift()) yield event as WatchEvent<T>;
        if (ended?.error !== undefined) throw ended.error;
        if (ended !== undefined) return;
        await wake.promise;
        wake = Promise.withResolvers<void>();
      }
    } finally {
      watchers.delete(watcher);
    }
  }

  return {
    calls,
    fail: (method, fault) => void faults.push({ method, fault }),
    endWatches: (error) => {
      for (const watcher of watchers) watcher.end(error);
    },
    inject: (event) => {
      for (const watcher of watchers) watcher.push(event);
    },
    compact: () => {
      history = [];
      oldest = version;
    },
    seed: (resource, object) => {
      const present = objects.has(idOf(resource, keyOf(object)));
      return store(resource, object, present ? 'MODIFIED' : 'ADDED');
    },
    read: <T extends KubeObject>(resource: Resource<T>, ref: Ref) =>
      objects.get(idOf(resource, keyOfRef(ref))) as T | undefined,
    remove,
    version: () => version,

    get: (resource, ref, signal) => call('get', signal, () => find(resource, keyOfRef(ref))),
    list: <T extends KubeObject>(
      resource: Resource<T>,
      options: { limit?: number; continueToken?: string },
      signal?: AbortSignal,
    ) =>
      call('list', signal, () => {
        const all = [...objects]
          .filter(([id]) => id.startsWith(`${resource.plural}:`))
          .map(([, object]) => object as T);
        const from = Number(options.continueToken ?? 0);
        const to = from + (options.limit ?? Infinity);
        const more = to < all.length ? { continueToken: `${to}` } : {};
        return { items: all.slice(from, to), resourceVersion: `${version}`, ...more };
      }),
    watch: (resource, options, signal) => watch(resource, options.resourceVersion, signal),
    create: (resource, object, signal) =>
      call('create', signal, () => {
        if (objects.has(idOf(resource, keyOf(object)))) throw apiError('AlreadyExists');
        return store(resource, object, 'ADDED');
      }),
    update: (resource, object, signal) => call('update', signal, () => swap(resource, object)),
    updateStatus: (resource, object, signal) => call('updateStatus', signal, () => swap(resource, object)),
    patch: <T extends KubeObject>(resource: Resource<T>, ref: Ref, body: object, _: unknown, signal?: AbortSignal) =>
      call('patch', signal, () => {
        const before = find(resource, keyOfRef(ref));
        return swap(resource, mergePatch(before, body) as T);
      }),
    delete: (resource, ref, _, signal) => call('delete', signal, () => remove(resource, ref)),
    createSubresource: () => Promise.reject(apiError('NotFound')),
  };
};

/** RFC 7386. */
const mergePatch = (target: unknown, patch: unknown): unknown => {
  if (typeof patch !== 'object' || patch === null || Array.isArray(patch)) return patch;
  const result: Record<string, unknown> = typeof target === 'object' && target !== null ? { ...target } : {};
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete result[name];
    else result[name] = mergePatch(result[name], value);
  }
  return result;
};
