// Generated from crds/ by `npm run generate`. Do not edit.
import type { NamedMeta } from '../metadata.ts';
import type { Condition, Holder } from './shared.ts';

/** A Tape is one cartridge. Inventories make Tapes for barcodes that they find; people set pool and worm. */
export interface Tape {
  apiVersion?: string;
  kind?: string;
  metadata: NamedMeta;
  spec: TapeSpec;
  status?: TapeStatus;
}
/**
 * The cartridge, as its owner describes it.
 */
export interface TapeSpec {
  /**
   * TapeLibrary that it is expected in, until an inventory has seen it; status.library says where it is. Absent: in none.
   */
  library?: string;
  /**
   * Barcode, in capitals, such as TW0001L9.
   */
  barcode: string;
  /**
   * MediaPool that it belongs to.
   */
  pool: string;
  /**
   * It can be written once only.
   */
  worm: boolean;
  /**
   * Not to be written any more; reading is allowed.
   */
  disabled: boolean;
}
/**
 * What was observed and allocated; written by the operator alone.
 */
export interface TapeStatus {
  /**
   * Scratch: may be written from its beginning. Usable: has room for more. Foreign: bears a label that is not ours, never written. Absent is Unknown, never free.
   */
  state?: 'Scratch' | 'Usable' | 'InUse' | 'Full' | 'NotUsable' | 'Foreign' | 'Exported' | 'Unknown';
  /**
   * Why, as one word, such as FencingUnconfirmed.
   */
  reason?: string;
  /**
   * Why, as a sentence.
   */
  message?: string;
  /**
   * Since when.
   */
  stateSince?: string;
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
  /**
   * TapeLibrary whose inventory saw it last. The operator never changes spec.library.
   */
  library?: string;
  /**
   * Element address of the slot in which it is, or to which it goes back.
   */
  slot?: number;
  /**
   * Drive in which it is, such as drive-0.
   */
  drive?: string;
  /**
   * Label id, new at each labelling; absent until it was read.
   */
  labelId?: string;
  /**
   * Volume id in the label: the first six characters of the barcode.
   */
  volumeId?: string;
  /**
   * When it was labelled.
   */
  labelledAt?: string;
  /**
   * What it holds.
   */
  capacityBytes?: number;
  /**
   * Bytes up to the end of data.
   */
  usedBytes?: number;
  /**
   * Groups on it.
   */
  groups?: number;
  /**
   * State to which the tape returns when the grant that holds it is released.
   */
  freeState?: 'Scratch' | 'Usable' | 'Full';
  /**
   * Grant that uses it now.
   */
  holder?: Holder;
  /**
   * Latest expiry of the backups on it.
   */
  retainUntil?: string;
  /**
   * A backup on it is kept for ever.
   */
  keepForever?: boolean;
  /**
   * Errors so far.
   */
  errors?: number;
  /**
   * How often it was loaded.
   */
  mounts?: number;
  /**
   * Its write protection is set.
   */
  writeProtected?: boolean;
  /**
   * When it was last freed.
   */
  lastUsed?: string;
  /**
   * When it was last read back.
   */
  lastVerified?: string;
}
