import type { BackupOrder } from '../api/worker-order.ts';
import type { SurveyedGroup } from '../tape/survey.ts';
import type { SegmentCommit } from './ledger.ts';

/** A crash leaves one whole group without a record, an API that was away a few; this is far beyond either. */
const mostLookedAt = 256;

type Whole = Extract<SurveyedGroup, { kind: 'whole' }>;

/**
 * Groups at the end of the tape that this stream has flushed, in any epoch, and never recorded: looks from the last one
 * backwards until it meets one that is recorded, or another job's. Oldest first.
 */
export const findUnrecorded = async (
  groups: number,
  read: (group: number) => Promise<SurveyedGroup | undefined>,
  isRecorded: (segment: number) => boolean,
  { job, grant }: Pick<BackupOrder, 'job' | 'grant'>,
): Promise<readonly SegmentCommit[]> => {
  const found: SegmentCommit[] = [];
  const least = Math.max(0, groups - mostLookedAt);
  for (let group = groups - 1; group >= least; group -= 1) {
    const seen = await read(group);
    if (seen === undefined || seen.kind === 'misplaced') break;
    if (seen.kind !== 'whole') continue;
    if (seen.header.job.uid !== job.uid) break;
    if (seen.header.stream !== grant.stream) continue;
    const commit = commitOf(seen);
    if (commit === undefined) continue;
    if (isRecorded(commit.segment)) break;
    found.unshift(commit);
  }
  // A segment that was written twice counts once: the later group stands.
  return found.filter(({ segment }, i) => found.findLastIndex((other) => other.segment === segment) === i);
};

const commitOf = ({ group, header, trailers }: Whole): SegmentCommit | undefined => {
  const { kind, number, epoch, encoding } = header;
  if (kind === 'catalogue') return undefined;
  const { blocks, paxBytes, entries, files, indexOffset, sha256, endedAt } = trailers;
  return {
    kind,
    segment: number,
    group,
    bytes: paxBytes,
    ...{ blocks, entries, files, indexOffset, sha256, epoch },
    encoding: `${encoding.zstd ? 'Z' : 'N'}${encoding.encrypted ? 'A' : 'N'}`,
    writtenAt: endedAt.toISOString(),
  };
};
