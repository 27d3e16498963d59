import type {
  BackupJob,
  BackupSaveRecord,
  Condition,
  Grant,
  Progress,
  Queue,
  Restore,
} from '../api/generated/index.ts';
import { formatBytes } from '../decide/units.ts';
import { ageOf, count, formatRate } from './amounts.ts';
import type { Work } from './observe.ts';
import { toneOf, type Paint } from './paint.ts';
import { printable } from './printable.ts';
import { progressBar } from './progress-bar.ts';
import { backupParts } from './story-backup.ts';
import { restoreParts } from './story-restore.ts';
import { formatTable } from './table.ts';

export interface StoryOptions {
  readonly nowMs: number;
  readonly paint: Paint;
  /** Those of the work's records that could be read. */
  readonly records: readonly BackupSaveRecord[];
}

/** One part of a story: a title and what stands below it. */
export interface Part {
  readonly title: string;
  readonly lines: readonly string[];
}

/** Everything worth knowing about one job or restore, for a terminal. Pure. */
export const tellStory = (told: Work, given: StoryOptions): readonly string[] => {
  const { paint } = given;
  const work = printable(told);
  const options = { ...given, records: printable(given.records) };
  const own = work.kind === 'BackupJob' ? backupParts(work.object, options) : restoreParts(work.object, options);
  const parts = [
    { title: 'Streams', lines: streamLines(work.object, options) },
    { title: 'Queue', lines: queueLines(work.object.status?.queue, options.nowMs) },
    ...own,
    { title: 'Conditions', lines: conditionLines(work.object.status?.conditions, options) },
  ].filter(({ lines }) => lines.length > 0);
  return [
    ...headLines(work, options),
    ...parts.flatMap(({ title, lines }) => ['', paint('title', title), ...lines.map((line) => `  ${line}`)]),
  ];
};

const headLines = ({ kind, object }: Work, { nowMs, paint }: StoryOptions): readonly string[] => {
  const { metadata, status = {} } = object;
  const phase = status.phase ?? 'New';
  const name = `${kind} ${metadata.namespace ?? 'default'}/${metadata.name}`;
  const reason = [status.reason, status.message].filter((text) => text !== undefined && text !== '').join(': ');
  return [
    `${paint('title', name)}   ${paint(toneOf(phase), phase)}`,
    ...formatTable(
      [],
      [
        ['  why', reason],
        ['  what', kind === 'BackupJob' ? backupSummary(object) : restoreSummary(object)],
        ['  when', timesOf(object, nowMs)],
        ['  verified', kind === 'BackupJob' ? verifiedOf(object, nowMs) : ''],
        ['  done', doneOf(status.progress, kind === 'BackupJob' ? copiesOf(object) : 1)],
      ].filter(([, text]) => text !== ''),
    ),
  ];
};

const backupSummary = ({ spec, status }: BackupJob): string => {
  const { source, routes, copies = routes, activeRoutes = copies } = spec;
  const what =
    source.hostPath?.path ??
    (source.persistentVolumeClaim === undefined ? 'a command' : claimText(source.persistentVolumeClaim));
  const process = status?.processNumber === undefined ? '' : `; process ${status.processNumber}`;
  return `${what} by ${count(routes, 'route')} (${activeRoutes} active) onto ${count(copies, 'copy', 'copies')}${process}`;
};

const restoreSummary = ({ spec, status }: Restore): string => {
  const from = status?.backup?.name ?? spec.from.backupJob ?? spec.from.record ?? 'the latest backup';
  if (spec.target.discard !== undefined) {
    const { streams = [] } = spec.target.discard;
    return `reads back ${streams.length === 0 ? 'every copy' : `the copies of stream ${streams.join(', ')}`} of ${from}`;
  }
  const { hostPath, persistentVolumeClaim } = spec.target;
  const target = hostPath?.path ?? (persistentVolumeClaim === undefined ? '?' : claimText(persistentVolumeClaim));
  const paths = spec.paths.length + spec.escapedPaths.length;
  return `${paths === 0 ? 'everything' : count(paths, 'path')} of ${from} into ${target}`;
};

const claimText = ({ claimName, path }: { readonly claimName: string; readonly path?: string }): string =>
  path === undefined ? `claim ${claimName}` : `${path} in claim ${claimName}`;

/** When it was last read back; what was found is among the conditions. */
const verifiedOf = ({ status = {} }: BackupJob, nowMs: number): string => {
  const { lastVerified, conditions = [] } = status;
  const found = conditions.find(({ type }) => type === 'Verified');
  if (found === undefined) return status.phase === 'Succeeded' ? 'never read back' : '';
  const when = lastVerified === undefined ? '' : `${lastVerified} (${ageOf(lastVerified, nowMs) ?? '?'} ago): `;
  return `${when}${{ True: 'good', False: 'BAD', Unknown: 'in part' }[found.status]}, ${found.reason}`;
};

const timesOf = ({ metadata, status = {} }: BackupJob | Restore, nowMs: number): string => {
  const { startTime, completionTime } = status;
  const created = ageOf(metadata.creationTimestamp, nowMs);
  const texts = [
    ...(created === undefined ? [] : [`applied ${created} ago`]),
    ...(startTime === undefined ? [] : [`started ${startTime}`]),
    ...(completionTime === undefined ? [] : [`ended ${completionTime}`]),
  ];
  const took = ageOf(startTime, Date.parse(completionTime ?? ''));
  return completionTime === undefined || took === undefined ? texts.join(', ') : `${texts.join(', ')} (took ${took})`;
};

