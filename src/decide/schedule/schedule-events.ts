/** The events that a change of a schedule's status is worth. Pure. */
import { findCondition } from '../../api/conditions.ts';
import type { BackupScheduleStatus } from '../../api/generated/index.ts';

export interface ScheduleEvent {
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly note: string;
}

export const scheduleEvents = (before: BackupScheduleStatus, after: BackupScheduleStatus): readonly ScheduleEvent[] => {
  const events: ScheduleEvent[] = [];
  const missed = (after.missed ?? 0) - (before.missed ?? 0);
  if (missed > 0) {
    const note = `${missed} start${missed === 1 ? ' was' : 's were'} missed, the last one planned for ${after.lastMissedTime ?? ''}`;
    events.push({ type: 'Warning', reason: 'StartMissed', note });
  }
  const [was, ready] = [findCondition(before.conditions, 'Ready'), findCondition(after.conditions, 'Ready')];
  if (ready !== undefined && ready.reason !== was?.reason && (was !== undefined || ready.status === 'False')) {
    events.push({ type: ready.status === 'False' ? 'Warning' : 'Normal', reason: ready.reason, note: ready.message });
  }
  const window = findCondition(after.conditions, 'WindowMet');
  if (window?.status === 'False' && after.lastJudgedTime !== before.lastJudgedTime) {
    events.push({ type: 'Warning', reason: 'WindowMissed', note: window.message });
  }
  return events;
};
