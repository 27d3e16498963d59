/** What a restore that discards has found, written where it belongs: to the commits and to the backup's job. */
import type { BackupJob, Commit, Restore, SavePage } from '../api/generated/index.ts';
import { setCondition } from '../api/conditions.ts';
import { backupJobs, backupSaveRecords, savePages } from '../api/resources.ts';
import { hasBegun } from '../decide/restore/restore-area.ts';
import { judgeVerified, withFindings } from '../decide/restore/verified.ts';
import type { ReadBack } from '../decide/restore/verified.ts';
import { referenceTo } from '../kube/events.ts';
import { getIfPresent } from '../kube/writes.ts';
import { changeStatus } from './change-status.ts';
import type { Deps } from './deps.ts';
import type { ActContext } from './grant-acts.ts';
import { listCommitPages } from './observe-job.ts';

/** Before the head goes, which says what was read; again after a crash, it finds its own marks. */
export const noteVerified = async (
  { deps, signal }: ActContext,
  restore: Restore,
  headRef: { readonly namespace: string; readonly name: string },
): Promise<void> => {
  const { backup, ending } = restore.status ?? {};
  const head = await getIfPresent(deps.api, backupSaveRecords, headRef, signal);
  // A head that has gone was counted before it went.
  if (backup === undefined || ending === undefined || (head === undefined && hasBegun(restore.status ?? {}))) return;
  const found: ReadBack = head?.status?.restore ?? {};
  const nowIso = new Date(deps.clock.now()).toISOString();
  const commits = await markPages(deps, backup.uid, found, nowIso, signal);
  const bad = (found.badSegments ?? []).length;
  const good = commits.filter(({ verifiedAt }) => verifiedAt === nowIso).length;
  deps.metrics.copiesVerified(good, bad);
  const finding = judgeVerified({ ending, commits, bad, nowIso });
  if (finding === undefined) return;
  const change = ({ metadata, status }: BackupJob): BackupJob['status'] => {
    if (metadata.uid !== backup.uid) return undefined;
    const observed = { ...finding, observedGeneration: metadata.generation ?? 0 };
    return {
      ...status,
      conditions: setCondition(status?.conditions, observed, nowIso),
      ...(good + bad > 0 && { lastVerified: nowIso }),
    };
  };
  const ref = { namespace: backup.namespace, name: backup.name };
  if (await changeStatus(deps.api, backupJobs, ref, change, signal)) await tell(deps, ref, finding, signal);
};

const markPages = async (
  deps: Deps,
  uid: string,
  found: ReadBack,
  nowIso: string,
  signal: AbortSignal,
): Promise<readonly Commit[]> => {
  const { namespace } = deps.settings;
  const commits: Commit[] = [];
  for (const { metadata, status } of await listCommitPages(deps.api, namespace, uid, signal)) {
    let now: Record<string, Commit> = status?.commits ?? {};
    const mark = (page: SavePage): SavePage['status'] => {
      const marked = withFindings(page.status?.commits ?? {}, found, nowIso);
      now = marked ?? page.status?.commits ?? {};
      return marked === undefined ? undefined : { ...page.status, commits: marked };
    };
    if (withFindings(now, found, nowIso) !== undefined)
      await changeStatus(deps.api, savePages, { namespace, name: metadata.name }, mark, signal);
    commits.push(...Object.values(now));
  }
  return commits;
};

const tell = async (
  { api, events }: Deps,
  ref: { readonly namespace: string; readonly name: string },
  { status, reason, message }: { readonly status: string; readonly reason: string; readonly message: string },
  signal: AbortSignal,
): Promise<void> => {
  const job = await getIfPresent(api, backupJobs, ref, signal);
  if (job === undefined) return;
  events.record({
    regarding: referenceTo(backupJobs, job),
    type: status === 'False' ? 'Warning' : 'Normal',
    reason: status === 'False' ? 'VerificationFailed' : 'Verified',
    action: 'Verify',
    note: `${reason}: ${message}`,
  });
};
