/**
 * What a restore does next. One area after the other (R4 to R12): secure, load, restore, release, next. What remains is
 * derived each time from what the workers report as done, so that a lost worker or an unreadable segment only changes
 * from which tape the rest is read.
 */
import type { Grant, Restore } from '../api/generated/index.ts';
import { holds, grantName } from './grant.ts';
import { prepareGrant, releaseGrant } from './grant-life.ts';
import type { GrantView } from './grant-life.ts';
import type { NodeFacts } from './pod-facts.ts';
import { chooseAreas, copyKey } from './restore-areas.ts';
import type { Area, SegmentCopy } from './restore-areas.ts';
import { countOf, subtract } from './spans.ts';
import type { Span } from './spans.ts';
import type { Fault, Step } from './step.ts';
import { judgeStream } from './stream-fault.ts';
import type { HeadFacts, Patience, Silence } from './stream-fault.ts';

export type RestoreStatus = NonNullable<Restore['status']>;
export type RestoreEnding = NonNullable<RestoreStatus['ending']>;

/** What is to be read and where it lies; read from the API when the next area is chosen. */
export interface Choice {
  readonly wanted: readonly Span[];
  readonly copies: readonly SegmentCopy[];
  readonly available: (tape: string) => boolean;
}

/** What the workers reported so far. */
export interface RestoreReport {
  readonly done: readonly Span[];
  readonly bad: readonly {
    readonly segment: number;
    readonly tape: string;
    readonly reason: string;
    readonly message: string;
  }[];
  readonly failureCount: number;
  /** Chosen paths that were met, escaped. */
  readonly found: readonly string[];
}

export interface SeenRestore {
  readonly uid: string;
  readonly status: RestoreStatus;
  /** Chosen paths, escaped; none: everything. */
  readonly paths: readonly string[];
  readonly prefer: readonly number[];
  readonly deleted: boolean;
  readonly cancelAsked: boolean;
  readonly activeDeadlineMs: number | undefined;
  readonly startedAtMs: number;
  readonly view: GrantView;
  readonly head: HeadFacts | undefined;
  readonly report: RestoreReport;
  readonly choice: Choice | undefined;
  readonly nodes: ReadonlyMap<string, NodeFacts>;
  readonly silence: () => Silence;
  readonly patience: Patience;
}

export type RestoreStep =
  | Step
  | {
      readonly kind: 'launchRestore';
      readonly grant: Grant;
      readonly segments: readonly Span[];
      /** Nothing is left after this one. */
      readonly finish: boolean;
    };

export interface RestoreDecision {
  readonly status: RestoreStatus;
  readonly steps: readonly RestoreStep[];
}

const maxReplacements = 4;
const maxBad = 256;

/** The choice is read uncached, so only when it is needed: before an area, and when its worker starts. */
export const needsChoice = (status: RestoreStatus): boolean => {
  const stream = status.streams?.[0];
  return status.ending === undefined && (stream === undefined || stream.state === 'Ready' || isOver(stream));
};

const isOver = ({ state }: Grant): boolean => state === 'Succeeded' || state === 'Failed' || state === 'Released';

export const decideRestore = (seen: SeenRestore, nowMs: number): RestoreDecision => {
  const status = { ...seen.status, ...endingAsked(seen, nowMs), ...badSegments(seen) };
  const stream = status.streams?.[0];
  if (status.ending !== undefined) return windDown(seen, status, stream, nowMs);
  if (stream === undefined || isOver(stream)) return nextArea(seen, status, nowMs);
  switch (stream.state) {
    case 'Reserved':
    case 'Preparing': {
      const { grant, steps, fault } = prepareGrant(stream, seen.view);
      return fault === undefined ? { status: withStream(status, grant), steps } : lose(status, grant, fault, nowMs);
    }
    case 'Ready':
      return start(seen, status, stream);
    case 'Running':
      return judge(seen, status, stream, nowMs);
    case 'Fencing':
    case 'Releasing':
      return release(seen, status, stream, nowMs);
    default:
      return { status, steps: [] };
  }
};

const withStream = (status: RestoreStatus, grant: Grant): RestoreStatus => ({ ...status, streams: [grant] });

const endingAsked = (seen: SeenRestore, nowMs: number): { readonly ending?: RestoreEnding } => {
  if (seen.status.ending !== undefined) return { ending: seen.status.ending };
  if (seen.deleted) return { ending: { result: 'Cancelled', reason: 'Deleted', message: 'the restore was deleted' } };
  if (seen.cancelAsked) return { ending: { result: 'Cancelled', reason: 'Cancelled', message: 'spec.cancel is set' } };
  if (seen.activeDeadlineMs !== undefined && nowMs - seen.startedAtMs > seen.activeDeadlineMs) {
    const message = `not done ${Math.round(seen.activeDeadlineMs / 1000)} s after the start (spec.activeDeadline)`;
    return { ending: { result: 'Failed', reason: 'DeadlineExceeded', message } };
  }
  return {};
};

const badSegments = ({ status, report }: SeenRestore): Pick<RestoreStatus, 'badSegments'> => {
  const known = status.badSegments ?? [];
  const fresh = report.bad.filter((one) => !known.some((old) => old.segment === one.segment && old.tape === one.tape));
  return fresh.length === 0 ? {} : { badSegments: [...known, ...fresh].slice(0, maxBad) };
};

