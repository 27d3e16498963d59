/** An end of retention. `none`: may be overwritten at once. */
export type RetainUntil = Date | 'forever' | 'none';

const foreverTime = '99991231235959';
const noTime = '00000000000000';

/** `YYYYMMDDhhmmss` in UTC. */
export const encodeTime = (time: Date): string => time.toISOString().slice(0, 19).replace(/[-:T]/g, '');

/** `YYYYMMDDhhmm` in UTC. */
export const encodeMinute = (time: Date): string => encodeTime(time).slice(0, 12);

/** Of 12 or 14 digits; nothing where they are no time. */
export function decodeTime(digits: string): Date | undefined {
  const parts = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)?$/.exec(digits);
  if (parts === null) return undefined;
  const [, year, month, day, hour, minute, second = '00'] = parts;
  const time = new Date(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  return Number.isNaN(time.getTime()) ? undefined : time;
}

export function encodeRetainUntil(until: RetainUntil): string {
  if (until === 'forever') return foreverTime;
  return until === 'none' ? noTime : encodeTime(until);
}

export function decodeRetainUntil(digits: string): RetainUntil | undefined {
  if (digits === foreverTime) return 'forever';
  return digits === noTime ? 'none' : decodeTime(digits);
}

/**
 * `cyyddd`: century (blank 19, 0 for 20, 1 for 21, …), year, day of the year; `000000` for none, `999365` for ever.
 * The day is that on which the time falls in UTC.
 */
export function encodeDay(time: RetainUntil): string {
  if (time === 'none') return '000000';
  const year = time === 'forever' ? Number.POSITIVE_INFINITY : time.getUTCFullYear();
  if (time === 'forever' || year > 2999) return '999365';
  const century = year < 2000 ? ' ' : String(Math.floor(year / 100) - 20);
  const dayOfYear =
    Math.floor((Date.UTC(year, time.getUTCMonth(), time.getUTCDate()) - Date.UTC(year, 0, 1)) / 86_400_000) + 1;
  return `${century}${String(year % 100).padStart(2, '0')}${String(dayOfYear).padStart(3, '0')}`;
}

/** Midnight UTC of the day. */
export function decodeDay(columns: string): RetainUntil | undefined {
  if (columns === '000000') return 'none';
  if (columns === '999365') return 'forever';
  const parts = /^([ \d])(\d\d)(\d{3})$/.exec(columns);
  if (parts === null) return undefined;
  const [, century, year, day] = parts;
  const base = century === ' ' ? 1900 : 2000 + 100 * Number(century);
  return new Date(Date.UTC(base + Number(year), 0, Number(day)));
}

/** The later of two; none is earlier than every time. */
export function laterOf(a: RetainUntil, b: RetainUntil): RetainUntil {
  if (a === 'forever' || b === 'forever') return 'forever';
  if (a === 'none') return b;
  if (b === 'none') return a;
  return a > b ? a : b;
}

/** Whether what is kept until then may be overwritten now. */
export function isExpired(until: RetainUntil, now: Date): boolean {
  if (until === 'forever') return false;
  return until === 'none' || until <= now;
}
