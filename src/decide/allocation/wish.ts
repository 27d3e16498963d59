/** What a job or a restore asks of the allocator. Pure. */
import type { BackupJob, Grant, Restore } from '../../api/generated/index.ts';
import type { Applicant } from './admission.ts';
import { effectiveSpec } from '../job/effective-spec.ts';
import { waitsForFirstSet } from '../grant/grant.ts';
import type { Need } from './hardware.ts';

type Wish = Pick<Applicant, 'priority' | 'streams' | 'atLeast' | 'disjointness' | 'need'>;

export const jobWish = (job: BackupJob, waiting: readonly Grant[]): Wish => {
  const spec = effectiveSpec(job);
  const first = waitsForFirstSet(job.status);
  const path = job.spec.source.hostPath;
  const machine = machineOf(job);
  return {
    priority: spec.priority,
    // Replacements come one by one: half of two lost routes is better than none.
    streams: first ? waiting.map((grant) => grant.number) : waiting.slice(0, 1).map((grant) => grant.number),
    atLeast: first ? spec.minRoutes : 1,
    disjointness: spec.disjointness,
    need: {
      owner: job.metadata.uid ?? '',
      namespace: job.metadata.namespace ?? '',
      ...(path === undefined ? {} : { hostPath: { path: path.path, write: false } }),
      ...(machine === undefined ? {} : { machine }),
      tapes: { kind: 'pool', pool: spec.mediaPool },
      avoid: job.status?.avoid ?? {},
    },
  };
};

/**
 * The machine is chosen with the first set, and stands once its folder may have been read. An intent that was rolled
 * back has chosen nothing.
 */
export const machineOf = ({ spec, status }: BackupJob): Need['machine'] => {
  const path = spec.source.hostPath;
  if (path === undefined || path.shared === true) return undefined;
  const isOpen = waitsForFirstSet(status) && status?.plan === undefined && status?.records === undefined;
  return isOpen || status?.machineID === undefined ? {} : { id: status.machineID };
};

export const restoreWish = (restore: Restore, waiting: readonly Grant[]): Wish => {
  const path = restore.spec.target.hostPath;
  const { machineID } = restore.status ?? {};
  return {
    priority: restore.spec.priority ?? 1000,
    streams: waiting.slice(0, 1).map((grant) => grant.number),
    atLeast: 1,
    disjointness: { server: 'Preferred', library: 'Preferred', switch: 'Preferred' },
    need: {
      owner: restore.metadata.uid ?? '',
      namespace: restore.metadata.namespace ?? '',
      ...(path === undefined ? {} : { hostPath: { path: path.path, write: true } }),
      ...(machineID === undefined ? {} : { machine: { id: machineID } }),
      tapes: { kind: 'tape', name: waiting[0]?.tape ?? '' },
      avoid: restore.status?.avoid ?? {},
    },
  };
};