const copiesOf = ({ spec }: BackupJob): number => spec.copies ?? spec.routes;

/** The status counts every copy; people know how much their source holds. */
const doneOf = (progress: Progress | undefined, copies: number): string => {
  if (progress === undefined) return '';
  const each = (amount: number | undefined): number => Math.floor((amount ?? 0) / Math.max(1, copies));
  const { bytesDone, bytesTotal, segmentsDone, segmentsTotal, filesDone, filesTotal } = progress;
  return [
    progressBar(progress, 30),
    share(each(bytesDone), each(bytesTotal), formatBytes, formatBytes),
    share(each(segmentsDone), each(segmentsTotal), String, (number) => count(number, 'segment')),
    share(
      each(filesDone),
      each(filesTotal),
      (number) => number.toLocaleString('en-US'),
      (number) => count(number, 'file'),
    ),
    copies > 1 ? `onto each of ${copies} copies, on average` : '',
  ]
    .filter((text) => text !== '')
    .join('  ');
};

type Format = (amount: number) => string;

/** Of what is not known there is no share: a restore does not know its files beforehand. */
const share = (done = 0, total = 0, short: Format, long: Format): string => {
  if (total > 0) return `${short(done)} of ${long(total)}`;
  return done > 0 ? long(done) : '';
};

const streamLines = ({ status }: BackupJob | Restore, options: StoryOptions): readonly string[] => {
  const ended = status?.completionTime !== undefined;
  const present = status?.streams ?? [];
  const retired = status?.retired ?? [];
  const rows = [
    ...present.map((grant) => streamRow(grant, options, { ended, remark: '' })),
    ...retired.map((grant) => streamRow(grant, options, { ended: true, remark: ' (replaced)' })),
  ];
  if (rows.length === 0) return [];
  return formatTable(['STREAM', 'EPOCH', 'STATE', 'ROUTE', 'ACTIVITY', 'RATE', 'SEGMENTS', 'BYTES', 'REASON'], rows);
};

const streamRow = (
  grant: Grant,
  { nowMs, paint }: StoryOptions,
  { ended, remark }: { readonly ended: boolean; readonly remark: string },
): readonly string[] => {
  const { number, epoch, role, state, segmentsCommitted, bytesDone, bytesPerSecond } = grant;
  const since = ageOf(grant.activitySince, nowMs);
  // What a worker did last stays in the status when it does nothing any more.
  const atWork = !ended && (state === 'Running' || state === 'Closing');
  return [
    `${number}${role === 'Standby' ? ' standby' : ''}`,
    epoch === 0 ? '-' : String(epoch),
    `${paint(toneOf(state), state)}${remark}`,
    routeOf(grant),
    grant.activity === undefined || !atWork ? '-' : `${grant.activity}${since === undefined ? '' : ` ${since}`}`,
    bytesPerSecond === undefined || !atWork ? '-' : formatRate(bytesPerSecond),
    segmentsCommitted === undefined ? '-' : String(segmentsCommitted),
    bytesDone === undefined ? '-' : formatBytes(bytesDone),
    grant.reason === undefined || grant.reason === '' ? '-' : grant.reason,
  ];
};

/** `server-0 → switch-0 → library-0/drive-1 → TW0001L9`, as far as it is known. Pure. */
export const routeOf = ({ server, switches = [], library, drive, barcode, tape }: Grant): string => {
  const holds = library === undefined ? undefined : `${library}${drive === undefined ? '' : `/${drive}`}`;
  const ways = [server, switches.length === 0 ? undefined : switches.join(','), holds, barcode ?? tape];
  const known = ways.filter((way) => way !== undefined);
  return known.length === 0 ? '-' : known.join(' → ');
};

const queueLines = (queue: Queue | undefined, nowMs: number): readonly string[] => {
  if (queue === undefined) return [];
  const since = ageOf(queue.since, nowMs);
  const place = `place ${queue.position ?? '?'}${since === undefined ? '' : `, for ${since}`}; waits for`;
  return [place, ...(queue.blockedBy ?? []).map((blocker) => `- ${describeBlocker(blocker)}`)];
};

const describeBlocker = ({ kind, name, reason, message, holder }: NonNullable<Queue['blockedBy']>[number]): string => {
  const what = name === undefined ? `any ${kind}` : `${kind} ${name}`;
  // The message names the thing itself, and its holder.
  if (message !== undefined && name !== undefined && message.startsWith(name)) return `${kind} ${message}`;
  const by = holder && `held by ${holder.kind} ${holder.namespace}/${holder.name}, stream ${holder.stream}`;
  return [`${what}: ${reason}`, message ?? by].filter((text) => text !== undefined).join('; ');
};

export const conditionLines = (
  conditions: readonly Condition[] = [],
  { nowMs, paint }: Pick<StoryOptions, 'nowMs' | 'paint'>,
): readonly string[] => {
  if (conditions.length === 0) return [];
  return formatTable(
    ['TYPE', 'STATUS', 'SINCE', 'REASON', 'MESSAGE'],
    conditions.map(({ type, status, lastTransitionTime, reason, message }) => [
      type,
      status === 'True' ? paint(type === 'Failed' ? 'bad' : 'good', status) : status,
      ageOf(lastTransitionTime, nowMs) ?? '-',
      reason,
      message,
    ]),
  );
};
