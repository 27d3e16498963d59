// Generated from crds/ by `npm run generate`. Do not edit.
import type { NamedMeta } from '../metadata.ts';
import type { BackupJobSpec } from './backup-job.ts';
import type { Condition } from './shared.ts';

/** A BackupSchedule makes BackupJobs at given times. Its words are those of a CronJob. */
export interface BackupSchedule {
  apiVersion?: string;
  kind?: string;
  metadata: NamedMeta;
  spec: BackupScheduleSpec;
  status?: BackupScheduleStatus;
}
/**
 * When jobs are made, and what they look like.
 */
export interface BackupScheduleSpec {
  /**
   * Times as cron has them: minute hour day month weekday, such as 0 2 * * * for every night at two.
   */
  schedule: string;
  /**
   * Time zone of the schedule, such as Europe/Berlin. Absent: that of the operator, normally UTC.
   */
  timeZone?: string;
  /**
   * Each start is put off by a time up to this, fixed for the schedule, so that many do not start at once, such as 10m.
   */
  jitter?: string;
  /**
   * A start that was missed is made up for within so many seconds; later it is skipped. Absent: without limit.
   */
  startingDeadlineSeconds?: number;
  /**
   * When the last job still runs: Allow starts another, Forbid skips the new one, Replace cancels the old one.
   */
  concurrencyPolicy: 'Allow' | 'Forbid' | 'Replace';
  /**
   * Make no jobs, not even for runNow; running ones are left alone.
   */
  suspend: boolean;
  /**
   * Succeeded jobs that are kept as objects. Their backups stay.
   */
  successfulJobsHistoryLimit: number;
  /**
   * Failed and cancelled jobs that are kept as objects.
   */
  failedJobsHistoryLimit: number;
  jobTemplate: BackupScheduleJobTemplate;
  /**
   * Any text; a new one makes one job at once.
   */
  runNow?: string;
  /**
   * Each job should be done within this time after its planned start, such as 6h; status.windowMet tells. Absent: not judged.
   */
  window?: string;
}
/**
 * The jobs that are made.
 */
export interface BackupScheduleJobTemplate {
  metadata?: BackupScheduleJobTemplateMetadata;
  /**
   * Spec of the jobs, as in a BackupJob.
   */
  spec: BackupJobSpec;
}
/**
 * Labels and annotations of the jobs.
 */
export interface BackupScheduleJobTemplateMetadata {
  /**
   * Labels.
   */
  labels?: {
    /**
     * Value of the label.
     */
    [k: string]: string;
  };
  /**
   * Annotations.
   */
  annotations?: {
    /**
     * Value of the annotation.
     */
    [k: string]: string;
  };
}
/**
 * What was observed; written by the operator alone.
 */
export interface BackupScheduleStatus {
  /**
   * metadata.generation that the status is about; -1: the operator has not looked at it yet.
   */
  observedGeneration?: number;
  /**
   * What is known about the object, as the API conventions have it. Types: Ready, Suspended, WindowMet.
   *
   * Items: One condition.
   */
  conditions?: Condition[];
  /**
   * The planned time, without jitter, for which a job was last made.
   */
  lastScheduleTime?: string;
  /**
   * When the next is due, jitter included.
   */
  nextScheduleTime?: string;
  /**
   * When a job last ended in success.
   */
  lastSuccessfulTime?: string;
  /**
   * The token of runNow that was last acted on.
   */
  lastRunNow?: string;
  /**
   * Jobs that have not ended.
   */
  active?: BackupScheduleStatusActiveItem[];
  /**
   * How many of them.
   */
  activeCount?: number;
  /**
   * Starts that were skipped.
   */
  missed?: number;
  /**
   * The planned time, without jitter, of the last of them.
   */
  lastMissedTime?: string;
  followed?: BackupScheduleStatusFollowed;
  /**
   * The last start that can be judged led to a backup within the window. Absent without a window.
   */
  windowMet?: boolean;
  /**
   * The planned time, without jitter, of the start that windowMet is about.
   */
  lastJudgedTime?: string;
}
/**
 * One job.
 */
export interface BackupScheduleStatusActiveItem {
  /**
   * Its name.
   */
  name: string;
  /**
   * Its uid.
   */
  uid: string;
}
/**
 * The times that are followed. Those from before they were asked for are no missed starts.
 */
export interface BackupScheduleStatusFollowed {
  /**
   * As in the spec.
   */
  schedule: string;
  /**
   * As in the spec, or that of the operator.
   */
  timeZone: string;
  /**
   * When they were first seen; at the beginning, when the schedule was made.
   */
  since: string;
}
