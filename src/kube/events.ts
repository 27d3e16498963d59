import { randomBytes } from 'node:crypto';
import { isApiError, type Api, type KubeObject, type Resource } from './api.ts';
import { aborted, type Clock } from './clock.ts';
import type { KubeEvent, ObjectReference } from './core-types.ts';
import type { Log } from './log.ts';
import { noMetrics, type KubeMetrics } from './metrics.ts';
import { microTime } from './micro-time.ts';
import { apiVersionOf } from './resource-path.ts';
import { events } from './resources.ts';
import { makeTokenBucket, type BucketSize, type TokenBucket } from './token-bucket.ts';

/** One thing worth telling the people who look at an object. */
export interface Occurrence {
  readonly regarding: ObjectReference;
  readonly related?: ObjectReference;
  readonly type: 'Normal' | 'Warning';
  /** Why, in one CamelCase word. */
  readonly reason: string;
  /** What was being done, in one CamelCase word. */
  readonly action: string;
  /** For people; cut at 1024 bytes. */
  readonly note: string;
}

/**
 * Writes Events. Never fails or delays its caller: what cannot be written is counted and dropped. The same occurrence
 * again within ten minutes adds to the count of the first Event, written at most every `seriesMs`.
 */
export interface Recorder {
  record(occurrence: Occurrence): void;
  /** Writes what is waiting, counts included; resolves when done or when the signal is aborted. */
  flush(signal?: AbortSignal): Promise<void>;
}

export interface RecorderOptions {
  readonly api: Api;
  /** A qualified name, such as `twinreel.io/operator`. */
  readonly controller: string;
  /** Which process: its identity or pod name. */
  readonly instance: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics?: KubeMetrics;
  readonly seriesMs?: number;
  /** New Events per object. */
  readonly perObject?: BucketSize;
  /** Unique ends of names; passed in for simulations. */
  readonly nameSuffix?: () => string;
}

interface Series {
  readonly occurrence: Occurrence;
  /** Address of the Event; undefined until it was created. */
  written: { readonly namespace: string; readonly name: string } | undefined;
  count: number;
  writtenCount: number;
  lastAt: number;
  queued: boolean;
  cancelTimer: (() => void) | undefined;
}

const forgetMs = 600_000;
const maxSeries = 4096;
const maxBacklog = 1000;

/** Reference to an object as Events carry it. */
export const referenceTo = <T extends KubeObject>(resource: Resource<T>, object: T): ObjectReference => {
  const { namespace, name, uid, resourceVersion } = object.metadata ?? {};
  return {
    apiVersion: apiVersionOf(resource),
    kind: resource.kind,
    ...(namespace === undefined ? {} : { namespace }),
    ...(name === undefined ? {} : { name }),
    ...(uid === undefined ? {} : { uid }),
    ...(resourceVersion === undefined ? {} : { resourceVersion }),
  };
};

