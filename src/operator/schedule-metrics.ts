/** What is told of schedules: enough to alert on backups that do not come, without knowing any schedule by heart. */
import { Gauge, type Registry } from 'prom-client';
import { readCronLine } from '../api/cron-line.ts';
import type { BackupSchedule } from '../api/generated/index.ts';
import type { ReadStore } from '../kube/store.ts';

/** So many starts ahead are looked at: enough for every day of a week, and for most lists of hours. */
const startsAhead = 32;

/** @param leads  the leader alone tells, so that sums over replicas are right */
export const watchSchedules = (
  register: Registry,
  schedules: ReadStore<BackupSchedule>,
  leads: () => boolean,
): void => {
  const gauge = (name: string, help: string, read: (schedule: BackupSchedule) => number | undefined): void => {
    new Gauge({
      name: `twinreel_schedule_${name}`,
      help: `${help} Told by the leader.`,
      labelNames: ['namespace', 'schedule'],
      registers: [register],
      collect() {
        this.reset();
        for (const schedule of leads() ? schedules.list() : []) {
          const value = read(schedule);
          const { namespace = '', name: of } = schedule.metadata;
          if (value !== undefined) this.set({ namespace, schedule: of }, value);
        }
      },
    });
  };
  gauge('last_success_timestamp_seconds', 'When a job of the schedule last succeeded.', ({ status }) =>
    secondsOf(status?.lastSuccessfulTime),
  );
  gauge('created_timestamp_seconds', 'When the schedule was made.', ({ metadata }) =>
    secondsOf(metadata.creationTimestamp),
  );
  gauge('last_timestamp_seconds', 'The planned time of its last start.', ({ status }) =>
    secondsOf(status?.lastScheduleTime),
  );
  gauge('next_timestamp_seconds', 'When its next start is due.', ({ status }) => secondsOf(status?.nextScheduleTime));
  gauge('expected_interval_seconds', 'The longest time between two of its next starts.', expectedInterval);
  gauge('missed', 'Starts that were missed since it was made.', ({ status }) => status?.missed ?? 0);
  gauge('active_jobs', 'Its jobs that have not ended.', ({ status }) => status?.activeCount ?? 0);
  gauge('suspended', '1 while it is suspended.', ({ spec }) => (spec.suspend ? 1 : 0));
  gauge('window_met', '1 when its last judged start led to a backup within the window, else 0.', ({ status }) =>
    status?.windowMet === undefined ? undefined : Number(status.windowMet),
  );
};

const secondsOf = (time: string | undefined): number | undefined =>
  time === undefined ? undefined : Date.parse(time) / 1000;

const expectedInterval = ({ status }: BackupSchedule): number | undefined => {
  const { followed, nextScheduleTime } = status ?? {};
  if (followed === undefined || nextScheduleTime === undefined) return undefined;
  const reading = readCronLine(followed.schedule, followed.timeZone);
  if (!reading.ok) return undefined;
  let longestMs = 0;
  let last = reading.times.next(Date.parse(nextScheduleTime));
  for (let start = 0; last !== undefined && start < startsAhead; start += 1) {
    const next = reading.times.next(last);
    if (next === undefined) break;
    longestMs = Math.max(longestMs, next - last);
    last = next;
  }
  return longestMs === 0 ? undefined : longestMs / 1000;
};
