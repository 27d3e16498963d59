/** Names that the parts of Twinreel agree on. All are pure functions of identities, so that a retry names the same. */

import { createHash } from 'node:crypto';

export const operatorNamespace = 'twinreel-system';

export const serviceAccounts = {
  operator: 'twinreel-operator',
  worker: 'twinreel-worker',
  agent: 'twinreel-agent',
} as const;

export const labels = {
  /** UID of the job or restore that an object belongs to. */
  jobUid: 'twinreel.io/job-uid',
  jobNamespace: 'twinreel.io/job-namespace',
  jobName: 'twinreel.io/job-name',
  /** `true` on records that the operator watches: those of jobs that have not ended. */
  active: 'twinreel.io/active',
  /** While it stands, deletion is refused: the record is under a retention lock. */
  locked: 'twinreel.io/locked',
  /** Type of a record or page: Stream, Plan, Restore, Commits, Inventory. */
  type: 'twinreel.io/type',
  /** Record that a page belongs to. */
  record: 'twinreel.io/record',
  stream: 'twinreel.io/stream',
  epoch: 'twinreel.io/epoch',
  /** `true` on the pods that a node agent may run. */
  worker: 'twinreel.io/worker',
  /** `true` on the pods that keep a claim mounted in its own namespace. */
  anchor: 'twinreel.io/anchor',
  /** `true` on the snapshots of claims that jobs read, and on the clones of those. */
  snapshot: 'twinreel.io/snapshot',
  /** Role of a worker pod. */
  role: 'twinreel.io/role',
  library: 'twinreel.io/library',
  /** Schedule that made a job. */
  schedule: 'twinreel.io/schedule',
} as const;

export const annotations = {
  /** On a BackupJob or Restore: the epoch whose worker the administrator knows to be gone. */
  fenced: 'twinreel.io/fenced',
  /** On a TapeLibrary: any new value asks for an inventory. */
  inventory: 'twinreel.io/inventory',
  /** On a BackupServer, TapeLibrary, Tape or FCSwitch that is NotUsable: any new value asks to try it again. */
  retry: 'twinreel.io/retry',
  /** On a job that a schedule made: when it was to start, jitter included. */
  plannedStart: 'twinreel.io/planned-start',
  /** On a job that a schedule made for a token of runNow: that. */
  runNow: 'twinreel.io/run-now',
} as const;

export const finalizers = {
  /** On a BackupJob or Restore, only while something is held. */
  held: 'twinreel.io/held',
  /** On a worker pod, until every container was reported terminated. */
  fence: 'twinreel.io/fence',
} as const;

/** Taint of nodes that the node agent registers. */
export const mediaServerTaint = 'twinreel.io/media-server';

/** The first eight hex digits of a uid. */
export const uid8 = (uid: string): string => uid.replaceAll('-', '').slice(0, 8).toLowerCase();

/** A uid as labels on tape have it: 32 hex digits. */
export const uid32 = (uid: string): string => uid.replaceAll('-', '').toLowerCase();

const grantSuffix = (stream: number, epoch: number): string => `s${String(stream)}-e${String(epoch)}`;

/** Pod of the stream worker of one grant: `tw-1a2b3c4d-s1-e3`. */
export const streamPodName = (uid: string, stream: number, epoch: number): string =>
  `tw-${uid8(uid)}-${grantSuffix(stream, epoch)}`;

/**
 * Pod of an action for one grant: `tw-1a2b3c4d-s1-e3-load`. `attempt` counts from 0 and makes the name new where the
 * same action has to be tried again.
 */
export const actionPodName = (
  uid: string,
  stream: number,
  epoch: number,
  role: 'load' | 'unload' | 'verify',
  attempt = 0,
): string => `${streamPodName(uid, stream, epoch)}-${role}${attempt === 0 ? '' : `-${String(attempt)}`}`;

/** Pod of a planner: `tw-1a2b3c4d-plan-e1`. */
export const planPodName = (uid: string, epoch: number): string => `tw-${uid8(uid)}-plan-e${String(epoch)}`;

/**
 * Pod that keeps a job's claim mounted on one node: `tw-1a2b3c4d-anchor-0badcafe`. Names of nodes may be too long for it.
 *
 * @param clone of a snapshot, of which each grant has its own
 */
export const anchorName = (uid: string, node: string, clone = ''): string => {
  const what = clone === '' ? node : `${node}/${clone}`;
  return `tw-${uid8(uid)}-anchor-${createHash('sha256').update(what).digest('hex').slice(0, 8)}`;
};

/** VolumeSnapshot of a job: `tw-1a2b3c4d-snap-e3`. A job that goes on after a suspension takes another one. */
export const snapshotName = (uid: string, epoch: number): string => `tw-${uid8(uid)}-snap-e${String(epoch)}`;

/** Clone of the snapshot for one grant: `tw-1a2b3c4d-s1-e3-clone`. */
export const cloneName = (uid: string, stream: number, epoch: number): string =>
  `${streamPodName(uid, stream, epoch)}-clone`;

/** Head of one stream of a backup: `1a2b3c4d-n17-s1`. The process number makes it unlike that of any other job. */
export const streamRecordName = (uid: string, processNumber: number, stream: number): string =>
  `${uid8(uid)}-n${String(processNumber)}-s${String(stream)}`;

export const planRecordName = (uid: string, processNumber: number): string =>
  `${uid8(uid)}-n${String(processNumber)}-plan`;

export const restoreRecordName = (uid: string, processNumber: number): string =>
  `${uid8(uid)}-n${String(processNumber)}-restore`;

/** Page of a record: `1a2b3c4d-n17-s1-p0`. */
export const pageName = (record: string, page: number): string => `${record}-p${String(page)}`;

/**
 * Zone of one grant: `tw_1a2b3c4d_s1_e3_0`, at most 64 characters of A–Z, a–z, 0–9 and _ as every switch takes them.
 */
export const zoneName = (uid: string, stream: number, epoch: number, index: number): string =>
  `tw_${uid8(uid)}_s${String(stream)}_e${String(epoch)}_${String(index)}`;

/** Prefix of the zones of one job. */
export const zonePrefix = (uid: string): string => `tw_${uid8(uid)}_`;

/** Stream and epoch that a pod or zone name bears; undefined where it is none of ours. */
export const grantOfName = (
  name: string,
): { readonly uid8: string; readonly stream: number; readonly epoch: number } | undefined => {
  const match = /^tw[-_]([0-9a-f]{8})[-_]s(\d+)[-_]e(\d+)(?:[-_]|$)/.exec(name);
  if (match === null) return undefined;
  const [, uid = '', stream = '', epoch = ''] = match;
  return { uid8: uid, stream: Number(stream), epoch: Number(epoch) };
};
