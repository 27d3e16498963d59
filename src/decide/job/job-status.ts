/** What a job's status says for people: phase, texts, progress, conditions. Pure; derived from streams and heads. */
import type { BackupSaveRecord, Grant, Progress } from '../../api/generated/index.ts';
import { setCondition } from '../../api/conditions.ts';
import { firstExamples, isLost } from '../../api/source-examples.ts';
import { bounded } from '../../api/status-text.ts';
import type { Ending, JobStatus } from './job-view.ts';
import type { EffectiveSpec } from './effective-spec.ts';
import { holds } from '../grant/grant.ts';
import { quiesced } from './hooks.ts';

export interface Heads {
  readonly streams: ReadonlyMap<number, BackupSaveRecord>;
  readonly plan: BackupSaveRecord | undefined;
}

export const isTerminal = (status: JobStatus | undefined): boolean => {
  switch (status?.phase) {
    case 'Succeeded':
    case 'Failed':
    case 'Cancelled':
      return true;
    default:
      return false;
  }
};

/** Nothing is done any more but to release what could not be released in time; a suspended job may be resumed. */
export const isOver = (status: JobStatus | undefined): boolean => status?.phase === 'Suspended' || isTerminal(status);

const anyIn = (streams: readonly Grant[], ...states: readonly Grant['state'][]): boolean =>
  streams.some((grant) => states.includes(grant.state));

/** The phase of a job that is not over. It only moves on: what is secured anew later is secured while the job runs. */
export const phaseOf = (status: JobStatus): NonNullable<JobStatus['phase']> => {
  const streams = status.streams ?? [];
  if (status.ending !== undefined) return 'Releasing';
  const begun = status.phase === 'Running' || status.phase === 'Closing';
  const active = streams.filter((grant) => grant.role === 'Active');
  const writing = anyIn(active, 'Waiting', 'Allocating', 'Reserved', 'Preparing', 'Ready', 'Running');
  // While the books are closed a standby may still be ready: that alone is no running.
  if (begun) return writing ? 'Running' : anyIn(active, 'Closing') ? 'Closing' : (status.phase ?? 'Running');
  if (anyIn(streams, 'Running'))
    return (status.plan?.segments ?? 0) > 0 || status.plan?.complete === true ? 'Running' : 'Planning';
  if ((status.hooks ?? []).some((run) => run.when === 'Before' && run.state === 'Running')) return 'Quiescing';
  if (status.snapshot !== undefined && status.snapshot.ready !== true) return 'Quiescing';
  if (anyIn(streams, 'Ready')) return 'Planning';
  if (anyIn(streams, 'Reserved', 'Preparing')) return 'Preparing';
  if (anyIn(streams, 'Allocating')) return 'Allocating';
  return 'Queued';
};

/** Fills in all that follows from the rest. */
export const summarise = (status: JobStatus, spec: EffectiveSpec, heads: Heads): JobStatus => {
  const streams = (status.streams ?? []).map((grant) => withActivity(grant, heads.streams.get(grant.number)));
  const plan = planOf(status, heads.plan);
  const next: JobStatus = {
    ...status,
    streams,
    ...(plan === undefined ? {} : { plan }),
    streamsText: `${streams.filter((grant) => counts(grant, status.ending)).length}/${spec.routes}`,
    tapesText: tapesText(streams, heads),
    progress: progressOf(status, spec, heads),
    ...recordNames(status, heads),
    ...sums(status, spec, heads),
  };
  const phase = phaseOf(next);
  const because = next.ending ?? (isQueueing({ ...next, phase }) ? undefined : (refusedIn(next) ?? lastFault(next)));
  const why = because === undefined ? {} : { reason: because.reason, message: bounded(because.message, 'summary') };
  return { ...next, phase, ...why };
};

/** Secured, or of use to the end: a standby that a success did not need, too. */
const counts = (grant: Grant, ending: JobStatus['ending']): boolean => {
  switch (grant.state) {
    case 'Waiting':
    case 'Failed':
    case 'Fencing':
      return false;
    case 'Released':
      return grant.server !== undefined && ending?.result === 'Succeeded';
    case 'Allocating':
    case 'Reserved':
    case 'Preparing':
    case 'Ready':
    case 'Running':
    case 'Closing':
    case 'Succeeded':
    case 'Releasing':
      return true;
  }
};

/** Reason and message are the allocator's, as long as it says what a stream waits for: two writers would never rest. */
const isQueueing = ({ phase, queue, streams = [] }: JobStatus): boolean =>
  phase === 'Queued' || (queue?.since !== undefined && anyIn(streams, 'Waiting', 'Allocating'));

/** What is missing now says more than what was lost before. */
const refusedIn = ({ streams = [], retired = [], plan }: JobStatus) =>
  [...streams, ...(plan === undefined ? [] : [plan]), ...retired].find(({ refused }) => refused !== undefined)?.refused;

const lastFault = (status: JobStatus): { readonly reason: string; readonly message: string } | undefined => {
  const last = status.failoverHistory?.at(-1);
  return last === undefined ? { reason: '', message: '' } : { reason: last.reason ?? '', message: last.message ?? '' };
};

