// Generated from crds/ by `npm run generate`. Do not edit.
import type { NamedMeta } from '../metadata.ts';
import type { Avoid, Condition, Grant, JobRef, Progress, Queue, RestoreArea, RestoreFailure, VolumeSource } from './shared.ts';

/** A Restore brings back a backup, whole or in part, reading only the segments that hold what is wanted; or, with the target discard, only reads it back and checks it. */
export interface Restore {
  apiVersion?: string;
  kind?: string;
  metadata: NamedMeta;
  spec: RestoreSpec;
  status?: RestoreStatus;
}
/**
 * What is brought back, and whereto.
 */
export interface RestoreSpec {
  from: RestoreFrom;
  /**
   * Files and folders, relative to the source, such as docs/report.odt; a folder brings all in it. Empty: everything.
   *
   * Items: A path without a leading slash.
   */
  paths: string[];
  /**
   * The same for names that are no UTF-8 text: printable ASCII, % and every other byte as %XX.
   *
   * Items: An escaped path.
   */
  escapedPaths: string[];
  target: RestoreTarget;
  /**
   * A file that already exists: Fail reports it and leaves it, Skip leaves it, Overwrite replaces it, KeepNewer replaces it only by a newer one.
   */
  conflict: 'Fail' | 'Skip' | 'Overwrite' | 'KeepNewer';
  /**
   * Streams whose copies are read first, in this order, such as [1].
   *
   * Items: Number of a stream, counted from 0.
   */
  preferStreams: number[];
  /**
   * What happens when drive or tape cannot be had now: Fail ends the restore, Wait queues it.
   */
  whenUnavailable: 'Fail' | 'Wait';
  /**
   * Restores and jobs with more go first in the queue.
   */
  priority: number;
  /**
   * How long the restore may take from its start, such as 8h. Absent: without limit.
   */
  activeDeadline?: string;
  /**
   * A worker that reads and gets nothing done for so long has failed.
   */
  stallTimeout: string;
  /**
   * End the restore for good as Cancelled. Files already brought back stay.
   */
  cancel: boolean;
  /**
   * Delete the Restore so many seconds after its end. Absent: never.
   */
  ttlSecondsAfterFinished?: number;
}
/**
 * The backup: exactly one of backupJob, record and latest.
 */
export interface RestoreFrom {
  /**
   * BackupJob of this namespace that succeeded.
   */
  backupJob?: string;
  /**
   * Any BackupSaveRecord of the backup, also when its BackupJob is gone. It must be of a job of this namespace.
   */
  record?: string;
  latest?: RestoreFromLatest;
}
/**
 * The newest backup that succeeded: exactly one of schedule and persistentVolumeClaim.
 */
export interface RestoreFromLatest {
  /**
   * BackupSchedule of this namespace that made it.
   */
  schedule?: string;
  /**
   * PersistentVolumeClaim of this namespace that it is of.
   */
  persistentVolumeClaim?: string;
  /**
   * Newest whose data is not younger than this, such as 2026-11-01T00:00:00Z.
   */
  before?: string;
}
/**
 * Whereto: exactly one of hostPath, persistentVolumeClaim and discard.
 */
export interface RestoreTarget {
  hostPath?: RestoreTargetHostPath;
  /**
   * A claim of this namespace.
   */
  persistentVolumeClaim?: VolumeSource;
  discard?: RestoreTargetDiscard;
}
/**
 * A folder, or a block device, of a machine. The hardware's owner must allow writing there (BackupServer.spec.hostPaths).
 */
export interface RestoreTargetHostPath {
  /**
   * Absolute path, such as /restored.
   */
  path: string;
}
/**
 * Nowhere: every copy of every segment is read back from tape and its digest and structure are checked, nothing is written. What was found is told by the condition Verified of the BackupJob.
 */
export interface RestoreTargetDiscard {
  /**
   * Streams whose copies are read, such as [1]. Empty: all.
   *
   * Items: Number of a stream, counted from 0.
   */
  streams: number[];
}
/**
 * What was observed and allocated; written by the operator alone.
 */
