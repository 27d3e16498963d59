import { stringify } from 'yaml';
import { apiVersion as ours } from '../api/resources.ts';
import type { KubeObject } from '../kube/api.ts';
import type { ObjectFormat } from './orders.ts';

export interface Kinded {
  readonly kind: string;
  readonly object: KubeObject;
}

/** One object as it is; several as a List, as `kubectl` prints them. Answers of lists lack version and kind. Pure. */
export const asTheyAre = (format: ObjectFormat, found: readonly Kinded[], alone: boolean): string => {
  const objects = found.map(({ kind, object }) => ({ apiVersion: ours, kind, ...object }));
  const [only] = objects;
  const content = alone && objects.length === 1 ? only : { apiVersion: 'v1', kind: 'List', items: objects };
  return inFormat(format, content);
};

export const inFormat = (format: ObjectFormat, content: unknown): string =>
  format === 'json' ? JSON.stringify(content, undefined, 2) : stringify(content).trimEnd();
