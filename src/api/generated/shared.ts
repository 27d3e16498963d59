// Generated from crds/ by `npm run generate`. Do not edit.
/**
 * One condition.
 */
export interface Condition {
  /**
   * Kind of condition, such as Complete.
   */
  type: string;
  /**
   * True, False or Unknown.
   */
  status: 'True' | 'False' | 'Unknown';
  /**
   * metadata.generation for which this was found.
   */
  observedGeneration?: number;
  /**
   * When status last changed.
   */
  lastTransitionTime: string;
  /**
   * Why, as one CamelCase word for programs.
   */
  reason: string;
  /**
   * Why, as a sentence for people.
   */
  message: string;
}
/**
 * One grant.
 */
export interface Holder {
  /**
   * Kind of the object that holds.
   */
  kind: 'BackupJob' | 'Restore';
  /**
   * Namespace of the object that holds.
   */
  namespace: string;
  /**
   * Name of the object that holds.
   */
  name: string;
  /**
   * UID of the object that holds: a new object of the same name does not inherit.
   */
  uid: string;
  /**
   * Epoch of the grant that holds. Only a release that names the same uid and epoch frees.
   */
  epoch: number;
  /**
   * Process number of the job or restore; never used twice.
   */
  processNumber: number;
  /**
   * Number of the stream that holds.
   */
  stream: number;
}
/**
 * One grant.
 */
export interface Grant {
  /**
   * Number of the stream, counted from 0.
   */
  number: number;
  /**
   * Epoch of this grant; never changes once the state is Reserved. 0 while nothing was ever granted.
   */
  epoch: number;
  /**
   * Active streams write at once; a Standby stream waits for another to fail.
   */
  role: 'Active' | 'Standby';
  /**
   * How far this grant is.
   */
  state:
    | 'Waiting'
    | 'Allocating'
    | 'Reserved'
    | 'Preparing'
    | 'Ready'
    | 'Running'
    | 'Closing'
    | 'Fencing'
    | 'Releasing'
    | 'Succeeded'
    | 'Failed'
    | 'Released';
  /**
   * BackupServer that runs the stream.
   */
  server?: string;
  /**
   * Node of that server.
   */
  node?: string;
  /**
   * bootID of the node when the worker was started; another one later proves that the worker is gone.
   */
  bootID?: string;
  /**
   * TapeLibrary that holds the tape.
   */
  library?: string;
  /**
   * Name of the drive within the library, such as drive-0.
   */
  drive?: string;
  /**
   * Element address of the drive.
   */
  driveElement?: number;
  /**
   * Tape object.
   */
  tape?: string;
  /**
   * Barcode of the tape.
   */
  barcode?: string;
  /**
   * Label id that the tape bears; absent until it was read.
   */
  labelId?: string;
  /**
   * Label id that a blank tape is given when it is loaded; chosen once, with the grant.
   */
  newLabelId?: string;
  /**
   * Element address of the slot from which the tape comes and to which it goes back.
   */
  slot?: number;
  /**
   * FCSwitches that the route may cross.
   *
   * Items: FCSwitch.
   */
  switches?: string[];
  /**
   * Zones that were made for this route; each name is recorded before the zone is made.
   *
   * Items: One zone.
   */
  zones?: GrantZone[];
  /**
   * Worker pod of this grant, in the operator's namespace.
   */
  pod?: string;
  /**
   * The worker pod was seen running.
   */
  podStarted?: boolean;
  /**
   * Pod that loads or unloads for this grant.
   */
  actionPod?: string;
  /**
   * BackupSaveRecord that is this stream's head.
   */
  record?: string;
  /**
   * What the worker says that it is doing, such as Writing.
   */
  activity?: string;
  /**
   * Since when the worker has been doing that without progress, by the operator's clock.
   */
  activitySince?: string;
  /**
   * Segments that this grant has committed.
   */
  segmentsCommitted?: number;
  /**
   * Bytes of committed segments of this grant.
   */
  bytesDone?: number;
  /**
   * Rate at the last heartbeat, in bytes per second.
   */
  bytesPerSecond?: number;
  /**
   * How often the present step was tried again.
   */
  retry?: number;
  /**
   * Why the state is what it is, as one word.
   */
  reason?: string;
  /**
   * Why the state is what it is, as a sentence.
   */
  message?: string;
  /**
   * When the worker was started.
   */
  startedAt?: string;
  /**
   * When the worker's end was seen.
   */
  endedAt?: string;
  /**
   * Since when the state is what it is.
   */
  stateSince?: string;
  /**
   * The zones stand, as read back from the switches; only then may the tape be loaded.
   */
  zoned?: boolean;
  /**
   * The tape is in the drive and its label agreed.
   */
  loaded?: boolean;
  /**
   * The stream's head is sealed: this grant commits nothing more.
   */
  sealed?: boolean;
  /**
   * Proof that the worker of this grant can no longer write; absent while it is outstanding.
   */
  fencedBy?: 'Terminated' | 'NeverStarted' | 'BootID' | 'DriveFence' | 'Administrator';
  /**
   * When that was proven.
   */
  fencedAt?: string;
  /**
   * The tape is back in its slot.
   */
  unloaded?: boolean;
  /**
   * A pod of this grant that is refused, by a quota or a policy say; absent once it is there.
   */
  refused?: Refused;
  /**
   * Unloads that failed; after three the drive and the tape are parked as NotUsable.
   */
  unloadAttempts?: number;
  /**
   * Epoch of the grant that failed before and that this one replaces; absent for the first.
   */
  lostEpoch?: number;
  /**
   * The zones are gone, as read back from the switches.
   */
  unzoned?: boolean;
  /**
   * How the grant ended.
   */
  outcome?: 'Succeeded' | 'Failed' | 'Unused';
  /**
   * Where the failure lies, as far as it is known.
   */
  fault?: 'source' | 'target' | 'drive' | 'tape' | 'changer' | 'route' | 'server' | 'api' | 'order' | 'worker';
  /**
   * Bytes of segments that were begun and not committed.
   */
  lostBytes?: number;
}
/**
 * A pod of this grant that is refused, by a quota or a policy say; absent once it is there.
 */