export const makeRecorder = (options: RecorderOptions): Recorder => {
  const {
    api,
    clock,
    log,
    metrics = noMetrics,
    seriesMs = 10_000,
    perObject = { perSecond: 1 / 60, burst: 25 },
  } = options;
  const nameSuffix = options.nameSuffix ?? (() => randomBytes(8).toString('hex'));
  const known = new Map<string, Series>();
  const buckets = new Map<string, TokenBucket>();
  const backlog: Series[] = [];
  let sending: Promise<void> | undefined;

  const enqueue = (series: Series): void => {
    if (series.queued) return;
    if (backlog.length >= maxBacklog) {
      metrics.eventDropped('backlog');
      return;
    }
    series.queued = true;
    backlog.push(series);
    sending ??= send().finally(() => (sending = undefined));
  };

  const send = async (): Promise<void> => {
    for (let series = backlog.shift(); series !== undefined; series = backlog.shift()) {
      series.queued = false;
      try {
        await write(series);
      } catch (error) {
        metrics.eventDropped('failed');
        log.debug({ reason: series.occurrence.reason, err: error }, 'event not written');
      }
    }
  };

  const write = async (series: Series): Promise<void> => {
    const { count, written } = series;
    if (written !== undefined) {
      if (count === series.writtenCount) return;
      const body = { series: { count, lastObservedTime: microTime(series.lastAt) } };
      try {
        await api.patch(events, written, body, { type: 'merge' });
        series.writtenCount = count;
        return;
      } catch (error) {
        // The server forgets Events after an hour.
        if (!isApiError(error, 'NotFound')) throw error;
        series.written = undefined;
      }
    }
    const event = eventOf(series.occurrence, series.lastAt, options, nameSuffix());
    const { namespace = 'default', name = '' } = event.metadata ?? {};
    await api.create(events, event);
    series.written = { namespace, name };
    series.writtenCount = count;
  };

  const repeat = (series: Series, now: number): void => {
    series.count += 1;
    series.lastAt = now;
    series.cancelTimer ??= clock.setTimer(() => {
      series.cancelTimer = undefined;
      enqueue(series);
    }, seriesMs);
  };

  const begin = (key: string, occurrence: Occurrence, now: number): void => {
    const object =
      occurrence.regarding.uid ?? `${occurrence.regarding.namespace ?? ''}/${occurrence.regarding.name ?? ''}`;
    const bucket = buckets.get(object) ?? makeTokenBucket(perObject, clock);
    buckets.delete(object);
    buckets.set(object, bucket);
    dropOldest(buckets);
    if (!bucket.tryTake()) {
      metrics.eventDropped('rate');
      return;
    }
    const series: Series = {
      occurrence,
      written: undefined,
      count: 1,
      writtenCount: 0,
      lastAt: now,
      queued: false,
      cancelTimer: undefined,
    };
    known.set(key, series);
    dropOldest(known)?.cancelTimer?.();
    enqueue(series);
  };

  const record = (occurrence: Occurrence): void => {
    const now = clock.now();
    const key = keyOfOccurrence(occurrence);
    const series = known.get(key);
    if (series !== undefined && now - series.lastAt < forgetMs) repeat(series, now);
    else {
      series?.cancelTimer?.();
      known.delete(key);
      begin(key, occurrence, now);
    }
  };

  return {
    record,
    flush: async (signal) => {
      for (const series of known.values()) {
        if (series.cancelTimer === undefined) continue;
        series.cancelTimer();
        series.cancelTimer = undefined;
        enqueue(series);
      }
      const stopped = signal === undefined ? new Promise<void>(() => undefined) : aborted(signal);
      while (sending !== undefined && signal?.aborted !== true) await Promise.race([sending, stopped]);
    },
  };
};

const dropOldest = <V>(map: Map<string, V>): V | undefined => {
  if (map.size <= maxSeries) return undefined;
  for (const [key, value] of map) {
    map.delete(key);
    return value;
  }
  return undefined;
};

const keyOfOccurrence = ({ regarding, type, reason, action, note }: Occurrence): string =>
  JSON.stringify([regarding.kind, regarding.namespace, regarding.name, regarding.uid, type, reason, action, note]);

const eventOf = (
  occurrence: Occurrence,
  at: number,
  { controller, instance }: RecorderOptions,
  suffix: string,
): KubeEvent => {
  const { regarding, related, type, reason, action, note } = occurrence;
  return {
    metadata: {
      // The server wants Events about cluster-scoped objects there.
      namespace: regarding.namespace ?? 'default',
      name: `${(regarding.name ?? 'object').slice(0, 200)}.${suffix}`,
    },
    eventTime: microTime(at),
    type,
    reason: cut(reason, 128),
    action: cut(action, 128),
    note: cut(note, 1024),
    regarding,
    ...(related === undefined ? {} : { related }),
    reportingController: controller,
    reportingInstance: cut(instance, 128),
  };
};

/** At most so many bytes of UTF-8, never half a character. */
const cut = (text: string, bytes: number): string => {
  const whole = Buffer.from(text);
  if (whole.length <= bytes) return text;
  let end = bytes;
  while (end > 0 && ((whole[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  return whole.subarray(0, end).toString();
};
