/** Does a job that has ended say what is true? Its commits are held against the tapes themselves. */
import { rmSync } from 'node:fs';
import path from 'node:path';
import type { BackupJob, Commit } from '../../src/api/generated/index.ts';
import type { LocalCluster } from '../../test/support/local-cluster.ts';
import { isWhole, readTape, type TapeGroup } from '../../test/support/tape-content.ts';

interface Committed extends Commit {
  readonly segment: number;
  readonly stream: number;
}

/** Every untruth in words; none where the job tells the truth and every committed segment can be read. */
export const findLies = async (cluster: LocalCluster, job: BackupJob): Promise<readonly string[]> => {
  const { name } = job.metadata;
  const commits = await readCommits(cluster, job);
  return [...findUnreadable(cluster, job, commits), ...findUntruths(job, commits)].map((lie) => `${name}: ${lie}`);
};

const readCommits = async (cluster: LocalCluster, job: BackupJob): Promise<readonly Committed[]> =>
  (await cluster.pagesOf(job)).flatMap(({ spec, status }) =>
    spec.type === 'Commits'
      ? Object.entries(status?.commits ?? {}).map(([segment, commit]) => ({
          ...commit,
          segment: Number(segment),
          stream: spec.stream ?? 0,
        }))
      : [],
  );

const findUnreadable = (cluster: LocalCluster, job: BackupJob, commits: readonly Committed[]): readonly string[] => {
  const lies: string[] = [];
  for (const barcode of new Set(commits.map((commit) => commit.barcode))) {
    const mine = commits.filter((commit) => commit.barcode === barcode);
    const library = path.join(cluster.state, 'libraries', mine[0]?.library ?? '');
    const out = path.join(cluster.folder, 'read-back');
    const groups = readTape(library, barcode, out);
    for (const commit of mine) {
      const why = whatIsWrong(groups[commit.group], commit, job);
      if (why !== undefined) lies.push(`segment ${String(commit.segment)} on ${barcode}: ${why}`);
    }
    rmSync(out, { recursive: true });
  }
  return lies;
};

const whatIsWrong = (group: TapeGroup | undefined, commit: Committed, job: BackupJob): string | undefined => {
  if (group === undefined || !isWhole(group)) return `group ${String(commit.group)} is not whole`;
  if (group.sha256 !== commit.sha256) return 'its digest is not that of the commit';
  if (group.header?.number !== commit.segment || group.header.job.uid !== job.metadata.uid)
    return 'its labels name another segment or job';
  return undefined;
};

const findUntruths = (job: BackupJob, commits: readonly Committed[]): readonly string[] => {
  const { status, spec } = job;
  const plan = status?.plan;
  const last = plan?.complete === true ? (plan.linksSegment ?? -1) : -1;
  const tapesOf = (segment: number): number =>
    new Set(commits.filter((commit) => commit.segment === segment).map(({ barcode }) => barcode)).size;
  const copies = last < 0 ? 0 : Math.min(...Array.from({ length: last + 1 }, (_, segment) => tapesOf(segment)));
  const conditions = new Map(status?.conditions?.map(({ type, status: value }) => [type, value]));
  const is = (wanted: boolean, what: string): readonly string[] => (wanted ? [] : [what]);
  const wanted = spec.copies ?? spec.routes;
  switch (status?.phase) {
    case 'Succeeded':
      return [
        ...is(copies >= spec.minCopies, `Succeeded with ${String(copies)} copies`),
        ...is(conditions.get('Complete') === 'True', 'Succeeded, but not Complete'),
        ...is((conditions.get('Redundant') === 'True') === copies >= wanted, `Redundant with ${String(copies)} copies`),
        ...is(conditions.get('Released') === 'True', 'not Released'),
      ];
    case 'Failed':
      return [
        ...is(copies < spec.minCopies, `Failed, though every segment is on ${String(copies)} tapes`),
        ...is(conditions.get('Failed') === 'True', 'Failed without the condition'),
        ...is((status.reason ?? '') !== '', 'Failed without a reason'),
      ];
    default:
      return [`the phase is ${String(status?.phase)}`];
  }
};
