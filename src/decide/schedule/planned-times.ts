/** What has come due of planned times. Pure. */
import type { PlannedTimes } from '../../api/cron-line.ts';

const minuteMs = 60_000;
/** More missed starts than this are not counted one by one: it would take longer than anybody wants to know. */
export const countedAtMost = 1_000;

export interface Due {
  readonly latestMs: number;
  /** Those before it. */
  readonly older: number;
  readonly lastOlderMs?: number;
}

/** What came due in (`afterMs`, `untilMs`]; undefined: nothing. However long that is, it takes but a moment. */
export const dueIn = (times: PlannedTimes, afterMs: number, untilMs: number): Due | undefined => {
  const first = times.next(afterMs);
  if (first === undefined || first > untilMs) return undefined;
  const latestMs = latestIn(times, first, untilMs);
  let older = 0;
  for (let at: number | undefined = first; at !== undefined && at < latestMs; at = times.next(at)) {
    older += 1;
    if (older === countedAtMost) break;
  }
  if (older === 0) return { latestMs, older };
  return { latestMs, older, lastOlderMs: latestIn(times, first, latestMs - minuteMs) };
};

/** `first` is planned; a later one is found by halving the time in which it can be. */
const latestIn = (times: PlannedTimes, first: number, untilMs: number): number => {
  let [latest, end] = [first, untilMs];
  while (latest < end) {
    const middle = latest + Math.ceil((end - latest) / 2 / minuteMs) * minuteMs;
    const after = times.next(middle - 1);
    if (after !== undefined && after <= end) latest = after;
    else end = middle - minuteMs;
  }
  return latest;
};
