// Generated from crds/ by `npm run generate`. Do not edit.
import type { NamedMeta } from '../metadata.ts';
import type { Boundary, Commit, Inventory, JobRef } from './shared.ts';

/** A SavePage holds a bounded part of a record: boundaries of a plan, commits of a stream, or what an inventory found. A page closes at 256 entries or 256 KiB. It lives in the operator's namespace. */
export interface SavePage {
  apiVersion?: string;
  kind?: string;
  metadata: NamedMeta;
  spec: SavePageSpec;
  status?: SavePageStatus;
}
/**
 * What the page belongs to.
 */
export interface SavePageSpec {
  /**
   * Plan: boundaries. Commits: where segments lie. Inventory: what a library holds.
   */
  type: 'Plan' | 'Commits' | 'Inventory';
  /**
   * BackupSaveRecord that it belongs to; absent for an inventory.
   */
  record?: string;
  /**
   * Number of the page within its record, counted from 0.
   */
  page: number;
  /**
   * The job or restore that this belongs to.
   */
  job?: JobRef;
  /**
   * Stream, for commits.
   */
  stream?: number;
  /**
   * Grant that opened the page.
   */
  epoch?: number;
  /**
   * Worker pod that may write the page.
   */
  pod?: string;
  /**
   * TapeLibrary, for an inventory.
   */
  library?: string;
}
/**
 * Content. Every write carries the resourceVersion that the writer saw.
 */
export interface SavePageStatus {
  /**
   * Nothing more is written here by the worker that opened it.
   */
  sealed?: boolean;
  /**
   * The page is full or the stream has ended.
   */
  closed?: boolean;
  /**
   * For a plan: the first cursor of each segment, in order.
   *
   * Items: One boundary.
   */
  boundaries?: Boundary[];
  /**
   * For commits: by number of the segment in decimal digits.
   */
  commits?: {
    /**
     * Where one segment lies on one tape. It is there once, and only once, the tape has been flushed.
     */
    [k: string]: Commit;
  };
  /**
   * For an inventory: what was found.
   */
  inventory?: Inventory;
}