export interface Refused {
  /**
   * Pod that is not created.
   */
  pod: string;
  /**
   * Why, as one word, such as PodRefused.
   */
  reason: string;
  /**
   * Why, as a sentence.
   */
  message: string;
  /**
   * Since when.
   */
  since: string;
}
/**
 * One zone.
 */
export interface GrantZone {
  /**
   * Name of the zone, such as tw_1a2b3c4d_s0_e1_0.
   */
  name: string;
  /**
   * FCSwitch through which the zone is managed.
   */
  switch: string;
  /**
   * Fabric of the zone.
   */
  fabric?: string;
  /**
   * Ports in the zone.
   *
   * Items: World wide port name.
   */
  members?: string[];
  /**
   * The zone was read back as effective.
   */
  ready?: boolean;
}
/**
 * Place in the queue; absent unless the phase is Queued.
 */
export interface Queue {
  /**
   * Place in the queue, counted from 1.
   */
  position?: number;
  /**
   * Since when it has been queued.
   */
  since?: string;
  /**
   * What it waits for.
   *
   * Items: One thing that is missing.
   */
  blockedBy?: Blocker[];
}
/**
 * One thing that is missing.
 */
export interface Blocker {
  /**
   * Kind of the resource, such as Tape, or Drive.
   */
  kind: string;
  /**
   * Name of the resource; a drive as library-0/drive-1. Absent where any would do.
   */
  name?: string;
  /**
   * Why it cannot be had, such as InUse.
   */
  reason: string;
  /**
   * The same as a sentence.
   */
  message?: string;
  /**
   * Who holds it.
   */
  holder?: Holder;
}
/**
 * How much is done.
 */
export interface Progress {
  /**
   * Bytes of source data in segments that have all their copies so far.
   */
  bytesDone?: number;
  /**
   * Bytes of source data in the plan; grows until the plan is complete.
   */
  bytesTotal?: number;
  /**
   * Segments with all their copies.
   */
  segmentsDone?: number;
  /**
   * Segments in the plan; grows until the plan is complete.
   */
  segmentsTotal?: number;
  /**
   * Regular files in those segments.
   */
  filesDone?: number;
  /**
   * Regular files in the plan.
   */
  filesTotal?: number;
  /**
   * Share of the bytes that is done, such as 42%.
   */
  percent?: string;
}
/**
 * Hardware that is not granted to this job again. What failed it, and tapes on which one of its streams has begun to write.
 */
