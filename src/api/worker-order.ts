/**
 * What the operator tells a worker pod (environment variable `TWINREEL_ORDER`, JSON) and what the worker says when it
 * ends (termination message, JSON, at most 4 KiB). No secrets in either. Folders are not in the order: they are mounts,
 * named by environment variables (`TWINREEL_SOURCE`, `TWINREEL_TARGET`, `TWINREEL_LIBRARY`, `TWINREEL_CATALOGUE`).
 */

export interface JobIdentity {
  readonly kind: 'BackupJob' | 'Restore';
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  readonly processNumber: number;
}

/** The grant under which a worker acts; it touches nothing that another grant holds. */
export interface GrantIdentity {
  readonly stream: number;
  readonly epoch: number;
}

export interface LibraryOrder {
  /** Object name of the TapeLibrary. */
  readonly name: string;
  readonly driver: 'virtual' | 'scsi';
}

export interface DriveOrder {
  readonly name: string;
  readonly elementAddress: number;
}

export interface TapeOrder {
  /** Object name of the Tape. */
  readonly name: string;
  readonly barcode: string;
  /** Absent until the tape bears a label of ours that has been read. */
  readonly labelId?: string;
  readonly slot?: number;
  /** Groups that the records say are closed on it, under that label; a tape with fewer is never written. */
  readonly groups?: number;
}

export interface SourceOrder {
  /** As in the job's spec, for the info member; `path` is the folder as the user named it. */
  readonly kind: 'hostPath' | 'persistentVolumeClaim' | 'command';
  readonly path?: string;
  readonly claim?: string;
  /** VolumeSnapshot of the claim: a clone of it is read. */
  readonly snapshot?: string;
  readonly command?: readonly string[];
  readonly include: readonly string[];
  readonly exclude: readonly string[];
  readonly oneFileSystem: boolean;
  readonly shared: boolean;
}

/**
 * Where in its mount a source or target lies. The mount is the prefix, not the folder: whoever may write beneath the prefix
 * could make the folder a link, and a mount follows it to wherever it leads.
 */
export interface HostFolder {
  /** As the hardware's owner allows it (BackupServer.spec.hostPaths); may be a link itself. */
  readonly prefix: string;
  /** What of the user's path follows the prefix, without a slash at either end; empty: the prefix is meant. */
  readonly beneath: string;
}

interface Common {
  readonly v: 1;
  /** Name of the worker's own pod: heads and pages that it writes name it. */
  readonly pod: string;
  /** Namespace of records, pages and worker pods. */
  readonly operatorNamespace: string;
  readonly server: string;
}

export interface InventoryOrder extends Common {
  readonly role: 'inventory';
  readonly library: LibraryOrder;
  /** SavePage of type Inventory that the worker fills. */
  readonly page: string;
}

export interface LoadOrder extends Common {
  readonly role: 'load';
  readonly job: JobIdentity;
  readonly grant: GrantIdentity;
  readonly library: LibraryOrder;
  readonly drive: DriveOrder;
  readonly tape: TapeOrder;
  /** A blank cartridge is labelled with this id; absent: a blank cartridge is an error (restore). */
  readonly newLabelId?: string;
}

export interface UnloadOrder extends Common {
  readonly role: 'unload';
  /**
   * Nobody holds the drive: a crash left the cartridge in it. Instead of a holder, the library's
   * `status.changerHolder.pod` has to name this pod and the drive has to have no holder; `job` and `grant` say nothing.
   */
  readonly housekeeping?: boolean;
  readonly job: JobIdentity;
  readonly grant: GrantIdentity;
  readonly library: LibraryOrder;
  readonly drive: DriveOrder;
  readonly tape: TapeOrder;
}

export interface PlanOrder extends Common {
  readonly role: 'plan';
  readonly job: JobIdentity;
  /** Head of type Plan. */
  readonly record: string;
  readonly source: SourceOrder;
  readonly sourceFolder: HostFolder;
  readonly lockPages: boolean;
  /** Absent: chosen by the driver's default and the size of the file system. */
  readonly segmentBytes?: number;
}

