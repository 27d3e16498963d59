// Generated from crds/ by `npm run generate`. Do not edit.
import type { NamedMeta } from '../metadata.ts';
import type { Avoid, Condition, EnvVar, Failover, Grant, HookRun, LabelSelector, PodResources, Progress, Queue, Refused, Retention, SourceExample, VolumeSource } from './shared.ts';

/** A BackupJob backs up one source, every segment of it onto `copies` distinct tapes, over `routes` routes that are secured before it starts. */
export interface BackupJob {
  apiVersion?: string;
  kind?: string;
  metadata: NamedMeta;
  spec: BackupJobSpec;
  status?: BackupJobStatus;
}
/**
 * What is backed up, how often at the same time, and onto what.
 */
export interface BackupJobSpec {
  source: BackupJobSource;
  hooks?: BackupJobHooks;
  /**
   * N: number of complete ways (server, library, drive, tape, switches) that are secured before a byte moves. All or none.
   */
  routes: number;
  /**
   * k: number of distinct tapes that hold every segment. Absent: as many as routes. routes 2 with copies 2 is parallel redundancy; copies 1 is failover.
   */
  copies?: number;
  /**
   * Number of routes that write at the same time, from copies to routes. Absent: copies. More than copies means striping.
   */
  activeRoutes?: number;
  /**
   * Routes that must have been secured for the job to start. Absent: routes.
   */
  minRoutes?: number;
  /**
   * Copies of every segment that make the job a success, when more cannot be had any more.
   */
  minCopies: number;
  /**
   * Wishes for single streams, by number.
   */
  streams?: BackupJobStreamsItem[];
  /**
   * Unit of commit, failover and restore, such as 64Mi or 8Gi. Absent: chosen by the drive's kind (virtual 256Mi; SCSI about 20 seconds of writing).
   */
  segmentSize?: number | string;
  /**
   * MediaPool from which tapes are taken. It must allow the job's namespace.
   */
  mediaPool: string;
  disjointness: BackupJobDisjointness;
  /**
   * What happens when the routes cannot all be had now: Wait queues the job, Fail ends it. What no declared hardware could ever meet fails at once either way.
   */
  whenUnavailable: 'Fail' | 'Wait';
  /**
   * How long the job may wait in the queue, such as 2h. Absent: without limit.
   */
  allocationDeadline?: string;
  /**
   * How long the job may take from its start, such as 8h. Absent: without limit.
   */
  activeDeadline?: string;
  /**
   * A stream that writes and gets nothing done for so long has failed.
   */
  stallTimeout: string;
  /**
   * How many routes may be secured anew in place of failed ones.
   */
  maxReplacements: number;
  /**
   * Jobs with more go first in the queue.
   */
  priority: number;
  /**
   * How long the backup is kept.
   */
  retention: Retention;
  encryption?: BackupJobEncryption;
  /**
   * None, or Zstd for every segment.
   */
  compression: 'None' | 'Zstd';
  /**
   * ReadBack reads everything written once more before the job ends and compares the digests.
   */
  verify: 'None' | 'ReadBack';
  /**
   * Stop after the open segments and release everything; false goes on at the first segment that is missing.
   */
  suspend: boolean;
  /**
   * End the job for good as Cancelled; what was committed stays readable until retention removes it. Cannot be taken back.
   */
  cancel: boolean;
  /**
   * Delete the BackupJob so many seconds after its end. The backup and its records stay. Absent: never.
   */
  ttlSecondsAfterFinished?: number;
}
/**
 * What is backed up: exactly one of hostPath, persistentVolumeClaim and command.
 */
