/** What a verification means for the backup: which commits bear when they were read, and the condition Verified. Pure. */
import type { Finding } from '../../api/conditions.ts';
import { bounded } from '../../api/status-text.ts';
import type { BackupSaveRecordStatus, Commit } from '../../api/generated/index.ts';
import type { RestoreEnding } from './restore-view.ts';
import { contains } from '../spans.ts';

export type ReadBack = Pick<NonNullable<BackupSaveRecordStatus['restore']>, 'readBack' | 'badSegments'>;

type Commits = Readonly<Record<string, Commit>>;

/** The commits with what was found of each; undefined: nothing changes. A bad one is not verified any more. */
export const withFindings = (commits: Commits, found: ReadBack, nowIso: string): Record<string, Commit> | undefined => {
  let changed = false;
  const next = Object.entries(commits).map(([segment, commit]): [string, Commit] => {
    const { verifiedAt: before, ...rest } = commit;
    const finding = findingOf(Number(segment), commit, found);
    if (finding === 'unread' || (finding === 'bad' && before === undefined)) return [segment, commit];
    changed = true;
    return [segment, finding === 'good' ? { ...rest, verifiedAt: nowIso } : rest];
  });
  return changed ? Object.fromEntries(next) : undefined;
};

const findingOf = (
  segment: number,
  { barcode, labelId, group }: Commit,
  { readBack = [], badSegments = [] }: ReadBack,
): 'good' | 'bad' | 'unread' => {
  if (badSegments.some((one) => one.segment === segment && one.barcode === barcode && one.group === group))
    return 'bad';
  const ranges = readBack.filter((one) => one.barcode === barcode && one.labelId === labelId);
  return contains(ranges, segment) ? 'good' : 'unread';
};

export interface Judged {
  readonly ending: RestoreEnding;
  /** Of the whole backup, with what was found. */
  readonly commits: readonly Commit[];
  readonly bad: number;
  readonly nowIso: string;
}

/** Undefined: nothing is known that was not known before, such as after a cancellation. */
export const judgeVerified = ({
  ending,
  commits,
  bad,
  nowIso,
}: Judged): Omit<Finding, 'observedGeneration'> | undefined => {
  const type = 'Verified';
  const said = (status: Finding['status'], reason: string, message: string) => ({
    ...{ type, status, reason },
    message: bounded(`${message} (${nowIso})`, 'verdict'),
  });
  if (bad > 0) return said('False', ending.result === 'Failed' ? ending.reason : 'CopiesBad', ending.message);
  if (ending.result === 'Failed') return said('False', ending.reason, ending.message);
  if (ending.result !== 'Succeeded') return undefined;
  const unread = commits.filter(({ verifiedAt }) => verifiedAt === undefined);
  if (unread.length === 0) return said('True', 'CopiesAgree', ending.message);
  const tapes = [...new Set(unread.map(({ barcode }) => barcode))].toSorted().join(', ');
  return said(
    'Unknown',
    'PartlyVerified',
    `${unread.length} copies were never read back, on ${tapes}; ${ending.message}`,
  );
};
