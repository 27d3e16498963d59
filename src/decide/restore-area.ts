/** Which area a restore reads next (R4), and what is said when nothing is left to read. */
import type { Grant, RestoreArea } from '../api/generated/index.ts';
import type { Shortage } from './allocate.ts';
import { chooseAreas, copyKey } from './restore-areas.ts';
import type { Area } from './restore-areas.ts';
import type { Choice, RestoreDecision, RestoreEnding, RestoreStatus, SeenRestore } from './restore-view.ts';
import { contains, countOf, subtract } from './spans.ts';
import type { Span } from './spans.ts';

const maxAreas = 256;

/**
 * What is not brought back yet, area by area.
 * @param granted  the tape that is in hand: nothing is nearer
 */
export const remaining = (seen: SeenRestore, status: RestoreStatus, choice: Choice, granted?: string) => {
  const current = granted ?? status.streams?.[0]?.tape;
  return chooseAreas({
    wanted: subtract(choice.wanted, seen.report.done),
    copies: choice.copies,
    prefer: seen.prefer,
    bad: new Set((status.badSegments ?? []).map((one) => copyKey(one.segment, one.tape))),
    outlook: (tape) => (tape === granted ? 'now' : choice.outlook(tape).kind),
    failures: (tape) => (status.areas ?? []).filter((area) => area.tape === tape && area.state === 'Failed').length,
    ...(current === undefined ? {} : { current }),
  });
};

export const nextArea = (seen: SeenRestore, status: RestoreStatus, nowMs: number): RestoreDecision => {
  const { choice } = seen;
  if (choice === undefined) return { status, steps: [] };
  const done = closeArea(status, seen.report.done);
  const found = remaining(seen, done, choice);
  if (!found.ok) return { status: { ...done, ending: unreadable(found.missing, done, choice) }, steps: [] };
  const next = found.areas[0];
  if (next === undefined) return { status: { ...done, ending: success(seen) }, steps: [] };
  const streams = [waitingFor(next, done, new Date(nowMs).toISOString())];
  const areas = [...(done.areas ?? []), areaFrom(next, 'Waiting')].slice(-maxAreas);
  return { status: { ...done, streams, areas, currentArea: areas.length - 1 }, steps: [] };
};

const waitingFor = ({ tape, barcode, library }: Area, status: RestoreStatus, startedAt: string): Grant => ({
  ...{ number: 0, epoch: status.streams?.[0]?.epoch ?? 0, role: 'Active', state: 'Waiting' },
  ...{ tape, barcode, library, startedAt },
});

/** As the status has it. */
export const areaFrom = ({ labelId: _labelId, ...area }: Area, state: 'Waiting' | 'Reading') => ({ ...area, state });

/** While it waits: another copy may have become nearer, and this one may be gone. Its place in the queue stays. */
export const chooseAgain = (seen: SeenRestore, status: RestoreStatus, waiting: Grant): RestoreDecision => {
  const { choice } = seen;
  if (choice === undefined) return { status, steps: [] };
  const found = remaining(seen, status, choice);
  if (!found.ok) return { status: { ...status, ending: unreadable(found.missing, status, choice) }, steps: [] };
  const next = found.areas[0];
  if (next === undefined || next.tape === waiting.tape) return { status, steps: [] };
  const streams = [{ ...waiting, ...waitingFor(next, status, waiting.startedAt ?? '') }];
  return { status: { ...status, streams, areas: withCurrent(status, areaFrom(next, 'Waiting')) }, steps: [] };
};

export const withCurrent = (status: RestoreStatus, area: RestoreArea): RestoreArea[] =>
  (status.areas ?? []).map((one, index) => (index === status.currentArea ? area : one));

const closeArea = (status: RestoreStatus, done: readonly Span[]): RestoreStatus => {
  const areas = (status.areas ?? []).map((area) => {
    if (area.state === 'Done' || area.state === 'Failed') return area;
    const left = countOf(subtract([{ first: area.first, last: area.last }], done));
    return {
      ...area,
      state: left === 0 || left < area.last - area.first + 1 ? ('Done' as const) : ('Failed' as const),
    };
  });
  return areas.length === 0 ? status : { ...status, areas };
};

const unreadable = (missing: readonly Span[], status: RestoreStatus, choice: Choice): RestoreEnding => {
  const list = missing.slice(0, 8).map(({ first, last }) => (first === last ? `${first}` : `${first}–${last}`));
  const segments = `no readable copy of segment ${list.join(', ')}`;
  const bad = status.badSegments?.at(-1);
  const failed = (reason: string, why: string): RestoreEnding => ({
    ...{ result: 'Failed', reason },
    message: `${segments}; ${why}`.slice(0, maxMessage),
  });
  if (bad !== undefined) return failed('SegmentsUnreadable', `last: ${bad.reason ?? ''}: ${bad.message ?? ''}`);
  const shortages = shortagesOf(missing, choice);
  if (shortages.size === 0) return failed('SegmentsUnreadable', 'they are on no tape');
  // Servers, drives and routes are everybody's affair: their own reason says more.
  const other = [...shortages.values()].find(({ reason }) => reason !== 'NoUsableTape');
  const each = [...shortages].map(([tape, { message }]) => `${tape}: ${message}`);
  const why = `no tape that holds them can be had, and waiting would not help: ${each.join('; ')}`;
  return failed(other?.reason ?? 'SegmentsUnreadable', why);
};

const maxMessage = 2048;

const shortagesOf = (missing: readonly Span[], { copies, outlook }: Choice): ReadonlyMap<string, Shortage> => {
  const tapes = new Set(copies.filter(({ segment }) => contains(missing, segment)).map(({ tape }) => tape));
  return new Map(
    [...tapes].flatMap((tape) => {
      const found = outlook(tape);
      return found.kind === 'never' ? [[tape, found.shortage] as const] : [];
    }),
  );
};

/** R10, R11: what could not be brought back makes the restore fail, though all else is there. */
const success = ({ report, paths }: SeenRestore): RestoreEnding => {
  const absent = paths.filter((path) => path !== '' && !report.found.includes(path));
  if (absent.length > 0) {
    const message = `not in the backup: ${absent.slice(0, 8).join(', ')}; everything else that was asked for was brought back`;
    return { result: 'Failed', reason: 'PathNotFound', message: message.slice(0, 4096) };
  }
  if (report.failureCount > 0) {
    const message = `${report.failureCount} files could not be brought back: see status.failures; all others are in place`;
    return { result: 'Failed', reason: 'FilesFailed', message };
  }
  return {
    result: 'Succeeded',
    reason: 'Restored',
    message: 'everything asked for was brought back and its digests agree',
  };
};
