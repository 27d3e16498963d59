/**
 * Every version of the objects that a test cares for, as the API server told them. Resource versions are those of one
 * etcd: they order changes of all kinds, so "before" needs no clock.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Api, KubeObject, Resource } from '../../src/kube/api.ts';
import { realClock } from '../../src/kube/clock.ts';
import { makeInformer } from '../../src/kube/informer.ts';
import { silentLog } from '../../src/kube/log.ts';
import { noMetrics } from '../../src/kube/metrics.ts';

export interface Version<T extends KubeObject> {
  /** Of the object; the last one of a deleted object is that of its deletion, where the server tells it. */
  readonly revision: number;
  readonly object: T;
  readonly deleted: boolean;
}

export interface History<T extends KubeObject> {
  /** In order; of one object when it is named. */
  readonly versions: (name?: string) => readonly Version<T>[];
  /** As it was when that revision was written: the latest not after it. */
  readonly asOf: (name: string, revision: number) => T | undefined;
}

/** Follows one kind from now until the signal is aborted. */
export const recordHistory = async <T extends KubeObject>(
  api: Api,
  resource: Resource<T>,
  signal: AbortSignal,
): Promise<History<T>> => {
  const seen: Version<T>[] = [];
  const deps = { api, clock: realClock, random: Math.random, log: silentLog, metrics: noMetrics };
  const informer = makeInformer<T>(deps, { resource });
  informer.addHandler((event) => {
    const { object } = event;
    seen.push({ revision: revisionOf(object), object, deleted: event.kind === 'deleted' });
  });
  void informer.run(signal);
  while (!informer.hasSynced()) await sleep(20, undefined, { signal });
  const versions = (name?: string) =>
    name === undefined ? seen : seen.filter(({ object }) => object.metadata?.name === name);
  return {
    versions,
    asOf: (name, revision) => versions(name).findLast((version) => version.revision <= revision)?.object,
  };
};

export const revisionOf = (object: KubeObject): number => Number(object.metadata?.resourceVersion ?? 0);
