// Generated from crds/ by `npm run generate`. Do not edit.
import type { NamedMeta } from '../metadata.ts';
import type { Condition, Retention } from './shared.ts';

/** A MediaPool is a set of tapes that certain namespaces may use, with rules for keeping and checking what is on them. */
export interface MediaPool {
  apiVersion?: string;
  kind?: string;
  metadata: NamedMeta;
  spec: MediaPoolSpec;
  status?: MediaPoolStatus;
}
/**
 * The pool, as its owner describes it.
 */
export interface MediaPoolSpec {
  /**
   * New tapes whose barcode matches join the pool; * stands for any characters and ? for one, such as TW*L9. Absent: only tapes that name the pool.
   */
  barcodePattern?: string;
  /**
   * TapeLibraries whose tapes join. Absent: all.
   *
   * Items: TapeLibrary.
   */
  libraries?: string[];
  /**
   * Namespaces whose jobs may write to the pool; * is every one.
   *
   * Items: A namespace, or *.
   */
  allowedNamespaces: string[];
  /**
   * How long backups are kept at least; a job may ask for more.
   */
  retention?: Retention;
  verification?: MediaPoolVerification;
  /**
   * Only tapes that can be written once belong here.
   */
  worm: boolean;
}
/**
 * When tapes of the pool are read back. Absent: never.
 */
export interface MediaPoolVerification {
  /**
   * Times as cron has them, such as 0 8 * * sun.
   */
  schedule: string;
  /**
   * Time zone of the schedule, such as Europe/Berlin. Absent: that of the operator.
   */
  timeZone?: string;
  /**
   * Each tape is read back once in this time, in days, such as 180d.
   */
  every?: string;
  /**
   * Tapes at each time.
   */
  maxTapes: number;
}
/**
 * What was observed; written by the operator alone.
 */
export interface MediaPoolStatus {
  /**
   * metadata.generation that the status is about; -1: the operator has not looked at it yet.
   */
  observedGeneration?: number;
  /**
   * What is known about the object, as the API conventions have it. Types: Ready.
   *
   * Items: One condition.
   */
  conditions?: Condition[];
  tapes?: MediaPoolStatusTapes;
  /**
   * Room on tapes in state Scratch and Usable.
   */
  freeBytes?: number;
  /**
   * When a tape was last read back.
   */
  lastVerification?: string;
  /**
   * When the next is due.
   */
  nextVerification?: string;
}
/**
 * Tapes by state.
 */
export interface MediaPoolStatusTapes {
  /**
   * All.
   */
  total?: number;
  /**
   * Tapes in state Scratch.
   */
  scratch?: number;
  /**
   * Tapes in state Usable.
   */
  usable?: number;
  /**
   * Tapes in state InUse.
   */
  inUse?: number;
  /**
   * Tapes in state Full.
   */
  full?: number;
  /**
   * Tapes in state NotUsable.
   */
  notUsable?: number;
  /**
   * Tapes in state Foreign.
   */
  foreign?: number;
  /**
   * Tapes in state Exported.
   */
  exported?: number;
  /**
   * Tapes in state Unknown.
   */
  unknown?: number;
}
