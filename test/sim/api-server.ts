/**
 * The truth behind the simulated API: what kube-apiserver does with one request, at once and without faults. Faults and
 * delays are the business of `remote-api.ts`.
 */
import {
  ApiError,
  type ApiErrorCode,
  type DeleteOptions,
  type KubeObject,
  type ListOptions,
  type ObjectMeta,
  type PatchOptions,
  type Ref,
  type Resource,
} from '../../src/kube/api.ts';
import { jsonEqual } from '../../src/kube/json-equal.ts';
import { keyOf, keyOfRef } from '../../src/kube/key.ts';
import type { Timeline } from './timeline.ts';

export interface Change {
  readonly plural: string;
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly before: KubeObject | undefined;
  readonly object: KubeObject;
}

export const apiError = (code: ApiErrorCode, message: string, outcomeUnknown = false): ApiError =>
  new ApiError({ code, message, retryable: code !== 'Invalid', outcomeUnknown });

interface Body extends KubeObject {
  readonly spec?: unknown;
  readonly status?: unknown;
}

export class ApiServer {
  readonly #timeline: Timeline;
  readonly #kinds = new Map<string, Map<string, KubeObject>>();
  readonly #logs = new Map<string, Change[]>();
  readonly #changed: (change: Change) => void;
  #version = 100;
  #uids = 0;

  /** @param changed told after each write; what it throws ends the simulation */
  constructor(timeline: Timeline, changed: (change: Change) => void) {
    this.#timeline = timeline;
    this.#changed = changed;
  }

  /** Every change of one kind, in order: what a watch delivers. */
  logOf(plural: string): readonly Change[] {
    return this.#logFor(plural);
  }

  all<T extends KubeObject>(resource: Resource<T>): IterableIterator<T> {
    return this.#kind(resource.plural).values() as IterableIterator<T>;
  }

  find<T extends KubeObject>(resource: Resource<T>, ref: Ref): T | undefined {
    return this.#kind(resource.plural).get(keyOfRef(ref)) as T | undefined;
  }

  get<T extends KubeObject>(resource: Resource<T>, ref: Ref): T {
    const found = this.find(resource, ref);
    if (found === undefined) throw apiError('NotFound', `${resource.plural} ${keyOfRef(ref)} not found`);
    return found;
  }

  list<T extends KubeObject>(resource: Resource<T>, { namespace, labelSelector }: ListOptions): readonly T[] {
    const wants = selectorOf(labelSelector);
    return [...this.all(resource)].filter(
      ({ metadata }) => (namespace === undefined || metadata?.namespace === namespace) && wants(metadata),
    );
  }

  create<T extends KubeObject>(resource: Resource<T>, object: T): T {
    const key = keyOf(object);
    if (this.#kind(resource.plural).has(key)) {
      throw apiError('AlreadyExists', `${resource.plural} ${key} exists`);
    }
    const { status: _dropped, ...rest } = object as Body;
    this.#uids += 1;
    const metadata: ObjectMeta = {
      ...object.metadata,
      uid: `${this.#uids.toString(16).padStart(8, '0')}-0000-4000-8000-000000000000`,
      generation: 1,
      creationTimestamp: this.#timeline.iso(),
    };
    return this.#store(resource, key, undefined, { ...rest, metadata } as KubeObject as T, 'ADDED');
  }

