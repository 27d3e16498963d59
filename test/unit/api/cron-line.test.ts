/** `test/cron-table/expected.json` is what the library of the CronJob controller says: see the README beside it. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readCronLine, type PlannedTimes } from '../../../src/api/cron-line.ts';
import { dueIn } from '../../../src/decide/schedule/planned-times.ts';
import table from '../../cron-table/expected.json' with { type: 'json' };

const iso = (ms: number): string => new Date(ms).toISOString().replace('.000', '');

const timesOf = (line: string, zone: string): PlannedTimes => {
  const reading = readCronLine(line, zone);
  if (!reading.ok) throw new Error(reading.problem);
  return reading.times;
};

const nextTimes = (times: PlannedTimes, from: string, count: number): readonly string[] => {
  const found: string[] = [];
  let at = times.next(Date.parse(from));
  while (at !== undefined && found.length < count) {
    found.push(iso(at));
    at = times.next(at);
  }
  return found;
};

/** robfig gives up after five years; we go on, and so does the calendar. */
const givesUp = 'the 29th of February around 2100';

describe('cron lines have the times that CronJob has', () => {
  const good = table.filter(({ times }) => times.length > 0);
  it.each(good)('$name: $line in $zone', ({ name, line, zone, from, count, times }) => {
    const ours = nextTimes(timesOf(line, zone), from, name === givesUp ? times.length : count);
    expect(ours).toEqual(times);
  });

  it.each(table.filter(({ times }) => times.length === 0))('$name is refused: $line', ({ line, zone }) => {
    expect(readCronLine(line, zone)).toMatchObject({ ok: false, problem: expect.stringContaining(line) as string });
  });

  it('a leap year eight years away is found', () => {
    expect(nextTimes(timesOf('0 0 29 2 *', 'Etc/UTC'), '2096-03-01T00:00:00Z', 1)).toEqual(['2104-02-29T00:00:00Z']);
  });

  it('and Sunday may be 7', () => {
    expect(nextTimes(timesOf('0 0 * * 7', 'Etc/UTC'), '2026-01-01T00:00:00Z', 1)).toEqual(['2026-01-04T00:00:00Z']);
  });

  it('a zone that is not known is named', () => {
    expect(readCronLine('@daily', 'Mars/Base')).toMatchObject({
      problem: expect.stringContaining('Mars/Base') as string,
    });
  });
});

describe('the times', () => {
  const anyTimes = fc
    .constantFrom('* * * * *', '*/7 1-3 * * *', '30 2 * * 1-5', '0 0 31 * *', '@weekly', '15,45 */5 1-15 * *')
    .chain((line) =>
      fc.constantFrom('Europe/Berlin', 'Australia/Lord_Howe', 'Etc/UTC').map((zone) => timesOf(line, zone)),
    );
  const anyMs = fc.integer({ min: Date.UTC(2026, 0, 1), max: Date.UTC(2027, 0, 1) });

  it('are later than what was asked about, whole minutes, and none is between', () => {
    fc.assert(
      fc.property(anyTimes, anyMs, fc.nat(), (times, after, between) => {
        const next = times.next(after) ?? NaN;
        expect(next).toBeGreaterThan(after);
        expect(next % 60_000).toBe(0);
        expect(times.next(after + (between % (next - after)))).toBe(next);
      }),
      { numRuns: 60 },
    );
  });

  it('that came due are counted, and the latest is the latest', () => {
    fc.assert(
      fc.property(anyTimes, anyMs, fc.integer({ min: 0, max: 40_000_000 }), (times, after, lengthMs) => {
        const all: number[] = [];
        for (let at = times.next(after); at !== undefined && at <= after + lengthMs; at = times.next(at)) all.push(at);
        const due = dueIn(times, after, after + lengthMs);
        expect(due?.latestMs).toBe(all.at(-1));
        expect(due?.older ?? 0).toBe(Math.max(0, all.length - 1));
        expect(due?.lastOlderMs).toBe(all.at(-2));
      }),
      { numRuns: 60 },
    );
  });
});
