import type { KubeObject, Resource } from './api.ts';
import { keyOf, keyOfRef, type Key } from './key.ts';

/** Which keys a change of an object concerns. */
export type Mapping<T> = (object: T) => readonly Key[];

/** The object itself. */
export const toSelf: Mapping<KubeObject> = (object) => [keyOf(object)];

/** The object's controlling owner of this kind, in the object's own namespace or cluster-scoped; any version of it. */
export const toController =
  <O extends KubeObject>(owner: Resource<O>): Mapping<KubeObject> =>
  (object) => {
    const namespace = object.metadata?.namespace;
    const keys: Key[] = [];
    for (const { controller, kind, apiVersion, name } of object.metadata?.ownerReferences ?? []) {
      if (controller !== true || kind !== owner.kind || groupOf(apiVersion) !== owner.group) continue;
      keys.push(keyOfRef(owner.namespaced && namespace !== undefined ? { namespace, name } : { name }));
    }
    return keys;
  };

/**
 * The object that labels point to, for children that cannot have an owner reference, such as those in another
 * namespace. Absent `namespace`: cluster-scoped.
 */
export const toLabelled =
  (labels: { readonly name: string; readonly namespace?: string }): Mapping<KubeObject> =>
  (object) => {
    const name = object.metadata?.labels?.[labels.name];
    if (name === undefined || name === '') return [];
    if (labels.namespace === undefined) return [name];
    const namespace = object.metadata?.labels?.[labels.namespace];
    return namespace === undefined || namespace === '' ? [] : [keyOfRef({ namespace, name })];
  };

const groupOf = (apiVersion: string): string => {
  const slash = apiVersion.indexOf('/');
  return slash < 0 ? '' : apiVersion.slice(0, slash);
};