export interface Avoid {
  /**
   * BackupServers.
   *
   * Items: A name.
   */
  servers?: string[];
  /**
   * Nodes; their servers are used only where no other one works.
   *
   * Items: A name.
   */
  nodes?: string[];
  /**
   * Drives, as library-0/drive-1.
   *
   * Items: A name.
   */
  drives?: string[];
  /**
   * Tapes.
   *
   * Items: A name.
   */
  tapes?: string[];
  /**
   * TapeLibraries.
   *
   * Items: A name.
   */
  libraries?: string[];
  /**
   * FCSwitches.
   *
   * Items: A name.
   */
  switches?: string[];
}
/**
 * TapeLibraries that this stream may use.
 */
export interface LabelSelector {
  /**
   * Labels that must have exactly these values.
   */
  matchLabels?: {
    /**
     * Value of the label.
     */
    [k: string]: string;
  };
  /**
   * Conditions on labels; all must hold.
   */
  matchExpressions?: LabelSelectorMatchExpressionsItem[];
}
/**
 * One condition on a label.
 */
export interface LabelSelectorMatchExpressionsItem {
  /**
   * Name of the label.
   */
  key: string;
  /**
   * How the label is compared.
   */
  operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist';
  /**
   * Values for In and NotIn.
   *
   * Items: A value.
   */
  values?: string[];
}
/**
 * One variable.
 */
export interface EnvVar {
  /**
   * Name of the variable.
   */
  name: string;
  /**
   * Its value.
   */
  value?: string;
  valueFrom?: EnvVarValueFrom;
}
/**
 * Where the value comes from, instead of value.
 */
export interface EnvVarValueFrom {
  secretKeyRef: EnvVarValueFromSecretKeyRef;
}
/**
 * A key of a Secret in the namespace of the pod.
 */
export interface EnvVarValueFromSecretKeyRef {
  /**
   * Name of the Secret.
   */
  name: string;
  /**
   * Key in it.
   */
  key: string;
}
/**
 * Resources of the worker.
 */
export interface PodResources {
  /**
   * What the scheduler sets aside, such as cpu: 500m.
   */
  requests?: {
    /**
     * A quantity, such as 500m or 1Gi.
     */
    [k: string]: number | string;
  };
  /**
   * What may be used at most, such as memory: 512Mi.
   */
  limits?: {
    /**
     * A quantity, such as 500m or 1Gi.
     */
    [k: string]: number | string;
  };
}
/**
 * One toleration.
 */
export interface Toleration {
  /**
   * Key of the taint.
   */
  key?: string;
  /**
   * How the value is compared.
   */
  operator?: 'Exists' | 'Equal';
  /**
   * Value of the taint.
   */
  value?: string;
  /**
   * Effect of the taint.
   */
  effect?: 'NoSchedule' | 'PreferNoSchedule' | 'NoExecute';
  /**
   * How long NoExecute is tolerated.
   */
  tolerationSeconds?: number;
}
/**
 * A claim of this namespace.
 */
export interface VolumeSource {
  /**
   * Name of the PersistentVolumeClaim in the job's namespace.
   */
  claimName: string;
  /**
   * Filesystem reads files; Block reads the device as one file named volume.
   */
  volumeMode: 'Filesystem' | 'Block';
  /**
   * Folder within the claim, without a leading slash, such as databases/main. Absent: all of it.
   */
  path?: string;
}
/**
 * How long this stream's copies are kept, instead of the job's.
 */
export interface Retention {
  /**
   * How long the backup is kept after its end, in days or hours, such as 30d or 720h. Absent: for ever.
   */
  keepFor?: string;
  /**
   * Records of the backup that are made until then cannot be deleted, such as 2031-01-01T00:00:00Z. The lock is not taken away by itself. No tape expires before.
   */
  lockUntil?: string;
}
/**
 * One port.
 */
export interface FcPort {
  /**
   * World wide port name, such as 10:00:00:05:1e:0a:0b:0c.
   */
  wwpn: string;
  /**
   * FCSwitch at the other end of the cable.
   */
  switch: string;
  /**
   * Index of the port on that switch.
   */
  port: number;
}
/**
 * One device file.
 */
export interface DeviceFile {
  /**
   * BackupServer on which it is.
   */
  server: string;
  /**
   * Path of the device there, by id, such as /dev/tape/by-id/scsi-350223344ab000100-nst.
   */
  path: string;
}
/**
 * The job or restore that this belongs to.
 */
