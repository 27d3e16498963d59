// Generated from crds/ by `npm run generate`. Do not edit.
import type { NamedMeta } from '../metadata.ts';
import type { Condition, DeviceFile, Holder, LibraryDrive, LibraryDriveStatus } from './shared.ts';

/** A TapeLibrary is a changer with slots and drives, real (scsi) or kept in a folder (virtual). */
export interface TapeLibrary {
  apiVersion?: string;
  kind?: string;
  metadata: NamedMeta;
  spec: TapeLibrarySpec;
  status?: TapeLibraryStatus;
}
/**
 * The library, as its owner describes it.
 */
export interface TapeLibrarySpec {
  driver: TapeLibraryDriver;
  /**
   * BackupServers that can move the changer.
   *
   * Items: BackupServer.
   */
  servers: string[];
  /**
   * Its drives.
   *
   * Items: One drive.
   */
  drives: LibraryDrive[];
  /**
   * Not to be used: running streams end, no new ones start.
   */
  disabled: boolean;
}
/**
 * How it is driven: exactly one of virtual and scsi.
 */
export interface TapeLibraryDriver {
  virtual?: TapeLibraryDriverVirtual;
  scsi?: TapeLibraryDriverScsi;
}
/**
 * A library kept in a folder: exactly one of folder and persistentVolumeClaim.
 */
export interface TapeLibraryDriverVirtual {
  /**
   * Folder of the library on the servers, such as /var/lib/twinreel/libraries/library-0.
   */
  folder?: string;
  persistentVolumeClaim?: TapeLibraryDriverVirtualPersistentVolumeClaim;
}
/**
 * A claim in the operator's namespace.
 */
export interface TapeLibraryDriverVirtualPersistentVolumeClaim {
  /**
   * Name of the claim.
   */
  claimName: string;
}
/**
 * A real changer.
 */
export interface TapeLibraryDriverScsi {
  /**
   * Device file of the changer on each server that can move it, such as /dev/sg3.
   *
   * Items: One device file.
   */
  changers: DeviceFile[];
}
/**
 * What was observed and allocated; written by the operator alone.
 */
export interface TapeLibraryStatus {
  /**
   * Usable, InUse, NotUsable or Unknown. Absent is Unknown, never free.
   */
  state?: 'Usable' | 'InUse' | 'NotUsable' | 'Unknown';
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
   * Its drives.
   *
   * Items: One drive.
   */
  drives?: LibraryDriveStatus[];
  /**
   * Usable drives of all, such as 2/2.
   */
  drivesText?: string;
  slots?: TapeLibraryStatusSlots;
  /**
   * When its content was last looked at.
   */
  lastInventory?: string;
  /**
   * Pod that is looking.
   */
  inventoryPod?: string;
  /**
   * SavePage that the last inventory filled.
   */
  inventoryPage?: string;
  /**
   * The value of the annotation twinreel.io/inventory that was last acted on.
   */
  inventoryRequest?: string;
  changerHolder?: TapeLibraryStatusChangerHolder;
}
/**
 * Its slots.
 */
export interface TapeLibraryStatusSlots {
  /**
   * All.
   */
  total?: number;
  /**
   * Empty ones.
   */
  free?: number;
  /**
   * Full ones.
   */
  occupied?: number;
  /**
   * Those for import and export.
   */
  importExport?: number;
}
/**
 * Who moves the robot now: at most one at a time.
 */
export interface TapeLibraryStatusChangerHolder {
  /**
   * Pod.
   */
  pod: string;
  /**
   * Since when.
   */
  since?: string;
  /**
   * Grant for which it moves; absent for an inventory.
   */
  holder?: Holder;
}
