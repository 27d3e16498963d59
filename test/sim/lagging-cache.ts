/** One kind as an operator process has it cached: the log of changes, delivered late, in order, at times twice. */
import type { KubeObject, ObjectMeta, Resource } from '../../src/kube/api.ts';
import type { Informer, InformerEvent, InformerHandler } from '../../src/kube/informer.ts';
import { keyOf } from '../../src/kube/key.ts';
import { makeStore, type Indexes, type Store } from '../../src/kube/store.ts';
import { selectorOf, type ApiServer } from './api-server.ts';

export interface CacheOptions<T> {
  readonly labelSelector?: string;
  readonly indexes?: Indexes<T>;
}

export class LaggingCache<T extends KubeObject> implements Informer<T> {
  readonly name: string;
  readonly store: Store<T>;
  readonly #server: ApiServer;
  readonly #resource: Resource<T>;
  readonly #wants: (metadata: ObjectMeta | undefined) => boolean;
  readonly #handlers = new Set<InformerHandler<T>>();
  #cursor: number;

  constructor(server: ApiServer, resource: Resource<T>, { labelSelector, indexes }: CacheOptions<T> = {}) {
    this.name = resource.plural;
    this.#server = server;
    this.#resource = resource;
    this.#wants = selectorOf(labelSelector);
    this.store = makeStore<T>(indexes === undefined ? {} : { indexes });
    for (const object of server.all(resource)) if (this.#wants(object.metadata)) this.store.set(object);
    this.#cursor = server.logOf(this.name).length;
  }

  get isBehind(): boolean {
    return this.#cursor < this.#server.logOf(this.name).length;
  }

  hasSynced(): boolean {
    return true;
  }

  brokenMs(): number {
    return 0;
  }

  wellSinceMs(): number {
    return 0;
  }

  waitForSync(): Promise<void> {
    return Promise.resolve();
  }

  run(): Promise<void> {
    return Promise.resolve();
  }

  addHandler(handler: InformerHandler<T>): () => void {
    this.#handlers.add(handler);
    for (const object of this.store.list()) handler({ kind: 'added', object });
    return () => void this.#handlers.delete(handler);
  }

  /** The next event of the watch. */
  deliver(): void {
    const change = this.#server.logOf(this.name)[this.#cursor];
    if (change === undefined) return;
    this.#cursor += 1;
    this.#take(change.object as T, change.type === 'DELETED');
  }

  /** The last event once more, as after a watch that was begun again. */
  repeat(): void {
    const change = this.#server.logOf(this.name)[this.#cursor - 1];
    if (change !== undefined) this.#take(change.object as T, change.type === 'DELETED');
  }

  /** The watch has expired: everything is listed. What came and went meanwhile is never seen. */
  relist(): void {
    const present = new Set<string>();
    for (const object of this.#server.all(this.#resource)) {
      present.add(keyOf(object));
      this.#take(object, false);
    }
    for (const key of [...this.store.keys()]) {
      const gone = present.has(key) ? undefined : this.store.get(key);
      if (gone !== undefined) this.#take(gone, true);
    }
    this.#cursor = this.#server.logOf(this.name).length;
  }

  #take(object: T, isDeleted: boolean): void {
    const key = keyOf(object);
    const before = this.store.get(key);
    if (isDeleted || !this.#wants(object.metadata)) {
      this.store.delete(key);
      if (before !== undefined) this.#tell({ kind: 'deleted', object: before });
      return;
    }
    this.store.set(object);
    this.#tell(before === undefined ? { kind: 'added', object } : { kind: 'updated', object, before });
  }

  #tell(event: InformerEvent<T>): void {
    for (const handler of this.#handlers) handler(event);
  }
}