export interface JobRef {
  /**
   * Kind of the object.
   */
  kind: 'BackupJob' | 'Restore';
  /**
   * Namespace of the object.
   */
  namespace: string;
  /**
   * Name of the object.
   */
  name: string;
  /**
   * UID of the object.
   */
  uid: string;
  /**
   * Process number of the object; never used twice.
   */
  processNumber: number;
}
/**
 * One failure.
 */
export interface RestoreFailure {
  /**
   * Path, escaped; its beginning where it is very long.
   */
  path: string;
  /**
   * Why, as one word, such as FileTorn.
   */
  reason: string;
  /**
   * Why, as a sentence.
   */
  message?: string;
}
/**
 * One failover.
 */
export interface Failover {
  /**
   * Stream that failed.
   */
  stream: number;
  /**
   * Its grant.
   */
  fromEpoch: number;
  /**
   * The grant that went on; absent while there is none.
   */
  toEpoch?: number;
  /**
   * First segment that lacked a copy.
   */
  segment?: number;
  /**
   * Why it failed, as one word.
   */
  reason?: string;
  /**
   * Why it failed, as a sentence.
   */
  message?: string;
  /**
   * When.
   */
  at?: string;
}
/**
 * One run of a hook.
 */
export interface HookRun {
  /**
   * before or after.
   */
  when: 'Before' | 'After';
  /**
   * Its place in the list of the spec, counted from 0.
   */
  index: number;
  /**
   * Pod in which it ran.
   */
  pod?: string;
  /**
   * Running is written before the command is started.
   */
  state: 'Running' | 'Succeeded' | 'Failed';
  /**
   * How often it was started.
   */
  attempts?: number;
  /**
   * When it was last started.
   */
  startedAt?: string;
  /**
   * When it ended.
   */
  endedAt?: string;
  /**
   * End of its output, or the error.
   */
  message?: string;
}
/**
 * One area of one tape.
 */
export interface Area {
  /**
   * TapeLibrary.
   */
  library: string;
  /**
   * Tape.
   */
  tape: string;
  /**
   * Barcode of the tape.
   */
  barcode: string;
  /**
   * Label id of the tape.
   */
  labelId: string;
  /**
   * First segment.
   */
  firstSegment: number;
  /**
   * Last segment.
   */
  lastSegment: number;
  /**
   * Number of segments; they need not be contiguous.
   */
  segments?: number;
  /**
   * Payload bytes.
   */
  bytes?: number;
  /**
   * Ordinal of the first group on the tape.
   */
  firstGroup?: number;
  /**
   * Ordinal of the last.
   */
  lastGroup?: number;
  /**
   * Grant that wrote.
   */
  epoch: number;
  /**
   * When the first was written.
   */
  startedAt?: string;
  /**
   * When the last was written.
   */
  endedAt?: string;
}
/**
 * A range.
 */
export interface AssignedRange {
  /**
   * First segment.
   */
  first: number;
  /**
   * Last segment; absent: all that follow.
   */
  last?: number;
}
/**
 * What is backed up, copied from the job.
 */
export interface RecordedSource {
  /**
   * Kind of the source.
   */
  kind: 'hostPath' | 'persistentVolumeClaim' | 'command';
  /**
   * Folder, as the user named it.
   */
  path?: string;
  /**
   * The path is one file system on every server.
   */
  shared?: boolean;
  /**
   * PersistentVolumeClaim.
   */
  claim?: string;
  /**
   * How the claim is read.
   */
  volumeMode?: 'Filesystem' | 'Block';
  /**
   * VolumeSnapshot that was read.
   */
  snapshot?: string;
  /**
   * Command whose output it is.
   *
   * Items: One word.
   */
  command?: string[];
  /**
   * Patterns of what is read.
   *
   * Items: One pattern.
   */
  include?: string[];
  /**
   * Patterns of what is left out.
   *
   * Items: One pattern.
   */
  exclude?: string[];
  /**
   * Other file systems below are not entered.
   */
  oneFileSystem?: boolean;
}
/**
 * For type Plan: the plan as a whole.
 */
