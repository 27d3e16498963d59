// Generated from crds/ by `npm run generate`. Do not edit.
import type { NamedMeta } from '../metadata.ts';
import type { Area, AssignedRange, JobRef, PlanSummary, RecordTotals, RecordedSource, SourceExample } from './shared.ts';

/** A BackupSaveRecord is the head of one stream of one backup: small, live, written by the stream's worker and by the operator. It lives in the operator's namespace, nothing owns it, and only retention removes it. */
export interface BackupSaveRecord {
  apiVersion?: string;
  kind?: string;
  metadata: NamedMeta;
  spec: BackupSaveRecordSpec;
  status?: BackupSaveRecordStatus;
}
/**
 * What the record is about.
 */
export interface BackupSaveRecordSpec {
  /**
   * Stream: commits of one stream. Plan: the boundaries between segments. Restore: what a restore's workers report.
   */
  type: 'Stream' | 'Plan' | 'Restore';
  /**
   * The job or restore that this belongs to.
   */
  job: JobRef;
  /**
   * Number of the stream; absent for a plan.
   */
  stream?: number;
  /**
   * What is backed up, copied from the job.
   */
  source?: RecordedSource;
  /**
   * BackupSchedule that made the job.
   */
  schedule?: string;
  /**
   * The moment that the backup shows.
   */
  dataTime?: string;
}
/**
 * Live state of the stream. Every write carries the resourceVersion that the writer saw.
 */
export interface BackupSaveRecordStatus {
  /**
   * Epoch of the grant that may write. A worker with another stops at once.
   */
  epoch?: number;
  /**
   * Worker pod that may write.
   */
  pod?: string;
  /**
   * Nothing more is committed by this epoch.
   */
  sealed?: boolean;
  /**
   * The operator asks the worker to write the whole catalogue and end.
   */
  close?: boolean;
  /**
   * Changes at each heartbeat; only that it changes counts, not what it says.
   */
  heartbeat?: string;
  /**
   * What the worker is doing.
   */
  activity?:
    | 'Starting'
    | 'Loading'
    | 'Locating'
    | 'Planning'
    | 'WaitingForWork'
    | 'WaitingForSource'
    | 'Reading'
    | 'Writing'
    | 'Flushing'
    | 'Closing'
    | 'Restoring'
    | 'Ending';
  /**
   * Grows with every block that was moved; what stands still while Writing or Reading is stalled.
   */
  progressCount?: number;
  /**
   * Rate since the last heartbeat, in bytes per second.
   */
  bytesPerSecond?: number;
  /**
   * Segments that the worker is to write, in order. It takes none that are not here.
   *
   * Items: A range.
   */
  assigned?: AssignedRange[];
  /**
   * Segment that is being written; marked before it is read.
   */
  openSegment?: number;
  /**
   * Payload bytes of the open segment so far.
   */
  openBytes?: number;
  /**
   * SavePage that takes the commits.
   */
  currentPage?: string;
  /**
   * Pages so far.
   */
  pages?: number;
  /**
   * Sums over what was committed.
   */
  totals?: RecordTotals;
  /**
   * The first few files that are not in the backup, or that changed while they were read.
   *
   * Items: A file, and what is the matter with it.
   */
  examples?: SourceExample[];
  /**
   * Where on which tape the segments lie.
   *
   * Items: One area of one tape.
   */
  areas?: Area[];
  /**
   * How the stream ended, or Running.
   */
  outcome?: 'Running' | 'Succeeded' | 'Failed' | 'Abandoned';
  /**
   * For type Plan: how the job as a whole ended, which outlives the job; only what Succeeded is restored. Absent while it runs.
   */
  result?: 'Succeeded' | 'Failed' | 'Cancelled';
  /**
   * Why, as one word.
   */
  reason?: string;
  /**
   * Why, as a sentence.
   */
  message?: string;
  /**
   * When the worker started.
   */
  startTime?: string;
  /**
   * When it ended.
   */
  endTime?: string;
  /**
   * Until when the backup is kept at least, as its labels on tape say; absent: for ever.
   */
  retainUntil?: string;
  /**
   * For type Plan: the plan as a whole.
   */
  plan?: PlanSummary;
  restore?: BackupSaveRecordStatusRestore;
}
/**
 * For type Restore: what was brought back so far.
 */
export interface BackupSaveRecordStatusRestore {
  /**
   * Segments that were read.
   */
  segmentsRead?: number;
  /**
   * Files that are whole at their place.
   */
  filesRestored?: number;
  /**
   * Bytes of them.
   */
  bytesRestored?: number;
  /**
   * Files, folders and others.
   */
  entries?: number;
  /**
   * Files that could not be brought back.
   */
  failureCount?: number;
  /**
   * The first of them.
   */
  failures?: BackupSaveRecordStatusRestoreFailuresItem[];
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
  examples?: BackupSaveRecordStatusRestoreExamplesItem[];
  /**
   * Copies that could not be read or had a wrong digest.
   */
  badSegments?: BackupSaveRecordStatusRestoreBadSegmentsItem[];
  /**
   * All of these, also beyond those that are listed singly.
   */
  badRanges?: BackupSaveRecordStatusRestoreBadRangesItem[];
  /**
   * For the target discard: copies that were read and agree with their records.
   */
  readBack?: BackupSaveRecordStatusRestoreReadBackItem[];
  /**
   * Segments that need not be read again.
   */
  done?: BackupSaveRecordStatusRestoreDoneItem[];
  /**
   * Which of the chosen paths were met, escaped; one that is not here at the end is not in the backup.
   *
   * Items: A path as it was chosen: printable ASCII, % and every other byte as %XX.
   */
  found?: string[];
  /**
   * Folders have their modes and times, and the working folder is gone.
   */
  finished?: boolean;
}
/**
 * One failure.
 */
export interface BackupSaveRecordStatusRestoreFailuresItem {
  /**
   * Path, escaped; its beginning where it is very long.
   */
  path: string;
  /**
   * Why, as one word.
   */
  reason: string;
  /**
   * Why, as a sentence.
   */
  message?: string;
}
/**
 * A path, and what is the matter with it.
 */
export interface BackupSaveRecordStatusRestoreExamplesItem {
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
export interface BackupSaveRecordStatusRestoreBadSegmentsItem {
  /**
   * Number of the segment.
   */
  segment: number;
  /**
   * Barcode of the tape.
   */
  barcode: string;
  /**
   * Ordinal of the group on the tape.
   */
  group?: number;
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
export interface BackupSaveRecordStatusRestoreBadRangesItem {
  /**
   * Barcode of the tape.
   */
  barcode: string;
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
 * A range of segments on one tape.
 */
export interface BackupSaveRecordStatusRestoreReadBackItem {
  /**
   * Barcode of the tape.
   */
  barcode: string;
  /**
   * Label of the tape.
   */
  labelId: string;
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
 * A range.
 */
export interface BackupSaveRecordStatusRestoreDoneItem {
  /**
   * First segment.
   */
  first: number;
  /**
   * Last segment.
   */
  last: number;
}
