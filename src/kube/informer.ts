import type { KubeObject, Resource } from './api.ts';
import { abortReason } from './clock.ts';
import { makeContactMeter } from './contact-meter.ts';
import { keyOf, type Key } from './key.ts';
import { followResource, type ListWatchDeps, type ListWatchTuning, type Selection, type Sink } from './list-watch.ts';
import { compareResourceVersions } from './resource-version.ts';
import { makeStore, type Indexes, type ReadStore } from './store.ts';

/** A change of the cache. `object` of `deleted` is the last state known, which may be older than the deletion. */
export type InformerEvent<T> =
  | { readonly kind: 'added'; readonly object: T }
  | { readonly kind: 'updated'; readonly object: T; readonly before: T }
  | { readonly kind: 'deleted'; readonly object: T };

/** Called after the store has changed. Only enqueues: it must be quick. What it throws is logged and ignored. */
export type InformerHandler<T> = (event: InformerEvent<T>) => void;

/** A cache of one kind that keeps itself current. */
export interface Informer<T extends KubeObject> {
  readonly name: string;
  readonly store: ReadStore<T>;
  /** The store has held everything once. */
  hasSynced(): boolean;
  /** For how long it has failed to follow the API; 0 while it does. */
  brokenMs(): number;
  /** Since when the API server has been heard without a break, by the clock; now while it is not. */
  wellSinceMs(): number;
  /** Resolves when synced; rejects with the signal's reason. */
  waitForSync(signal: AbortSignal): Promise<void>;
  /** Begins with `added` for what is in the store already. The returned function removes the handler. */
  addHandler(handler: InformerHandler<T>): () => void;
  /** Follows the API until the signal is aborted; never rejects. Call once. */
  run(signal: AbortSignal): Promise<void>;
}

export interface InformerOptions<S extends KubeObject, T extends KubeObject> extends Selection<S>, ListWatchTuning {
  readonly indexes?: Indexes<T>;
  /** What of an object to keep. Must keep the metadata's name, namespace, uid and resourceVersion. */
  readonly transform: (object: S) => T;
  readonly freeze?: boolean;
}

/** Caches whole objects. */
export const makeInformer = <T extends KubeObject>(
  deps: ListWatchDeps,
  options: Omit<InformerOptions<T, T>, 'transform'> & { readonly transform?: (object: T) => T },
): Informer<T> => makePartialInformer(deps, { transform: (object: T) => object, ...options });

/** Caches what `transform` keeps of each object. */
export const makePartialInformer = <S extends KubeObject, T extends KubeObject>(
  deps: ListWatchDeps,
  options: InformerOptions<S, T>,
): Informer<T> => {
  const { resource, indexes, transform, freeze, pageSize, watchSeconds, backoff, ...selectors } = options;
  const store = makeStore<T>({
    ...(indexes === undefined ? {} : { indexes }),
    ...(freeze === undefined ? {} : { freeze }),
  });
  const handlers = new Set<InformerHandler<T>>();
  const contact = makeContactMeter(deps.clock);
  const { promise: synced, resolve: markSynced } = Promise.withResolvers<void>();
  let hasSynced = false;

  const call = (handler: InformerHandler<T>, event: InformerEvent<T>): void => {
    try {
      handler(event);
    } catch (error) {
      deps.log.error({ resource: resource.plural, key: keyOf(event.object), err: error }, 'informer handler threw');
    }
  };
  const emit = (event: InformerEvent<T>): void => {
    for (const handler of handlers) call(handler, event);
  };

  const sink = makeStoreSink(store, transform, emit, (object, error) =>
    deps.log.error({ resource: resource.plural, object: object.metadata?.name, err: error }, 'object cannot be cached'),
  );
  const syncing: Sink<S> = {
    apply: (type, object) => sink.apply(type, object),
    replace: (objects) => {
      sink.replace(objects);
      hasSynced = true;
      markSynced();
    },
  };
  const tuning: ListWatchTuning = {
    ...(pageSize === undefined ? {} : { pageSize }),
    ...(watchSeconds === undefined ? {} : { watchSeconds }),
    ...(backoff === undefined ? {} : { backoff }),
  };

  return {
    name: nameOf(resource, options.labelSelector),
    store,
    hasSynced: () => hasSynced,
    brokenMs: () => contact.brokenMs(),
    wellSinceMs: () => contact.wellSinceMs(),
    waitForSync: (signal) => unlessAborted(synced, signal),
    addHandler: (handler) => {
      // A handler of its own, so that the same function may be added twice and removed once.
      const own: InformerHandler<T> = (event) => handler(event);
      for (const object of store.list()) call(own, { kind: 'added', object });
      handlers.add(own);
      return () => void handlers.delete(own);
    },
    run: (signal) => followResource(deps, { resource, ...selectors }, tuning, syncing, contact, signal),
  };
};