export interface BackupJobSource {
  hostPath?: BackupJobSourceHostPath;
  /**
   * A claim in the job's namespace.
   */
  persistentVolumeClaim?: VolumeSource;
  command?: BackupJobSourceCommand;
  snapshot?: BackupJobSourceSnapshot;
  /**
   * Patterns of what is read, relative to the source, such as docs/**; empty: everything. The wildcards are *, ** and ?.
   *
   * Items: One pattern.
   */
  include: string[];
  /**
   * Patterns of what is left out, such as ** /*.tmp. They win over include.
   *
   * Items: One pattern.
   */
  exclude: string[];
  /**
   * Do not enter other file systems that are mounted below the source.
   */
  oneFileSystem: boolean;
}
/**
 * A folder or block device of a machine. The hardware's owner must allow it (BackupServer.spec.hostPaths).
 */
export interface BackupJobSourceHostPath {
  /**
   * Absolute path, such as /data.
   */
  path: string;
  /**
   * The path is one file system on every server, such as NFS. Otherwise only servers on the machine chosen first are used.
   */
  shared: boolean;
}
/**
 * The standard output of a command, run as a pod of its own in the job's namespace.
 */
export interface BackupJobSourceCommand {
  /**
   * Image of the container.
   */
  image: string;
  /**
   * Replaces the image's entry point.
   *
   * Items: One word.
   */
  command?: string[];
  /**
   * Arguments.
   *
   * Items: One word.
   */
  args?: string[];
  /**
   * Variables of the container.
   *
   * Items: One variable.
   */
  env?: EnvVar[];
  /**
   * Service account of the pod; absent: the namespace's default.
   */
  serviceAccountName?: string;
  /**
   * Resources of the container.
   */
  resources?: PodResources;
}
/**
 * Read from a snapshot of the claim instead of the live claim: the backup then shows one moment.
 */
export interface BackupJobSourceSnapshot {
  /**
   * Class of the snapshot; absent: the driver's default.
   */
  volumeSnapshotClassName?: string;
}
/**
 * Commands in the application's pods around the moment that the backup shows.
 */
export interface BackupJobHooks {
  /**
   * In this order, before the source is read or its snapshot taken, such as a flush and freeze. May run a second time after a crash.
   */
  before?: BackupJobHooksBeforeItem[];
  /**
   * In this order, as soon as the snapshot is taken, or else when the data was read, such as a thaw. Run at least once on every path, failure included.
   */
  after?: BackupJobHooksAfterItem[];
}
/**
 * One command in the pods that match.
 */
export interface BackupJobHooksBeforeItem {
  /**
   * Pods of the job's namespace in which the command runs; it runs in every running one that matches.
   */
  podSelector: LabelSelector;
  /**
   * Container in which it runs; absent: the first.
   */
  container?: string;
  /**
   * The command and its arguments, not through a shell.
   *
   * Items: One word.
   */
  command: string[];
  /**
   * How long it may take. Absent: 60s.
   */
  timeout?: string;
  /**
   * What a failure means: Fail, as when absent, ends the job; Continue only notes it.
   */
  onError?: 'Fail' | 'Continue';
}
/**
 * One command in the pods that match.
 */
export interface BackupJobHooksAfterItem {
  /**
   * Pods of the job's namespace in which the command runs; it runs in every running one that matches.
   */
  podSelector: LabelSelector;
  /**
   * Container in which it runs; absent: the first.
   */
  container?: string;
  /**
   * The command and its arguments, not through a shell.
   *
   * Items: One word.
   */
  command: string[];
  /**
   * How long it may take. Absent: 60s.
   */
  timeout?: string;
  /**
   * What a failure means: Fail, as when absent, ends the job; Continue only notes it.
   */
  onError?: 'Fail' | 'Continue';
}
/**
 * Wishes for one stream.
 */
export interface BackupJobStreamsItem {
  /**
   * Number of the stream, counted from 0.
   */
  number: number;
  /**
   * MediaPool of this stream's tapes, instead of the job's.
   */
  mediaPool?: string;
  /**
   * TapeLibraries that this stream may use.
   */
  librarySelector?: LabelSelector;
  /**
   * BackupServers that this stream may use.
   */
  serverSelector?: LabelSelector;
  /**
   * How long this stream's copies are kept, instead of the job's.
   */
  retention?: Retention;
}
/**
 * How independent of each other the routes must be. Drives and tapes always differ.
 */
