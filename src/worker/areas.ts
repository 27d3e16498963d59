import type { Area, Commit, RecordTotals } from '../api/generated/shared.ts';

const blockBytes = 262_144;

/** Sums over the commits of a stream; what no commit tells (skipped, changed, …) stays as it was. */
export const addToTotals = (totals: RecordTotals, commit: Commit): RecordTotals => ({
  ...totals,
  segments: (totals.segments ?? 0) + 1,
  bytes: (totals.bytes ?? 0) + commit.bytes,
  tapeBytes: (totals.tapeBytes ?? 0) + commit.blocks * blockBytes,
  entries: (totals.entries ?? 0) + commit.entries,
  files: (totals.files ?? 0) + commit.files,
});

/** Puts a commit into the area of its tape and grant; areas stand in the order in which they were begun. */
export const addToAreas = (areas: readonly Area[], segment: number, commit: Commit): readonly Area[] => {
  const { library, tape, barcode, labelId, epoch, group, writtenAt } = commit;
  const bytes = commit.blocks * blockBytes;
  const same = (area: Area): boolean => area.tape === tape && area.labelId === labelId && area.epoch === epoch;
  if (!areas.some(same)) {
    const numbers = { firstSegment: segment, lastSegment: segment, segments: 1, bytes };
    const place = { firstGroup: group, lastGroup: group, startedAt: writtenAt, endedAt: writtenAt };
    return [...areas, { library, tape, barcode, labelId, epoch, ...numbers, ...place }];
  }
  return areas.map((area) =>
    same(area)
      ? {
          ...area,
          firstSegment: Math.min(area.firstSegment, segment),
          lastSegment: Math.max(area.lastSegment, segment),
          segments: (area.segments ?? 0) + 1,
          bytes: (area.bytes ?? 0) + bytes,
          firstGroup: Math.min(area.firstGroup ?? group, group),
          lastGroup: Math.max(area.lastGroup ?? group, group),
          startedAt: earlier(area.startedAt ?? writtenAt, writtenAt),
          endedAt:
            earlier(area.endedAt ?? writtenAt, writtenAt) === writtenAt ? (area.endedAt ?? writtenAt) : writtenAt,
        }
      : area,
  );
};

/** RFC 3339 in UTC with equal precision compares as text. */
const earlier = (a: string, b: string): string => (a < b ? a : b);
