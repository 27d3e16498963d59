import type { BackupJob, BackupSaveRecord, Failover } from '../api/generated/index.ts';
import { formatBytes } from '../decide/units.ts';
import { ageOf, count } from './amounts.ts';
import type { Part, StoryOptions } from './story.ts';
import { formatTable } from './table.ts';

/** What only a backup has: failovers, hooks, remarks about the source, records. Pure. */
export const backupParts = (job: BackupJob, { nowMs, records }: StoryOptions): readonly Part[] => [
  { title: 'Failovers', lines: failoverLines(job, nowMs) },
  { title: 'Hooks', lines: hookLines(job) },
  { title: 'Source', lines: sourceLines(job) },
  { title: 'Records', lines: recordLines(job, records) },
];

const failoverLines = ({ status = {} }: BackupJob, nowMs: number): readonly string[] => {
  const { failovers = 0, failoverHistory = [], bytesRewritten = 0, replacements = 0 } = status;
  if (failovers === 0) return [];
  const sum = `${count(failovers, 'failover')}, ${count(replacements, 'route')} secured anew, ${formatBytes(bytesRewritten)} written again`;
  return [sum, ...failoverHistory.map((failover) => `- ${describeFailover(failover, nowMs)}`)];
};

const describeFailover = ({ at, stream, fromEpoch, toEpoch, segment, reason, message }: Failover, nowMs: number) => {
  const when = ageOf(at, nowMs);
  const place = segment === undefined ? '' : ` at segment ${segment}`;
  const to = toEpoch === undefined ? 'no grant went on' : `grant ${toEpoch} went on${place}`;
  const why = [reason, message].filter((text) => text !== undefined).join(': ');
  return `${when === undefined ? '' : `${when} ago: `}stream ${stream}, grant ${fromEpoch} failed (${why}); ${to}`;
};

const hookLines = ({ status }: BackupJob): readonly string[] =>
  formatTable(
    [],
    (status?.hooks ?? []).map(({ when, index, pod, state, attempts = 1, message = '' }) => [
      `${when.toLowerCase()} ${index}`,
      pod ?? '-',
      state,
      attempts > 1 ? `started ${attempts} times` : '',
      message,
    ]),
  );

const sourceLines = ({ status = {} }: BackupJob): readonly string[] => [
  ...(status.skipped ? [`${count(status.skipped, 'file')} not stored (sockets, or unreadable)`] : []),
  ...(status.vanished ? [`${count(status.vanished, 'file')} vanished before being read`] : []),
  ...(status.changed ? [`${count(status.changed, 'file')} changed while being read`] : []),
  ...(status.examples ?? []).map(({ path, why }) => `- ${path}: ${why === 'ENOENT' ? 'vanished' : why}`),
];

const recordLines = ({ status = {} }: BackupJob, records: readonly BackupSaveRecord[]): readonly string[] => {
  const names = status.records ?? [];
  const kept =
    names.length === 0 ? [] : [`kept ${status.expires === undefined ? 'for ever' : `until ${status.expires}`}`];
  const rows = names.flatMap((name) =>
    recordRows(
      name,
      records.find(({ metadata }) => metadata.name === name),
    ),
  );
  return [...kept, ...formatTable([], rows)];
};

const recordRows = (name: string, record: BackupSaveRecord | undefined): readonly (readonly string[])[] => {
  if (record === undefined) return [[name, '', '', '', '']];
  const { spec, status = {} } = record;
  if (spec.type === 'Plan') return [[name, 'plan', count(status.plan?.segments ?? 0, 'segment'), '', '']];
  const areas = status.areas ?? [];
  const what = `stream ${spec.stream ?? '?'}`;
  if (areas.length === 0) return [[name, what, '', '', '']];
  return areas.map(({ library, barcode, firstSegment, lastSegment, bytes = 0 }) => [
    name,
    what,
    `segments ${firstSegment}–${lastSegment}`,
    `${library}, tape ${barcode}`,
    formatBytes(bytes),
  ]);
};
