/** A backup job as a pass sees it, for tests of decisions. */
import type { BackupJob } from '../../../src/api/generated/index.ts';
import { decideBackupJob } from '../../../src/decide/job/backup-job.ts';
import type { JobDecision, JobHead, JobStatus, SeenJob } from '../../../src/decide/job/job-view.ts';
import { effectiveSpec } from '../../../src/decide/job/effective-spec.ts';
import type { Grant, GrantState } from '../../../src/decide/grant/grant.ts';
import type { PodFacts } from '../../../src/decide/grant/pod-facts.ts';
import type { Step } from '../../../src/decide/step.ts';

export const uid = '1a2b3c4d-0000-4000-8000-000000000000';
export const nowMs = Date.UTC(2030, 0, 1, 1);
export const now = new Date(nowMs).toISOString();

export const aJob = (spec: Partial<BackupJob['spec']> = {}): BackupJob => ({
  metadata: { namespace: 'default', name: 'job', uid },
  spec: {
    source: { hostPath: { path: '/data', shared: true }, include: [], exclude: [], oneFileSystem: true },
    ...{ routes: 2, copies: 2, activeRoutes: 2, minCopies: 1, mediaPool: 'default', whenUnavailable: 'Wait' },
    disjointness: { server: 'Preferred', library: 'Preferred', switch: 'Preferred' },
    ...{ stallTimeout: '60s', maxReplacements: 4, priority: 0, retention: {}, compression: 'None', verify: 'None' },
    ...{ suspend: false, cancel: false },
    ...spec,
  },
});

/** Epoch = number + 1. */
export const aGrant = (number: number, state: GrantState, more: Partial<Grant> = {}): Grant => {
  const begun = ['Ready', 'Running', 'Closing', 'Fencing', 'Releasing'].includes(state);
  return {
    ...{ number, epoch: number + 1, role: 'Active', state, server: `server-${number}`, node: `node-${number}` },
    ...{ library: `lib-${number}`, drive: 'drive-0', tape: `tape-${number}`, zones: [] },
    ...(begun ? { zoned: true, loaded: true } : {}),
    ...more,
  };
};

export const aPod = (name: string, more: Partial<PodFacts> = {}): PodFacts => ({
  ...{ name, uid: `uid of ${name}`, node: 'n', state: 'running', deleting: false, fenced: true, ageMs: 0 },
  ...more,
});

export const streamPod = (number: number, more: Partial<PodFacts> = {}): PodFacts =>
  aPod(`tw-1a2b3c4d-s${number}-e${number + 1}`, more);

export const endedWith = (code: number, reason: string, fault?: 'tape' | 'source' | 'worker'): Partial<PodFacts> => ({
  state: 'ended',
  exit: {
    ...{ code, reason: 'Error' },
    message: {
      ...{ v: 1, role: 'backup', outcome: code === 0 ? 'succeeded' : 'failed', reason, message: `${reason}.` },
      ...(fault === undefined ? {} : { fault }),
    },
  },
});

export const aHead = (number: number, more: Partial<JobHead> = {}): JobHead => ({
  ...{ epoch: number + 1, sealed: false, closeAsked: false, activity: 'Writing', openSegment: 3, openBytes: 400 },
  ...{ bytesDone: 0, assigned: [{ first: 0, last: Infinity }], idle: false },
  ...more,
});

export interface Scene extends Partial<Omit<SeenJob, 'status' | 'view' | 'heads' | 'spec'>> {
  readonly job?: Partial<BackupJob['spec']>;
  readonly status?: Partial<JobStatus>;
  /** Its first set of grants stood once; so it is unless a scene says otherwise. */
  readonly isSecured?: boolean;
  readonly streams?: readonly Grant[];
  readonly retired?: readonly Grant[];
  readonly pods?: readonly PodFacts[];
  readonly heads?: readonly (readonly [number, JobHead])[];
}

export const seenJob = ({
  job,
  status,
  streams = [],
  retired = [],
  pods = [],
  heads = [],
  isSecured = true,
  ...more
}: Scene): SeenJob => ({
  uid,
  status: {
    phase: 'Running',
    ...(isSecured ? { allocatedAt: now } : {}),
    ...status,
    streams: [...streams],
    retired: [...retired],
  },
  spec: effectiveSpec(aJob(job)),
  ...{ deleted: false, cancelAsked: false, suspendAsked: false, startedAtMs: nowMs - 1_000 },
  view: {
    ownerUid: uid,
    pods: new Map(pods.map((pod) => [pod.name, pod])),
    busyLibraries: new Set(),
    fenceVouched: () => false,
  },
  plan: { segments: 10, complete: true, pod: undefined },
  heads: new Map(heads),
  committed: new Map(),
  nodes: new Map(),
  boots: new Map(),
  silence: () => ({ headMs: 0, progressMs: 0 }),
  patience: { stallMs: 60_000, heartbeatMs: 100_000, preparationMs: 600_000, filesMs: 900_000, startMs: 60_000 },
  fenceTimeoutMs: 120_000,
  downSwitches: new Set(),
  hookIsGoing: () => false,
  ...more,
});

export const decide = (scene: Scene): JobDecision => decideBackupJob(seenJob(scene), nowMs);

export const stepsOf = ({ steps }: JobDecision, ...kinds: readonly Step['kind'][]): string =>
  steps
    .filter(({ kind }) => kinds.length === 0 || kinds.includes(kind))
    .map((step) => ('grant' in step ? `${step.kind} ${step.grant.number}` : step.kind))
    .join(', ');

export const statesOf = ({ status }: JobDecision): string => {
  const text = (grants: readonly Grant[] = []): string =>
    grants.map(({ number, state, role }) => `${number}${role === 'Standby' ? 's' : ''} ${state}`).join(', ');
  return (status.retired ?? []).length === 0
    ? text(status.streams)
    : `${text(status.streams)} | ${text(status.retired)}`;
};
