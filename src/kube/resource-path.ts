import type { KubeObject, ListOptions, Ref, Resource, WatchOptions } from './api.ts';

export const apiVersionOf = (resource: Pick<Resource, 'group' | 'version'>): string =>
  resource.group === '' ? resource.version : `${resource.group}/${resource.version}`;

/** Path of all objects of a kind, in one namespace or in all of them. */
export const collectionPath = <T extends KubeObject>(resource: Resource<T>, namespace: string | undefined): string => {
  const root = resource.group === '' ? `/api/${resource.version}` : `/apis/${resource.group}/${resource.version}`;
  const within = resource.namespaced && namespace !== undefined ? `/namespaces/${encodeURIComponent(namespace)}` : '';
  return `${root}${within}/${resource.plural}`;
};

/** Path of one object. A namespace that is missing or too much is a fault of the caller. */
export const objectPath = <T extends KubeObject>(resource: Resource<T>, ref: Ref, subresource?: string): string => {
  checkNamespace(resource, ref.namespace);
  if (ref.name === '') throw new TypeError(`${resource.plural}: empty name`);
  const path = `${collectionPath(resource, ref.namespace)}/${encodeURIComponent(ref.name)}`;
  return subresource === undefined ? path : `${path}/${subresource}`;
};

export const checkNamespace = <T extends KubeObject>(resource: Resource<T>, namespace: string | undefined): void => {
  if (resource.namespaced && (namespace === undefined || namespace === '')) {
    throw new TypeError(`${resource.plural}: a namespace is needed`);
  }
  if (!resource.namespaced && namespace !== undefined) {
    throw new TypeError(`${resource.plural} are cluster-scoped, namespace "${namespace}" given`);
  }
};

export const listQuery = (options: ListOptions): string =>
  query({
    labelSelector: options.labelSelector,
    fieldSelector: options.fieldSelector,
    limit: options.limit?.toString(),
    continue: options.continueToken,
    resourceVersion: options.continueToken === undefined ? options.resourceVersion : undefined,
  });

export const watchQuery = (options: WatchOptions): string =>
  query({
    watch: 'true',
    allowWatchBookmarks: 'true',
    labelSelector: options.labelSelector,
    fieldSelector: options.fieldSelector,
    resourceVersion: options.resourceVersion,
    timeoutSeconds: Math.max(1, Math.round(options.timeoutSeconds)).toString(),
  });

/** `?a=b&…` of what is defined; empty when nothing is. */
export const query = (fields: Readonly<Record<string, string | undefined>>): string => {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(fields)) if (value !== undefined) search.set(name, value);
  return search.size === 0 ? '' : `?${search.toString()}`;
};
