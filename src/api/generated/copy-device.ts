// Generated from crds/ by `npm run generate`. Do not edit.
import type { NamedMeta } from '../metadata.ts';
import type { Condition, DeviceFile, FcPort, Holder } from './shared.ts';

/** A CopyDevice moves data from disk to tape by itself, ordered by a server (EXTENDED COPY), so that no data goes through the server. */
export interface CopyDevice {
  apiVersion?: string;
  kind?: string;
  metadata: NamedMeta;
  spec: CopyDeviceSpec;
  status?: CopyDeviceStatus;
}
/**
 * The device, as its owner describes it.
 */
export interface CopyDeviceSpec {
  driver: CopyDeviceDriver;
  /**
   * BackupServers that can order it.
   *
   * Items: BackupServer.
   */
  servers: string[];
  /**
   * Its ports in the storage network.
   *
   * Items: One port.
   */
  ports?: FcPort[];
  /**
   * TapeLibraries whose drives it reaches. Absent: all.
   *
   * Items: TapeLibrary.
   */
  libraries?: string[];
  /**
   * Copies that it can do at the same time.
   */
  maxStreams: number;
  /**
   * Bytes in one command, such as 16Mi.
   */
  commandSize?: number | string;
  /**
   * Not to be used.
   */
  disabled: boolean;
}
/**
 * How it is driven: exactly one of scsi and simulated.
 */
export interface CopyDeviceDriver {
  scsi?: CopyDeviceDriverScsi;
  simulated?: CopyDeviceDriverSimulated;
}
/**
 * A device that understands EXTENDED COPY.
 */
export interface CopyDeviceDriverScsi {
  /**
   * Device file of the copy manager on each server that can order it.
   *
   * Items: One device file.
   */
  devices: DeviceFile[];
}
/**
 * A stand-in that copies within the server.
 */
export interface CopyDeviceDriverSimulated {
  /**
   * Rate that it keeps to, in bytes per second. Absent: as fast as it goes.
   */
  maxBytesPerSecond?: number;
}
/**
 * What was observed and allocated; written by the operator alone.
 */
export interface CopyDeviceStatus {
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
   * Grants that use it now.
   *
   * Items: One grant.
   */
  holders?: Holder[];
  /**
   * When it last answered.
   */
  lastSeen?: string;
  /**
   * Segment descriptors that it says it knows, such as 00h.
   *
   * Items: A descriptor.
   */
  capabilities?: string[];
}
