/**
 * The times of a cron line, as the CronJob controller of Kubernetes has them: it reads lines with `ParseStandard` of
 * github.com/robfig/cron v3. `test/cron-table` compares the two.
 *
 * Wall clocks decide. A minute that a clock change leaves out has no start; one that comes twice has two. In one thing
 * robfig is not followed: where clocks change by half an hour, or at midnight, it may lose hours that exist.
 */
import { Cron } from 'croner';
import { zoneOffsets, type ZoneOffsets } from './zone-offsets.ts';

export interface PlannedTimes {
  /** The first planned time after this instant; undefined: there is none any more. Whole minutes, in milliseconds. */
  next(afterMs: number): number | undefined;
}

export type CronReading =
  { readonly ok: true; readonly times: PlannedTimes } | { readonly ok: false; readonly problem: string };

const minuteMs = 60_000;
/** Of minute, hour, day, month, weekday. */
const bounds = [
  [0, 59],
  [0, 23],
  [1, 31],
  [1, 12],
  [0, 6],
] as const;
const names: Readonly<Record<number, readonly string[]>> = {
  3: ['', 'jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'],
  4: ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'],
};

export const readCronLine = (line: string, timeZone: string): CronReading => {
  let zone: ZoneOffsets;
  try {
    zone = zoneOffsets(timeZone);
  } catch {
    return { ok: false, problem: `this program knows no time zone ${timeZone}: use a name such as Europe/Berlin` };
  }
  try {
    // Wall clocks as such know no changes: so the calendar is searched as if it were UTC.
    const calendar = new Cron(toStandard(line), { mode: '5-part', timezone: 'Etc/UTC', paused: true });
    const times: PlannedTimes = { next: (afterMs) => nextIn(calendar, zone, afterMs) };
    return times.next(0) === undefined
      ? { ok: false, problem: `'${line}' names a date that never comes` }
      : { ok: true, times };
  } catch (error) {
    const why = error instanceof Error ? error.message.replace(/^CronPattern: /, '') : String(error);
    return { ok: false, problem: `'${line}' can't be read: ${why}` };
  }
};

/** Between two changes of the offset wall clocks run evenly: each such stretch is searched on its own. */
const nextIn = (calendar: Cron, zone: ZoneOffsets, afterMs: number): number | undefined => {
  let after = afterMs;
  let stretch = afterMs;
  for (;;) {
    const offset = zone.offsetAt(stretch);
    const wall = calendar.nextRun(new Date(Math.floor((after + offset) / minuteMs) * minuteMs));
    if (wall === null) return undefined;
    const at = wall.getTime() - offset;
    const change = zone.firstChange(stretch, at);
    if (change === undefined) return at;
    stretch = change;
    after = change - 1;
  }
};

/** What croner reads otherwise than robfig, or not at all, in words that both read alike. */
const toStandard = (line: string): string => {
  const text = line.toLowerCase().trim();
  if (text.startsWith('@')) return text;
  const fields = text.split(/\s+/);
  if (fields.length !== bounds.length) throw new TypeError(`it has ${fields.length} fields, not five`);
  return fields.map((field, place) => standardField(field, bounds[place] ?? [0, 0], place)).join(' ');
};

const standardField = (field: string, [least, most]: readonly [number, number], place: number): string => {
  const ranges = field.split(',').map((range) => standardRange(range, least, most, place));
  // A list with a star is every value, and leaves the choice to the other of the two day fields.
  return ranges.includes('*') ? '*' : ranges.join(',');
};

/** `?` and steps of 1 are a star; `5/10` goes up to the last value; a step beyond the range leaves its first value. */
const standardRange = (range: string, least: number, most: number, place: number): string => {
  const [, from = '', to, step] = /^([*?]|\w+)(?:-(\w+))?(?:\/(\d+))?$/.exec(range) ?? [];
  const isStar = from === '*' || from === '?';
  if (from === '' || (isStar && to !== undefined)) throw new TypeError(`${range} is no range`);
  if (step !== undefined && Number(step) < 1) throw new TypeError(`the step in ${range} must be at least 1`);
  const every = Number(step ?? 1);
  if (isStar && every === 1) return '*';
  const first = isStar ? least : valueOf(from, place);
  if (step === undefined) return to === undefined ? `${first}` : `${first}-${valueOf(to, place)}`;
  const last = to === undefined ? most : valueOf(to, place);
  return first <= last && last - first < every ? `${first}` : `${first}-${last}/${every}`;
};

/** croner knows more words, such as L for the last day of a month; CronJob does not. */
const valueOf = (text: string, place: number): number => {
  const named = names[place]?.indexOf(text) ?? -1;
  if (named >= 0) return named;
  if (/^\d+$/.test(text)) return Number(text);
  throw new TypeError(`${text} is no value of a field`);
};
