/** Which area a restore reads next (R4), and what is said when nothing is left to read. */
import type { Grant, RestoreArea } from '../../api/generated/index.ts';
import { isBadIn } from './restore-bad.ts';
import { bestCopy, chooseAreas } from './restore-areas.ts';
import type { Area, SegmentCopy } from './restore-areas.ts';
import { success, unreadable } from './restore-ending.ts';
import type { Choice, RestoreDecision, RestoreEnding, RestoreStatus, SeenRestore } from './restore-view.ts';
import { countOf, subtract } from '../spans.ts';
import type { Span } from '../spans.ts';
import { targetNotReachable } from '../step.ts';
import { nextToVerify, readOn } from './verify.ts';

const maxAreas = 256;

/** @param granted  the tape that is in hand: nothing is nearer */
const rankingOf = (seen: SeenRestore, status: RestoreStatus, choice: Choice, granted?: string) => {
  const current = granted ?? status.streams?.[0]?.tape;
  return {
    prefer: seen.prefer,
    outlook: (tape: string) => (tape === granted ? 'now' : choice.outlook(tape).kind),
    failures: (tape: string) =>
      (status.areas ?? []).filter((area) => area.tape === tape && area.state === 'Failed').length,
    ...(current === undefined ? {} : { current }),
  };
};

/** What is not brought back yet, area by area. */
const remaining = (seen: SeenRestore, status: RestoreStatus, choice: Choice, granted?: string) =>
  chooseAreas({
    ...rankingOf(seen, status, choice, granted),
    wanted: subtract(choice.wanted, seen.report.done),
    copies: choice.copies,
    isBad: isBadIn(status),
  });

/** What there is to do next for the target, and with which tape in hand. */
export type Next =
  | { readonly kind: 'read'; readonly area: Area; readonly isLast: boolean }
  /** All that can be read is there: folders get their times, the working folder goes. A worker always has a tape. */
  | { readonly kind: 'finish'; readonly copy: SegmentCopy }
  | { readonly kind: 'end'; readonly ending: RestoreEnding };

export const nextFor = (seen: SeenRestore, status: RestoreStatus, choice: Choice, granted?: string): Next => {
  if (seen.discards !== undefined) {
    const next = nextToVerify(seen, status, choice, granted);
    return next.kind === 'read' ? { ...next, isLast: false } : next;
  }
  const found = remaining(seen, status, choice, granted);
  const area = found.ok ? found.areas[0] : undefined;
  if (found.ok && area !== undefined) return { kind: 'read', area, isLast: found.areas.length === 1 };
  const ending = found.ok ? success(seen) : unreadable(found.missing, status, choice);
  if (seen.report.finished || (!found.ok && !isWorthFinishing(status))) return { kind: 'end', ending };
  const ranking = rankingOf(seen, status, choice, granted);
  const copy = bestCopy(
    // What has failed is tidied up if that can be done at once.
    choice.copies.filter(({ tape }) =>
      found.ok ? ranking.outlook(tape) !== 'never' : ranking.outlook(tape) === 'now',
    ),
    ranking,
  );
  if (copy !== undefined) return { kind: 'finish', copy };
  return { kind: 'end', ending: found.ok ? notFinished : ending };
};

const notFinished: RestoreEnding = {
  result: 'Failed',
  reason: 'NotFinished',
  message:
    'everything was read, but no worker can be had that gives folders their times and joins parts of large files',
};

/** Somebody has begun, and the last one that tried was not lost. */
const isWorthFinishing = (status: RestoreStatus): boolean =>
  hasBegun(status) && status.streams?.[0]?.outcome !== 'Failed';

export const hasBegun = ({ areas = [] }: RestoreStatus): boolean => areas.some(({ state }) => state !== 'Waiting');

export const nextArea = (seen: SeenRestore, status: RestoreStatus, nowMs: number): RestoreDecision => {
  const { choice } = seen;
  if (choice === undefined) return { status, steps: [] };
  const done = closeArea(status, (tape) =>
    seen.discards === undefined ? seen.report.done : readOn(seen, status, tape),
  );
  const next = nextFor(seen, done, choice);
  const why = status.reason === targetNotReachable ? status.message : undefined;
  const startedAt = new Date(nowMs).toISOString();
  switch (next.kind) {
    case 'end':
      return { status: { ...done, ending: because(next.ending, why) }, steps: [] };
    case 'finish':
      return { status: { ...done, streams: [waitingFor(next.copy, done, startedAt)] }, steps: [] };
    case 'read': {
      const areas = [...(done.areas ?? []), areaFrom(next.area, 'Waiting')].slice(-maxAreas);
      const streams = [waitingFor(next.area, done, startedAt)];
      return { status: { ...done, streams, areas, currentArea: areas.length - 1 }, steps: [] };
    }
  }
};

/** No other server was left: what the last one failed for says more than that. */
const because = (ending: RestoreEnding, why: string | undefined): RestoreEnding =>
  why === undefined || ending.result === 'Succeeded' ? ending : { ...ending, reason: targetNotReachable, message: why };

const waitingFor = (
  { tape, barcode, library }: Area | SegmentCopy,
  status: RestoreStatus,
  startedAt: string,
): Grant => ({
  ...{ number: 0, epoch: status.streams?.[0]?.epoch ?? 0, role: 'Active', state: 'Waiting' },
  ...{ tape, barcode, library, startedAt },
});

/** As the status has it. */
export const areaFrom = ({ labelId: _labelId, ...area }: Area, state: 'Waiting' | 'Reading') => ({ ...area, state });

/** While it waits: another copy may have become nearer, and this one may be gone. Its place in the queue stays. */
export const chooseAgain = (seen: SeenRestore, status: RestoreStatus, waiting: Grant): RestoreDecision => {
  const { choice } = seen;
  if (choice === undefined) return { status, steps: [] };
  const next = nextFor(seen, status, choice);
  if (next.kind === 'end') return { status: { ...status, ending: next.ending }, steps: [] };
  const copy = next.kind === 'read' ? next.area : next.copy;
  if (copy.tape === waiting.tape) return { status, steps: [] };
  const areas = next.kind === 'read' ? { areas: withCurrent(status, areaFrom(next.area, 'Waiting')) } : {};
  const streams = [{ ...waiting, ...waitingFor(copy, status, waiting.startedAt ?? '') }];
  return { status: { ...status, streams, ...areas }, steps: [] };
};

export const withCurrent = (status: RestoreStatus, area: RestoreArea): RestoreArea[] =>
  (status.areas ?? []).map((one, index) => (index === status.currentArea ? area : one));

const closeArea = (status: RestoreStatus, doneOn: (tape: string) => readonly Span[]): RestoreStatus => {
  const areas = (status.areas ?? []).map((area) => {
    if (area.state === 'Done' || area.state === 'Failed') return area;
    const left = countOf(subtract([{ first: area.first, last: area.last }], doneOn(area.tape)));
    return {
      ...area,
      state: left === 0 || left < area.last - area.first + 1 ? ('Done' as const) : ('Failed' as const),
    };
  });
  return areas.length === 0 ? status : { ...status, areas };
};