const nameOf = <T extends KubeObject>(resource: Resource<T>, labelSelector: string | undefined): string =>
  labelSelector === undefined ? resource.plural : `${resource.plural}[${labelSelector}]`;

/** So many deletions are remembered against late events; a server's own streams never need it. */
const rememberedDeletions = 1000;

/**
 * Brings a store to what was listed and watched, and tells the changes.
 *
 * Within a watch an event never takes an object back to an older version, and does not bring back what a newer event
 * deleted: versions of one kind are ordered integers. Where they are not, the order of the stream is trusted. A list
 * is taken as it is.
 */
const makeStoreSink = <S extends KubeObject, T extends KubeObject>(
  store: ReturnType<typeof makeStore<T>>,
  transform: (object: S) => T,
  emit: (event: InformerEvent<T>) => void,
  rejected: (object: S, error: unknown) => void,
): Sink<S> => {
  const deletions = new Map<Key, string>();

  const put = (object: T): void => {
    const before = store.set(object);
    if (before === undefined) emit({ kind: 'added', object });
    else if (before.metadata?.uid === object.metadata?.uid) emit({ kind: 'updated', object, before });
    else {
      // Deleted and made again between two looks.
      emit({ kind: 'deleted', object: before });
      emit({ kind: 'added', object });
    }
  };

  const remove = (key: Key): void => {
    const before = store.delete(key);
    if (before !== undefined) emit({ kind: 'deleted', object: before });
  };

  const ageAgainstKnown = (key: Key, version: string | undefined): number => {
    const known = store.get(key)?.metadata?.resourceVersion ?? deletions.get(key);
    return compareResourceVersions(version, known) ?? 1;
  };

  const noteDeletion = (key: Key, version: string | undefined): void => {
    deletions.delete(key);
    if (version !== undefined) deletions.set(key, version);
    const [oldest] = deletions.keys();
    if (deletions.size > rememberedDeletions && oldest !== undefined) deletions.delete(oldest);
  };

  const apply = (type: 'ADDED' | 'MODIFIED' | 'DELETED', seen: S): void => {
    const key = keyOf(seen);
    const version = seen.metadata?.resourceVersion;
    const age = ageAgainstKnown(key, version);
    if (type !== 'DELETED') {
      if (age > 0) put(transform(seen));
    } else if (age >= 0) {
      // Equal: not every server gives a deletion a version of its own.
      noteDeletion(key, version);
      remove(key);
    }
  };

  const replace = (seen: readonly S[]): void => {
    deletions.clear();
    const vanished = new Set(store.keys());
    const changed: S[] = [];
    for (const each of seen) {
      const key = keyOf(each);
      const known = store.get(key)?.metadata;
      vanished.delete(key);
      const same = known?.resourceVersion === each.metadata?.resourceVersion && known?.uid === each.metadata?.uid;
      if (known === undefined || !same) changed.push(each);
    }
    for (const key of vanished) remove(key);
    for (const each of changed) guarded(each, () => put(transform(each)));
  };

  const guarded = (object: S, change: () => void): void => {
    try {
      change();
    } catch (error) {
      rejected(object, error);
    }
  };

  return { replace, apply: (type, object) => guarded(object, () => apply(type, object)) };
};

const unlessAborted = (promise: Promise<void>, signal: AbortSignal): Promise<void> =>
  new Promise((resolve, reject) => {
    const onAbort = (): void => reject(abortReason(signal));
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    void promise.then(() => {
      signal.removeEventListener('abort', onAbort);
      resolve();
    });
  });