/** What a worker does is told while it works, and not what it did last. */
const withActivity = (entry: Grant, head: BackupSaveRecord | undefined): Grant => {
  const running = entry.state === 'Running' || entry.state === 'Closing';
  const { activity: _last, ...idle } = entry;
  const grant: Grant = running ? entry : idle;
  const seen = head?.status;
  if (seen === undefined || seen.epoch !== grant.epoch) return grant;
  return {
    ...grant,
    ...(running && seen.activity !== undefined ? { activity: seen.activity } : {}),
    segmentsCommitted: seen.totals?.segments ?? 0,
    bytesDone: seen.totals?.bytes ?? 0,
    bytesPerSecond: running ? (seen.bytesPerSecond ?? 0) : 0,
    record: head?.metadata.name ?? '',
  };
};

const planOf = (status: JobStatus, head: BackupSaveRecord | undefined): JobStatus['plan'] => {
  const cut = head?.status?.plan;
  if (cut === undefined) return status.plan;
  const { segments, bytes, entries, files, complete, linksSegment, pages } = cut;
  return {
    ...status.plan,
    record: head?.metadata.name ?? '',
    complete: complete ?? false,
    ...(segments === undefined ? {} : { segments }),
    ...(bytes === undefined ? {} : { bytes }),
    ...(entries === undefined ? {} : { entries }),
    ...(files === undefined ? {} : { files }),
    ...(linksSegment === undefined ? {} : { linksSegment }),
    ...(pages === undefined ? {} : { pages }),
  };
};

const tapesText = (streams: readonly Grant[], heads: Heads): string => {
  const byStream = [...heads.streams].sort(([a], [b]) => a - b);
  const written = byStream.flatMap(([, head]) => (head.status?.areas ?? []).map((area) => area.barcode));
  const held = streams.flatMap((grant) => (grant.barcode === undefined || !holds(grant) ? [] : [grant.barcode]));
  return [...new Set([...written, ...held])].join(',').slice(0, 253);
};

/** A copy counts once it is committed; the whole is every segment on `copies` tapes. */
const progressOf = (status: JobStatus, spec: EffectiveSpec, heads: Heads): Progress => {
  const plan = heads.plan?.status?.plan;
  const all = [...heads.streams.values()].map((head) => head.status?.totals);
  const sum = (pick: (one: NonNullable<(typeof all)[number]>) => number | undefined): number =>
    all.reduce((total, one) => total + (one === undefined ? 0 : (pick(one) ?? 0)), 0);
  if (plan === undefined) return status.progress ?? {};
  const open = [...heads.streams.values()].reduce((total, head) => total + (head.status?.openBytes ?? 0), 0);
  const bytesTotal = (plan.weight ?? plan.bytes ?? 0) * spec.copies;
  const segmentsTotal = ((plan.segments ?? 0) + Number(plan.complete === true)) * spec.copies;
  const segmentsDone = Math.min(
    sum((one) => one.segments),
    segmentsTotal,
  );
  const bytesDone = Math.min(sum((one) => one.bytes) + open, bytesTotal);
  const filesTotal = (plan.files ?? 0) * spec.copies;
  const done = plan.complete === true && segmentsDone >= segmentsTotal;
  return {
    bytesDone: done ? bytesTotal : bytesDone,
    bytesTotal,
    segmentsDone,
    segmentsTotal,
    // The plan counts every name of a file; on tape a second name in the same segment is a link.
    filesDone: done
      ? filesTotal
      : Math.min(
          sum((one) => one.files),
          filesTotal,
        ),
    filesTotal,
    percent: percentOf(done, plan.complete === true, bytesDone, bytesTotal),
  };
};

const percentOf = (done: boolean, known: boolean, bytesDone: number, bytesTotal: number): string => {
  if (done) return '100%';
  if (!known || bytesTotal === 0) return '0%';
  return `${Math.min(99, Math.floor((100 * bytesDone) / bytesTotal))}%`;
};

const recordNames = (status: JobStatus, heads: Heads): Pick<JobStatus, 'records'> | Record<string, never> => {
  const found = [...heads.streams.values()].map((head) => head.metadata.name);
  if (heads.plan !== undefined) found.push(heads.plan.metadata.name);
  return found.length === 0 ? {} : { records: [...new Set([...(status.records ?? []), ...found])].sort() };
};

type Findings = Pick<JobStatus, 'skipped' | 'vanished' | 'changed' | 'examples'>;

/** Streams that each write a part of the source find different files, those that write the same find them again. */
const sums = (status: JobStatus, spec: EffectiveSpec, heads: Heads): Findings => {
  const seen = [...heads.streams.values()].map((head) => head.status);
  const totals = seen.map((one) => one?.totals);
  const { skipped = 0, vanished = 0, changed = 0 } = status;
  if (totals.length === 0) return { skipped, vanished, changed };
  const found = (pick: 'skipped' | 'vanished' | 'changed'): number => {
    const each = totals.map((one) => one?.[pick] ?? 0);
    return Math.max(...each, Math.ceil(each.reduce((sum, one) => sum + one, 0) / spec.copies));
  };
  const examples = firstExamples(seen.flatMap((one) => one?.examples ?? []));
  const counts = { skipped: found('skipped'), vanished: found('vanished'), changed: found('changed') };
  return examples.length === 0 ? counts : { ...counts, examples };
};

