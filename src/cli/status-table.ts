import { ageOf } from './amounts.ts';
import type { Work } from './observe.ts';
import { toneOf, type Paint } from './paint.ts';
import { printable } from './printable.ts';
import { progressBar } from './progress-bar.ts';
import { formatTable } from './table.ts';

export interface TableOptions {
  readonly nowMs: number;
  readonly paint: Paint;
  readonly withNamespace: boolean;
  /** Bars instead of a percentage, where something is under way. */
  readonly withBars: boolean;
  /** With tapes and message. */
  readonly wide: boolean;
}

const wideColumns = ['TAPES', 'MESSAGE'];
const columns = ['NAME', 'PHASE', 'PROGRESS', 'STREAMS', 'FAILOVERS', 'REASON', 'STARTED', 'AGE'];

/** Jobs and restores as `kubectl get` shows them, one line each below a header. Pure. */
export const formatStatusTable = (work: readonly Work[], options: TableOptions): readonly string[] =>
  formatTable(
    [...(options.withNamespace ? ['NAMESPACE'] : []), ...columns, ...(options.wide ? wideColumns : [])],
    work.map((one) => rowOf(printable(one), options)),
  );

const rowOf = ({ kind, object }: Work, options: TableOptions): readonly string[] => {
  const { nowMs, paint, withNamespace, withBars, wide } = options;
  const { metadata, status = {} } = object;
  const phase = status.phase ?? 'New';
  const percent = status.progress?.percent ?? '-';
  const cells = [
    `${kind.toLowerCase()}/${metadata.name}`,
    paint(toneOf(phase), phase),
    withBars && status.completionTime === undefined ? progressBar(status.progress, 20) : percent,
    status.streamsText ?? '-',
    kind === 'BackupJob' ? String(object.status?.failovers ?? 0) : '-',
    orDash(status.reason),
    ageOf(status.startTime, nowMs) ?? '-',
    ageOf(metadata.creationTimestamp, nowMs) ?? '-',
    ...(wide ? [orDash(status.tapesText), orDash(status.message)] : []),
  ];
  return withNamespace ? [metadata.namespace ?? '', ...cells] : cells;
};

/** What was there once is empty, not absent. */
const orDash = (text: string | undefined): string => (text === undefined || text === '' ? '-' : text);
