/** A suspended job goes on at the first missing segment: as at its beginning, but for what it knows already. Pure. */
import type { JobStatus } from './job-view.ts';
import type { EffectiveSpec } from './effective-spec.ts';
import { holds } from '../grant/grant.ts';
import type { Grant } from '../grant/grant.ts';

/** @param now RFC 3339 */
export const initialStatus = (spec: EffectiveSpec, now: string): JobStatus => ({
  phase: 'Queued',
  streams: Array.from({ length: spec.routes }, (_, number): Grant => ({
    number,
    epoch: 0,
    role: number < spec.activeRoutes ? 'Active' : 'Standby',
    state: 'Waiting',
    startedAt: now,
  })),
  streamsText: `0/${spec.routes}`,
  failovers: 0,
  bytesRewritten: 0,
  startTime: now,
});

/**
 * The application was woken when the job was suspended: its hooks run again, another snapshot is taken, and what is read from here on is of another
 * moment. What an outstanding fence covers stays held, as a former grant.
 *
 * @param now RFC 3339
 */
export const resumed = (suspended: JobStatus, spec: EffectiveSpec, now: string): JobStatus => {
  const { ending: _ended, allocatedAt: _secured, hooks: _ran, snapshot: _gone, suspendedAt, ...status } = suspended;
  const { streams = [], streamsText } = initialStatus(spec, now);
  const pausedMs = suspendedAt === undefined ? 0 : Math.max(0, Date.parse(now) - Date.parse(suspendedAt));
  const begun = status.plan?.record !== undefined || status.interrupted === true;
  return {
    ...status,
    ...{ phase: 'Queued', streams, streamsText: streamsText ?? '' },
    retired: [...(status.retired ?? []), ...(status.streams ?? []).filter(holds)],
    suspendedSeconds: (status.suspendedSeconds ?? 0) + Math.round(pausedMs / 1000),
    ...(begun ? { interrupted: true } : {}),
  };
};