export interface RestoreStatus {
  /**
   * Where the restore is in its life. Succeeded, Failed and Cancelled are final and written last.
   */
  phase?: 'Queued' | 'Allocating' | 'Preparing' | 'Running' | 'Releasing' | 'Succeeded' | 'Failed' | 'Cancelled';
  /**
   * Why, as one word.
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
   * Number of this restore; never used twice.
   */
  processNumber?: number;
  /**
   * Epoch that the next grant gets; only grows.
   */
  nextEpoch?: number;
  /**
   * What is known about the object, as the API conventions have it. Types: Complete, Failed, Verified, Released.
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
   * Former grants, until their worker is fenced and everything is released.
   *
   * Items: One grant.
   */
  retired?: Grant[];
  /**
   * Streams at work, such as 1/1.
   */
  streamsText?: string;
  /**
   * Barcodes of the tapes in use.
   */
  tapesText?: string;
  /**
   * The backup that was chosen.
   */
  backup?: JobRef;
  /**
   * BackupSaveRecords of that backup.
   *
   * Items: A record.
   */
  records?: string[];
  /**
   * Its record of type Plan.
   */
  planRecord?: string;
  /**
   * BackupSaveRecord of type Restore on which the workers report.
   */
  record?: string;
  /**
   * Parts on one tape each, read one after the other.
   *
   * Items: One area.
   */
  areas?: RestoreArea[];
  /**
   * Index of the area that is being read, counted from 0.
   */
  currentArea?: number;
  /**
   * How much is done.
   */
  progress?: Progress;
  /**
   * Segments that were read.
   */
  segmentsRead?: number;
  /**
   * Files that were brought back whole.
   */
  filesRestored?: number;
  /**
   * Bytes that were brought back.
   */
  bytesRestored?: number;
  /**
   * The restore was given up, and its worker took its working folder out of the target.
   */
  tidied?: boolean;
  /**
   * Files that could not be brought back; the first of them where there are many.
   *
   * Items: One failure.
   */
  failures?: RestoreFailure[];
  /**
   * How many there are.
   */
  failureCount?: number;
  /**
   * Files that were padded, cut or changed while they were backed up, and came back like that.
   */
  damaged?: number;
  /**
   * Owners, modes, times, ACLs and extended attributes that could not be set.
   */
  attributesFailed?: number;
  /**
   * Names of hard links that became files of their own.
   */
  linksNotJoined?: number;
  /**
   * What was there already and was left as it was, by spec.conflict.
   */
  kept?: number;
  /**
   * The first few that are damaged, have not all attributes, are links no more, or were kept.
   */
  examples?: RestoreStatusExamplesItem[];
  /**
   * Hardware that failed this restore.
   */
  avoid?: Avoid;
  /**
   * Copies of segments that could not be read or had a wrong digest.
   */
  badSegments?: RestoreStatusBadSegmentsItem[];
  /**
   * All of these, also beyond those that are listed singly.
   */
  badRanges?: RestoreStatusBadRangesItem[];
  ending?: RestoreStatusEnding;
  /**
   * Routes that were secured anew.
   */
  replacements?: number;
  /**
   * machineID of the machine whose folder is the target.
   */
  machineID?: string;
  /**
   * When the restore was first looked at.
   */
  startTime?: string;
  /**
   * When the final phase was written.
   */
  completionTime?: string;
}
/**
 * A path, and what is the matter with it.
 */
export interface RestoreStatusExamplesItem {
  /**
   * Path, escaped; its beginning where it is long.
   */
  path: string;
  /**
   * Why it is told, as one word.
   */
  reason: 'Damaged' | 'AttributeFailed' | 'LinkNotJoined' | 'Kept';
  /**
   * What was found when it was backed up, or which attribute could not be set and why.
   */
  message?: string;
}
/**
 * One copy.
 */
export interface RestoreStatusBadSegmentsItem {
  /**
   * Number of the segment.
   */
  segment: number;
  /**
   * Tape.
   */
  tape: string;
  /**
   * Why, as one word.
   */
  reason?: string;
  /**
   * Why, as a sentence.
   */
  message?: string;
}
/**
 * A range of segments on one tape.
 */
export interface RestoreStatusBadRangesItem {
  /**
   * Tape.
   */
  tape: string;
  /**
   * First segment.
   */
  first: number;
  /**
   * Last segment.
   */
  last: number;
}
/**
 * How it ends, decided before anything is released; the phase follows once nothing is held any more.
 */
export interface RestoreStatusEnding {
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