export interface BackupJobDisjointness {
  /**
   * Required: no two streams share a server. Preferred: as few as possible do.
   */
  server: 'Required' | 'Preferred';
  /**
   * Required: no two streams share a library. Preferred: as few as possible do.
   */
  library: 'Required' | 'Preferred';
  /**
   * Required: no two streams share a switch. Preferred: as few as possible do.
   */
  switch: 'Required' | 'Preferred';
}
/**
 * Encrypt each segment with AES-256-GCM. Absent: not encrypted.
 */
export interface BackupJobEncryption {
  secretRef: BackupJobEncryptionSecretRef;
}
/**
 * Secret in the job's namespace with the key.
 */
export interface BackupJobEncryptionSecretRef {
  /**
   * Name of the Secret.
   */
  name: string;
  /**
   * Key in the Secret: 32 bytes.
   */
  key: string;
}
/**
 * What was observed and allocated; written by the operator alone.
 */
export interface BackupJobStatus {
  /**
   * Where the job is in its life. Succeeded, Failed and Cancelled are final and written last.
   */
  phase?:
    | 'Queued'
    | 'Allocating'
    | 'Preparing'
    | 'Quiescing'
    | 'Planning'
    | 'Running'
    | 'Closing'
    | 'Releasing'
    | 'Suspended'
    | 'Succeeded'
    | 'Failed'
    | 'Cancelled';
  /**
   * Why, as one word, such as NoUsableDrive.
   */
  reason?: string;
  /**
   * Why, as a sentence.
   */
  message?: string;
  /**
   * metadata.generation that the status is about; -1: the operator has not looked at it yet.
   */
  observedGeneration?: number;
  /**
   * Number of this backup; never used twice.
   */
  processNumber?: number;
  /**
   * Epoch that the next grant gets; only grows.
   */
  nextEpoch?: number;
  /**
   * What is known about the object, as the API conventions have it. Types: Complete, Failed, Redundant, Consistent, Released, Verified.
   *
   * Items: One condition.
   */
  conditions?: Condition[];
  /**
   * Place in the queue; absent unless the phase is Queued.
   */
  queue?: Queue;
  /**
   * What each stream holds now.
   *
   * Items: One grant.
   */
  streams?: Grant[];
  /**
   * Former grants of streams that a replacement has taken over, until their worker is fenced and everything is released.
   *
   * Items: One grant.
   */
  retired?: Grant[];
  /**
   * Streams that are secured or have succeeded, of those wanted, such as 2/2.
   */
  streamsText?: string;
  /**
   * Barcodes of the tapes in use, such as TW0001L9,TW0002L9.
   */
  tapesText?: string;
  /**
   * How much is done.
   */
  progress?: Progress;
  plan?: BackupJobStatusPlan;
  /**
   * Hardware that is not granted to this job again. What failed it, and tapes on which one of its streams has begun to write.
   */
  avoid?: Avoid;
  /**
   * How often a stream failed and its work went on elsewhere.
   */
  failovers?: number;
  /**
   * The last of them, oldest first.
   *
   * Items: One failover.
   */
  failoverHistory?: Failover[];
  ending?: BackupJobStatusEnding;
  /**
   * Routes that were secured anew.
   */
  replacements?: number;
  /**
   * Bytes that had been written in segments that were not committed, and were written again.
   */
  bytesRewritten?: number;
  /**
   * Files that could not be read.
   */
  skipped?: number;
  /**
   * What the plan had counted and was gone when it was to be read, files and folders; at least so many.
   */
  vanished?: number;
  /**
   * Files that changed while they were read.
   */
  changed?: number;
  /**
   * The first few files that are not in the backup, or that changed while they were read.
   *
   * Items: A file, and what is the matter with it.
   */
  examples?: SourceExample[];
  /**
   * Since when it has been suspended; absent unless the phase is Suspended.
   */
  suspendedAt?: string;
  /**
   * For how long it was suspended before; that counts against no deadline.
   */
  suspendedSeconds?: number;
  /**
   * Its source was read before a suspension and after it.
   */
  interrupted?: boolean;
  /**
   * Commands that were started, in order.
   *
   * Items: One run of a hook.
   */
  hooks?: HookRun[];
  snapshot?: BackupJobStatusSnapshot;
  /**
   * Objects in other namespaces that the finalizer removes.
   */
  children?: BackupJobStatusChildrenItem[];
  /**
   * machineID of the machine whose folder is read, where the source is a hostPath that is not shared.
   */
  machineID?: string;
  /**
   * The moment that the backup shows: of the snapshot, or when reading began.
   */
  dataTime?: string;
  /**
   * When the job was first looked at.
   */
  startTime?: string;
  /**
   * When all routes were secured.
   */
  allocatedAt?: string;
  /**
   * When the final phase was written.
   */
  completionTime?: string;
  /**
   * BackupSaveRecords of this backup in the operator's namespace.
   *
   * Items: A record.
   */
  records?: string[];
  /**
   * Until when the backup is kept; absent: for ever.
   */
  expires?: string;
  /**
   * When copies were last read back and checked; the condition Verified tells what was found.
   */
  lastVerified?: string;
}
/**
 * The plan of this backup.
 */
