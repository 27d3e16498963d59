import type { KubeObject, Ref } from './api.ts';

/** `namespace/name`, or `name` for cluster-scoped kinds. */
export type Key = string;

export const keyOfRef = (ref: Ref): Key => (ref.namespace === undefined ? ref.name : `${ref.namespace}/${ref.name}`);

export const refOfKey = (key: Key): Ref => {
  const slash = key.indexOf('/');
  return slash < 0 ? { name: key } : { namespace: key.slice(0, slash), name: key.slice(slash + 1) };
};

/** An object without a name has no address: a fault of the caller. */
export const refOf = (object: KubeObject): Ref => {
  const { name, namespace } = object.metadata ?? {};
  if (name === undefined || name === '') throw new TypeError('object without metadata.name');
  return namespace === undefined ? { name } : { namespace, name };
};

export const keyOf = (object: KubeObject): Key => keyOfRef(refOf(object));
