import { sleep, type Clock } from '../kube/clock.ts';

/** RFC 3339 with whole seconds, as Kubernetes stores its times. */
export const kubeTime = (ms: number): string => new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z');

/** RFC 3339 with microseconds, as a Lease wants it. */
export const kubeMicroTime = (ms: number): string => new Date(ms).toISOString().replace(/Z$/, '000Z');

/** Waits; ends early and without an error when the signal is aborted. */
export const pause = (clock: Clock, ms: number, signal?: AbortSignal): Promise<void> =>
  sleep(clock, ms, signal).catch((error: unknown) => {
    if (signal?.aborted !== true) throw error;
  });