export interface BackupOrder extends Common {
  readonly role: 'backup';
  readonly job: JobIdentity;
  readonly grant: GrantIdentity;
  readonly library: LibraryOrder;
  readonly drive: DriveOrder;
  readonly tape: TapeOrder & { readonly labelId: string };
  readonly source: SourceOrder;
  readonly sourceFolder: HostFolder;
  /** This stream's head, and the head of the plan. */
  readonly record: string;
  readonly planRecord: string;
  /** A retention lock stands: pages bear its label from the start. */
  readonly lockPages: boolean;
  readonly compression: 'None' | 'Zstd';
  /** The source is a snapshot, or the application at rest: the info of each segment says so on tape. */
  readonly consistent: boolean;
  /** RFC 3339; absent: kept for ever. */
  readonly retainUntil?: string;
  /** Segments between two incremental catalogue groups. */
  readonly catalogueEvery: number;
  /** How long the worker writes on without the API (its drive fences it) before it stops. */
  readonly fenceTimeoutMs: number;
  readonly heartbeatMs: number;
}

export interface SegmentRange {
  readonly first: number;
  readonly last: number;
}

export interface RestoreOrder extends Common {
  readonly role: 'restore';
  readonly job: JobIdentity;
  readonly grant: GrantIdentity;
  readonly library: LibraryOrder;
  readonly drive: DriveOrder;
  readonly tape: TapeOrder & { readonly labelId: string };
  /**
   * Head of type Restore on which progress, failures and bad segments are reported. A restore takes one pod per area: what
   * earlier pods reported under `status.restore` stands, each pod adds its own to it (`done` and counts included).
   */
  readonly record: string;
  /** The backup that is restored. */
  readonly backup: JobIdentity;
  readonly planRecord: string;
  /** Heads whose commit pages tell where the segments lie; only commits on this tape are read. */
  readonly commitRecords: readonly string[];
  /** In reading order; the `links` segment is among them where it is wanted. */
  readonly segments: readonly SegmentRange[];
  readonly targetFolder: HostFolder;
  /** Escaped paths; empty: everything. */
  readonly paths: readonly string[];
  readonly conflict: 'Fail' | 'Skip' | 'Overwrite' | 'KeepNewer';
  /** The last of the restore's pods: it removes the working folder from the target, unless a segment of its own was bad. */
  readonly finish: boolean;
  readonly heartbeatMs: number;
}

/** Reads segments back and checks them; writes nothing but its report, on the head of a Restore. */
export type VerifyOrder = Omit<RestoreOrder, 'role' | 'targetFolder' | 'paths' | 'conflict' | 'finish'> & {
  readonly role: 'verify';
};

export type WorkerOrder =
  InventoryOrder | LoadOrder | UnloadOrder | PlanOrder | BackupOrder | RestoreOrder | VerifyOrder;

export type WorkerRole = WorkerOrder['role'];

/** Whose fault a failure is: it decides what is avoided afterwards. */
export type FaultDomain =
  'source' | 'target' | 'drive' | 'tape' | 'changer' | 'route' | 'server' | 'api' | 'order' | 'worker';

export interface TapeFacts {
  readonly barcode: string;
  readonly labelId?: string;
  readonly volumeId?: string;
  readonly groups?: number;
  readonly usedBytes?: number;
  readonly capacityBytes?: number;
  readonly writeProtected?: boolean;
}

/** `stopped`: asked to (SIGTERM, sealed head, foreign epoch); what was committed stands. */
export type WorkerOutcome = 'succeeded' | 'failed' | 'stopped';

export interface TerminationMessage {
  readonly v: 1;
  readonly role: WorkerRole;
  readonly outcome: WorkerOutcome;
  /** A reason in CamelCase as conditions use it, such as `TapeWriteError`, `TapeFull`, `SourceMismatch`; `Done`. */
  readonly reason: string;
  readonly fault?: FaultDomain;
  /** One sentence for a person: what failed, where, what to do. */
  readonly message: string;
  readonly tape?: TapeFacts;
  /** The slot into which an unload put the cartridge. */
  readonly slot?: number;
  /** Payload bytes of segments that were begun and not committed. */
  readonly lostBytes?: number;
  /** Its working folder is not in the target any more, though the restore is not finished. */
  readonly tidied?: boolean;
}

/** The reason on a sealed head: nobody goes on with this restore, and its worker takes its working folder away. */
export const restoreEnded = 'RestoreEnded';

/** Exit codes; the termination message says more. */
export const exitCodes = {
  done: 0,
  /** A bug, or an order that makes no sense. */
  internal: 1,
  order: 2,
  source: 10,
  target: 11,
  drive: 20,
  tape: 21,
  tapeFull: 22,
  changer: 23,
  route: 24,
  server: 30,
  api: 31,
  stopped: 143,
} as const;
