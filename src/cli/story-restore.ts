import type { Restore } from '../api/generated/index.ts';
import { formatBytes } from '../decide/units.ts';
import { count } from './amounts.ts';
import type { Part, StoryOptions } from './story.ts';
import { formatTable } from './table.ts';

/** What only a restore has: areas, files brought back, failures, copies that were bad. Pure. */
export const restoreParts = (restore: Restore, { paint }: StoryOptions): readonly Part[] => [
  { title: 'Areas', lines: areaLines(restore) },
  { title: 'Brought back', lines: broughtBack(restore) },
  { title: 'Not as it was', lines: reservationLines(restore) },
  { title: 'Failures', lines: failureLines(restore) },
  {
    title: 'Bad copies',
    lines: (restore.status?.badSegments ?? []).map(
      ({ segment, tape, reason = 'Bad', message }) =>
        `segment ${segment} on ${tape}: ${paint('bad', reason)}${message === undefined ? '' : `: ${message}`}`,
    ),
  },
];

const areaLines = ({ status }: Restore): readonly string[] => {
  const areas = status?.areas ?? [];
  if (areas.length === 0) return [];
  return formatTable(
    ['AREA', 'STATE', 'SEGMENTS', 'TAPE', 'BYTES', 'MESSAGE'],
    areas.map(({ state, first, last, library, barcode, bytes, message = '' }, index) => [
      `${index}`,
      state,
      `${first}–${last}`,
      `${library}, tape ${barcode}`,
      bytes === undefined ? '-' : formatBytes(bytes),
      message,
    ]),
  );
};

const broughtBack = ({ spec, status = {} }: Restore): readonly string[] => {
  const { filesRestored, bytesRestored = 0, segmentsRead = 0 } = status;
  if (spec.target.discard !== undefined)
    return [`${count(segmentsRead, 'copy', 'copies')} of segments read back and good`];
  if (filesRestored === undefined) return [];
  return [`${count(filesRestored, 'file')}, ${formatBytes(bytesRestored)}; ${count(segmentsRead, 'segment')} read`];
};

const reservationLines = ({ status = {} }: Restore): readonly string[] => {
  const { damaged = 0, attributesFailed = 0, linksNotJoined = 0, kept = 0, examples = [] } = status;
  const told = [
    [damaged, 'Damaged', `${count(damaged, 'file')} padded, cut or changed when backed up`],
    [attributesFailed, 'AttributeFailed', `${count(attributesFailed, 'attribute')} that could not be set`],
    [linksNotJoined, 'LinkNotJoined', `${count(linksNotJoined, 'name')} not joined by a hard link`],
    [kept, 'Kept', `${count(kept, 'path')} that were there already and were left`],
  ] as const;
  return told.flatMap(([number, kind, line]) => {
    if (number === 0) return [];
    const such = examples.filter(({ reason }) => reason === kind);
    return [line, ...such.map(({ path, message = '' }) => `  ${path}${message === '' ? '' : `: ${message}`}`)];
  });
};

const failureLines = ({ status = {} }: Restore): readonly string[] => {
  const { failures = [], failureCount = failures.length } = status;
  const more = failureCount - failures.length;
  return [
    ...failures.map(({ path, reason, message = '' }) => `${path}: ${reason}${message === '' ? '' : `: ${message}`}`),
    ...(more > 0 ? [`and ${count(more, 'other', 'others')}`] : []),
  ];
};