const release = (seen: SeenRestore, status: RestoreStatus, held: Grant, nowMs: number): RestoreDecision => {
  const { grant, steps } = releaseGrant(held, seen.view);
  const seals: readonly Step[] =
    seen.head !== undefined && seen.head.epoch === grant.epoch && !seen.head.sealed
      ? [{ kind: 'sealHead', grant, reason: grant.reason ?? 'Released' }]
      : [];
  const since = grant.state === held.state && grant.stateSince !== undefined ? grant.stateSince : iso(nowMs);
  return { status: withStream(status, { ...grant, stateSince: since }), steps: [...seals, ...steps] };
};

const iso = (ms: number): string => new Date(ms).toISOString();

/** R12, then the last word. */
const windDown = (
  seen: SeenRestore,
  status: RestoreStatus,
  stream: Grant | undefined,
  nowMs: number,
): RestoreDecision => {
  if (stream !== undefined && holds(stream)) {
    if (stream.state === 'Allocating') return { status, steps: [] };
    return release(seen, status, { ...stream, outcome: stream.outcome ?? 'Unused' }, nowMs);
  }
  const over = status.phase === 'Succeeded' || status.phase === 'Failed' || status.phase === 'Cancelled';
  const settled = stream?.state === 'Waiting' ? withStream(status, { ...stream, state: 'Released' }) : status;
  return { status: settled, steps: over ? [] : [{ kind: 'finishRecords' }] };
};

const remaining = (seen: SeenRestore, status: RestoreStatus, choice: Choice) =>
  chooseAreas({
    wanted: subtract(choice.wanted, seen.report.done),
    copies: choice.copies,
    prefer: seen.prefer,
    bad: new Set((status.badSegments ?? []).map((one) => copyKey(one.segment, one.tape))),
    available: (tape) => choice.available(tape) && !(status.avoid?.tapes ?? []).includes(tape),
  });

const nextArea = (seen: SeenRestore, status: RestoreStatus, nowMs: number): RestoreDecision => {
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
    startedAt: iso(nowMs),
  };
  const areas = [...(done.areas ?? []), { ...area, state: 'Waiting' as const }].slice(-maxBad);
  return { status: { ...withStream(done, waiting), areas, currentArea: areas.length - 1 }, steps: [] };
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

const start = (seen: SeenRestore, status: RestoreStatus, grant: Grant): RestoreDecision => {
  if (seen.choice === undefined) return { status, steps: [] };
  const found = remaining(seen, status, seen.choice);
  const area: Area | undefined = found.ok ? found.areas[0] : undefined;
  if (area?.tape !== grant.tape || area === undefined) {
    // What is readable has changed in between: release and choose again.
    return release(seen, status, { ...grant, outcome: 'Unused' }, seen.startedAtMs);
  }
  const left = subtract(seen.choice.wanted, seen.report.done);
  const outside = [
    { first: -1, last: area.first - 1 },
    { first: area.last + 1, last: Infinity },
  ];
  const segments = subtract(left, outside);
  const running: Grant = { ...grant, state: 'Running', pod: grantName(seen.uid, grant) };
  const areas = (status.areas ?? []).map((one, index) =>
    index === status.currentArea ? { ...one, state: 'Reading' as const } : one,
  );
  return {
    status: { ...withStream(status, running), areas },
    steps: [
      { kind: 'openHead', grant: running, assigned: segments },
      { kind: 'launchRestore', grant: running, segments, finish: found.ok && found.areas.length === 1 },
    ],
  };
};

const judge = (seen: SeenRestore, status: RestoreStatus, grant: Grant, nowMs: number): RestoreDecision => {
  const pod = seen.view.pods.get(grantName(seen.uid, grant));
  if (pod === undefined && seen.head?.epoch !== grant.epoch) {
    // Named in the status, then a crash before the pod was made: from Ready again.
    return { status: withStream(status, { ...grant, state: 'Ready' }), steps: [] };
  }
  const verdict = judgeStream({
    grant,
    pod,
    head: seen.head,
    node: grant.node === undefined ? undefined : seen.nodes.get(grant.node),
    silence: seen.silence(),
    patience: seen.patience,
  });
  switch (verdict.kind) {
    case 'fine':
      return { status, steps: [] };
    case 'done':
      return release(seen, status, { ...grant, outcome: 'Succeeded' }, nowMs);
    case 'span':
    case 'lost':
      return lose(status, grant, verdict.fault, nowMs);
  }
};

const lose = (status: RestoreStatus, grant: Grant, fault: Fault, nowMs: number): RestoreDecision => {
  const replacements = (status.replacements ?? 0) + 1;
  const { reason, message, domain } = fault;
  const lost: Grant = {
    ...grant,
    state: 'Fencing',
    stateSince: iso(nowMs),
    outcome: 'Failed',
    fault: domain,
    reason,
    message,
  };
  const hopeless = domain === 'target' || replacements > maxReplacements;
  const ending: RestoreEnding = { result: 'Failed', reason, message };
  return {
    status: {
      ...withStream(status, lost),
      replacements,
      avoid: avoiding(status.avoid, grant, domain),
      ...(hopeless ? { ending } : {}),
    },
    steps: [
      { kind: 'sealHead', grant, reason },
      { kind: 'noteFault', grant, fault },
    ],
  };
};

const avoiding = (
  before: RestoreStatus['avoid'],
  grant: Grant,
  domain: Fault['domain'],
): NonNullable<RestoreStatus['avoid']> => {
  const add = (list: readonly string[] | undefined, name: string): string[] => [...new Set([...(list ?? []), name])];
  switch (domain) {
    case 'drive':
      return { ...before, drives: add(before?.drives, `${grant.library ?? ''}/${grant.drive ?? ''}`) };
    case 'tape':
      return { ...before, tapes: add(before?.tapes, grant.tape ?? '') };
    case 'server':
      return { ...before, servers: add(before?.servers, grant.server ?? '') };
    default:
      return { ...before };
  }
};