export interface BackupJobStatusPlan {
  /**
   * BackupSaveRecord of type Plan.
   */
  record?: string;
  /**
   * Pod that plans.
   */
  pod?: string;
  /**
   * The pod that plans, while it is refused, by a quota or a policy say; absent once it is there.
   */
  refused?: Refused;
  /**
   * Number of the planner, counted up when a new one has to go on.
   */
  epoch?: number;
  /**
   * BackupServer on which it runs.
   */
  server?: string;
  /**
   * Pages of the plan so far.
   */
  pages?: number;
  /**
   * Number of data segments; absent until the plan is complete.
   */
  segments?: number;
  /**
   * Number of the segment links: the last one; absent until the plan is complete, and where there is none.
   */
  linksSegment?: number;
  /**
   * Bytes of source data.
   */
  bytes?: number;
  /**
   * Files, folders and others.
   */
  entries?: number;
  /**
   * Regular files.
   */
  files?: number;
  /**
   * All boundaries are cut.
   */
  complete?: boolean;
  /**
   * Name of this backup's folder on the tapes, without the leading .twinreel-: the first hex digits of the job's uid.
   */
  uid8?: string;
  /**
   * When planning began.
   */
  startedAt?: string;
}
/**
 * How it ends, decided before anything is released; the phase follows once nothing is held any more.
 */
export interface BackupJobStatusEnding {
  /**
   * The phase to come.
   */
  result: 'Succeeded' | 'Failed' | 'Cancelled' | 'Suspended';
  /**
   * Why, as one word.
   */
  reason: string;
  /**
   * Why, as a sentence.
   */
  message: string;
  /**
   * Tapes that hold every segment, at the least.
   */
  copies?: number;
}
/**
 * The snapshot that is read.
 */
export interface BackupJobStatusSnapshot {
  /**
   * VolumeSnapshot in the job's namespace.
   */
  name: string;
  /**
   * Uid of it, once it was seen.
   */
  uid?: string;
  /**
   * It could be read.
   */
  ready?: boolean;
  /**
   * When it was asked for.
   */
  requestedAt?: string;
  /**
   * The moment that it shows.
   */
  takenAt?: string;
  /**
   * Since when its driver reports an error.
   */
  failingSince?: string;
  /**
   * The cluster did not take it or a clone of it, as the message says.
   */
  refused?: boolean;
  /**
   * The error of its driver or of the cluster.
   */
  message?: string;
}
/**
 * One object.
 */
export interface BackupJobStatusChildrenItem {
  /**
   * Its kind.
   */
  kind: string;
  /**
   * Its namespace.
   */
  namespace: string;
  /**
   * Its name.
   */
  name: string;
  /**
   * Its uid.
   */
  uid?: string;
}
