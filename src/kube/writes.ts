import { isApiError, type Api, type DeleteOptions, type KubeObject, type Ref, type Resource } from './api.ts';
import { jsonEqual } from './json-equal.ts';
import { refOf } from './key.ts';

/**
 * What became of a compare-and-swap. `conflict`: the object is not what was seen any more, changed or gone; look again
 * before deciding again.
 */
export type WriteResult<T> =
  { readonly conflict: false; readonly changed: boolean; readonly object: T } | { readonly conflict: true };

export interface WithStatus<S extends object = object> extends KubeObject {
  readonly status?: S;
}

/**
 * Writes `status` unless the object has just that, as a compare-and-swap on the version seen.
 *
 * @throws ApiError of any other kind; with `outcomeUnknown` it may have been written
 */
export const updateStatusIfChanged = async <S extends object, T extends WithStatus<S>>(
  api: Api,
  resource: Resource<T>,
  observed: T,
  status: T['status'],
  signal?: AbortSignal,
): Promise<WriteResult<T>> => {
  if (jsonEqual(observed.status ?? {}, status ?? {})) return { conflict: false, changed: false, object: observed };
  versionOf(observed);
  return swap(() => api.updateStatus(resource, { ...observed, status }, signal));
};

/** Puts the finalizer on the version seen. On an object being deleted the server refuses with `Invalid`. */
export const addFinalizer = async <T extends KubeObject>(
  api: Api,
  resource: Resource<T>,
  observed: T,
  finalizer: string,
  signal?: AbortSignal,
): Promise<WriteResult<T>> => {
  const present = observed.metadata?.finalizers ?? [];
  if (present.includes(finalizer)) return { conflict: false, changed: false, object: observed };
  return patchMetadata(api, resource, observed, { finalizers: [...present, finalizer] }, signal);
};

/** Takes the finalizer off the version seen; the object goes when it was the last one of a deleted object. */
export const removeFinalizer = async <T extends KubeObject>(
  api: Api,
  resource: Resource<T>,
  observed: T,
  finalizer: string,
  signal?: AbortSignal,
): Promise<WriteResult<T>> => {
  const present = observed.metadata?.finalizers ?? [];
  if (!present.includes(finalizer)) return { conflict: false, changed: false, object: observed };
  const finalizers = present.filter((each) => each !== finalizer);
  return patchMetadata(api, resource, observed, { finalizers: finalizers.length === 0 ? null : finalizers }, signal);
};

/** Merges into the metadata of the version seen; `null` removes a field. */
export const patchMetadata = async <T extends KubeObject>(
  api: Api,
  resource: Resource<T>,
  observed: T,
  metadata: object,
  signal?: AbortSignal,
): Promise<WriteResult<T>> => {
  const resourceVersion = versionOf(observed);
  const body = { metadata: { ...metadata, resourceVersion } };
  return swap(() => api.patch(resource, refOf(observed), body, { type: 'merge' }, signal));
};

/** Creates the object, or gives the one that is there: names that follow from what they are for make this safe. */
export const createIfAbsent = async <T extends KubeObject>(
  api: Api,
  resource: Resource<T>,
  object: T,
  signal?: AbortSignal,
): Promise<{ readonly created: boolean; readonly object: T }> => {
  try {
    return { created: true, object: await api.create(resource, object, signal) };
  } catch (error) {
    if (!isApiError(error, 'AlreadyExists')) throw error;
    return { created: false, object: await api.get(resource, refOf(object), signal) };
  }
};

/** False when there is nothing to delete, or only another object of that name than the one meant. */
export const deleteIfPresent = async <T extends KubeObject>(
  api: Api,
  resource: Resource<T>,
  ref: Ref,
  options: DeleteOptions = {},
  signal?: AbortSignal,
): Promise<boolean> => {
  try {
    await api.delete(resource, ref, options, signal);
    return true;
  } catch (error) {
    if (isApiError(error, 'NotFound')) return false;
    if (isApiError(error, 'Conflict') && options.uid !== undefined && options.resourceVersion === undefined)
      return false;
    throw error;
  }
};

/** `undefined` when there is none. */
export const getIfPresent = async <T extends KubeObject>(
  api: Api,
  resource: Resource<T>,
  ref: Ref,
  signal?: AbortSignal,
): Promise<T | undefined> => {
  try {
    return await api.get(resource, ref, signal);
  } catch (error) {
    if (isApiError(error, 'NotFound')) return undefined;
    throw error;
  }
};

const swap = async <T>(write: () => Promise<T>): Promise<WriteResult<T>> => {
  try {
    return { conflict: false, changed: true, object: await write() };
  } catch (error) {
    if (isApiError(error, 'Conflict', 'NotFound')) return { conflict: true };
    throw error;
  }
};

/** Without the version a write would not be a compare-and-swap but overwrite what it has not seen. */
const versionOf = (object: KubeObject): string => {
  const version = object.metadata?.resourceVersion;
  if (version === undefined || version === '') throw new TypeError('object without metadata.resourceVersion');
  return version;
};
