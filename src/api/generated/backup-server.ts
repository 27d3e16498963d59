// Generated from crds/ by `npm run generate`. Do not edit.
import type { NamedMeta } from '../metadata.ts';
import type { Condition, EnvVar, FcPort, Holder, PodResources, Toleration } from './shared.ts';

/** A BackupServer is a machine that can move data between sources and tape drives: a node, with its ports into the storage network. */
export interface BackupServer {
  apiVersion?: string;
  kind?: string;
  metadata: NamedMeta;
  spec: BackupServerSpec;
  status?: BackupServerStatus;
}
/**
 * The machine, as its owner describes it.
 */
export interface BackupServerSpec {
  /**
   * Node on which the worker pods run.
   */
  node: string;
  /**
   * Ports into the storage network. Empty: the drives are reached without a switch.
   *
   * Items: One port.
   */
  ports?: FcPort[];
  /**
   * Streams that may run here at the same time.
   */
  maxStreams: number;
  /**
   * Not to be used: running streams end, no new ones start. Absent: false.
   */
  disabled?: boolean;
  catalogueFolder?: BackupServerCatalogueFolder;
  /**
   * Libraries whose drives and changer this machine can open. Absent: all that name it.
   */
  libraries?: BackupServerLibrariesItem[];
  /**
   * Folders of the machine that may be read, or written by a restore, and from which namespaces. Empty: none.
   */
  hostPaths: BackupServerHostPathsItem[];
  pod?: BackupServerPod;
}
/**
 * Where workers keep the indexes of segments for listing and for restores by pattern: exactly one of hostPath and persistentVolumeClaim. Absent: nowhere; a restore then reads the indexes from tape.
 */
export interface BackupServerCatalogueFolder {
  hostPath?: BackupServerCatalogueFolderHostPath;
  persistentVolumeClaim?: BackupServerCatalogueFolderPersistentVolumeClaim;
}
/**
 * A folder of the machine.
 */
export interface BackupServerCatalogueFolderHostPath {
  /**
   * Absolute path, such as /var/lib/twinreel/catalogue.
   */
  path: string;
}
/**
 * A claim in the operator's namespace.
 */
export interface BackupServerCatalogueFolderPersistentVolumeClaim {
  /**
   * Name of the claim.
   */
  claimName: string;
}
/**
 * One library.
 */
export interface BackupServerLibrariesItem {
  /**
   * TapeLibrary.
   */
  name: string;
  /**
   * It can move tapes in it; so it does when this is absent.
   */
  changer?: boolean;
  /**
   * Drives that it can open, such as drive-0; absent: all.
   *
   * Items: Name of a drive.
   */
  drives?: string[];
}
/**
 * One rule.
 */
export interface BackupServerHostPathsItem {
  /**
   * The folder and all beneath it, such as /data; / is everything. It may be a symbolic link, but on the way from it to a source or target none is followed.
   */
  prefix: string;
  /**
   * Namespaces whose jobs may; * is every one.
   *
   * Items: A namespace, or *.
   */
  namespaces: string[];
  /**
   * Only to be read: backups yes, restores no. Absent: true.
   */
  readOnly?: boolean;
}
/**
 * How worker pods look here.
 */
export interface BackupServerPod {
  /**
   * Resources of the worker.
   */
  resources?: PodResources;
  /**
   * Taints of the node that worker pods tolerate.
   *
   * Items: One toleration.
   */
  tolerations?: Toleration[];
  /**
   * Priority class of the worker pods.
   */
  priorityClassName?: string;
  /**
   * Variables of the worker.
   *
   * Items: One variable.
   */
  env?: EnvVar[];
}
/**
 * What was observed and allocated; written by the operator alone.
 */
export interface BackupServerStatus {
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
   * machineID of the node.
   */
  machineID?: string;
  /**
   * bootID of the node.
   */
  bootID?: string;
  /**
   * Grants that use it now.
   *
   * Items: One grant.
   */
  holders?: Holder[];
  /**
   * When the node was last seen ready.
   */
  lastSeen?: string;
}
