/** Looks at a job or restore again and again until it is what it should be. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { BackupJob, BackupSaveRecord, Restore } from '../../src/api/generated/index.ts';
import { labels, operatorNamespace } from '../../src/api/names.ts';
import { backupJobs, backupSaveRecords, restores } from '../../src/api/resources.ts';
import { isApiError } from '../../src/kube/api.ts';
import { DemoError } from './demo-error.ts';
import { patienceMs, type Stage } from './stage.ts';

export const namespace = 'default';
const pollMs = 150;

export interface SeenJob {
  readonly job: BackupJob;
  /** Live state of its streams. */
  readonly heads: readonly BackupSaveRecord[];
}

/**
 * Calls `look` with what is, until the job has ended.
 * @throws DemoError when it has not in a bounded time
 */
export async function followJob(stage: Stage, name: string, look: (seen: SeenJob) => Promise<void>): Promise<SeenJob> {
  const { api } = stage.cluster;
  return follow(stage, `BackupJob ${name}`, async () => {
    const job = await api.get(backupJobs, { namespace, name }, stage.signal);
    const labelSelector = `${labels.jobUid}=${job.metadata.uid ?? ''}`;
    const { items } = await api.list(backupSaveRecords, { namespace: operatorNamespace, labelSelector }, stage.signal);
    const seen = { job, heads: items.filter(({ spec }) => spec.type === 'Stream') };
    await look(seen);
    return { seen, phase: job.status?.phase, ended: job.status?.completionTime !== undefined };
  });
}

/** As `followJob`. */
export async function followRestore(
  stage: Stage,
  name: string,
  look: (restore: Restore) => void = () => undefined,
): Promise<Restore> {
  return follow(stage, `Restore ${name}`, async () => {
    const restore = await stage.cluster.api.get(restores, { namespace, name }, stage.signal);
    look(restore);
    return { seen: restore, phase: restore.status?.phase, ended: restore.status?.completionTime !== undefined };
  });
}

interface Look<T> {
  readonly seen: T;
  readonly phase: string | undefined;
  readonly ended: boolean;
}

async function follow<T>(stage: Stage, what: string, observe: () => Promise<Look<T>>): Promise<T> {
  const limitMs = patienceMs(stage);
  const endMs = performance.now() + limitMs;
  let phase: string | undefined;
  while (performance.now() < endMs) {
    try {
      const look = await observe();
      if (look.ended) return look.seen;
      phase = look.phase;
    } catch (error) {
      // The API server may be busy; the time is bounded anyway.
      if (!isApiError(error) || !error.retryable) throw error;
    }
    await sleep(pollMs, undefined, { signal: stage.signal });
  }
  const seconds = String(Math.round(limitMs / 1000));
  throw new DemoError(`${what} has not ended in ${seconds} s; it is ${phase ?? 'not seen by the operator'}`);
}

export function requireSucceeded(what: string, { status }: BackupJob | Restore): void {
  if (status?.phase === 'Succeeded') return;
  throw new DemoError(
    `${what} is ${status?.phase ?? 'without a phase'} (${status?.reason ?? '-'}): ${status?.message ?? ''}`,
  );
}