/** A success says what it does not hold: nobody reads `skipped` where the message is all praise. */
const withReservations = (ending: Ending, { skipped = 0, vanished = 0, examples = [] }: JobStatus): Ending => {
  if (ending.result !== 'Succeeded' || skipped + vanished === 0) return ending;
  const parts = [
    ...(skipped === 0 ? [] : [`${filesOf(skipped)} could not be read`]),
    ...(vanished === 0 ? [] : [`${filesOf(vanished)} vanished before ${vanished === 1 ? 'it was' : 'they were'} read`]),
  ];
  const first = examples.find(isLost);
  const such = first === undefined ? '' : ` (such as ${bounded(first.path, 'example')}: ${first.why})`;
  return { ...ending, message: bounded(`${parts.join(', ')}${such}; ${ending.message}`, 'verdict') };
};

const filesOf = (number: number): string => (number === 1 ? '1 file' : `${number} files`);

/** B11: the last word, written when nothing is held any more (a fence that is outstanding excepted). */
export const finalise = (status: JobStatus, spec: EffectiveSpec, generation: number, now: string): JobStatus => {
  if (status.ending === undefined) return status;
  const ending = withReservations(status.ending, status);
  if (ending.result === 'Suspended')
    return {
      ...status,
      phase: 'Suspended',
      reason: ending.reason,
      message: bounded(ending.message, 'summary'),
      suspendedAt: now,
    };
  const held = [...(status.streams ?? []), ...(status.retired ?? [])].filter(holds);
  const succeeded = ending.result === 'Succeeded';
  const copies = ending.copies ?? 0;
  const set = (conditions: JobStatus['conditions'], type: string, value: boolean, reason: string, message: string) =>
    setCondition(
      conditions ?? [],
      { type, status: value ? 'True' : 'False', reason, message, observedGeneration: generation },
      now,
    );
  let conditions = set(status.conditions, succeeded ? 'Complete' : 'Failed', true, ending.reason, ending.message);
  if (succeeded) {
    const least = copies >= spec.copies ? 'AllCopiesWritten' : 'CopiesMissing';
    conditions = set(conditions, 'Redundant', copies >= spec.copies, least, `${copies} of ${spec.copies} copies`);
    const how = consistency(status, spec);
    conditions = set(conditions, 'Consistent', how.consistent, how.reason, how.message);
  }
  const left = stillHeld(held);
  conditions = set(conditions, 'Released', held.length === 0, left.reason, left.message);
  const percent = succeeded && copies >= spec.copies ? { progress: { ...status.progress, percent: '100%' } } : {};
  return {
    ...status,
    ...percent,
    phase: ending.result,
    reason: ending.reason,
    message: bounded(ending.message, 'summary'),
    conditions,
    completionTime: now,
  };
};

interface Consistency {
  readonly consistent: boolean;
  readonly reason: string;
  readonly message: string;
}

/** Whether the files that are read belong to one moment, as far as it is known now. */
export const consistency = (status: JobStatus, spec: EffectiveSpec): Consistency => {
  if (status.interrupted === true) {
    const message = 'the source was read in parts, before a suspension and after it';
    return { consistent: false, reason: 'Interrupted', message };
  }
  const isQuiet = quiesced(spec.hooks.before, status.hooks ?? []);
  if (status.snapshot?.takenAt !== undefined) {
    const how = isQuiet ? ', for which the application was quiesced' : '';
    return {
      consistent: true,
      reason: 'Snapshot',
      message: `read from a snapshot of ${status.snapshot.takenAt}${how}`,
    };
  }
  return isQuiet
    ? { consistent: true, reason: 'Quiesced', message: 'the application was quiesced while it was read' }
    : {
        ...{ consistent: false, reason: 'LiveSource' },
        message: `read from a live source: ${changes(status)}`,
      };
};

const changes = ({ changed = 0, vanished = 0 }: JobStatus): string => {
  const gone = vanished === 0 ? '' : `, ${filesOf(vanished)} vanished meanwhile`;
  return changed === 0
    ? `each file is consistent in itself${gone}`
    : `${filesOf(changed)} changed while they were read, the others are consistent in themselves${gone}`;
};

const stillHeld = (held: readonly Grant[]): { readonly reason: string; readonly message: string } => {
  if (held.length === 0) return { reason: 'NothingHeld', message: 'no hardware is held' };
  const numbers = held.map(({ number }) => number).join(', ');
  return anyIn(held, 'Fencing')
    ? {
        reason: 'FencingUnconfirmed',
        message: `a lost writer is not proven to be gone: tape and drive of stream ${numbers} stay held`,
      }
    : {
        reason: 'ZoneStands',
        message: `a switch does not take a zone away: what stream ${numbers} used stays held`,
      };
};
