import type { KubeObject } from './api.ts';
import { keyOf, type Key } from './key.ts';

/**
 * What reconcilers read: the last state seen of every object of one kind. It lags behind the server; a decision that
 * must not is read from the API. Objects are shared by all readers and never changed in place.
 */
export interface ReadStore<T> {
  get(key: Key): T | undefined;
  list(): readonly T[];
  /** Objects whose index function gave `value`; an unknown index is a fault. */
  byIndex(index: string, value: string): readonly T[];
}

/** The values under which an object is found; none, one or many. */
export type IndexFunction<T> = (object: T) => readonly string[];
export type Indexes<T> = Readonly<Record<string, IndexFunction<T>>>;

export interface Store<T> extends ReadStore<T> {
  /** Returns what was there before. */
  set(object: T): T | undefined;
  delete(key: Key): T | undefined;
  keys(): IterableIterator<Key>;
}

export interface StoreOptions<T> {
  readonly indexes?: Indexes<T>;
  /** Freezes objects deeply, so that a reader that writes into one throws. For tests and simulations. */
  readonly freeze?: boolean;
}

interface Index<T> {
  readonly valuesOf: IndexFunction<T>;
  readonly keysByValue: Map<string, Set<Key>>;
}

interface Entry<T> {
  readonly object: T;
  /** Where the object is indexed, so that it is taken out of exactly there. */
  readonly places: readonly Place<T>[];
}

interface Place<T> {
  readonly index: Index<T>;
  readonly value: string;
}

/** An index function that throws makes `set` throw and leaves the store as it was. */
export const makeStore = <T extends KubeObject>({ indexes = {}, freeze = false }: StoreOptions<T> = {}): Store<T> => {
  const entries = new Map<Key, Entry<T>>();
  const indexByName = new Map<string, Index<T>>();
  for (const [name, valuesOf] of Object.entries(indexes)) indexByName.set(name, { valuesOf, keysByValue: new Map() });

  const objectsAt = (keys: Iterable<Key>): readonly T[] => {
    const found: T[] = [];
    for (const key of keys) {
      const entry = entries.get(key);
      if (entry !== undefined) found.push(entry.object);
    }
    return found;
  };

  const remove = (key: Key): T | undefined => {
    const before = entries.get(key);
    if (before === undefined) return undefined;
    for (const place of before.places) unindex(place, key);
    entries.delete(key);
    return before.object;
  };

  return {
    get: (key) => entries.get(key)?.object,
    list: () => Array.from(entries.values(), ({ object }) => object),
    keys: () => entries.keys(),
    byIndex: (name, value) => {
      const index = indexByName.get(name);
      if (index === undefined) throw new TypeError(`no index "${name}"`);
      return objectsAt(index.keysByValue.get(value) ?? []);
    },
    set: (object) => {
      const key = keyOf(object);
      const places = [...indexByName.values()].flatMap((index) =>
        index.valuesOf(object).map((value) => ({ index, value })),
      );
      if (freeze) deepFreeze(object);
      const before = entries.get(key);
      for (const place of before?.places ?? []) unindex(place, key);
      for (const place of places) enterIndex(place, key);
      entries.set(key, { object, places });
      return before?.object;
    },
    delete: remove,
  };
};

const enterIndex = <T>({ index, value }: Place<T>, key: Key): void => {
  const keys = index.keysByValue.get(value);
  if (keys === undefined) index.keysByValue.set(value, new Set([key]));
  else keys.add(key);
};

const unindex = <T>({ index, value }: Place<T>, key: Key): void => {
  const keys = index.keysByValue.get(value);
  keys?.delete(key);
  if (keys?.size === 0) index.keysByValue.delete(value);
};

export const deepFreeze = (value: unknown): void => {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return;
  Object.freeze(value);
  for (const inner of Object.values(value)) deepFreeze(inner);
};