export interface PlanSummary {
  /**
   * All boundaries are cut.
   */
  complete?: boolean;
  /**
   * Data segments so far.
   */
  segments?: number;
  /**
   * Bytes of data.
   */
  bytes?: number;
  /**
   * Weight: 2 KiB a file and its bytes.
   */
  weight?: number;
  /**
   * Regular files.
   */
  files?: number;
  /**
   * Files, folders and others.
   */
  entries?: number;
  /**
   * Name of the backup's folder on the tapes after .twinreel-: the first hex digits of the job's uid.
   */
  folder?: string;
  /**
   * Inode number of the source's root, in decimal digits.
   */
  rootInode?: string;
  /**
   * Size of the source's root as lstat has it.
   */
  rootSize?: number;
  /**
   * machineID of the machine that was read.
   */
  machineID?: string;
  /**
   * Size at which boundaries are cut now.
   */
  segmentBytes?: number;
  /**
   * Number of the segment links; absent until complete, and where there is none.
   */
  linksSegment?: number;
  /**
   * Plan pages.
   */
  pages?: number;
  /**
   * When planning began.
   */
  startedAt?: string;
  /**
   * When it was complete.
   */
  endedAt?: string;
  /**
   * How often the segment size was doubled because there were many.
   */
  sizeRaised?: number;
  /**
   * What a segment is a range of.
   */
  unit?: 'Paths' | 'Volume' | 'Command';
}
/**
 * A file, and what is the matter with it.
 */
export interface SourceExample {
  /**
   * Path, escaped; its beginning where it is long.
   */
  path: string;
  /**
   * ENOENT where it has vanished, the error where it could not be read, else flags such as padded and changed.
   */
  why: string;
}
/**
 * Sums over what was committed.
 */
export interface RecordTotals {
  /**
   * Segments.
   */
  segments?: number;
  /**
   * Bytes before compression.
   */
  bytes?: number;
  /**
   * Payload bytes on tape.
   */
  tapeBytes?: number;
  /**
   * Files, folders and others.
   */
  entries?: number;
  /**
   * Regular files.
   */
  files?: number;
  /**
   * Bytes of segments that were begun and not committed.
   */
  bytesRewritten?: number;
  /**
   * Files that could not be read.
   */
  skipped?: number;
  /**
   * What the plan had counted and was gone when it was to be read, files and folders; at least so many.
   */
  vanished?: number;
  /**
   * Files that changed while they were read.
   */
  changed?: number;
  /**
   * Files that shrank while they were read and were padded.
   */
  padded?: number;
  /**
   * Catalogue groups.
   */
  catalogues?: number;
}
/**
 * One boundary.
 */
export interface Boundary {
  /**
   * Number of the segment that begins here.
   */
  number: number;
  /**
   * Path of the cursor, escaped; empty for the first.
   */
  path: string;
  /**
   * Offset of the cursor within that file.
   */
  offset: number;
  /**
   * Weight of the segment in bytes: 2 KiB a file and its data.
   */
  weight: number;
  /**
   * Files, folders and others in it.
   */
  entries: number;
  /**
   * Regular files in it.
   */
  files?: number;
  /**
   * Bytes of data in it.
   */
  bytes?: number;
  /**
   * D data, L links.
   */
  kind?: 'D' | 'L';
}
/**
 * Where one segment lies on one tape. It is there once, and only once, the tape has been flushed.
 */
export interface Commit {
  /**
   * TapeLibrary.
   */
  library: string;
  /**
   * Tape.
   */
  tape: string;
  /**
   * Barcode of the tape.
   */
  barcode: string;
  /**
   * Label id of the tape; a tape is the one meant only if barcode and label id agree.
   */
  labelId: string;
  /**
   * Ordinal of the group on the tape; its payload is tape file 3 x group + 2.
   */
  group: number;
  /**
   * Bytes of the pax archive before compression.
   */
  bytes: number;
  /**
   * Payload blocks of 256 KiB on tape.
   */
  blocks: number;
  /**
   * Members.
   */
  entries: number;
  /**
   * Regular files.
   */
  files: number;
  /**
   * Digest of the payload blocks as they are on tape, in hex.
   */
  sha256: string;
  /**
   * When the flush was done.
   */
  writtenAt: string;
  /**
   * When it was last read back with this digest.
   */
  verifiedAt?: string;
  /**
   * Grant that wrote it.
   */
  epoch: number;
  /**
   * Offset of the index member in the encoded stream.
   */
  indexOffset: number;
  /**
   * N none, or Z zstd; then N, or A encrypted.
   */
  encoding?: 'NN' | 'ZN' | 'NA' | 'ZA';
  /**
   * D data, L links.
   */
  kind?: 'D' | 'L';
}
/**
 * For an inventory: what was found.
 */
