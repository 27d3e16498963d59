/** The events that a change of a job's status is worth. Pure. */
import type { Grant } from '../../api/generated/index.ts';
import type { JobStatus } from './job-view.ts';
import { formatBytes } from '../units.ts';

export interface JobEvent {
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly action: string;
  readonly note: string;
}

export const eventsBetween = (before: JobStatus, after: JobStatus): readonly JobEvent[] => {
  const events: JobEvent[] = [];
  const known = (before.failoverHistory ?? []).length;
  for (const loss of (after.failoverHistory ?? []).slice(known)) {
    const note = `stream ${loss.stream} was lost: ${loss.message ?? ''}`;
    events.push({ type: 'Warning', reason: loss.reason ?? 'StreamLost', action: 'FailOver', note });
  }
  if ((after.failovers ?? 0) > (before.failovers ?? 0)) {
    const note = `going on over another route; ${formatBytes(after.bytesRewritten ?? 0)} written again so far`;
    events.push({ type: 'Normal', reason: 'FailedOver', action: 'FailOver', note });
  }
  for (const grant of after.streams ?? []) {
    const event = streamEvent(
      (before.streams ?? []).find((one) => one.number === grant.number),
      grant,
    );
    if (event !== undefined) events.push(event);
  }
  const { snapshot } = after;
  if (snapshot?.takenAt !== undefined && before.snapshot?.takenAt === undefined) {
    const note = `snapshot ${snapshot.name} shows the claim as of ${snapshot.takenAt}`;
    events.push({ type: 'Normal', reason: 'SnapshotTaken', action: 'Snapshot', note });
  }
  if (after.phase !== before.phase) events.push(phaseEvent(after));
  return events;
};

const streamEvent = (before: Grant | undefined, after: Grant): JobEvent | undefined => {
  if (before?.state === after.state) return undefined;
  const where = `${after.library ?? ''}/${after.drive ?? ''}, tape ${after.barcode ?? ''}`;
  switch (after.state) {
    case 'Ready':
      return { type: 'Normal', reason: 'Loaded', action: 'Load', note: `stream ${after.number}: ${where}` };
    case 'Running':
      return { type: 'Normal', reason: 'Started', action: 'Write', note: `stream ${after.number} writes to ${where}` };
    default:
      return undefined;
  }
};

const phaseEvent = (after: JobStatus): JobEvent => {
  const phase = after.phase ?? 'Queued';
  const bad = phase === 'Failed' || phase === 'Cancelled';
  // The last word says more than what the end was judged by.
  const why = phase === after.ending?.result ? (after.message ?? after.ending.message) : after.ending?.message;
  const note = why === undefined ? `the job is ${phase}` : `${phase}: ${why}`;
  return { type: bad ? 'Warning' : 'Normal', reason: phase, action: 'Reconcile', note };
};
