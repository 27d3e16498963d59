import { ApiError, isApiError, type Api, type KubeObject, type Resource, type WatchEvent } from './api.ts';
import { exponentialMs, jittered, type Backoff } from './backoff.ts';
import { sleep, type Clock, type Random } from './clock.ts';
import type { Log } from './log.ts';
import type { KubeMetrics } from './metrics.ts';
import { compareResourceVersions } from './resource-version.ts';

/** Which objects, and how they are followed. */
export interface Selection<T extends KubeObject> {
  readonly resource: Resource<T>;
  /** Absent: all namespaces. */
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
}

export interface ListWatchTuning {
  readonly pageSize?: number;
  /** A watch is asked to end after this long and up to as much again, so that servers can rebalance. */
  readonly watchSeconds?: number;
  readonly backoff?: Backoff;
}

export interface ListWatchDeps {
  readonly api: Api;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly metrics: KubeMetrics;
}

/** Told about the way to the server; must not throw. */
export interface Contact {
  /** It has answered a list, or told something, or ended a watch in order. */
  heard(): void;
  failed(): void;
}

/** Takes what was seen, in order; must not throw. */
export interface Sink<T extends KubeObject> {
  /** Everything there is, as one moment's state. */
  replace(objects: readonly T[]): void;
  apply(type: 'ADDED' | 'MODIFIED' | 'DELETED', object: T): void;
}

const shortWatchMs = 1000;

type Ended = { readonly kind: 'watchAgain' } | { readonly kind: 'relist' };

/**
 * Follows a selection until the signal is aborted, whatever happens to the server: list, watch from there, watch again
 * from the last version seen when a watch ends, list again when that version has expired or the server refuses it.
 *
 * The list is a quorum read, so what it says replaces what was known even when its versions are smaller (an etcd that
 * was restored from a backup).
 */
export const followResource = async <T extends KubeObject>(
  deps: ListWatchDeps,
  selection: Selection<T>,
  tuning: ListWatchTuning,
  sink: Sink<T>,
  contact: Contact,
  signal: AbortSignal,
): Promise<void> => {
  const { clock, random, log, metrics } = deps;
  const backoff = tuning.backoff ?? { baseMs: 200, maxMs: 10_000 };
  const name = selection.resource.plural;
  let failures = 0;
  /** Version to watch from; undefined when a list is due. */
  let position: string | undefined;

  const failed = async (error: unknown, what: string): Promise<void> => {
    if (signal.aborted) return;
    failures += 1;
    const retryAfterMs = error instanceof ApiError ? (error.retryAfterMs ?? 0) : 0;
    const waitMs = Math.max(jittered(exponentialMs(failures, backoff), random), retryAfterMs);
    log.warn({ resource: name, failures, waitMs: Math.round(waitMs), err: error }, what);
    await sleep(clock, waitMs, signal).catch(() => undefined);
  };

  while (!signal.aborted) {
    if (position === undefined) {
      try {
        const startedAt = clock.now();
        const { items, resourceVersion } = await readAll(deps.api, selection, tuning.pageSize ?? 500, signal);
        metrics.listed(name, (clock.now() - startedAt) / 1000, items.length);
        position = resourceVersion;
        contact.heard();
        sink.replace(items);
      } catch (error) {
        contact.failed();
        await failed(error, 'list failed');
        continue;
      }
    }
    let moved = false;
    const watchedFrom = clock.now();
    try {
      for await (const event of watchFrom(deps, selection, tuning, position, signal)) {
        moved = true;
        failures = 0;
        contact.heard();
        position = later(position, versionOf(event));
        if (event.type !== 'BOOKMARK') sink.apply(event.type, event.object);
      }
      if (signal.aborted) return;
      contact.heard();
      metrics.watchRestarted(name, 'ended');
      // A server that ends watches as soon as they begin would else be asked in a tight loop.
      if (!moved && clock.now() - watchedFrom < shortWatchMs) await failed(undefined, 'watch ended without an event');
    } catch (error) {
      if (signal.aborted) return;
      contact.failed();
      const next = afterFailure(error);
      metrics.watchRestarted(name, next.kind === 'relist' && isApiError(error, 'Gone') ? 'expired' : 'failed');
      if (next.kind === 'relist') position = undefined;
      // Expired versions are listed anew at once, unless the last list expired before it was of any use.
      if (isApiError(error, 'Gone') && failures === 0) failures = 1;
      else await failed(error, 'watch failed');
    }
  }
};

/** Without an answer the version is still good; an answer may mean that it is not (expired, or of a lost etcd). */
const afterFailure = (error: unknown): Ended =>
  isApiError(error, 'Unreachable', 'TooManyRequests') ? { kind: 'watchAgain' } : { kind: 'relist' };

const watchFrom = <T extends KubeObject>(
  { api, random }: ListWatchDeps,
  { resource, ...selectors }: Selection<T>,
  { watchSeconds = 240 }: ListWatchTuning,
  resourceVersion: string,
  signal: AbortSignal,
): AsyncIterable<WatchEvent<T>> =>
  api.watch(resource, { ...selectors, resourceVersion, timeoutSeconds: watchSeconds * (1 + random()) }, signal);

const versionOf = <T extends KubeObject>(event: WatchEvent<T>): string | undefined =>
  event.type === 'BOOKMARK' ? event.resourceVersion : event.object.metadata?.resourceVersion;

/** The stream's order decides; a repeated old event alone does not move the position back. */
const later = (position: string, seen: string | undefined): string =>
  seen === undefined || seen === '' || (compareResourceVersions(seen, position) ?? 1) < 0 ? position : seen;

interface Listed<T> {
  readonly items: readonly T[];
  readonly resourceVersion: string;
}

/** All pages of one moment. When that moment expires between two pages, everything in one answer. */
const readAll = async <T extends KubeObject>(
  api: Api,
  { resource, ...selectors }: Selection<T>,
  pageSize: number,
  signal: AbortSignal,
): Promise<Listed<T>> => {
  const items: T[] = [];
  let continueToken: string | undefined;
  try {
    do {
      const options = { ...selectors, limit: pageSize, ...(continueToken === undefined ? {} : { continueToken }) };
      const page = await api.list(resource, options, signal);
      for (const item of page.items) items.push(item);
      continueToken = page.continueToken;
      if (continueToken === undefined) return { items, resourceVersion: page.resourceVersion };
    } while (!signal.aborted);
  } catch (error) {
    if (continueToken === undefined || !isApiError(error, 'Gone')) throw error;
  }
  return api.list(resource, selectors, signal);
};
