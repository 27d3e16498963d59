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
}

const columns = ['NAME', 'PHASE', 'PROGRESS', 'STREAMS', 'FAILOVERS', 'REASON', 'STARTED', 'AGE'];

/** Jobs and restores as `kubectl get` shows them, one line each below a header. Pure. */
export const formatStatusTable = (work: readonly Work[], options: TableOptions): readonly string[] =>
  formatTable(
    options.withNamespace ? ['NAMESPACE', ...columns] : columns,
    work.map((one) => rowOf(printable(one), options)),
  );

const rowOf = ({ kind, object }: Work, { nowMs, paint, withNamespace, withBars }: TableOptions): readonly string[] => {
  const { metadata, status = {} } = object;
  const phase = status.phase ?? 'New';
  const percent = status.progress?.percent ?? '-';
  const cells = [
    `${kind.toLowerCase()}/${metadata.name}`,
    paint(toneOf(phase), phase),
    withBars && status.completionTime === undefined ? progressBar(status.progress, 20) : percent,
    status.streamsText ?? '-',
    kind === 'BackupJob' ? String(object.status?.failovers ?? 0) : '-',
    status.reason ?? '-',
    ageOf(status.startTime, nowMs) ?? '-',
    ageOf(metadata.creationTimestamp, nowMs) ?? '-',
  ];
  return withNamespace ? [metadata.namespace ?? '', ...cells] : cells;
};
