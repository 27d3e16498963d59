/** What a restore says when nothing is left to read, or nothing more can be read. Pure. */
import type { Shortage } from '../allocation/allocate.ts';
import type { Choice, RestoreEnding, RestoreStatus, SeenRestore } from './restore-view.ts';
import { contains } from '../spans.ts';
import { withReservations } from './restore-reservations.ts';
import type { Span } from '../spans.ts';

export const unreadable = (missing: readonly Span[], status: RestoreStatus, choice: Choice): RestoreEnding => {
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
export const success = (seen: SeenRestore): RestoreEnding => withReservations(verdict(seen), seen.report.reservations);

const verdict = ({ report, paths }: SeenRestore): RestoreEnding => {
  const absent = paths.filter((path) => path !== '' && !report.found.includes(path));
  if (absent.length > 0) {
    const message = `not in the backup: ${absent.slice(0, 8).join(', ')}; everything else that was asked for was brought back`;
    return { result: 'Failed', reason: 'PathNotFound', message: message.slice(0, 4096) };
  }
  if (report.failureCount > 0) {
    const message = `${report.failureCount} files could not be brought back: see status.failures (spec.conflict says what becomes of those that exist); all others are in place`;
    return { result: 'Failed', reason: 'FilesFailed', message };
  }
  const what = (report.reservations?.kept ?? 0) > 0 ? 'everything else that was' : 'everything';
  return {
    result: 'Succeeded',
    reason: 'Restored',
    message: `${what} asked for was brought back and its digests agree`,
  };
};
