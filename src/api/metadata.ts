import type { ObjectMeta } from '../kube/api.ts';

/** Metadata of an object that has its name already, as all have that are read from the API. */
export type NamedMeta = ObjectMeta & { readonly name: string };