export interface Inventory {
  /**
   * When.
   */
  takenAt?: string;
  /**
   * Everything was looked at.
   */
  complete?: boolean;
  /**
   * Why it was not.
   */
  error?: string;
  /**
   * Drives.
   *
   * Items: One drive.
   */
  drives?: InventoryDrive[];
  /**
   * Slots.
   *
   * Items: One slot.
   */
  slots?: InventorySlot[];
}
/**
 * One drive.
 */
export interface InventoryDrive {
  /**
   * Element address.
   */
  address: number;
  /**
   * Name in the TapeLibrary.
   */
  name?: string;
  /**
   * Barcode of the tape in it.
   */
  barcode?: string;
  /**
   * Slot from which that came.
   */
  homeSlot?: number;
  /**
   * It answers and can be used.
   */
  ready?: boolean;
  /**
   * A tape is in it.
   */
  loaded?: boolean;
  /**
   * Somebody has locked it.
   */
  locked?: boolean;
  /**
   * What is wrong with it.
   */
  message?: string;
}
/**
 * One slot.
 */
export interface InventorySlot {
  /**
   * Element address.
   */
  address: number;
  /**
   * Barcode of the tape in it; absent: empty, or without a readable barcode.
   */
  barcode?: string;
  /**
   * A tape is in it.
   */
  full?: boolean;
  /**
   * Tapes are put in and taken out here.
   */
  importExport?: boolean;
  /**
   * Label id, where it is known without loading.
   */
  labelId?: string;
  /**
   * The tape is known to be blank.
   */
  blank?: boolean;
  /**
   * Bytes on the tape, where known.
   */
  usedBytes?: number;
  /**
   * What the tape holds, where known.
   */
  capacityBytes?: number;
  /**
   * The tape cannot be written.
   */
  writeProtected?: boolean;
}
/**
 * One drive.
 */
export interface LibraryDrive {
  /**
   * Name of the drive within the library, such as drive-0.
   */
  name: string;
  /**
   * Element address of the drive, as the changer counts.
   */
  elementAddress: number;
  /**
   * BackupServers that can open it. Absent: the same as of the library.
   *
   * Items: BackupServer.
   */
  servers?: string[];
  /**
   * Its ports in the storage network. Empty: it is reached without a switch.
   *
   * Items: One port.
   */
  ports?: FcPort[];
  /**
   * Device file of the drive on each server, for scsi.
   *
   * Items: One device file.
   */
  devices?: DeviceFile[];
  /**
   * Not to be used. Absent: false.
   */
  disabled?: boolean;
}
/**
 * One drive.
 */
export interface LibraryDriveStatus {
  /**
   * Name of the drive.
   */
  name: string;
  /**
   * Element address.
   */
  elementAddress?: number;
  /**
   * Usable, InUse, NotUsable or Unknown. Absent is Unknown, never free.
   */
  state?: 'Usable' | 'InUse' | 'NotUsable' | 'Unknown';
  /**
   * Why, as one word.
   */
  reason?: string;
  /**
   * Why, as a sentence.
   */
  message?: string;
  /**
   * Barcode of the tape in it.
   */
  loadedTape?: string;
  /**
   * Slot from which that came.
   */
  homeSlot?: number;
  /**
   * Grant that uses it now.
   */
  holder?: Holder;
  /**
   * Errors since it was last cleaned or replaced.
   */
  errors?: number;
  /**
   * TapeAlert flags that are set.
   *
   * Items: A flag.
   */
  alerts?: string[];
  /**
   * When it was last freed.
   */
  lastUsed?: string;
  /**
   * Since when.
   */
  stateSince?: string;
}
/**
 * One area.
 */
export interface RestoreArea {
  /**
   * TapeLibrary.
   */
  library: string;
  /**
   * Tape.
   */
  tape: string;
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
  /**
   * Stream of the backup whose copy is read.
   */
  stream?: number;
  /**
   * Number of segments.
   */
  segments?: number;
  /**
   * Bytes on tape.
   */
  bytes?: number;
  /**
   * How far this area is.
   */
  state: 'Waiting' | 'Reading' | 'Done' | 'Failed';
  /**
   * Why it failed.
   */
  message?: string;
}
