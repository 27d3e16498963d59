/** How far the wall clocks of a time zone are from UTC, and when that changes. */

export interface ZoneOffsets {
  /** Milliseconds by which wall clocks are ahead of UTC at this instant. */
  offsetAt(atMs: number): number;
  /** The first instant in (`afterMs`, `untilMs`] at which the offset is not what it was at `afterMs`. */
  firstChange(afterMs: number, untilMs: number): number | undefined;
}

/** Zones change at most a few times a year; the shortest stay that is not a correction of history is about four weeks. */
const probeMs = 7 * 86_400_000;
const maxRemembered = 4096;

/** @throws RangeError where there is no such zone */
export const zoneOffsets = (timeZone: string): ZoneOffsets => {
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone,
    calendar: 'iso8601',
    numberingSystem: 'latn',
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  });
  const remembered = new Map<number, number>();
  const offsetAt = (atMs: number): number => {
    const second = Math.floor(atMs / 1000) * 1000;
    const known = remembered.get(second);
    if (known !== undefined) return known;
    const parts = new Map(format.formatToParts(second).map(({ type, value }) => [type, Number(value)]));
    const part = (type: Intl.DateTimeFormatPartTypes): number => parts.get(type) ?? 0;
    const wall = Date.UTC(part('year'), part('month') - 1, part('day'), part('hour'), part('minute'), part('second'));
    if (remembered.size >= maxRemembered) remembered.clear();
    remembered.set(second, wall - second);
    return wall - second;
  };
  return { offsetAt, firstChange: (afterMs, untilMs) => firstChange(offsetAt, afterMs, untilMs) };
};

const firstChange = (offsetAt: (atMs: number) => number, afterMs: number, untilMs: number): number | undefined => {
  const before = offsetAt(afterMs);
  let same = afterMs;
  while (same < untilMs) {
    const probe = Math.min(same + probeMs, untilMs);
    if (offsetAt(probe) !== before) return bisect(same, probe, (atMs) => offsetAt(atMs) !== before);
    same = probe;
  }
  return undefined;
};

/** The first whole second in (`from`, `to`] of which `holds` is true; it is false at `from`, true at `to`, and turns once. */
const bisect = (from: number, to: number, holds: (atMs: number) => boolean): number => {
  let [low, high] = [Math.floor(from / 1000), Math.ceil(to / 1000)];
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (holds(middle * 1000)) high = middle;
    else low = middle;
  }
  return high * 1000;
};