  /** Everything but the status. */
  update<T extends KubeObject>(resource: Resource<T>, object: T): T {
    const before = this.#unchanged(resource, keyOf(object), object.metadata?.resourceVersion);
    const { status } = before as Body;
    return this.#replace(resource, before, {
      ...(object as Body),
      ...(status === undefined ? {} : { status }),
    } as KubeObject as T);
  }

  updateStatus<T extends KubeObject>(resource: Resource<T>, object: T): T {
    const before = this.#unchanged(resource, keyOf(object), object.metadata?.resourceVersion);
    return this.#replace(resource, before, { ...before, status: (object as Body).status });
  }

  patch<T extends KubeObject>(resource: Resource<T>, ref: Ref, body: object, { subresource }: PatchOptions): T {
    const { metadata } = body as KubeObject;
    const before = this.#unchanged(resource, keyOfRef(ref), metadata?.resourceVersion);
    const patched = mergePatch(before, body) as Body;
    if (subresource === 'status') return this.#replace(resource, before, { ...before, status: patched.status });
    const { status } = before as Body;
    return this.#replace(resource, before, { ...patched, status } as KubeObject as T);
  }

  delete<T extends KubeObject>(resource: Resource<T>, ref: Ref, options: DeleteOptions = {}): void {
    const key = keyOfRef(ref);
    const before = this.get(resource, ref);
    if (options.uid !== undefined && options.uid !== before.metadata?.uid) {
      throw apiError('Conflict', `${resource.plural} ${key} has another uid`);
    }
    const isPod = resource.plural === 'pods';
    const graceless = options.gracePeriodSeconds === 0;
    const finalizers = before.metadata?.finalizers ?? [];
    if (finalizers.length === 0 && (!isPod || graceless)) return this.#remove(resource, key, before);
    if (before.metadata?.deletionTimestamp !== undefined && !graceless) return;
    const grace = (before as { spec?: { terminationGracePeriodSeconds?: number } }).spec?.terminationGracePeriodSeconds;
    const metadata: ObjectMeta = {
      ...before.metadata,
      generation: (before.metadata?.generation ?? 1) + 1,
      deletionTimestamp: before.metadata?.deletionTimestamp ?? this.#timeline.iso(),
      ...(isPod ? { deletionGracePeriodSeconds: graceless ? 0 : (grace ?? 30) } : {}),
    };
    this.#store(resource, key, before, { ...before, metadata }, 'MODIFIED');
  }

  #replace<T extends KubeObject>(resource: Resource<T>, before: T, after: T): T {
    const key = keyOf(before);
    const [old, wished] = [before.metadata ?? {}, after.metadata ?? {}];
    const finalizers = wished.finalizers ?? [];
    const isNew = finalizers.some((one) => !(old.finalizers ?? []).includes(one));
    if (old.deletionTimestamp !== undefined && isNew) {
      throw apiError('Invalid', `${key}: no new finalizer on an object that is being deleted`);
    }
    const respecified = !jsonEqual((before as Body).spec, (after as Body).spec);
    const metadata: ObjectMeta = {
      ...old,
      ...(wished.labels === undefined ? {} : { labels: wished.labels }),
      ...(wished.annotations === undefined ? {} : { annotations: wished.annotations }),
      finalizers,
      generation: (old.generation ?? 1) + Number(respecified),
    };
    const next = { ...after, metadata };
    const letGo = metadata.deletionTimestamp !== undefined && finalizers.length === 0;
    const isPod = resource.plural === 'pods';
    if (letGo && (!isPod || metadata.deletionGracePeriodSeconds === 0)) {
      this.#remove(resource, key, before);
      return next;
    }
    // The server writes nothing where nothing changes.
    if (jsonEqual({ ...before, metadata: undefined }, { ...next, metadata: undefined }) && jsonEqual(old, metadata)) {
      return before;
    }
    return this.#store(resource, key, before, next, 'MODIFIED');
  }

  #unchanged<T extends KubeObject>(resource: Resource<T>, key: string, seen: string | undefined): T {
    const before = this.#kind(resource.plural).get(key) as T | undefined;
    if (before === undefined) throw apiError('NotFound', `${resource.plural} ${key} not found`);
    if (seen !== undefined && seen !== before.metadata?.resourceVersion) {
      throw apiError('Conflict', `${resource.plural} ${key} has changed`);
    }
    return before;
  }

  #store<T extends KubeObject>(
    resource: Resource<T>,
    key: string,
    before: T | undefined,
    after: T,
    type: 'ADDED' | 'MODIFIED',
  ): T {
    const object = { ...after, metadata: { ...after.metadata, resourceVersion: String((this.#version += 1)) } };
    this.#kind(resource.plural).set(key, object);
    this.#note({ plural: resource.plural, type, before, object });
    return object;
  }

  #remove<T extends KubeObject>(resource: Resource<T>, key: string, before: T): void {
    this.#kind(resource.plural).delete(key);
    const metadata = { ...before.metadata, resourceVersion: String((this.#version += 1)) };
    this.#note({ plural: resource.plural, type: 'DELETED', before, object: { ...before, metadata } });
  }

  #note(change: Change): void {
    this.#logFor(change.plural).push(change);
    this.#changed(change);
  }

  #kind(plural: string): Map<string, KubeObject> {
    let found = this.#kinds.get(plural);
    if (found === undefined) this.#kinds.set(plural, (found = new Map<string, KubeObject>()));
    return found;
  }

  #logFor(plural: string): Change[] {
    let found = this.#logs.get(plural);
    if (found === undefined) this.#logs.set(plural, (found = []));
    return found;
  }
}

/** `a=b` and `a`, joined by commas. */
export const selectorOf = (selector: string | undefined): ((metadata: ObjectMeta | undefined) => boolean) => {
  if (selector === undefined || selector === '') return () => true;
  const terms = selector.split(',').map((term) => term.split('='));
  return (metadata) =>
    terms.every(([label = '', value]) => {
      const found = metadata?.labels?.[label];
      return value === undefined ? found !== undefined : found === value;
    });
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
