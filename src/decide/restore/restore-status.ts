/** What a restore's status says for people. Pure. */
import type { BackupSaveRecord, Grant, Restore } from '../../api/generated/index.ts';
import { setCondition } from '../../api/conditions.ts';
import { bounded } from '../../api/status-text.ts';
import { holds } from '../grant/grant.ts';
import { failedSwitches } from '../grant/route-fault.ts';
import { reservationsOf } from './restore-reservations.ts';
import type { RestoreStatus } from './restore-view.ts';

export const restoreIsTerminal = (status: Restore['status']): boolean =>
  status?.phase === 'Succeeded' || status?.phase === 'Failed' || status?.phase === 'Cancelled';

export const restorePhase = (status: RestoreStatus): NonNullable<RestoreStatus['phase']> => {
  if (status.ending !== undefined) return 'Releasing';
  switch (status.streams?.[0]?.state) {
    case 'Allocating':
      return 'Allocating';
    case 'Reserved':
    case 'Preparing':
    case 'Ready':
      return 'Preparing';
    case 'Running':
    case 'Closing':
    case 'Fencing':
    case 'Releasing':
      return 'Running';
    default:
      return (status.areas ?? []).some((area) => area.state !== 'Waiting') ? 'Running' : 'Queued';
  }
};

const maxFailures = 100;

/** What the worker does is told while it works, and not what it did last. */
const withActivity = (stream: Grant, head: BackupSaveRecord | undefined): Grant => {
  const { activity: last, ...idle } = stream;
  if (stream.state !== 'Running')
    return { ...idle, ...(idle.bytesPerSecond === undefined ? {} : { bytesPerSecond: 0 }) };
  const activity = head?.status?.activity ?? last;
  const bytesPerSecond = head?.status?.bytesPerSecond ?? 0;
  return { ...idle, ...(activity === undefined ? {} : { activity }), bytesPerSecond };
};

export const summariseRestore = (status: RestoreStatus, head: BackupSaveRecord | undefined): RestoreStatus => {
  const told = head?.status?.restore;
  const stream = status.streams?.[0];
  const tapes = [...new Set((status.areas ?? []).map((area) => area.barcode))].join(',').slice(0, 253);
  const next: RestoreStatus = {
    ...status,
    ...(stream === undefined ? {} : { streams: [withActivity(stream, head)] }),
    streamsText: stream !== undefined && (holds(stream) || stream.state === 'Succeeded') ? '1/1' : '0/1',
    tapesText: tapes,
    ...(told === undefined ? {} : reported(status, told)),
  };
  const because = next.ending ?? stream?.refused;
  const why = because === undefined ? {} : { reason: because.reason, message: bounded(because.message, 'summary') };
  return { ...next, phase: restorePhase(next), ...why };
};

const reported = (
  status: RestoreStatus,
  told: NonNullable<NonNullable<BackupSaveRecord['status']>['restore']>,
): Partial<RestoreStatus> => {
  const segmentsDone = told.segmentsRead ?? 0;
  const segmentsTotal = Math.max(status.progress?.segmentsTotal ?? 0, segmentsDone);
  const bytesDone = told.bytesRestored ?? 0;
  const percent = segmentsTotal === 0 ? '0%' : `${Math.floor((100 * segmentsDone) / segmentsTotal)}%`;
  return {
    segmentsRead: segmentsDone,
    filesRestored: told.filesRestored ?? 0,
    bytesRestored: bytesDone,
    failures: (told.failures ?? []).slice(0, maxFailures),
    failureCount: told.failureCount ?? 0,
    ...reservationsOf(told),
    progress: { ...status.progress, segmentsDone, segmentsTotal, bytesDone, percent },
  };
};

export const finaliseRestore = (status: RestoreStatus, generation: number, now: string): RestoreStatus => {
  const { ending } = status;
  if (ending === undefined || ending.result === 'Suspended') return status;
  const succeeded = ending.result === 'Succeeded';
  const { reason, message } = ending;
  const finding = { status: 'True' as const, observedGeneration: generation };
  const ended = setCondition(
    status.conditions ?? [],
    { ...finding, type: succeeded ? 'Complete' : 'Failed', reason, message },
    now,
  );
  return {
    ...status,
    phase: ending.result,
    reason,
    message: bounded(message, 'summary'),
    conditions: setCondition(ended, { ...releasedOf(status), observedGeneration: generation }, now),
    completionTime: status.completionTime ?? now,
    ...(succeeded ? { progress: { ...status.progress, percent: '100%' } } : {}),
  };
};

/** After the end only what was overdue is still held. */
const releasedOf = ({ streams = [], retired = [] }: RestoreStatus) => {
  const held = [...streams, ...retired].filter(holds);
  const type = 'Released';
  if (held.length === 0)
    return { type, status: 'True' as const, reason: 'NothingHeld', message: 'no hardware is held' };
  const names = held.map(({ library = '', drive = '', barcode = '' }) => `${library}/${drive} with ${barcode}`);
  const where = `still held: ${names.join(', ')}`;
  const because = (reason: string, why: string) => ({
    ...{ type, status: 'False' as const, reason },
    message: `${why}; ${where}`,
  });
  if (held.some(({ state }) => state === 'Fencing'))
    return because('FencingUnconfirmed', 'a lost worker is not proven to be gone');
  return held.some((grant) => failedSwitches(grant).length > 0)
    ? because('ZoneStands', 'a switch does not take a zone away')
    : because('UnloadOutstanding', 'a drive does not give its tape back');
};
