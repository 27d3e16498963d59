/** Which area a restore reads next (R4), and what is said when nothing is left to read. */
import type { Grant } from '../api/generated/index.ts';
import { chooseAreas, copyKey } from './restore-areas.ts';
import type { Choice, RestoreDecision, RestoreEnding, RestoreStatus, SeenRestore } from './restore-view.ts';
import { countOf, subtract } from './spans.ts';
import type { Span } from './spans.ts';

const maxAreas = 256;

/** What is not brought back yet, area by area. */
export const remaining = (seen: SeenRestore, status: RestoreStatus, choice: Choice) =>
  chooseAreas({
    wanted: subtract(choice.wanted, seen.report.done),
    copies: choice.copies,
    prefer: seen.prefer,
    bad: new Set((status.badSegments ?? []).map((one) => copyKey(one.segment, one.tape))),
    available: (tape) => choice.available(tape) && !(status.avoid?.tapes ?? []).includes(tape),
  });

export const nextArea = (seen: SeenRestore, status: RestoreStatus, nowMs: number): RestoreDecision => {
  const { choice } = seen;
  if (choice === undefined) return { status, steps: [] };
  const done = closeArea(status, seen.report.done);
  const found = remaining(seen, done, choice);
  if (!found.ok) return { status: { ...done, ending: unreadable(found.missing, done) }, steps: [] };
  const next = found.areas[0];
  if (next === undefined) return { status: { ...done, ending: success(seen) }, steps: [] };
  const { labelId: _labelId, ...area } = next;
  const waiting: Grant = {
    number: 0,
    epoch: done.streams?.[0]?.epoch ?? 0,
    role: 'Active',
    state: 'Waiting',
    tape: next.tape,
    barcode: next.barcode,
    library: next.library,
    startedAt: new Date(nowMs).toISOString(),
  };
  const areas = [...(done.areas ?? []), { ...area, state: 'Waiting' as const }].slice(-maxAreas);
  return { status: { ...done, streams: [waiting], areas, currentArea: areas.length - 1 }, steps: [] };
};

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

const unreadable = (missing: readonly Span[], status: RestoreStatus): RestoreEnding => {
  const list = missing.slice(0, 8).map(({ first, last }) => (first === last ? `${first}` : `${first}–${last}`));
  const bad = status.badSegments?.at(-1);
  const why =
    bad === undefined ? 'no tape that can be had holds them' : `last: ${bad.reason ?? ''}: ${bad.message ?? ''}`;
  return {
    result: 'Failed',
    reason: 'SegmentsUnreadable',
    message: `no readable copy of segment ${list.join(', ')}; ${why}`,
  };
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
