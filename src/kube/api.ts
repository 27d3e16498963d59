/**
 * What the program needs of the Kubernetes API, as one interface: the real one is `rest-api.ts`, the simulated one
 * lives with the tests. Objects are plain JSON: times are RFC 3339 strings.
 */

/** Metadata of any object. Absent fields are absent, never null. */
export interface ObjectMeta {
  readonly name?: string;
  readonly generateName?: string;
  readonly namespace?: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly generation?: number;
  readonly creationTimestamp?: string;
  readonly deletionTimestamp?: string;
  readonly deletionGracePeriodSeconds?: number;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly finalizers?: readonly string[];
  readonly ownerReferences?: readonly OwnerReference[];
}

export interface OwnerReference {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
  readonly controller?: boolean;
  readonly blockOwnerDeletion?: boolean;
}

export interface KubeObject {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata?: ObjectMeta;
}

/**
 * One kind as the API addresses it. `T` is the shape of its objects; it exists for the compiler only, so that
 * `api.get(backupJobs, …)` gives a `BackupJob`.
 */
export interface Resource<T extends KubeObject = KubeObject> {
  /** Empty for the core group. */
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly kind: string;
  readonly namespaced: boolean;
  readonly shape?: T;
}

/** Address of one object; `namespace` is absent for cluster-scoped kinds. */
export interface Ref {
  readonly namespace?: string;
  readonly name: string;
}

export interface ListOptions {
  /** Absent: all namespaces. */
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  /** Page size; absent: the whole list in one answer. */
  readonly limit?: number;
  readonly continueToken?: string;
  /** Absent: the newest, from a quorum read. `'0'`: whatever the server has cached. */
  readonly resourceVersion?: string;
}

export interface ListPage<T extends KubeObject> {
  readonly items: readonly T[];
  readonly resourceVersion: string;
  readonly continueToken?: string;
}

export interface WatchOptions {
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  readonly resourceVersion: string;
  readonly timeoutSeconds: number;
}

export type WatchEvent<T extends KubeObject> =
  | { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly object: T }
  | { readonly type: 'BOOKMARK'; readonly resourceVersion: string };

export interface PatchOptions {
  /** `merge`: RFC 7386; `json`: RFC 6902; `apply`: server-side apply. */
  readonly type: 'merge' | 'json' | 'apply';
  readonly subresource?: 'status';
  readonly fieldManager?: string;
  readonly force?: boolean;
}

export interface DeleteOptions {
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly gracePeriodSeconds?: number;
  readonly propagationPolicy?: 'Foreground' | 'Background' | 'Orphan';
}

/**
 * Every call rejects with an `ApiError`, and with the signal's reason when aborted. `update*` and a `patch` whose body
 * carries `metadata.resourceVersion` are compare-and-swap: they fail with `Conflict` when the object has changed.
 */
export interface Api {
  get<T extends KubeObject>(resource: Resource<T>, ref: Ref, signal?: AbortSignal): Promise<T>;
  list<T extends KubeObject>(resource: Resource<T>, options: ListOptions, signal?: AbortSignal): Promise<ListPage<T>>;
  /** Bookmarks are always asked for. Ends quietly at the server's time-out; `Gone` when the version has expired. */
  watch<T extends KubeObject>(
    resource: Resource<T>,
    options: WatchOptions,
    signal: AbortSignal,
  ): AsyncIterable<WatchEvent<T>>;
  create<T extends KubeObject>(resource: Resource<T>, object: T, signal?: AbortSignal): Promise<T>;
  update<T extends KubeObject>(resource: Resource<T>, object: T, signal?: AbortSignal): Promise<T>;
  updateStatus<T extends KubeObject>(resource: Resource<T>, object: T, signal?: AbortSignal): Promise<T>;
  patch<T extends KubeObject>(
    resource: Resource<T>,
    ref: Ref,
    body: object,
    options: PatchOptions,
    signal?: AbortSignal,
  ): Promise<T>;
  delete<T extends KubeObject>(
    resource: Resource<T>,
    ref: Ref,
    options?: DeleteOptions,
    signal?: AbortSignal,
  ): Promise<void>;
  /** POST to a subresource, such as `token` of a service account. */
  createSubresource<R extends object>(
    resource: Resource,
    ref: Ref,
    subresource: string,
    body: object,
    signal?: AbortSignal,
  ): Promise<R>;
}

export type ApiErrorCode =
  | 'NotFound'
  | 'AlreadyExists'
  | 'Conflict'
  | 'Gone'
  | 'Invalid'
  | 'Forbidden'
  | 'Unauthorized'
  | 'TooManyRequests'
  | 'ServerError'
  | 'Unreachable';

export interface ApiErrorFields {
  readonly code: ApiErrorCode;
  readonly message: string;
  /** HTTP status; absent when there was no answer. */
  readonly status?: number;
  /** The same call may succeed later. */
  readonly retryable: boolean;
  /** A write whose answer was lost: it may or may not have taken place. */
  readonly outcomeUnknown: boolean;
  readonly retryAfterMs?: number;
  readonly cause?: unknown;
}

export class ApiError extends Error {
  readonly code: ApiErrorCode;
  readonly status: number | undefined;
  readonly retryable: boolean;
  readonly outcomeUnknown: boolean;
  readonly retryAfterMs: number | undefined;

  constructor(fields: ApiErrorFields) {
    super(fields.message, { cause: fields.cause });
    this.name = 'ApiError';
    this.code = fields.code;
    this.status = fields.status;
    this.retryable = fields.retryable;
    this.outcomeUnknown = fields.outcomeUnknown;
    this.retryAfterMs = fields.retryAfterMs;
  }
}

export const isApiError = (error: unknown, ...codes: readonly ApiErrorCode[]): error is ApiError =>
  error instanceof ApiError && (codes.length === 0 || codes.includes(error.code));
