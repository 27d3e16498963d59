/** Rates and times as people read them. Pure. */
import { formatBytes } from '../decide/units.ts';

export const formatRate = (bytesPerSecond: number): string => `${formatBytes(bytesPerSecond)}/s`;

export const count = (number: number, one: string, many = `${one}s`): string =>
  `${number.toLocaleString('en-US')} ${number === 1 ? one : many}`;

/** How `kubectl get` writes an age: `42s`, `5m30s`, `42m`, `3h12m`, `2d3h`, `42d`. */
export const formatAge = (ms: number): string => {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const minutes = Math.floor(seconds / 60);
  const hours = Math.floor(minutes / 60);
  const days = Math.floor(hours / 24);
  if (seconds < 120) return `${seconds}s`;
  if (minutes < 10) return withRest(minutes, 'm', seconds % 60, 's');
  if (minutes < 180) return `${minutes}m`;
  if (hours < 8) return withRest(hours, 'h', minutes % 60, 'm');
  if (hours < 48) return `${hours}h`;
  if (days < 8) return withRest(days, 'd', hours % 24, 'h');
  return `${days}d`;
};

const withRest = (whole: number, unit: string, rest: number, restUnit: string): string =>
  rest === 0 ? `${whole}${unit}` : `${whole}${unit}${rest}${restUnit}`;

/** Age of an RFC 3339 time; undefined where there is none. */
export const ageOf = (time: string | undefined, nowMs: number): string | undefined => {
  const thenMs = Date.parse(time ?? '');
  return Number.isNaN(thenMs) ? undefined : formatAge(nowMs - thenMs);
};
